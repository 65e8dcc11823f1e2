"""Ensures that no server outlives the bot, even if the bot is killed (`kill -9`, out of memory) and cannot clean up.

A well-behaved server ends when its stdin does, which happens when the bot dies. One that holds a timer or a connection
does not (Node keeps running for them). So a small shell gets the number of every process group we start. It reads until
its own stdin ends, when the bot is gone, and then kills the remaining groups.
"""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import suppress

# Servers get two seconds to end by themselves first. Signals from the terminal must not end the shell before the bot.
_SCRIPT = """
trap '' HUP INT TERM
groups=' '
while read -r sign group; do
    case $sign in
        +) groups="$groups$group " ;;
        -) groups="${groups%% "$group" *} ${groups#* "$group" }" ;;
    esac
done
[ -z "${groups## }" ] || sleep 2
for group in $groups; do kill -s KILL -- "-$group" 2>/dev/null; done
"""
_SHELL = "/bin/sh"
_END_SECONDS = 3.0


class ProcessReaper:
    """The shell that keeps track of our process groups. Without a POSIX shell it does nothing."""

    def __init__(self) -> None:
        self._shell: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the shell (about 2 ms) unless it is running."""
        if self._shell is not None or sys.platform == "win32" or not os.access(_SHELL, os.X_OK):
            return
        self._shell = subprocess.Popen(  # noqa: S603 - a constant
            [_SHELL, "-c", _SCRIPT],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={},
            cwd="/",
            start_new_session=True,
        )

    def watch(self, group: int) -> None:
        """Kill this process group when the bot dies."""
        self._tell(f"+ {group}\n")

    def forget(self, group: int) -> None:
        """Forget a process group that has ended; its number may be reused."""
        self._tell(f"- {group}\n")

    def close(self) -> None:
        """End the shell. Blocks for a moment; at most for the grace period of the groups it still knows."""
        if self._shell is None:
            return
        shell, self._shell = self._shell, None
        if shell.stdin is not None:
            with suppress(OSError):
                shell.stdin.close()
        try:
            shell.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            shell.kill()
            shell.wait()

    def _tell(self, text: str) -> None:
        if self._shell is None or self._shell.stdin is None:
            return
        # A dozen bytes for a reader that does nothing else never fill the pipe. If the shell is gone (somebody killed
        # it), the servers run unguarded, which is no reason to stop them.
        with suppress(OSError):
            self._shell.stdin.write(text.encode())
            self._shell.stdin.flush()
