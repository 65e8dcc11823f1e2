"""Classifies what goes wrong in a call to Slack: one table says how to proceed, by Slack's error code and the
action."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any

from aiohttp import ClientError
from slack_sdk.errors import SlackApiError, SlackClientError

from bot.core.posts import Action

SLACK_ERRORS = (SlackClientError, ClientError, TimeoutError, OSError)
"""What a call to Slack may raise: Slack's own errors, and network errors."""


class Next(StrEnum):
    """How to proceed after an error."""

    LATER = "later"
    """It was not done. The problem passes, or an operator fixes it: never give up the message."""
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


ACTIONS = (Action.POST, Action.UPLOAD, Action.UPDATE, Action.REMOVE, Action.READ)
"""The calls: chat.postMessage, files.upload, chat.update, chat.delete, conversations.replies."""


def _rows(codes: Iterable[str], otherwise: Next | None, **special: Next) -> dict[tuple[str, Action], Next]:
    """Return rows of the table for these error codes: `special` by the name of the action, `otherwise` for all other
    actions."""
    by_action = {action: special.get(action.name.lower(), otherwise) for action in ACTIONS}
    return {(code, action): follows for code in codes for action, follows in by_action.items() if follows is not None}


TABLE: Mapping[tuple[str, Action], Next] = {
    **_rows(
        (
            "access_denied",
            "cannot_reply_to_message",
            "channel_not_found",
            "ekm_access_denied",
            "file_uploads_disabled",
            "file_uploads_except_images_disabled",
            "invalid_arguments",
            "is_archived",
            "metadata_too_large",
            "missing_scope",
            "no_permission",
            "not_allowed_token_type",
            "not_in_channel",
            "restricted_action",
            "restricted_action_non_threadable_channel",
            "restricted_action_read_only_channel",
            "restricted_action_thread_locked",
            "storage_limit_reached",
            "thread_not_found",
        ),
        Next.GIVE_UP,
    ),
    **_rows(("message_not_found",), Next.GIVE_UP, update=Next.GONE, remove=Next.GONE),
    **_rows(("cant_update_message", "edit_window_closed"), None, update=Next.GIVE_UP),
    **_rows(("cant_delete_message",), None, remove=Next.GIVE_UP),
    **_rows(
        ("invalid_blocks", "invalid_blocks_format", "msg_too_long", "msg_blocks_too_long", "no_text"),
        None,
        post=Next.AS_TEXT,
        upload=Next.GIVE_UP,
        update=Next.GIVE_UP,
    ),
    **_rows(("internal_error", "fatal_error", "service_unavailable", "request_timeout"), Next.UNKNOWN),
    **_rows(
        (
            "ratelimited",
            "rate_limited",
            "invalid_auth",
            "not_authed",
            "token_revoked",
            "token_expired",
            "account_inactive",
        ),
        Next.LATER,
    ),
}
"""By Slack's error code and the action (docs.slack.dev/reference/methods/chat.postMessage). Any other error is retried
a limited number of times."""


def what_follows(error: BaseException, action: Action) -> Next:
    """Return how to proceed after an error of this action. Without an error code from Slack the outcome is unknown."""
    response: Any = getattr(error, "response", None)
    status = getattr(response, "status_code", 0)
    if not (isinstance(error, SlackApiError) and isinstance(response.data, dict) and 200 <= status < 500):
        return Next.UNKNOWN
    return TABLE.get((code_of(error), action), Next.SOME_TRIES)


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
