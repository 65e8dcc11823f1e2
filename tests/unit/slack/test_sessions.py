"""Whatever is wanted of a session, and however Slack answers, Slack shows it in the end, within its limits."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot.core.ports.sessions import SessionStore
from bot.core.sessions import MAX_TITLE, SessionStatus, title_of
from bot.core.thread_ref import ThreadRef
from bot.slack.app import is_agent
from bot.slack.blocks.prompts import ALWAYS, MAX_PROMPTS, suggested
from bot.slack.call_budget import CallBudget
from bot.slack.sessions import BURST, MAX_SESSIONS, PAUSES, PER_MINUTE, REFRESH_SECONDS, Sessions
from tests.unit.core.helpers import tool

PROCESSING, SUSPENDED, ACTIVE = SessionStatus.PROCESSING, SessionStatus.SUSPENDED, SessionStatus.ACTIVE
REFUSALS = ("", "", "", "ratelimited", "internal_error", "connection", "thread_not_found")


def place(thread: int) -> ThreadRef:
    return ThreadRef("T1", f"C{thread}", f"{thread}.000001", "channel")


@dataclass
class Outside:
    """Slack, the store and the time."""

    now: float = 1_000.0
    answers: list[str] = field(default_factory=list[str])
    """How the next calls end: an error, or empty."""
    shown: dict[str, str] = field(default_factory=dict[str, str])
    calls: list[tuple[float, str, str]] = field(default_factory=list[tuple[float, str, str]])
    confirmed: list[int] = field(default_factory=list[int])
    tasks: set[asyncio.Task[object]] = field(default_factory=set[asyncio.Task[object]])

    async def agents_sessions_setStatus(self, *, channel_id: str, status: str, **_: Any) -> None:
        self.calls.append((self.now, channel_id, status))
        code = self.answers.pop() if self.answers else ""
        if code == "connection":
            raise OSError("broken")
        if code:
            headers = {"Retry-After": "7"} if code == "ratelimited" else {}
            number = 429 if code == "ratelimited" else 200
            body = {"ok": False, "error": code}
            made = AsyncSlackResponse(
                client=None,
                http_verb="POST",
                api_url="",
                req_args={},
                data=body,
                headers=headers,
                status_code=number,
            )
            raise SlackApiError("refused", made)
        self.shown[channel_id] = status

    async def follow_sessions(self, follow: bool) -> Sequence[int]:
        return []

    async def session_shown(self, thread_id: int) -> None:
        self.confirmed.append(thread_id)

    def background(self, work: Coroutine[Any, Any, object]) -> None:
        task = asyncio.ensure_future(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    def sessions(self) -> Sessions:
        client, store = cast(AsyncWebClient, self), cast(SessionStore, self)
        return Sessions(client, store, self.background, enabled=True, clock=lambda: self.now)


async def send(outside: Outside, sessions: Sessions, seconds: float) -> None:
    """Let this time pass."""
    until = outside.now + seconds
    while True:
        news = sessions._news  # pyright: ignore[reportPrivateUsage]
        news.clear()
        wait = sessions._send_due(outside.now)  # pyright: ignore[reportPrivateUsage]
        for _ in range(4):
            await asyncio.sleep(0)
        if news.is_set():
            continue
        if wait is None or outside.now + wait > until:
            break
        outside.now += max(wait, 0.01)
    outside.now = until


WANTS = st.lists(
    st.tuples(st.integers(0, 5), st.sampled_from(list(SessionStatus)), st.floats(0.0, 30.0), st.booleans()), max_size=40
)


@settings(max_examples=40, deadline=None)
@given(WANTS, st.lists(st.sampled_from(REFUSALS), max_size=10))
def test_slack_shows_what_was_wanted_last_within_its_limits(
    wants: list[tuple[int, SessionStatus, float, bool]], answers: list[str]
) -> None:
    async def play() -> None:
        outside = Outside(answers=list(answers))
        sessions = outside.sessions()
        for thread, status, seconds, other in wants:
            if other and status is not PROCESSING and sessions.wanted(thread):
                sessions.want(thread, place(thread), status)
                outside.shown[f"C{thread}"] = status.value  # chat.stopStream
                sessions.given(thread, status)
            else:
                sessions.want(thread, place(thread), status)
            await send(outside, sessions, seconds)
        await send(outside, sessions, 400.0)
        failures = sum(answer in ("internal_error", "connection") for answer in answers)
        lost = "thread_not_found" in answers or failures > len(PAUSES)  # then it is given up
        for thread in {thread for thread, *_ in wants}:
            wanted, shown = sessions.wanted(thread), outside.shown.get(f"C{thread}")
            assert lost or shown == wanted or (shown is None and wanted is not PROCESSING), "the last one wins"
            assert failures > len(PAUSES) or wanted is PROCESSING or thread in outside.confirmed
        times = [at for at, *_ in outside.calls]
        assert all(sum(at <= each < at + 60.0 for each in times) <= 50 for at in times), "Tier 3"

    asyncio.run(play())


@pytest.mark.anyio
async def test_the_end_of_work_comes_before_the_beginning_of_other_work() -> None:
    outside = Outside()
    sessions = outside.sessions()
    for thread in range(100):
        sessions.want(thread, place(thread), PROCESSING)
    await send(outside, sessions, 0.1)
    began = [channel for _, channel, _ in outside.calls]
    assert 0 < len(began) < BURST
    for channel in began:
        sessions.want(int(channel[1:]), place(int(channel[1:])), ACTIVE)
    await send(outside, sessions, 1.0)
    assert {outside.shown[channel] for channel in began} == {"active"}
    for thread in range(100):
        sessions.want(thread, place(thread), ACTIVE)
    await send(outside, sessions, 600.0)
    assert set(outside.shown.values()) == {"active"}
    assert len(outside.calls) <= 2 * len(outside.shown), "of what was never shown nothing is said"


@pytest.mark.anyio
async def test_a_status_that_the_end_of_a_stream_carries_needs_no_call() -> None:
    outside = Outside()
    sessions = outside.sessions()
    sessions.want(1, place(1), PROCESSING)
    await send(outside, sessions, 1.0)
    sessions.want(1, place(1), SUSPENDED)
    assert sessions.wanted(1) is SUSPENDED
    sessions.given(1, SUSPENDED)
    await send(outside, sessions, 60.0)
    assert [status for *_, status in outside.calls] == ["processing"]
    assert outside.confirmed == [1]


@pytest.mark.anyio
async def test_processing_is_said_again_before_slack_forgets_it() -> None:
    outside = Outside()
    sessions = outside.sessions()
    sessions.want(1, place(1), PROCESSING)
    await send(outside, sessions, 3 * REFRESH_SECONDS + 10)
    assert [status for *_, status in outside.calls] == ["processing"] * 4


@pytest.mark.anyio
async def test_what_keeps_failing_is_given_up_and_stays_noted() -> None:
    outside = Outside(answers=["internal_error"] * 20)
    sessions = outside.sessions()
    sessions.want(1, place(1), PROCESSING)
    await send(outside, sessions, 10_000.0)
    assert len(outside.calls) == 5
    assert outside.confirmed == []


def test_a_budget_never_allows_more_than_slack_does_in_any_minute() -> None:
    budget, now, taken = CallBudget(BURST, PER_MINUTE), 5.0, list[float]()
    while now < 400.0:
        now += budget.seconds_until(1.0, now) + 0.001
        budget.take(now)
        taken.append(now)
    assert max(sum(at <= each < at + 60.0 for each in taken) for at in taken) <= 50
    assert len(taken) > 200


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("", ""),
        ("  hello\n there ", "hello there"),
        ("word " * 40, "word word word word word word word word word word word…"),
        ("x" * 500, "x" * (MAX_TITLE - 1) + "…"),
    ],
)
def test_a_title_is_the_first_words_of_a_request(text: str, title: str) -> None:
    assert title_of(text) == title
    assert len(title_of(text)) <= MAX_TITLE


@pytest.mark.parametrize(
    ("headers", "agent"),
    [
        ({"x-oauth-scopes": "chat:write,assistant:write"}, True),
        ({"X-OAuth-Scopes": "chat:write, assistant:write"}, True),
        ({"x-oauth-scopes": "chat:write"}, False),
        ({"x-oauth-scopes": ""}, False),
        ({"x-accepted-oauth-scopes": "assistant:write"}, False),
        ({}, False),
    ],
)
def test_the_scopes_of_the_token_say_whether_the_app_is_an_agent(headers: dict[str, str], agent: bool) -> None:
    assert is_agent(headers) is agent


def test_prompts_follow_from_the_tools_and_are_few() -> None:
    nothing = suggested([])
    assert [each["title"] for each in nothing] == [ALWAYS[0]]
    servers = [tool("t", server=f"server-{number}") for number in range(9)]
    for tools in (servers, [tool("list_directory", server="filesystem"), *servers], servers[:1]):
        offered = suggested(tools)
        assert len(offered) <= MAX_PROMPTS
        assert offered[-1]["title"] == ALWAYS[0]
        assert all(each["title"] and each["message"] for each in offered)
        assert any("server-0" in each["message"] for each in offered)


@pytest.mark.anyio
async def test_of_threads_that_rest_only_the_newest_are_remembered() -> None:
    outside = Outside()
    sessions = outside.sessions()
    for thread in range(MAX_SESSIONS + 100):
        sessions.want(thread, place(thread), PROCESSING)
        sessions.want(thread, place(thread), ACTIVE)
        await asyncio.sleep(0)
    remembered = sessions._sessions  # pyright: ignore[reportPrivateUsage]
    assert len(remembered) == MAX_SESSIONS
    assert (100 in remembered, 99 in remembered) == (True, False)
    await asyncio.gather(*outside.tasks)


@pytest.mark.anyio
async def test_the_end_of_work_waits_no_longer_once_nothing_else_can_carry_it() -> None:
    outside = Outside()
    sessions = outside.sessions()
    sessions.want(1, place(1), PROCESSING)
    await send(outside, sessions, 0.1)
    sessions.settles(1)
    sessions.want(1, place(1), ACTIVE)
    await send(outside, sessions, 0.1)
    assert outside.shown["C1"] == "processing"
    sessions.settles(1)
    await send(outside, sessions, 0.0)
    assert outside.shown["C1"] == "active"
    assert len(outside.calls) == 2
