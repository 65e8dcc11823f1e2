"""What goes wrong when Slack is called: what may pass, what is final, and what may have been done all the same."""

from __future__ import annotations

from typing import Any

from aiohttp import ClientError
from slack_sdk.errors import SlackApiError, SlackClientError

SLACK_ERRORS = (SlackClientError, ClientError, TimeoutError, OSError)
"""What a call of Slack may raise: its own refusals, and what happens on the way."""


PERMANENT = {
    "access_denied",
    "cannot_reply_to_message",
    "channel_not_found",
    "ekm_access_denied",
    "file_uploads_disabled",
    "file_uploads_except_images_disabled",
    "invalid_arguments",
    "is_archived",
    "message_not_found",
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
}
"""Slack's errors that another try would get again (docs.slack.dev/reference/methods/chat.postMessage). All others may
pass: a message too many tries is better than an answer lost."""


PARTIAL = {"internal_error", "fatal_error", "service_unavailable", "request_timeout"}
"""Slack may have done it all the same."""


RETRYABLE = PARTIAL | {
    "ratelimited",
    "rate_limited",
    "invalid_auth",
    "not_authed",
    "token_revoked",
    "token_expired",
    "account_inactive",
}
"""What passes, or what an operator will fix: never a reason to give a message up."""


MALFORMED = {"invalid_blocks", "invalid_blocks_format", "msg_too_long", "msg_blocks_too_long", "no_text"}


def code_of(error: BaseException) -> str:
    """Slack's word for what went wrong; else the HTTP status, or the kind of error."""
    response: Any = getattr(error, "response", None)
    data: Any = getattr(response, "data", None)
    if isinstance(data, dict) and data.get("error"):
        return str(data["error"])
    status: Any = getattr(response, "status_code", getattr(response, "status", None))
    return f"HTTP {status}" if status else type(error).__name__


def refused(error: BaseException) -> bool:
    """Slack has answered that it did not do it, in its own words."""
    response: Any = getattr(error, "response", None)
    status = getattr(response, "status_code", 0)
    said = isinstance(error, SlackApiError) and isinstance(response.data, dict) and 200 <= status < 500
    return said and code_of(error) not in PARTIAL
