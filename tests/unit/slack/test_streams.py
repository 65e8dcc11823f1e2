"""A message that grows is streamed, and whatever happens on the way, it is there at the end, whole and once."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from bot.slack.delivery import outbox, sender, stream_budget, streams
from bot.slack.delivery.stream_budget import StreamBudget, Tiers
from slack_sandbox.methods import registry
from slack_sandbox.model import Message
from tests.extending.growing import KINDS, content, growing, step, text
from tests.unit.slack.delivering import Process, Slack, process, slack, until

__all__ = ["slack"]

pytestmark = pytest.mark.anyio

PLENTY = Tiers(10_000, 1_000_000, 1_000_000, 1_000_000)


@pytest.fixture(autouse=True)
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is tried again is tried at once."""
    monkeypatch.setattr(outbox, "MAX_PAUSE", 0.001)
    monkeypatch.setattr(sender, "SETTLE_SECONDS", 0.0)
    monkeypatch.setattr(sender, "TIMEOUT_SETTLE_SECONDS", 0.0)
    monkeypatch.setattr(stream_budget, "APPEND_SECONDS", 0.005)
    monkeypatch.setattr(streams, "MIN_WAIT", 0.001)


def alive(path: Path, slack: Slack, tiers: Tiers = PLENTY, rate: float = 0.01) -> AbstractAsyncContextManager[Process]:
    return process(path, slack, KINDS, rate, StreamBudget(tiers))


def shows(slack: Slack, *wanted: str) -> Callable[[], bool]:
    """Whether the bot's only message is this."""
    return lambda: [content(message) for message in slack.messages()] == [list(wanted)]


async def done(here: Process, slack: Slack, *wanted: str) -> Message:
    """Wait until the only message is this, and nothing is left to do."""
    await here.settled()
    assert [content(message) for message in slack.messages()] == [list(wanted)]
    [message] = slack.messages()
    assert not message.streaming
    assert message.metadata is not None, "it can be found again by its key"
    return message


STEPS = (step("1", "Read a.md", "in_progress"), step("1", "Read a.md"))


async def test_a_message_grows_in_a_stream_and_is_stopped_at_its_end(tmp_path: Path, slack: Slack) -> None:
    async with alive(tmp_path, slack) as here:
        await here.owe(growing(STEPS[0]))
        await until(shows(slack, "Read a.md (in_progress)"))
        await here.owe(growing(STEPS[1], text("It says ")))
        await until(shows(slack, "Read a.md (complete)", "It says "))
        await here.owe(growing(STEPS[1], text("It says that"), step("2", "Wrote b.md"), text("Done"), final=True))
        await done(here, slack, "Read a.md (complete)", "It says that", "Wrote b.md (complete)", "Done")
        assert [slack.count(f"chat.{name}") for name in ("startStream", "appendStream", "stopStream")] == [1, 1, 1]
        assert slack.count("chat.update") == slack.count("chat.postMessage") == 0


async def test_what_is_complete_from_the_beginning_is_posted(tmp_path: Path, slack: Slack) -> None:
    async with alive(tmp_path, slack) as here:
        await here.owe(growing(text("At once."), final=True))
        await done(here, slack, "At once.")
        assert slack.count("chat.startStream") == 0


async def test_a_message_without_anything_to_show_begins_when_there_is_something(tmp_path: Path, slack: Slack) -> None:
    async with alive(tmp_path, slack) as here:
        await here.owe(growing())
        await here.in_step()
        assert slack.messages() == []
        await here.owe(growing(text("a")))
        await until(shows(slack, "a"))


async def test_a_stream_is_appended_to_no_more_often_than_it_may_be(
    tmp_path: Path, slack: Slack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream_budget, "APPEND_SECONDS", 0.1)
    async with alive(tmp_path, slack) as here:
        words = ""
        for number in range(40):
            words += f"{number} "
            await here.owe(growing(text(words)))
            await asyncio.sleep(0.01)
        await until(shows(slack, words))
        at = [call.at for call in slack.near.calls if call.method in ("chat.startStream", "chat.appendStream")]
        assert 3 <= len(at) <= 8
        assert all(later - earlier > 0.09 for earlier, later in itertools.pairwise(at))


async def test_a_stream_is_stopped_before_slack_ends_it_also_if_nothing_is_added(
    tmp_path: Path, slack: Slack, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert streams.STREAM_SECONDS <= 270, "Slack ends streams after about five minutes"
    monkeypatch.setattr(streams, "STREAM_SECONDS", 0.05)
    async with alive(tmp_path, slack) as here:
        await here.owe(growing(text("a")))
        await until(lambda: slack.count("chat.stopStream"))
        await until(lambda: not slack.messages()[0].streaming)
        assert here.streams() == []
        await here.owe(growing(text("ab"), final=True))
        await done(here, slack, "ab")


@pytest.mark.parametrize(
    "code",
    ["missing_scope", "unknown_method", "ratelimited", "not_allowed_token_type", "channel_type_not_supported", "odd"],
)
async def test_where_slack_starts_no_stream_the_message_is_posted_and_updated(
    tmp_path: Path, slack: Slack, code: str
) -> None:
    slack.near.faults.add("chat.startStream", "error", times=None, code=code)
    async with alive(tmp_path, slack) as here:
        await here.owe(growing(text("a")))
        await until(shows(slack, "a"))
        await here.owe(growing(text("ab")))
        await until(shows(slack, "ab"))
        await here.owe(growing(text("abc"), final=True))
        await done(here, slack, "abc")
        assert (slack.count("chat.postMessage"), slack.count("chat.update")) == (1, 2)


async def test_a_refusal_ends_the_attempts_to_start_streams_for_a_while(tmp_path: Path, slack: Slack) -> None:
    slack.near.faults.add("chat.startStream", "error", times=None, code="missing_scope")
    async with alive(tmp_path, slack) as here:
        for number in range(3):
            await here.owe(growing(text("a"), key=f"turn {number}"))
            await until(lambda number=number: len(slack.messages()) == number + 1)
        assert slack.count("chat.startStream") == 1


FAULTS = ("server_error", "server_error_after", "drop_before", "drop_after")


@pytest.mark.parametrize("method", ["chat.startStream", "chat.appendStream", "chat.stopStream"])
@pytest.mark.parametrize("fault", FAULTS)
async def test_after_an_unknown_outcome_the_message_is_whole_and_there_once(
    tmp_path: Path, slack: Slack, method: str, fault: Any
) -> None:
    slack.near.faults.add(method, fault, times=1)
    async with alive(tmp_path, slack) as here:
        await here.owe(growing(STEPS[0]))
        await until(slack.messages)
        await here.owe(growing(STEPS[1], text("It ")))
        await until(shows(slack, "Read a.md (complete)", "It "))
        await here.owe(growing(STEPS[1], text("It is done."), final=True))
        await done(here, slack, "Read a.md (complete)", "It is done.")


class Impatient:
    """A session that waits for no answer longer than this; what was asked is done all the same."""

    closed = False

    def __init__(self, line: Any, seconds: float) -> None:
        self._line, self._seconds = line, seconds

    @asynccontextmanager
    async def request(self, method: str, url: str, **options: Any) -> AsyncGenerator[Any]:
        async with asyncio.timeout(self._seconds), self._line.request(method, url, **options) as answer:
            yield answer


@pytest.mark.parametrize("method", ["chat.startStream", "chat.appendStream", "chat.stopStream"])
async def test_what_slack_does_after_we_have_stopped_waiting_is_not_there_twice(
    tmp_path: Path, slack: Slack, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sender, "TIMEOUT_SETTLE_SECONDS", 0.4)
    slack.near.faults.add(method, "slow", times=1, seconds=0.2)
    async with alive(tmp_path, slack) as here:
        client: Any = here.clients.best_effort
        client.session = Impatient(client.session, 0.1)
        await here.owe(growing(STEPS[0]))
        await until(slack.messages)
        await here.owe(growing(STEPS[1], text("It ")))
        await until(shows(slack, "Read a.md (complete)", "It "))
        await here.owe(growing(STEPS[1], text("It is done."), final=True))
        await done(here, slack, "Read a.md (complete)", "It is done.")
        await asyncio.sleep(0.2)
        await done(here, slack, "Read a.md (complete)", "It is done.")


@pytest.mark.parametrize("method", ["chat.appendStream", "chat.stopStream"])
@pytest.mark.parametrize("code", ["message_not_in_streaming_state", "streaming_state_conflict", "msg_too_long", "odd"])
async def test_a_stream_that_does_not_go_on_is_updated(tmp_path: Path, slack: Slack, method: str, code: str) -> None:
    slack.near.faults.add(method, "error", times=1, code=code)
    async with alive(tmp_path, slack) as here:
        await here.owe(growing(text("a")))
        await until(shows(slack, "a"))
        await here.owe(growing(text("ab")))
        await until(shows(slack, "ab"))
        await here.owe(growing(text("abc"), final=True))
        await done(here, slack, "abc")


async def test_a_stream_that_slack_has_ended_is_updated(
    tmp_path: Path, slack: Slack, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with alive(tmp_path, slack) as here:
        await here.owe(growing(step("1", "Read a.md", "in_progress")))
        await until(slack.messages)
        monkeypatch.setattr(registry, "STREAM_LIFETIME", -1.0)
        await here.owe(growing(STEPS[1], text("a"), final=True))
        await done(here, slack, "Read a.md (complete)", "a")
        assert slack.count("chat.update") == 1


async def test_after_four_minutes_a_stream_is_stopped_and_the_message_updated(tmp_path: Path, slack: Slack) -> None:
    async with alive(tmp_path, slack) as here:
        await here.owe(growing(text("a")))
        await until(shows(slack, "a"))
        await here.in_step()
        [stream] = here.streams()
        stream.until = 0.0
        await here.owe(growing(text("ab")))
        await until(lambda: shows(slack, "ab")() and not slack.messages()[0].streaming)
        assert slack.count("chat.update") == 0, "what was missing came with the stop"
        await here.owe(growing(text("abc")))
        await until(shows(slack, "abc"))
        await here.owe(growing(text("abcd"), final=True))
        await done(here, slack, "abcd")


async def test_a_stream_in_which_nothing_happens_is_stopped_in_time_too(
    tmp_path: Path, slack: Slack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "STREAM_SECONDS", 0.05)
    async with alive(tmp_path, slack) as here:
        await here.owe(growing(text("a")))
        await until(lambda: slack.messages() and not slack.messages()[0].streaming)
        assert (slack.count("chat.stopStream"), slack.count("chat.update")) == (1, 0)


async def test_text_that_is_replaced_is_updated(tmp_path: Path, slack: Slack) -> None:
    async with alive(tmp_path, slack) as here:
        await here.owe(growing(text("a wrong begin")))
        await until(shows(slack, "a wrong begin"))
        await here.owe(growing(text("another")))
        await until(shows(slack, "another"))
        await here.owe(growing(text("another one"), final=True))
        await done(here, slack, "another one")
        assert slack.count("chat.postMessage") == 0


@pytest.mark.parametrize("streams_it", [True, False])
async def test_one_that_somebody_deletes_before_it_is_complete_is_there_again_once(
    tmp_path: Path, slack: Slack, streams_it: bool
) -> None:
    if not streams_it:
        slack.near.faults.add("chat.startStream", "error", times=None, code="missing_scope")
    async with alive(tmp_path, slack) as here:
        await here.owe(growing(text("a")))
        await until(shows(slack, "a"))
        await here.posted()
        await here.clients.repeatable.chat_delete(channel=slack.channel.id, ts=slack.messages()[0].ts)
        await here.owe(growing(text("ab"), final=True))
        await done(here, slack, "ab")


async def test_a_long_text_is_appended_in_parts(tmp_path: Path, slack: Slack) -> None:
    words = "".join(f"{number} " for number in range(3_000))[:13_000]
    async with alive(tmp_path, slack) as here:
        await here.owe(growing(text("0 1")))
        await until(slack.messages)
        await here.owe(growing(text(words), final=True))
        await done(here, slack, words)
        assert slack.count("chat.appendStream") == 2


async def test_what_the_stream_is_closed_with_comes_at_its_stop(tmp_path: Path, slack: Slack) -> None:
    async with alive(tmp_path, slack) as here:
        await here.owe(growing(text("a"), closing=[{"type": "divider"}]))
        await until(shows(slack, "a"))
        await here.owe(growing(text("ab"), closing=[{"type": "divider"}], final=True))
        message = await done(here, slack, "ab")
        assert [each["type"] for each in message.blocks] == ["markdown", "divider"]


async def test_the_next_process_stops_what_streams_and_shows_what_is_recorded(tmp_path: Path, slack: Slack) -> None:
    async with alive(tmp_path, slack) as here:
        await here.owe(growing(STEPS[0]))
        await until(slack.messages)
        await here.posted()
    assert slack.messages()[0].streaming
    async with alive(tmp_path, slack) as here:
        await until(lambda: not slack.messages()[0].streaming and slack.count("chat.update") == 1)
        await here.owe(growing(STEPS[1], text("a"), final=True))
        await done(here, slack, "Read a.md (complete)", "a")


async def test_without_room_for_a_stream_it_is_posted_and_without_room_for_that_once_it_is_final(
    tmp_path: Path, slack: Slack
) -> None:
    async with alive(tmp_path, slack, Tiers(2, 100, 3)) as here:
        for number in range(6):
            await here.owe(growing(text("a"), key=f"turn {number}"))
        await here.in_step()
        methods = [slack.count(f"chat.{name}") for name in ("startStream", "postMessage")]
        assert methods[0] >= 1
        assert sum(methods) < 6
        assert len(slack.messages()) == sum(methods)
        for number in range(6):
            await here.owe(growing(text(f"ab {number}"), key=f"turn {number}", final=True))
        await here.settled()
        assert sorted(content(message)[0] for message in slack.messages()) == [f"ab {number}" for number in range(6)]


async def test_the_last_update_of_a_message_waits_until_it_may_change_again(tmp_path: Path, slack: Slack) -> None:
    slack.near.faults.add("chat.startStream", "error", times=None, code="missing_scope")
    async with alive(tmp_path, slack, rate=0.2) as here:
        await here.owe(growing(text("a")))
        await until(shows(slack, "a"))
        await here.owe(growing(text("ab")))
        await until(shows(slack, "ab"))
        await here.owe(growing(text("abc"), final=True))
        await done(here, slack, "abc")
        first, second = [call.at for call in slack.near.calls if call.method == "chat.update"]
        assert second - first > 0.19
