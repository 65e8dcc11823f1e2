"""The least that a request costs: sends bytes that are there already, with the client that the bot sends them with,
reads the reply and throws it away. Reads lines `times file file …` and answers each with a line when all is sent."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from bot.model.client import connect


async def main() -> None:
    """Serve standard input until it ends."""
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
