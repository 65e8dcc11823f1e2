"""SIGHUP: the configuration of the tool servers is read again; if the terminal is gone, the bot ends with it."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable


class SighupHandler:
    """What a SIGHUP means to this process. Create it before anything slow: until then, the signal ends the process."""

    def __init__(self) -> None:
        self._noted = False
        # Whoever has it ignored (`nohup`) wants the process to outlive the terminal.
        self._ends = signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN and _has_terminal()
        signal.signal(signal.SIGHUP, self._note)

    def listen(self, reload: Callable[[], None], stop: Callable[[], None]) -> None:
        """Call `reload` for each SIGHUP, also for one that came before this; but `stop` if it says that the terminal
        from which the bot was started is gone. Needs a running event loop."""

        def hear() -> None:
            if self._ends and not _has_terminal():
                stop()
            else:
                reload()

        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, hear)
        if self._noted:
            hear()

    def _note(self, *_: object) -> None:
        self._noted = True


def _has_terminal() -> bool:
    """Return whether the process has a controlling terminal."""
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return False
    return True
