"""A bot in small: it runs a server that ends neither with its stdin nor for SIGTERM, prints the processes, and waits
to be killed."""

from __future__ import annotations

import asyncio

from tests.unit.tools.helpers import call, python_server, running


async def main() -> None:
    """Run until killed."""
    async with running(python_server("start.py", "stubborn", key="stubborn")) as toolset:
        print((await call(toolset, "stubborn__pids")).text, flush=True)
        await asyncio.Event().wait()


asyncio.run(main())
