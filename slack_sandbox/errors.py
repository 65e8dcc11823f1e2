"""What goes wrong in the sandbox.

ApiError            the app's call was refused, as Slack refuses it: {"ok": false, "error": code, ...}
ConditionTimeout    a test waited for something that did not come
ImpossibleAction    a person tried what Slack's client would not let them do
"""

from collections.abc import Sequence
from typing import Any


class ApiError(Exception):
    """A Web API call that Slack answers with `{"ok": false, "error": code}`.

    `messages` become `response_metadata.messages` with Slack's `[ERROR]` prefix; `extra` is merged into the answer
    (`needed` and `provided` of missing_scope, for one).
    """

    def __init__(self, code: str, messages: Sequence[str] = (), **extra: Any) -> None:
        super().__init__(code, *messages)
        self.code = code
        self.messages = list(messages)
        self.extra = extra

    def as_json(self) -> dict[str, Any]:
        """The body of the answer."""
        body: dict[str, Any] = {"ok": False, "error": self.code, **self.extra}
        if self.messages:
            if self.code == "invalid_blocks":
                body["errors"] = self.messages
            body["response_metadata"] = {"messages": [f"[ERROR] {message}" for message in self.messages]}
        return body


class ConditionTimeout(AssertionError, TimeoutError):
    """The awaited condition did not come true in time; the text lists the recent calls and messages."""


class ImpossibleAction(LookupError):
    """Slack's own client would not offer this: a button that is gone, a closed modal, a hidden channel."""
