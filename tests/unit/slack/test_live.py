"""What a running turn shows before it is recorded, and when it is time to show it."""

from __future__ import annotations

import asyncio
import re
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core.posts import Draft, Post
from bot.core.turn_message import TURN, End, Step, StepState, Text, TurnMessage, dumps, spoken
from bot.slack.blocks import messages
from bot.slack.delivery import live as module
from bot.slack.delivery import stream_budget, streams
from bot.slack.delivery.live import Live, stable
from bot.slack.delivery.rate import UpdateRate
from bot.slack.delivery.stream_budget import StreamBudget, Tiers
from tests.unit.slack.delivering import NEVER, Process, Slack, process, slack, until

__all__ = ["slack"]

pytestmark = pytest.mark.anyio

EMPTY = TurnMessage(1, 1, "U1", "T1")
READ = Step("1", "Read release.md", StepState.RUNNING)
DONE = Step("1", "Read release.md", StepState.DONE)


def turn(after: float = NEVER) -> tuple[Live, UpdateRate, asyncio.Event]:
    """The running turns, and what is set when a thread is to be brought in step."""
    woken = asyncio.Event()
    rate = UpdateRate(NEVER, lambda _: woken.set())
    live = Live(after, rate)
    live.prepare = lambda text, room, cuts, *, ends=False: messages.said(text, room, 4, cuts=cuts, ends=ends)
    return live, rate, woken


async def wait(event: asyncio.Event) -> None:
    async with asyncio.timeout(5):
        await event.wait()


def offered(live: Live) -> Draft | None:
    assert live.kind.offer is not None
    return live.kind.offer(1)


def row(message: TurnMessage) -> Post:
    return Post(1, 1, message.key, TURN, dumps(message), final=False)


def shown(live: Live, message: TurnMessage = EMPTY) -> str:
    """What the message of a turn shows that is recorded like this."""
    return str(live.kind.render(row(message)) or "")


async def test_before_anything_is_done_it_says_what_is_being_done_after_a_moment() -> None:
    live, rate, woken = turn(after=0.01)
    live.working(1, EMPTY, "Waiting for the tools to start")
    assert not woken.is_set()
    assert rate.held(1, TURN)
    await wait(woken)
    draft = offered(live)
    assert draft is not None
    assert draft.offered
    assert not draft.final
    assert "Waiting for the tools to start…" in shown(live)
    live.working(1, EMPTY, "Thinking")
    assert "Thinking…" in shown(live)
    assert offered(live) is None, "it is offered once"


async def test_what_runs_and_what_is_written_is_shown_below_what_is_recorded_and_goes_with_it() -> None:
    live, _, _ = turn()
    live.working(1, EMPTY, "", [READ])
    assert "'in_progress'" in shown(live)
    recorded = replace(EMPTY, parts=(DONE,))
    assert "'in_progress'" not in shown(live, recorded), "the step is recorded, and not shown twice"
    live.working(1, recorded, "Thinking")
    writing = live.writing(1)
    writing.add("It says ")
    writing.add("hello.")
    now = shown(live, recorded)
    assert now.index("Read release.md") < now.rindex("It says hello.")
    assert "Thinking" not in now
    answered = replace(recorded, parts=(DONE, Text("It says hello.")), end=End.ANSWERED)
    assert shown(live, answered).count("It says hello.") == 2, "in the block and in the notification"
    live.resting(1)
    assert "It says" not in shown(live, recorded)


async def test_a_request_that_is_made_again_begins_its_text_anew() -> None:
    live, _, _ = turn()
    live.working(1, EMPTY, "Thinking")
    writing = live.writing(1)
    writing.add("I will")
    writing.restart()
    assert "Thinking" in shown(live)
    writing.add("Hello")
    assert "I will" not in shown(live)
    assert "Hello" in shown(live)


async def test_text_is_due_half_a_second_after_its_first_word(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TOGETHER_SECONDS", 0.01)
    live, rate, woken = turn()
    live.working(1, EMPTY, "Thinking")
    assert rate.held(1, TURN)
    live.writing(1).add("Hel")
    await wait(woken)
    assert not rate.held(1, TURN)


async def test_a_piece_of_text_wakes_nobody_again_before_it_is_drawn() -> None:
    live, rate, woken = turn()
    live.working(1, EMPTY, "")
    rate.release(1, TURN)
    writing = live.writing(1)
    writing.add("a")
    rate.release(1, TURN)
    writing.add("-")
    woken.clear()
    writing.add("b")
    assert not woken.is_set()
    assert "a-b" in shown(live)
    writing.add("c")
    assert woken.is_set()


async def test_what_comes_after_a_card_is_in_the_next_part() -> None:
    live, _, _ = turn()
    asks = replace(EMPTY, parts=(DONE,), end=End.ASKS)
    live.working(1, asks, "Thinking")
    live.writing(1).add("Now")
    assert "Now" not in shown(live, asks)
    draft = offered(live)
    assert draft is not None
    assert draft.key == asks.following().key
    assert "Now" in shown(live, asks.following())


WRITTEN = st.lists(
    st.sampled_from(
        ["word ", "**bold** ", "\n\n", "\n", "<https://a.b|x> ", "https://a.b ", "- item\n", "```\ncode <b>\n", "```\n",
         "`<!here>` ", "| a | b |\n|---|---|\n", "<@U1>", "www.", "a.b", "![](", "x)", "~~~\n", "> quote\n"]
    ),
    max_size=20,
).map("".join)  # fmt: skip


@given(WRITTEN, st.integers(0, 200))
def test_what_is_streamed_is_never_taken_back(text: str, cut: int) -> None:
    def prepared(written: str) -> str:
        return "".join(messages.said(written, 10_000, 4).pieces)

    assert prepared(text).startswith(prepared(stable(text[:cut])))


def body(live: Live, message: TurnMessage) -> list[str]:
    assert live.kind.streamed is not None
    found = live.kind.streamed(row(message))
    assert found is not None
    return [str(chunk.get("text") or (chunk["id"], chunk["title"], chunk["status"])) for chunk in found.chunks]


async def test_a_stream_holds_steps_and_texts_in_order_each_step_once() -> None:
    live, _, _ = turn()
    live.working(1, EMPTY, "", [READ])
    assert body(live, EMPTY) == ["('1', 'Read release.md', 'in_progress')"]
    recorded = replace(EMPTY, parts=(DONE,))
    live.working(1, recorded, "Thinking")
    live.writing(1).add("It says hello. And")
    assert body(live, recorded) == ["('1', 'Read release.md', 'complete')", "It says hello."]
    answered = replace(recorded, parts=(DONE, Text("It says hello. And more.")), end=End.ANSWERED)
    assert live.kind.streamed is not None
    whole = live.kind.streamed(row(answered))
    assert whole is not None
    assert (whole.done, whole.person, whole.team) == (True, "U1", "T1")
    assert [block["type"] for block in whole.blocks] == ["context_actions", "actions"]


async def rows(here: Process) -> list[tuple[str, str]]:
    def read(connection: sqlite3.Connection) -> list[tuple[str, str]]:
        return connection.execute("SELECT key, state FROM posts ORDER BY id").fetchall()

    return await here.database.read(read)


def has(slack: Slack, words: str) -> Callable[[], bool]:
    return lambda: [words in each for each in slack.shown()] == [True]


async def test_the_word_that_it_thinks_becomes_the_answer(tmp_path: Path, slack: Slack) -> None:
    async with process(tmp_path, slack) as here:
        message = TurnMessage(1)
        here.live.working(here.thread, message, "Thinking")
        await until(has(slack, "Thinking"))
        await here.in_step()
        await here.owe(replace(message, parts=(Text("Done."),), end=End.ANSWERED).draft())
        here.live.resting(here.thread)
        await until(has(slack, "Done."))
        await here.settled()
        methods = [call.method for call in slack.near.calls if call.method.startswith("chat.")]
        assert methods == ["chat.postMessage", "chat.update"]
        assert "Thinking" not in slack.shown()[0]


async def test_an_answer_that_is_there_at_once_is_posted_once(tmp_path: Path, slack: Slack) -> None:
    async with process(tmp_path, slack, rate=NEVER) as here:
        message = TurnMessage(1)
        here.live.working(here.thread, message, "", [READ])
        recorded = replace(message, parts=(DONE,))
        await here.owe(recorded.draft())
        here.live.working(here.thread, recorded, "Thinking")
        await here.in_step()
        assert slack.shown() == []
        await here.owe(replace(recorded, parts=(DONE, Text("Done.")), end=End.ANSWERED).draft())
        await until(has(slack, "Done."))
        await here.settled()
        assert (slack.count("chat.postMessage"), slack.count("chat.update")) == (1, 0)


async def test_what_an_earlier_process_only_thought_becomes_what_its_turn_says_next(
    tmp_path: Path, slack: Slack
) -> None:
    async with process(tmp_path, slack, rate=0.01) as here:
        here.live.working(here.thread, TurnMessage(1), "Thinking")
        await until(slack.messages)
        await here.in_step()
    async with process(tmp_path, slack, rate=0.01) as here:
        await until(has(slack, "Starting again…"))
        await here.owe(replace(TurnMessage(1), parts=(Text("Done."),), end=End.ANSWERED).draft())
        await until(has(slack, "Done."))
        assert slack.count("chat.delete") == 0


async def test_what_an_earlier_process_only_thought_goes_away_when_its_turn_rests(tmp_path: Path, slack: Slack) -> None:
    async with process(tmp_path, slack, rate=NEVER) as here:
        here.live.working(here.thread, TurnMessage(1), "Thinking")
        await until(slack.messages)
        await here.in_step()
    async with process(tmp_path, slack, rate=0.01) as here:
        here.live.resting(here.thread)
        await until(lambda: slack.shown() == [])
        await here.settled()
        await here.owe(replace(TurnMessage(1), parts=(Text("Done."),), end=End.ANSWERED).draft())
        await until(has(slack, "Done."))


async def test_a_message_that_a_person_has_deleted_is_posted_again_with_what_is_recorded_next(
    tmp_path: Path, slack: Slack
) -> None:
    async with process(tmp_path, slack) as here:
        message = TurnMessage(1)
        here.live.working(here.thread, message, "Thinking")
        await until(slack.messages)
        await here.in_step()
        await here.clients.repeatable.chat_delete(channel=slack.channel.id, ts=slack.messages()[0].ts)
        await here.owe(replace(message, parts=(Text("Done."),), end=End.ANSWERED).draft())
        here.live.resting(here.thread)
        await until(has(slack, "Done."))
        await here.settled()


async def test_what_is_offered_does_not_replace_what_is_recorded(tmp_path: Path, slack: Slack) -> None:
    async with process(tmp_path, slack) as here:
        message = TurnMessage(1)
        await here.owe(replace(message, parts=(Text("Hello."),)).draft(), replace(message.draft(), offered=True))
        await until(has(slack, "Hello."))
        await here.in_step()
        assert await rows(here) == [("turn-1-0001", "posted")]


def chunks(live: Live, message: TurnMessage) -> list[str]:
    """What a stream of this part is to hold."""
    assert live.kind.streamed is not None
    found = live.kind.streamed(row(message))
    return [str(chunk.get("text") or chunk["title"]) for chunk in found.chunks] if found else []


def break_off(live: Live, message: TurnMessage) -> None:
    assert live.kind.broken_off is not None
    live.kind.broken_off(row(message))


@pytest.fixture
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stream is appended to without the second that Slack wants in between."""
    monkeypatch.setattr(stream_budget, "APPEND_SECONDS", 0.005)
    monkeypatch.setattr(streams, "MIN_WAIT", 0.001)
    monkeypatch.setattr(module, "TOGETHER_SECONDS", 0.01)


PARAGRAPH = "A sentence of twelve words that says nothing at all to anybody here.\n\n"


async def test_a_text_goes_on_in_the_next_part_as_soon_as_one_is_full() -> None:
    live, _, _ = turn()
    live.working(1, EMPTY, "Thinking")
    writing, second, third = live.writing(1), EMPTY.following(), EMPTY.following().following()
    writing.add(PARAGRAPH * 130)
    assert [offered(live), offered(live)][1] is None, "there is one part"
    writing.add(PARAGRAPH * 130)
    draft = offered(live)
    assert draft is not None
    assert (draft.key, draft.offered) == (second.key, True)
    writing.add(f"{PARAGRAPH * 30}The end. ")
    texts = [text for part in (EMPTY, second, third) for text in chunks(live, part)]
    assert "\n\n".join(each.strip() for each in texts) == f"{PARAGRAPH * 290}The end.".strip()
    assert all(len(each) <= 10_000 for each in texts)
    said = messages.said("".join([PARAGRAPH * 290, "The end."]), 10_000, 8, cuts=live.cuts(1))
    assert [each.strip() for each in said.pieces] == [each.strip() for each in texts], "it is recorded as it was shown"


async def test_when_its_stream_has_ended_the_text_goes_on_in_the_next_part() -> None:
    live, _, _ = turn()
    live.working(1, EMPTY, "Thinking")
    live.writing(1).add(f"{PARAGRAPH * 10}```\ncode\n" + "line\n" * 80)
    break_off(live, EMPTY)
    live.writing(1).add("line\n```\n\nAnd so on. ")
    first, second = chunks(live, EMPTY), chunks(live, EMPTY.following())
    assert first[0].count("```") % 2 == second[0].count("```") % 2 == 0, "the code block is closed and opened again"
    assert second[0].endswith("And so on.")
    assert (first[0] + second[0]).count("line") == 81
    assert live.kind.streamed is not None
    whole = live.kind.streamed(row(EMPTY))
    assert whole is not None
    assert whole.done


async def test_when_its_stream_has_ended_a_step_that_runs_goes_on_in_the_next_part() -> None:
    live, _, _ = turn()
    recorded = replace(EMPTY, parts=(DONE,))
    run = replace(READ, id="2", title="Run the tests")
    live.working(1, recorded, "", [run])
    break_off(live, recorded)
    assert live.ended_early(1, recorded)
    assert chunks(live, recorded) == ["Read release.md"]
    draft = offered(live)
    assert draft is not None
    assert draft.key == recorded.following().key
    assert chunks(live, recorded.following()) == ["Run the tests"]
    following = replace(recorded.following(), parts=(replace(run, state=StepState.DONE),))
    live.working(1, following, "Thinking")
    assert not live.ended_early(1, following)


async def test_a_part_that_would_be_left_with_next_to_nothing_is_not_ended() -> None:
    live, _, _ = turn()
    live.working(1, EMPTY, "", [READ])
    break_off(live, EMPTY)
    assert not live.ended_early(1, EMPTY)
    assert chunks(live, EMPTY) == ["Read release.md"]
    live.working(1, EMPTY, "Thinking")
    live.writing(1).add("Only a few words ")
    break_off(live, EMPTY)
    assert chunks(live, EMPTY) == ["Only a few words"]


@settings(max_examples=40, deadline=None)
@given(st.lists(WRITTEN, max_size=8), st.data())
def test_whatever_is_written_and_whenever_streams_end_all_parts_are_the_whole_text(
    written: list[str], data: st.DataObject
) -> None:
    async def play() -> None:
        live, _, _ = turn()
        live.working(1, EMPTY, "Thinking")
        writing, part, text = live.writing(1), EMPTY, ""
        for piece in written:
            text += (more := piece * data.draw(st.sampled_from([1, 5, 40])))
            writing.add(more)
            if data.draw(st.booleans()):
                break_off(live, part)
            while chunks(live, part.following()):
                part = part.following()
            await asyncio.sleep(0)
        said = messages.said(text.strip(), 10_000, 1_000, cuts=live.cuts(1))
        shown = [each for number in range(1, part.number + 1) for each in chunks(live, replace(EMPTY, number=number))]
        pieces = [each.strip() for each in said.pieces]
        assert [each.strip() for each in shown[:-1]] == pieces[: max(0, len(shown) - 1)], "nothing is taken back"
        assert part.number <= max(1, len(pieces))

    asyncio.run(play())


async def test_a_stream_begins_with_the_menu_and_ends_without_it(tmp_path: Path, slack: Slack) -> None:
    async with process(tmp_path, slack, rate=0.01) as here:
        message = TurnMessage(1, 1, slack.alice.id, slack.near.team_id)
        here.live.working(here.thread, message, "", [READ])
        await until(lambda: slack.messages() and slack.messages()[0].streaming)
        first = slack.messages()[0]
        assert [block["type"] for block in first.blocks] == ["actions", "task_card"]
        assert [option["text"]["text"] for option in first.blocks[0]["elements"][0]["options"]] == ["Stop"]
        await here.in_step()
        recorded = replace(message, parts=(DONE, Text("Done.")), end=End.ANSWERED)
        await here.owe(recorded.draft())
        here.live.resting(here.thread)
        await here.settled()
        [said] = slack.messages()
        assert [block["type"] for block in said.blocks] == ["task_card", "markdown", "context_actions", "actions"]
        assert "Stop" not in str(said.blocks)
        assert not said.streaming


@pytest.mark.parametrize("native", [True, False])
async def test_where_slack_takes_no_menu_in_a_stream_stop_is_offered_all_the_same(
    tmp_path: Path, slack: Slack, native: bool
) -> None:
    slack.near.faults.add("chat.startStream", "error", times=1, code="invalid_blocks")
    session = "processing" if native else ""
    async with process(tmp_path, slack, rate=0.01, session=lambda thread: session) as here:
        message = TurnMessage(1, 1, slack.alice.id, slack.near.team_id)
        here.live.working(here.thread, message, "", [READ])
        await until(slack.messages)
        await here.in_step()
        [shown] = slack.messages()
        assert shown.streaming == native, "Slack shows a Stop of its own, or the message is posted with one"
        assert ("Stop" in str(shown.blocks)) == (not native)
        assert slack.count("chat.startStream") == 1 + native


async def grown_to(here: Process, slack: Slack, message: TurnMessage, words: str) -> None:
    """The turn writes, and Slack shows it."""
    here.live.working(here.thread, message, "Thinking")
    here.live.writing(here.thread).add(words)
    last = words.rsplit(maxsplit=1)[-1]
    await until(lambda: any(last in each for each in slack.shown()))
    await here.in_step()


@pytest.mark.usefixtures("quickly")
@pytest.mark.parametrize("how", ["old", "dead", "conflict", "unknown"])
async def test_a_stream_that_ends_before_the_answer_is_followed_by_the_next_message(
    tmp_path: Path, slack: Slack, how: str
) -> None:
    async with process(tmp_path, slack, rate=0.01, budget=StreamBudget(Tiers(10_000, 10**6, 10**6, 10**6))) as here:
        message = TurnMessage(1, 1, slack.alice.id, slack.near.team_id)
        await grown_to(here, slack, message, f"{PARAGRAPH * 8}Here ")
        if how == "old":
            for stream in here.streams():
                stream.until = 0.0
        elif how == "dead":
            slack.near.end_streams()
        elif how == "conflict":
            slack.near.faults.add("chat.appendStream", "error", times=1, code="streaming_state_conflict")
        else:
            slack.near.faults.add("chat.appendStream", "drop_after", times=1)
        here.live.writing(here.thread).add(f"it goes on.\n\n{PARAGRAPH * 8}Then ")
        await until(lambda: len(slack.messages()) == 2 and slack.messages()[1].streaming)
        here.live.writing(here.thread).add("it ends.")
        text = f"{PARAGRAPH * 8}Here it goes on.\n\n{PARAGRAPH * 8}Then it ends."
        said = messages.said(text, message.room, 8, cuts=here.live.cuts(here.thread))
        parts = spoken(message, said.pieces)
        await here.owe(*(part.draft() for part in [*parts[:-1], replace(parts[-1], end=End.ANSWERED)]))
        here.live.resting(here.thread)
        await here.settled()
        shown = [block["text"] for each in slack.messages() for block in each.blocks if block["type"] == "markdown"]
        assert "\n\n".join(shown) == text
        assert len(slack.messages()) == 2
        assert not any(each.streaming for each in slack.messages())
        menus = [[block["type"] for block in each.blocks if block["type"] != "markdown"] for each in slack.messages()]
        assert menus == [[], ["context_actions"]], "the first says nothing of Stop any more"


@pytest.mark.usefixtures("quickly")
async def test_sixty_thousand_characters_stream_on_from_message_to_message(tmp_path: Path, slack: Slack) -> None:
    code = "".join(f"line {number:05}\n" for number in range(5_500))
    text = f"{PARAGRAPH}```python\n{code}```\n\nThe end."
    assert len(text) > 60_000
    async with process(tmp_path, slack, rate=0.01, budget=StreamBudget(Tiers(10_000, 10**6, 10**6, 10**6))) as here:
        message = TurnMessage(1, 1, slack.alice.id, slack.near.team_id)
        here.live.working(here.thread, message, "Thinking")
        writing = here.live.writing(here.thread)
        for at in range(0, len(text), 12_000):
            writing.add(piece := text[at : at + 12_000])
            seen = re.findall(r"line \d{5}", piece)[-2]
            await until(lambda seen=seen: any(seen in each for each in slack.shown()))
        assert len(slack.messages()) >= 6, "it is there before it is recorded"
        said = messages.said(text, message.room, 8, cuts=here.live.cuts(here.thread))
        parts = spoken(message, said.pieces)
        await here.owe(*(part.draft() for part in [*parts[:-1], replace(parts[-1], end=End.ANSWERED)]))
        here.live.resting(here.thread)
        await here.settled()
        shown = [block["text"] for each in slack.messages() for block in each.blocks if block["type"] == "markdown"]
        assert all(each.count("```") in (0, 2) for each in shown)
        assert re.findall(r"line \d{5}", "".join(shown)) == code.split("\n")[:-1]
        assert len(slack.messages()) == len(shown) == len(parts)
