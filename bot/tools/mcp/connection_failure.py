"""One life of a server, told afterwards: why it ended, in words for people."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from bot.tools.mcp.server_config import ServerConfig
from bot.tools.text import line

if TYPE_CHECKING:
    from bot.tools.mcp.transports.stdio import Child

log = logging.getLogger(__name__)

CONNECTION_CLOSED = -32000
"""The SDK's code for a connection that ended under a request (mcp_types.jsonrpc)."""


class Life:
    """What is known of one life of a server when it is over."""

    def __init__(self) -> None:
        self.was_up = False
        self.reason = "it ended by itself"
        self.last_words = ""
        self.may_be_the_question = True
        """It may have failed because of the question for 2026-07-28, so the older way is worth a try."""

    def take_down(self, child: Child) -> None:
        """Keep what the process left behind."""
        code = child.exit_code
        if code is not None and code < 0:
            self.reason = f"it was killed by signal {-code}"
        elif code is not None:
            self.reason = f"it ended with exit code {code}"
            self.last_words = child.last_words()
        if tail := child.stderr_tail():
            log.debug("stderr of %s ended with:\n%s", child.key, tail)

    def blame(self, problem: BaseException, config: ServerConfig) -> None:
        """Put what went wrong into words."""
        while isinstance(problem, BaseExceptionGroup) and problem.exceptions:
            problem = problem.exceptions[0]
        match problem:
            case FileNotFoundError(filename=folder) if config.cwd is not None and folder == str(config.cwd):
                self.reason, self.may_be_the_question = f"its folder {folder} is gone", False
            case FileNotFoundError():
                self.reason, self.may_be_the_question = f"the command `{config.command}` was not found", False
            case TimeoutError(strerror=str(words)):
                self.reason, self.may_be_the_question = words, False
            case TimeoutError():
                self.reason = "it did not answer"
            case OSError():
                self.reason = f"the command `{config.command}` cannot be run ({problem.strerror or problem})"
                self.may_be_the_question = False
            case _ if getattr(problem, "code", None) != CONNECTION_CLOSED:
                self.reason = f"it cannot be used ({line(str(problem)) or type(problem).__name__})"
            case _:
                pass  # it ended; the process says how
