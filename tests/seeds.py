"""Processes that wait to become the bot that a trial starts, so that it starts in a fraction of the time.

`python -m bot try` starts `python -m bot` as its child, which it waits for, stops, freezes and kills. A trial that was
forked (`tests.forking`) forks some children before it does anything else; they have everything loaded and wait. When
the trial starts a bot, one of them becomes it, with the folder, the environment and the streams of the trial's order.
When none is left, the program is started as ever.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from typing import Any

MAX_MESSAGE_BYTES = 1 << 20


def plant(number: int, become: Callable[[dict[str, str], str], int]) -> None:
    """Fork so many processes, and have `subprocess` take them for `python -m bot`. In: what one of them calls with its
    environment and folder, its streams being as ordered; it returns the exit code."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    for _ in range(number):
        if os.fork() == 0:
            ours.close()
            _wait(theirs, become)
    theirs.close()
    left = number
    original: Callable[..., int] = vars(subprocess)["_fork_exec"]

    def start(*order: Any) -> int:
        nonlocal left
        command, folder, variables = order[0], order[4], order[5]
        if list(command) != [sys.executable, "-m", "bot"] or left == 0:
            return original(*order)
        left -= 1
        environment = dict(os.fsdecode(each).split("=", 1) for each in variables)
        request = json.dumps({"environment": environment, "folder": str(folder)})
        socket.send_fds(ours, [request.encode()], [order[6], order[9], order[11]])
        # It leads a process group of its own by now.
        return int(ours.recv(MAX_MESSAGE_BYTES))

    subprocess._fork_exec = start  # pyright: ignore[reportPrivateUsage, reportAttributeAccessIssue]


def _wait(orders: socket.socket, become: Callable[[dict[str, str], str], int]) -> None:
    """Wait for an order, or for the end of the trial; does not return."""
    code = 0
    try:
        message, streams, _, _ = socket.recv_fds(orders, MAX_MESSAGE_BYTES, 3)
        if message:
            os.setsid()
            for number, stream in enumerate(streams):
                os.dup2(stream, number)
                os.close(stream)
            orders.send(str(os.getpid()).encode())
            orders.close()
            request = json.loads(message)
            code = become(request["environment"], request["folder"])
    finally:
        os._exit(code)
