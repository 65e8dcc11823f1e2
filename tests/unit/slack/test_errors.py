"""What follows the errors of Slack, for each thing that is asked of it."""

from __future__ import annotations

from typing import Any

import pytest
from aiohttp import ClientConnectionError
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot.core.posts import Action
from bot.slack.delivery.errors import ACTIONS, SPECIAL, Next, code_of, retry_after, what_follows

POST, UPLOAD, UPDATE, REMOVE, READ, START, APPEND, STOP = ACTIONS
STREAM = (START, APPEND, STOP)
WHOLE = (POST, UPLOAD, UPDATE, REMOVE, READ)
NO_STREAM = dict.fromkeys(STREAM, Next.NO_STREAM)
"""Whatever Slack has against a stream, the message can be posted or updated."""


def refusal(code: str, status: int = 200, headers: dict[str, str] | None = None) -> SlackApiError:
    data: Any = {"ok": False, "error": code} if code else "<html>"
    response = AsyncSlackResponse(
        client=None,
        http_verb="POST",
        api_url="",
        req_args={},
        data=data,
        headers=headers or {},
        status_code=status,
    )
    return SlackApiError("refused", response)


@pytest.mark.parametrize(
    ("code", "expected"),
    {
        "not_in_channel": dict.fromkeys(WHOLE, Next.GIVE_UP) | NO_STREAM,
        "is_archived": dict.fromkeys(WHOLE, Next.GIVE_UP) | NO_STREAM,
        "ratelimited": dict.fromkeys(ACTIONS, Next.LATER) | {START: Next.NO_STREAM},
        "token_revoked": dict.fromkeys(ACTIONS, Next.LATER) | {START: Next.NO_STREAM},
        "internal_error": dict.fromkeys(ACTIONS, Next.UNKNOWN),
        "something_new": dict.fromkeys(WHOLE, Next.SOME_TRIES) | NO_STREAM,
        "message_not_found": {
            POST: Next.GIVE_UP,
            UPLOAD: Next.GIVE_UP,
            UPDATE: Next.GONE,
            REMOVE: Next.GONE,
            READ: Next.GIVE_UP,
            START: Next.NO_STREAM,
            APPEND: Next.GONE,
            STOP: Next.GONE,
        },
        "streaming_state_conflict": dict.fromkeys(WHOLE, Next.LATER) | NO_STREAM | {UPDATE: Next.STOP_FIRST},
        "message_not_in_streaming_state": dict.fromkeys(WHOLE, Next.GIVE_UP) | NO_STREAM,
        "msg_too_long": {
            POST: Next.AS_TEXT,
            UPLOAD: Next.GIVE_UP,
            UPDATE: Next.GIVE_UP,
            REMOVE: Next.GIVE_UP,
            READ: Next.GIVE_UP,
        }
        | NO_STREAM,
        "edit_window_closed": dict.fromkeys(WHOLE, Next.GIVE_UP) | NO_STREAM,
        "cant_delete_message": dict.fromkeys(WHOLE, Next.GIVE_UP) | NO_STREAM,
        "message_limit_exceeded": dict.fromkeys(WHOLE, Next.LATER) | NO_STREAM,
        # A file can be posted as messages, and a post made without reading the thread before.
        "missing_scope": {
            POST: Next.WHEN_FIXED,
            UPLOAD: Next.GIVE_UP,
            UPDATE: Next.WHEN_FIXED,
            REMOVE: Next.WHEN_FIXED,
            READ: Next.GIVE_UP,
        }
        | NO_STREAM,
    }.items(),
)
def test_what_follows_an_error_depends_on_what_was_asked(code: str, expected: dict[Action, Next]) -> None:
    assert {action: what_follows(refusal(code), action) for action in ACTIONS} == expected


@pytest.mark.parametrize("action", ACTIONS)
def test_without_slacks_own_word_nobody_knows_whether_it_was_done(action: Action) -> None:
    for error in (TimeoutError(), ClientConnectionError(), refusal("", 502), refusal("odd", 503), OSError()):
        assert what_follows(error, action) is Next.UNKNOWN


def test_slack_says_for_how_long_it_is_to_be_left_alone() -> None:
    assert retry_after(refusal("ratelimited", 429, {"Retry-After": "7"})) == 7.0
    assert retry_after(refusal("ratelimited", 429, {"retry-after": "soon"})) == 0.0
    assert retry_after(TimeoutError()) == 0.0


def test_an_error_has_slacks_word_or_another() -> None:
    assert [code_of(each) for each in (refusal("is_archived"), refusal("", 502), TimeoutError())] == [
        "is_archived",
        "HTTP 502",
        "TimeoutError",
    ]


def test_the_table_names_only_what_is_asked_of_slack() -> None:
    assert {action for _, action in SPECIAL} <= set(ACTIONS)
