"""A `python` for shell commands of tests: `python -m bot …` is forked (`tests.forking`), anything else is the real one.

A script takes its place, which passes its arguments, environment, folder and streams to the test's process, and ends
with the exit code that it gets back.
"""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.forking import nursery

MAX_MESSAGE_BYTES = 1 << 17
SCRIPT = """#!{python} -SEI
import os, socket, sys
if sys.argv[1:3] != ["-m", "bot"]:
    os.execv({python!r}, [{python!r}, *sys.argv[1:]])
far = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
far.connect({address!r})
variables = [f"{{key}}={{value}}" for key, value in os.environ.items()]
told = [os.getcwd(), str(len(sys.argv) - 3), *sys.argv[3:], *variables]
socket.send_fds(far, [os.fsencode("\\0".join(told))], [1, 2])
sys.exit(int(far.recv(16) or 70))
"""


@asynccontextmanager
async def forked_python(program: Path, *, real_files: bool = False) -> AsyncGenerator[None]:
    """Put it there, as an executable file. In: whether the real filesystem server serves a bot's files."""
    address = f"\0{program}"[:100]
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listening.bind(address)
    listening.listen()
    listening.setblocking(False)
    program.write_text(SCRIPT.format(python=sys.executable, address=address))
    program.chmod(0o755)
    loop, tasks = asyncio.get_running_loop(), set[asyncio.Task[None]]()

    def accept() -> None:
        connection, _ = listening.accept()
        task = loop.create_task(_serve(connection, real_files=real_files))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    loop.add_reader(listening, accept)
    try:
        yield
    finally:
        loop.remove_reader(listening)
        listening.close()
        await asyncio.gather(*tasks)


async def _serve(connection: socket.socket, *, real_files: bool) -> None:
    """Run one command to its end. The script sends its order as soon as it is connected."""
    with connection:
        connection.setblocking(True)
        order, streams, _, _ = socket.recv_fds(connection, MAX_MESSAGE_BYTES, 2)
        folder, count, *told = os.fsdecode(order).split("\0")
        argv, variables = told[: int(count)], told[int(count) :]
        environment = dict(each.split("=", 1) for each in variables)
        try:
            started = nursery().start(
                Path(folder), environment, (streams[0], streams[1]), argv=argv, real_files=real_files
            )
        finally:
            for stream in streams:
                os.close(stream)
        connection.send(str(await started.wait()).encode())
