"""Measures the minimum cost of a request: sends prepared bytes with the bot's client and discards the reply.

Reads lines `times file file …` from standard input and prints a line when the requests of a line are done.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from bot.model.client import connect


async def main() -> None:
    """Process lines until standard input ends."""
    client = connect(api_key=os.environ["OPENROUTER_API_KEY"], base_url=os.environ["OPENROUTER_BASE_URL"], headers={})
    while line := await asyncio.to_thread(sys.stdin.readline):
        times, *files = line.split()
        bodies = [Path(file).read_bytes() for file in files]
        for _ in range(int(times)):
            for body in bodies:
                response = await client.send_chat(body)
                await response.aread()
                await response.aclose()
        print("sent", flush=True)
    await client.close()


if __name__ == "__main__":
    asyncio.run(main())
