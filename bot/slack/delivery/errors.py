"""What follows an error of Slack for a message that is posted, changed, removed or looked for.

The errors themselves are classified in `bot.slack.error_kinds`.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from aiohttp import ClientError
from slack_sdk.errors import SlackApiError, SlackClientError

from bot.core.posts import Action
from bot.slack.error_kinds import AMBIGUOUS, CHANNEL_CODES, TOKEN_CODES, ErrorKind, kind_of

SLACK_ERRORS = (SlackClientError, ClientError, TimeoutError, OSError)
"""What a call to Slack may raise: Slack's own errors, and network errors."""


class Next(StrEnum):
    """How to proceed after an error."""

    LATER = "later"
    """It was not done, and passes, or nothing works before an operator acts: never a reason to give a message up."""
    WHEN_FIXED = "when fixed"
    """It was not done, and an operator has to allow it: later, but not for longer than a day."""
    UNKNOWN = "unknown"
    """It may have been done: retry later, and post again only after the thread has been searched for the message."""
    SOME_TRIES = "some tries"
    """It was not done, and may never be: retry a limited number of times, since an unnecessary attempt costs less than
    a lost answer."""
    AS_TEXT = "as text"
    """Slack rejects the blocks, but may accept the text."""
    GIVE_UP = "give up"
    """Another attempt would fail in the same way."""
    GONE = "gone"
    """The message is no longer in Slack: somebody has deleted it."""
    NO_STREAM = "no stream"
    """There is no stream, or none any more: the message is posted, or updated."""
    STOP_FIRST = "stop first"
    """A stream is open on the message, so it cannot be updated."""


ACTIONS = (
    Action.POST,
    Action.UPLOAD,
    Action.UPDATE,
    Action.REMOVE,
    Action.READ,
    Action.START,
    Action.APPEND,
    Action.STOP,
)
"""The calls: chat.postMessage, files.upload, chat.update, chat.delete, conversations.replies, chat.startStream,
chat.appendStream, chat.stopStream."""


_BLOCKS = ("invalid_blocks", "invalid_blocks_format", "msg_too_long", "msg_blocks_too_long", "no_text")

SPECIAL: Mapping[tuple[str, Action], Next] = {
    ("message_not_found", Action.UPDATE): Next.GONE,
    ("message_not_found", Action.REMOVE): Next.GONE,
    ("message_not_found", Action.APPEND): Next.GONE,
    ("message_not_found", Action.STOP): Next.GONE,
    ("streaming_state_conflict", Action.UPDATE): Next.STOP_FIRST,
    **{(code, Action.POST): Next.AS_TEXT for code in _BLOCKS},
}
"""By Slack's code and what was asked: where more is known than the kind of the error."""

_BY_KIND: Mapping[ErrorKind, Next] = {
    ErrorKind.PERMANENT: Next.GIVE_UP,
    ErrorKind.TRANSIENT: Next.LATER,
    ErrorKind.OPERATOR: Next.WHEN_FIXED,
}
_STREAM = (Action.START, Action.APPEND, Action.STOP)
LIMITED = frozenset({"ratelimited", "rate_limited"})
_WITHOUT = (Action.UPLOAD, Action.READ)
"""What can be done without: a file is posted as messages, and a post is made without looking for an earlier one."""


def what_follows(error: BaseException, action: Action) -> Next:
    """Return how to proceed after an error of this action. Without an error code from Slack the outcome is unknown."""
    response: Any = getattr(error, "response", None)
    status = getattr(response, "status_code", 0)
    if not (isinstance(error, SlackApiError) and isinstance(response.data, dict) and 200 <= status < 500):
        return Next.UNKNOWN
    code = code_of(error)
    if code in AMBIGUOUS or (code, action) in SPECIAL:
        return SPECIAL.get((code, action), Next.UNKNOWN)
    passes = code in LIMITED | TOKEN_CODES
    if action in _STREAM and not (passes and action is not Action.START):
        return Next.NO_STREAM
    if passes:
        return Next.LATER
    kind = kind_of(code)
    if kind is ErrorKind.OPERATOR and (action in _WITHOUT or code in CHANNEL_CODES):
        return Next.GIVE_UP
    return _BY_KIND[kind] if kind is not None else Next.SOME_TRIES


def code_of(error: BaseException) -> str:
    """Return Slack's error code; else the HTTP status, or the type of the exception."""
    response: Any = getattr(error, "response", None)
    data: Any = getattr(response, "data", None)
    if isinstance(data, dict) and data.get("error"):
        return str(data["error"])
    status: Any = getattr(response, "status_code", getattr(response, "status", None))
    return f"HTTP {status}" if status else type(error).__name__


def retry_after(error: BaseException) -> float:
    """Return the seconds of Slack's `Retry-After` header; 0 if there is none."""
    headers: Any = getattr(getattr(error, "response", None), "headers", None) or {}
    found = str(next((value for name, value in headers.items() if name.lower() == "retry-after"), ""))
    return float(found) if found.isdecimal() else 0.0
