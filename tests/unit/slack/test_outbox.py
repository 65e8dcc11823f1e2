"""Whatever becomes of a message on its way to Slack, what follows is what the table says."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import cast

import pytest

from bot.core.begun_threads import BEGINNING
from bot.core.inbox import Incoming
from bot.core.posts import Draft, PostState
from bot.core.thread_ref import ThreadRef
from bot.core.turn_message import End, Text, TurnMessage
from bot.slack.blocks import messages, retry_notice
from bot.slack.delivery import outbox, sender, settling
from bot.slack.delivery.kinds import Kind
from bot.slack.delivery.known import KnownThreads
from bot.store.sqlite import posts
from bot.store.sqlite.database import Database
from tests.unit.slack.delivering import Process, Slack, body, process, slack, until

__all__ = ["slack"]

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is tried again is tried at once."""
    monkeypatch.setattr(outbox, "MAX_PAUSE", 0.001)
    monkeypatch.setattr(sender, "SETTLE_SECONDS", 0.0)


def answer(words: str) -> Draft:
    [piece] = messages.said(words, 10_000, 4).pieces
    return messages.draft("answer", [messages.markdown(piece)], piece)


async def rows(here: Process) -> list[tuple[str, str]]:
    """(kind, state) of every message, in order."""

    def read(connection: sqlite3.Connection) -> list[tuple[str, str]]:
        return connection.execute("SELECT kind, state FROM posts ORDER BY id").fetchall()

    return await here.database.read(read)


async def done(here: Process, slack: Slack, words: list[str]) -> None:
    """Wait until Slack shows these messages and nothing is left to do."""
    await until(lambda: slack.shown() == words)
    await here.in_step()
    assert await here.unsettled() == []


async def test_messages_appear_in_the_order_in_which_they_were_recorded(tmp_path: Path, slack: Slack) -> None:
    async with process(tmp_path, slack) as here:
        slack.near.faults.add("chat.postMessage", "server_error", times=1)
        slack.near.faults.add("chat.postMessage", "ratelimited", times=1, retry_after=0)
        await here.owe(*map(answer, "abc"))
        await here.owe(*map(answer, "de"))
        await done(here, slack, list("abcde"))


async def test_an_address_is_a_link_in_words_that_slack_takes_only_as_text(tmp_path: Path, slack: Slack) -> None:
    async with process(tmp_path, slack) as here:
        slack.near.faults.add("chat.postMessage", "error", times=1, code="invalid_blocks")
        await here.owe(answer("**https://a.b/?x=1&y=2** <b> <!here>"))
        await until(slack.messages)
        assert [each.text for each in slack.messages()] == ["**<https://a.b/?x=1&amp;y=2>** &lt;b&gt; @here"]


@pytest.mark.parametrize("code", ["is_archived", "something_new"])
async def test_what_slack_refuses_for_good_does_not_hold_up_what_follows(
    tmp_path: Path, slack: Slack, code: str
) -> None:
    async with process(tmp_path, slack) as here:
        tries = 1 if code == "is_archived" else settling.MAX_TRIES
        slack.near.faults.add(
            "chat.postMessage", "error", times=None, code=code, match=lambda args: args["text"] == "b"
        )
        await here.owe(*map(answer, "abc"))
        await done(here, slack, ["a", "c"])
        assert await rows(here) == [("answer", "posted"), ("answer", "refused"), ("answer", "posted")]
        assert slack.count("chat.postMessage") == 2 + tries


@pytest.mark.parametrize("code", ["ratelimited", "token_revoked"])
async def test_what_passes_is_waited_for_however_long_it_takes(tmp_path: Path, slack: Slack, code: str) -> None:
    async with process(tmp_path, slack) as here:
        slack.near.faults.add("chat.postMessage", "error", times=settling.MAX_TRIES + 5, code=code)
        await here.owe(answer("at last"))
        await done(here, slack, ["at last"])


async def test_an_unknown_error_of_a_change_is_tried_some_times(tmp_path: Path, slack: Slack) -> None:
    async with process(tmp_path, slack, {"sign": Kind(lambda post: body(post.payload))}) as here:
        await here.owe(Draft("sign", "sign", "open", final=False))
        await until(slack.shown)
        before = slack.shown()
        slack.near.faults.add("chat.update", "error", times=None, code="something_new")
        await here.owe(Draft("sign", "sign", "closed"))
        await until(lambda: slack.count("chat.update") == settling.MAX_TRIES)
        await done(here, slack, before)


async def test_a_file_that_slack_does_not_take_is_posted_in_messages(tmp_path: Path, slack: Slack) -> None:
    async with process(tmp_path, slack) as here:
        slack.near.faults.add("files.getUploadURLExternal", "error", times=1, code="file_uploads_disabled")
        await here.owe(messages.file("answer.md", "The whole answer.", "Here it is"))
        await done(here, slack, ["The whole answer."])
        assert await rows(here) == [("file", "refused"), ("answer", "posted")]


async def test_a_message_whose_recording_fails_is_looked_for_and_not_posted_twice(tmp_path: Path, slack: Slack) -> None:
    async with process(tmp_path, slack) as here:
        fails = "CREATE TRIGGER fails BEFORE UPDATE OF ts ON posts BEGIN SELECT RAISE(ABORT, 'broken by the test'); END"
        await here.database.write(lambda connection: connection.execute(fails))
        # The recording of the one fails while the other is on its way, that of the other later.
        slack.near.faults.add("chat.postMessage", "slow", seconds=0.05, match=lambda args: args["text"] == "b")
        await here.owe(answer("a"), answer("b"))
        await until(lambda: slack.shown() == ["a", "b"])
        await here.in_step()
        await here.database.write(lambda connection: connection.execute("DROP TRIGGER fails"))
        assert await rows(here) == [("answer", "owed")] * 2
        here.wakes.wake(here.thread)
        await until(lambda: slack.count("conversations.replies") == 2)
        await done(here, slack, ["a", "b"])


async def test_a_message_that_changed_before_it_was_posted_is_posted_as_it_stands(tmp_path: Path, slack: Slack) -> None:
    async with process(tmp_path, slack) as here:
        await here.store.park(here.thread, retry_notice.parked())
        place = ThreadRef(slack.near.team_id, slack.channel.id, slack.ts, "channel")
        said = Incoming(place, "Ev2", slack.alice.id, "1800000000.000001", "go on", [], addressed=True)
        await here.store.admit(said)
        here.wakes.wake(here.thread)
        await until(slack.messages)
        await here.in_step()
        [message] = slack.messages()
        assert retry_notice.SINCE in message.plain
        assert message.buttons == []
        assert slack.count("chat.update") == 0
        assert await here.unsettled() == []


async def test_nothing_is_remembered_of_what_is_in_step(tmp_path: Path, slack: Slack) -> None:
    async with process(tmp_path, slack) as here:
        slack.near.faults.add("chat.postMessage", "server_error", times=2)
        here.live.working(here.thread, TurnMessage(1), "Thinking")
        await here.owe(*map(answer, "abc"))
        await until(lambda: len(slack.shown()) == 4)
        here.live.resting(here.thread)
        here.wakes.wake(here.thread)
        await done(here, slack, list("abc"))
        assert here.remembered() == ({}, {})


def ended(words: str) -> Draft:
    """The last part of the message of a turn."""
    return TurnMessage(1, 1, "U1", "T1", parts=(Text(words),), end=End.ANSWERED).draft()


async def test_the_end_of_a_turns_message_is_recorded_with_the_next_commit(tmp_path: Path, slack: Slack) -> None:
    async with process(tmp_path, slack, opens=Database) as here:
        await here.owe(ended("It is done"))
        await until(slack.messages)
        here.wakes.wake(here.thread)
        await until(lambda: here.wakes.idle)
        assert [(post.kind, post.state) for post in await here.unsettled()] == [("turn", PostState.OWED)]
        await here.store.heard(1.0)
        assert await here.unsettled() == []
        await here.in_step()
        assert slack.count("chat.postMessage") == 1
        assert here.remembered() == ({}, {})


def sends(here: Process) -> bool:
    """Whether a message is on its way."""
    known = cast(KnownThreads, here.remembered()[0])
    return any(post.doubtful for thread in known.values() for post in thread.posts.values())


async def test_what_changes_while_the_end_of_a_message_is_on_its_way_is_shown_afterwards(
    tmp_path: Path, slack: Slack
) -> None:
    async with process(tmp_path, slack, opens=Database) as here:
        slack.near.faults.add("chat.postMessage", "slow", seconds=0.1)
        await here.owe(ended("It is done"))
        await until(lambda: sends(here))
        later = "UPDATE posts SET revision = revision + 1, payload = replace(payload, 'is done', 'was undone')"
        await here.database.write(lambda connection: connection.execute(later))
        here.wakes.wake(here.thread)
        await done(here, slack, ["It was undone"])
        assert slack.count("chat.postMessage") == 1
        assert slack.count("chat.update") == 1


async def directly(here: Process, slack: Slack, kind: str = "notice") -> None:
    """Record a message to a person."""
    draft = Draft("to-alice", kind, json.dumps(body("have a look")))
    copies = [(slack.alice.id, draft)]
    await here.database.write(lambda connection: posts.owe_copies(connection, here.thread, None, copies))
    here.wakes.wake(here.thread)


def read_by_alice(slack: Slack) -> list[str]:
    return [message.plain for message in slack.near.open_dm(slack.alice).messages.values() if not message.deleted]


@pytest.mark.parametrize("kind", ["notice", BEGINNING])
async def test_a_direct_message_of_unknown_outcome_is_looked_for_and_not_posted_twice(
    tmp_path: Path, slack: Slack, kind: str
) -> None:
    async with process(tmp_path, slack) as here:
        slack.near.faults.add("chat.postMessage", "server_error_after", times=1)
        slack.near.faults.add("users.conversations", "ratelimited", times=1, retry_after=0)
        await directly(here, slack, kind)
        await here.posted()
        assert read_by_alice(slack) == ["have a look"]
        assert slack.count("chat.postMessage") == 1


async def test_a_direct_message_that_did_not_arrive_is_posted_after_one_reading_of_the_list(
    tmp_path: Path, slack: Slack
) -> None:
    async with process(tmp_path, slack) as here:
        slack.near.faults.add("chat.postMessage", "server_error", times=1)
        await directly(here, slack)
        await here.posted()
        assert read_by_alice(slack) == ["have a look"]
        assert slack.count("users.conversations") == 1


async def test_where_direct_messages_cannot_be_listed_it_is_posted_again(tmp_path: Path, slack: Slack) -> None:
    async with process(tmp_path, slack) as here:
        slack.near.faults.add("chat.postMessage", "server_error_after", times=1)
        slack.near.faults.add("users.conversations", "error", times=None, code="missing_scope")
        await directly(here, slack)
        await here.posted()
        assert read_by_alice(slack) == ["have a look"] * 2, "twice is better than never"


async def test_a_copy_that_an_earlier_process_has_posted_shows_how_it_ended_though_its_thread_is_gone(
    tmp_path: Path, slack: Slack
) -> None:
    words = ["have a look"]
    kinds = {"sign": Kind(lambda post: body(words[-1]))}
    fails = "CREATE TRIGGER fails BEFORE UPDATE OF ts ON posts BEGIN SELECT RAISE(ABORT, 'broken by the test'); END"
    async with process(tmp_path, slack, kinds) as here:
        await here.database.write(lambda connection: connection.execute(fails))
        await directly(here, slack, "sign")
        await until(lambda: read_by_alice(slack))
        await here.in_step()
        await here.database.write(lambda connection: connection.execute("DROP TRIGGER fails"))
        await here.store.close_thread(here.thread, "9999999999.000001")
        await here.database.write(lambda connection: posts.redraw(connection, 1))
    words.append("it is over")
    async with process(tmp_path, slack, kinds) as here:
        await here.settled()
        assert read_by_alice(slack) == ["it is over"]
        assert await rows(here) == [("sign", "posted")]
