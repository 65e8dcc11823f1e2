"""What goes wrong when Slack is called, and what follows: one table of Slack's errors, by what was asked of Slack."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any

from aiohttp import ClientError
from slack_sdk.errors import SlackApiError, SlackClientError

from bot.core.posts import Action

SLACK_ERRORS = (SlackClientError, ClientError, TimeoutError, OSError)
"""What a call of Slack may raise: its own refusals, and what happens on the way."""


class Next(StrEnum):
    """What follows an error."""

    LATER = "later"
    """It was not done. It passes, or an operator will fix it: never a reason to give a message up."""
    UNKNOWN = "unknown"
    """It may have been done all the same: later, and a post only after the thread was read for it."""
    SOME_TRIES = "some tries"
    """It was not done, and nobody knows whether it will be: a message too many tries is better than an answer lost."""
    AS_TEXT = "as text"
    """Slack does not take the blocks, but may take the words."""
    GIVE_UP = "give up"
    """Another try would get the same again."""
    GONE = "gone"
    """The message is not in Slack any more: a person has deleted it."""


ACTIONS = (Action.POST, Action.UPLOAD, Action.UPDATE, Action.REMOVE, Action.READ)
"""What is asked of Slack: chat.postMessage, files.upload, chat.update, chat.delete, conversations.replies."""


def _rows(codes: Iterable[str], otherwise: Next | None, **special: Next) -> dict[tuple[str, Action], Next]:
    """Rows of the table: what follows these errors, for each action that is named, and otherwise."""
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
"""By Slack's word for it and what was asked (docs.slack.dev/reference/methods/chat.postMessage). What is not in it gets
some tries."""


def what_follows(error: BaseException, action: Action) -> Next:
    """What follows when Slack was asked for this. Without Slack's own word nobody knows whether it was done."""
    response: Any = getattr(error, "response", None)
    status = getattr(response, "status_code", 0)
    if not (isinstance(error, SlackApiError) and isinstance(response.data, dict) and 200 <= status < 500):
        return Next.UNKNOWN
    return TABLE.get((code_of(error), action), Next.SOME_TRIES)


def code_of(error: BaseException) -> str:
    """Slack's word for what went wrong; else the HTTP status, or the kind of error."""
    response: Any = getattr(error, "response", None)
    data: Any = getattr(response, "data", None)
    if isinstance(data, dict) and data.get("error"):
        return str(data["error"])
    status: Any = getattr(response, "status_code", getattr(response, "status", None))
    return f"HTTP {status}" if status else type(error).__name__


def retry_after(error: BaseException) -> float:
    """The seconds for which Slack asks to be left alone (`Retry-After`); 0 when it does not."""
    headers: Any = getattr(getattr(error, "response", None), "headers", None) or {}
    found = str(next((value for name, value in headers.items() if name.lower() == "retry-after"), ""))
    return float(found) if found.isdecimal() else 0.0
