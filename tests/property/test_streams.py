"""Whatever happens to a message that is streamed, in the end Slack shows what is wanted of it, once."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Generator, Sequence
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from unittest import mock

from hypothesis import example, given, settings
from hypothesis import strategies as st

from bot.core.json_text import JsonObject
from bot.slack.delivery import outbox, sender, stream_budget, streams
from bot.slack.delivery.stream_body import STREAM_TEXT, Given, StreamBody, calls
from bot.slack.delivery.stream_budget import StreamBudget, Tiers
from slack_sandbox.faults import FaultKind
from tests.extending.growing import KINDS, content, growing, step, text
from tests.property.near_database import NearDatabase
from tests.property.test_settling import FOLDER
from tests.unit.slack.delivering import Process, Slack, process

FAULTS: tuple[FaultKind, ...] = ("server_error", "server_error_after", "drop_after", "drop_before", "error")
CODES = (
    "internal_error",
    "message_not_in_streaming_state",
    "streaming_state_conflict",
    "msg_too_long",
    "ratelimited",
    "missing_scope",
    "something_new",
)
STREAM = ("chat.startStream", "chat.appendStream", "chat.stopStream")
METHODS = (*STREAM, "chat.postMessage", "chat.update", "conversations.replies")
PASSES = ("internal_error", "ratelimited")
"""Codes after which a message is not given up."""
TIERS = Tiers(10_000, 1_000_000, 1_000_000, 1_000_000)

grows = st.tuples(st.sampled_from(["text", "step", "ends", "other"]), st.just(""), st.just(""))
happens = st.tuples(st.sampled_from(["restart", "wait", "old", "dead"]), st.just(""), st.just(""))
fails = st.one_of(
    st.tuples(st.sampled_from(STREAM), st.sampled_from(FAULTS), st.sampled_from(CODES)),
    st.tuples(st.sampled_from(METHODS), st.sampled_from(FAULTS), st.sampled_from(PASSES)),
)


class Growth:
    """What is wanted, growing."""

    def __init__(self) -> None:
        self.chunks: list[JsonObject] = [text("It ")]
        self._number = 0

    def grow(self, how: str) -> None:
        """Add text or a step, end the last step, or begin the text again."""
        self._number += 1
        last = self.chunks[-1]
        if how == "text" and last["type"] == "markdown_text":
            self.chunks[-1] = text(f"{last['text']}grows {self._number} ")
        elif how == "text":
            self.chunks.append(text(f"then {self._number} "))
        elif how == "step":
            self.chunks.append(step(f"s{self._number}", f"Step {self._number}", "in_progress"))
        elif how == "other":
            self.chunks = [text(f"Another {self._number} ")]
        else:
            ended = [{**chunk, "status": "complete"} if "status" in chunk else chunk for chunk in self.chunks]
            self.chunks = ended

    def shown(self) -> list[str]:
        """What Slack is to show of it."""
        return [each.get("text") or f"{each['title']} ({each['status']})" for each in self.chunks]


async def begin(lives: AsyncExitStack, folder: str, slack: Slack) -> Process:
    """A process in which only the outbox tries again."""
    budget = StreamBudget(TIERS)
    here = await lives.enter_async_context(process(Path(folder), slack, KINDS, 0.002, budget, NearDatabase))
    here.clients.repeatable.retry_handlers.clear()
    here.clients.once.retry_handlers.clear()
    return here


async def play(folder: str, plan: Sequence[tuple[str, str, str]], *, deleted: bool) -> None:
    """Take these steps, then end the message."""
    growth = Growth()
    async with Slack.open() as slack, AsyncExitStack() as lives:
        here = await begin(lives, folder, slack)
        await here.owe(growing(*growth.chunks))
        for what, fault, code in plan:
            if what == "restart":
                await lives.aclose()
                here = await begin(lives, folder, slack)
            elif what == "wait":
                await here.in_step()
                await asyncio.sleep(0.005)
            elif what == "old":
                for stream in here.streams():
                    stream.until = 0.0
            elif what == "dead":
                slack.near.end_streams()
            elif fault:
                slack.near.faults.add(what, fault, times=1, code=code)  # type: ignore[arg-type]
            else:
                growth.grow(what)
                await here.owe(growing(*growth.chunks))
        if deleted:
            await here.posted()  # before, a message that is not there is one that has not arrived
            for message in slack.messages():
                await here.clients.best_effort.chat_delete(channel=slack.channel.id, ts=message.ts)
        growth.grow("ends")
        await here.owe(growing(*growth.chunks, final=True))
        await here.settled()
        assert [content(message) for message in slack.messages()] == [growth.shown()]
        assert not slack.messages()[0].streaming
        await lives.aclose()


@contextmanager
def quickly() -> Generator[None]:
    with (
        mock.patch.object(outbox, "MAX_PAUSE", 0.001),
        mock.patch.object(sender, "SETTLE_SECONDS", 0.0),
        mock.patch.object(stream_budget, "APPEND_SECONDS", 0.001),
        mock.patch.object(stream_budget, "PAUSE", 0.0),
        mock.patch.object(streams, "MIN_WAIT", 0.001),
    ):
        yield


@settings(max_examples=40, deadline=None)
@given(plan=st.lists(st.one_of(grows, happens, fails), max_size=14), deleted=st.booleans())
@example(plan=[("chat.startStream", "drop_after", "")], deleted=True)
def test_in_the_end_slack_shows_what_is_wanted_once(plan: Sequence[tuple[str, str, str]], deleted: bool) -> None:
    with quickly(), tempfile.TemporaryDirectory(dir=FOLDER) as folder:
        asyncio.run(play(folder, plan, deleted=deleted))


@st.composite
def growths(draw: st.DrawFn) -> list[list[JsonObject]]:
    """What is wanted of a message, again and again."""
    growth, found = Growth(), list[list[JsonObject]]()
    for how in draw(st.lists(st.sampled_from(["text", "text", "step", "ends", "other"]), max_size=30)):
        growth.grow(how)
        found.append(list(growth.chunks))
    return found


@settings(max_examples=50, deadline=None)
@given(growths(), st.integers(1, 40))
def test_what_is_appended_makes_of_what_was_given_what_is_wanted(bodies: list[list[JsonObject]], most: int) -> None:
    given_, there = Given(), list[JsonObject]()
    for chunks in bodies:
        missing = given_.missing(StreamBody(chunks, done=False))
        if missing is None:
            assert not continues(there, chunks)
            given_, there = Given(), []
            missing = chunks
        for call in calls(missing, most):
            assert sum(len(chunk.get("text", "")) for chunk in call) <= most
            given_.add(call)
            for chunk in call:
                put(there, chunk)
        assert there == chunks
        assert given_.missing(StreamBody(chunks, done=False)) == []


def put(there: list[JsonObject], chunk: JsonObject) -> None:
    """Do as Slack does: text follows text, a task stays in its place."""
    places = [place for place, each in enumerate(there) if each.get("id") == chunk.get("id", "none")]
    if places:
        there[places[0]] = {**there[places[0]], **chunk}
    elif chunk["type"] == "markdown_text" and there and there[-1]["type"] == "markdown_text":
        there[-1] = text(there[-1]["text"] + chunk["text"])
    else:
        there.append(chunk)


def continues(there: list[JsonObject], chunks: list[JsonObject]) -> bool:
    """Whether appending can make the one of the other."""
    *before, last = there
    grown = chunks[: len(there)]
    same = all(
        a.get("id") == b.get("id") and a.get("text") == b.get("text") for a, b in zip(before, grown, strict=False)
    )
    if len(grown) < len(there) or not same:
        return False
    return grown[-1].get("id") == last.get("id") and str(grown[-1].get("text")).startswith(str(last.get("text")))


def test_details_are_given_once() -> None:
    given_ = Given()
    first = {**step("1", "Read", "in_progress"), "details": "a.md"}
    for call in calls(given_.missing(StreamBody([first], done=False)) or []):
        given_.add(call)
    assert given_.missing(StreamBody([{**first, "status": "complete"}], done=False)) == [step("1", "Read")]
    assert given_.missing(StreamBody([{**first, "details": "b.md"}], done=False)) is None


def test_what_is_more_than_a_stream_holds_is_not_streamed() -> None:
    assert Given().missing(StreamBody([text("x" * (STREAM_TEXT + 1))], done=False)) is None
    assert Given().missing(StreamBody([step(str(number), "Read") for number in range(46)], done=False)) is None
    [chunk] = Given().missing(StreamBody([step("1", "x" * 300)], done=False)) or []
    assert len(chunk["title"]) == 256
