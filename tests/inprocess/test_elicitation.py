"""What a tool server asks a person for: shown, answered once by the requester alone, and sent to the server."""

from __future__ import annotations

import shutil
import sqlite3
import time
from collections.abc import AsyncGenerator
from contextlib import closing
from pathlib import Path
from typing import cast

import pytest

from bot.agent.legacy_elicitation import RESTARTED
from bot.core import exchange
from bot.tools.mcp.transports.registry import standard
from bot.tools.toolset import make_toolset
from slack_sandbox.model import Message
from slack_sandbox.openrouter import call, calls, text
from tests.attacks.conftest import window
from tests.harness import World
from tests.inprocess.asking_server import PAGE, Asking, AskingServer, AskingTransport
from tests.inprocess.files import near_transports
from tests.inprocess.world import BotInside, inside

pytestmark = [pytest.mark.anyio, pytest.mark.inside]


CALL_SECONDS = 1.0


@pytest.fixture
def asking() -> Asking:
    return Asking()


@pytest.fixture
async def here(tmp_path: Path, asking: Asking) -> AsyncGenerator[World]:
    """A bot with a server of each era."""
    modern = AskingServer("notes", asking=asking, safe_to_repeat=("*",))
    legacy = AskingServer("old", asking=asking, legacy=True, call_seconds=CALL_SECONDS)
    (tmp_path / "bot.toml").write_text('[[policy.rules]]\naction = "allow"\nserver = ["notes", "old"]\n')
    async with inside(tmp_path, start=False) as this:
        bot = cast(BotInside, this.bot)
        bot.toolset_of = lambda servers: make_toolset(
            [modern, legacy], transports={**standard(), **near_transports("-"), AskingServer: AskingTransport}
        )
        await bot.start()
        yield this


async def ask(
    here: World, name: str, arguments: dict[str, object] | None = None, said: str = "needs something"
) -> tuple[str, Message]:
    """A turn whose call asks for something. Out: its thread, and the question."""
    here.model.script(calls(call(name, arguments or {})), text("All done."))
    ts = await here.slack.say(here.general, here.alice, "<@BOT> do it")
    message = await here.reply(ts, said)
    if not name.startswith("old__chat"):
        await here.quiet()
    return ts, message


async def test_the_answer_reaches_the_server_with_the_call_made_again(here: World, asking: Asking) -> None:
    ts, message = await ask(here, "notes__book", {"day": "Friday"})
    assert "A table for Friday <!channel>" in message.plain
    assert message.buttons == ["Answer…", "Decline", "Cancel"]
    view = await window(here, message, "Answer…", here.alice)
    await here.slack.submit(here.alice, view, {"field.f0": {"value": "3"}})
    await here.reply(ts, "All done.")
    assert asking.answers == [({"action": "accept", "content": {"guests": 3, "vip": False}}, "state-1")]
    assert asking.calls == ["book", "book"]


FORM = {
    "field.f0": {"value": "3"},
    "field.f1": {"value": "Outside"},
    "field.f2": {"value": "by the window"},
    "field.f3": {"value": ["cake", "soup"]},
    "field.f4": {"value": "Yes"},
}


def results(here: World) -> list[str]:
    """What the model read last as the results of its calls."""
    return [each["content"] for each in here.model.requests[-1].messages if each["role"] == "tool"]


async def test_every_kind_of_field_is_checked_and_only_the_server_gets_what_was_entered(
    here: World, asking: Asking
) -> None:
    ts, message = await ask(here, "notes__book", {"day": "Friday"})
    view = await window(here, message, "Answer…", here.alice)
    assert "Never enter passwords" in str(view.data)
    await here.slack.submit(here.alice, view, {**FORM, "field.f0": {"value": "9"}})
    assert view.errors == {"field.f0": "Enter at most 8."}
    await here.slack.submit(here.alice, view, FORM)
    await here.reply(ts, "All done.")
    entered = {"guests": 3, "seat": "out", "note": "by the window", "dishes": ["cake", "soup"], "vip": True}
    assert asking.answers == [({"action": "accept", "content": entered}, "state-1")]
    await here.until(lambda: not message.buttons, what="a closed question")
    assert "answered" in message.plain
    assert "by the window" not in message.plain
    for table in ("calls", "questions", "audit", "posts"):
        assert "by the window" not in str(here.bot.rows(f"SELECT * FROM {table}")), table
    audit = [kind for (kind,) in here.bot.rows("SELECT kind FROM audit WHERE approval <> '' ORDER BY seq")]
    assert audit == ["asked", "answered"]


@pytest.mark.parametrize(("label", "action"), [("Decline", "decline"), ("Cancel", "cancel")])
async def test_no_is_an_answer_too_and_only_the_requester_gives_it(
    here: World, asking: Asking, label: str, action: str
) -> None:
    ts, message = await ask(here, "notes__book", {"day": "Friday"})
    await here.slack.click(message, label, by=here.bob)
    await here.until(lambda: here.slack.ephemerals(here.bob), what="a word to somebody else")
    assert "This question is for somebody else" in here.slack.ephemerals(here.bob)[-1].plain
    assert here.bot.rows("SELECT state, asked FROM calls") == [("awaiting", 1)]
    await here.slack.click(message, label, by=here.alice)
    await here.reply(ts, "All done.")
    assert asking.answers == [({"action": action}, "state-1")]
    assert results(here) == [f"Booked: {action}"]


async def test_the_answer_still_reaches_the_server_after_a_restart(here: World, asking: Asking) -> None:
    ts, message = await ask(here, "notes__book", {"day": "Friday"})
    await here.bot.stop()
    await here.bot.start()
    await here.ready()
    view = await window(here, message, "Answer…", here.alice)
    await here.slack.submit(here.alice, view, {"field.f0": {"value": "3"}})
    await here.reply(ts, "All done.")
    assert [answer["action"] for answer, _ in asking.answers] == ["accept"]


async def test_a_server_that_has_forgotten_the_call_asks_again(here: World, asking: Asking) -> None:
    asking.remembers = False
    ts, message = await ask(here, "notes__book", {"day": "Friday"})
    await here.bot.stop()
    await here.bot.start()
    await here.ready()
    view = await window(here, message, "Answer…", here.alice)
    await here.slack.submit(here.alice, view, {"field.f0": {"value": "3"}})
    await here.until(
        lambda: [each for each in here.replies(ts) if each.buttons and each is not message], what="another"
    )
    [again] = [each for each in here.replies(ts) if each.buttons]
    view = await window(here, again, "Answer…", here.alice)
    await here.slack.submit(here.alice, view, {"field.f0": {"value": "3"}})
    await here.reply(ts, "All done.")
    assert [answer["content"]["guests"] for answer, _ in asking.answers] == [3]


async def test_two_requests_at_once_are_asked_one_after_the_other(here: World, asking: Asking) -> None:
    ts, message = await ask(here, "notes__two", said="The first one?")
    view = await window(here, message, "Answer…", here.alice)
    await here.slack.submit(here.alice, view, {"field.f0": {"value": "x"}})
    message = await here.reply(ts, "The other one?")
    view = await window(here, message, "Answer…", here.alice)
    await here.slack.submit(here.alice, view, {"field.f0": {"value": "y"}})
    await here.reply(ts, "All done.")
    assert asking.answers == [
        {"a": {"action": "accept", "content": {"it": "x"}}, "b": {"action": "accept", "content": {"it": "y"}}}
    ]
    assert asking.calls == ["two", "two"]


async def test_a_page_is_opened_only_by_the_person_who_has_seen_its_host(here: World, asking: Asking) -> None:
    ts, message = await ask(here, "notes__pay", said="wants you to open a page")
    assert "pay.example.com" in message.plain
    assert PAGE not in str(message.blocks)
    view = await window(here, message, "Open a page…", here.alice)
    links = [each["url"] for block in view.data["blocks"] for each in block.get("elements", []) if "url" in each]
    assert links == [PAGE]
    await here.slack.submit(here.alice, view, {})
    await here.reply(ts, "All done.")
    assert asking.answers == [{"action": "accept"}]


async def test_stop_and_expiry_end_the_call_without_making_it_again(here: World, asking: Asking) -> None:
    here.model.script(calls(call("notes__book", {"day": "Friday"})))
    ts = await here.slack.say(here.general, here.alice, "<@BOT> do it")
    message = await here.reply(ts, "needs something")
    await here.quiet()
    await here.slack.say(here.general, here.alice, "wait, one more thing", thread_ts=ts)
    await here.reply(ts, "I'll read this once the question above is answered.")
    await here.slack.say(here.general, here.alice, "stop", thread_ts=ts)
    await here.reply(ts, "Stopped.")
    await here.until(lambda: not message.buttons, what="a closed question")
    assert asking.calls == ["book"]
    assert here.bot.rows("SELECT outcome, exchange FROM calls") == [("stopped", "")]
    await here.bot.stop()
    settings = here.bot.home / "bot.toml"
    settings.write_text(
        settings.read_text().replace("[limits]", "[limits]\napproval_hours = 0.00001\nsweep_seconds = 0.05")
    )
    await here.bot.start()
    await here.ready()
    here.model.script(calls(call("notes__book", {"day": "Friday"})), text("Too late."))
    ts = await here.slack.say(here.general, here.alice, "<@BOT> again")
    await here.reply(ts, "Too late.")
    assert results(here)[-1] == "Not answered: nobody answered in time."
    assert asking.calls == ["book", "book"]


async def test_a_server_of_before_2026_is_answered_while_its_call_runs(here: World, asking: Asking) -> None:
    ts, message = await ask(here, "old__chat", said="Which colour?")
    assert here.bot.rows("SELECT state FROM calls") == [("started",)]
    view = await window(here, message, "Answer…", here.alice)
    await here.slack.submit(here.alice, view, {"field.f0": {"value": "green"}})
    await here.reply(ts, "All done.")
    assert asking.answers == [{"colour": "green"}]
    assert asking.calls == ["chat"]
    assert here.bot.rows("SELECT exchange FROM calls") == [("",)]


async def test_a_restart_cancels_what_only_an_open_connection_could_answer(here: World, asking: Asking) -> None:
    ts, message = await ask(here, "old__chat", said="Which colour?")
    await here.bot.stop()
    await here.bot.start()
    await here.reply(ts, "All done.")
    assert results(here) == ["chose cancel"]
    await here.until(lambda: not message.buttons, what="a closed question")
    assert "I was restarted" in message.plain
    assert asking.calls == ["chat"], "it is not made again"


async def test_a_stop_cancels_it_at_the_server(here: World, asking: Asking) -> None:
    here.model.script(calls(call("old__chat")))
    ts = await here.slack.say(here.general, here.alice, "<@BOT> do it")
    message = await here.reply(ts, "Which colour?")
    await here.slack.say(here.general, here.alice, "stop", thread_ts=ts)
    await here.reply(ts, "Stopped.")
    await here.until(lambda: not message.buttons, what="a closed question")
    await here.until(lambda: asking.seen, what="the end of the call at the server", poll=0.01)
    assert asking.seen[0].startswith("cancel")


async def test_what_cannot_be_attributed_to_one_call_is_cancelled(here: World, asking: Asking) -> None:
    here.model.script(calls(call("old__linger"), call("old__chat")), text("All done."))
    ts = await here.slack.say(here.general, here.alice, "<@BOT> do it")
    await here.until(lambda: asking.seen == ["cancel"], what="a cancelled request", poll=0.01)
    asking.run_on.set()
    await here.reply(ts, "All done.")
    assert not here.bot.rows("SELECT 1 FROM questions")
    assert sorted(results(here)) == ["chose cancel", "lingered"]


async def test_a_call_that_needs_a_page_first_is_made_again_after_it(here: World, asking: Asking) -> None:
    ts, message = await ask(here, "old__blocked", said="wants you to open a page")
    asking.paid = True
    view = await window(here, message, "Open a page…", here.alice)
    await here.slack.submit(here.alice, view, {})
    await here.reply(ts, "All done.")
    assert asking.calls == ["blocked", "blocked"]
    assert results(here) == ["unblocked"]


async def test_a_person_may_take_longer_than_the_server_and_the_session_says_that_it_waits(
    here: World, asking: Asking
) -> None:
    ts, message = await ask(here, "old__chat", said="Which colour?")
    began = time.monotonic()
    set_status = "agents.sessions.setStatus"
    await here.until(
        lambda: [each.args.get("status") for each in here.slack.calls if each.method == set_status][-1] == "suspended",
        what="a session that waits",
        poll=0.01,
    )
    view = await window(here, message, "Answer…", here.alice)
    await here.until(lambda: time.monotonic() - began > 2 * CALL_SECONDS, poll=0.05)
    await here.slack.submit(here.alice, view, {"field.f0": {"value": "red"}})
    await here.reply(ts, "All done.")
    assert asking.answers == [{"colour": "red"}]
    [(seconds,)] = here.bot.rows("SELECT seconds FROM turns")
    assert seconds < CALL_SECONDS, "the time of a person is not the turn's"


async def test_what_a_server_asks_all_at_once_is_asked_one_after_the_other_and_not_for_ever(
    here: World, asking: Asking
) -> None:
    times = exchange.MAX_ROUNDS + 20
    here.model.script(calls(call("old__press", {"times": times})), text("All done."))
    ts = await here.slack.say(here.general, here.alice, "<@BOT> do it")
    for number in range(exchange.MAX_ROUNDS):
        message = await here.reply(ts, f"Number {number}?")
        assert len([each for each in here.replies(ts) if "Decline" in each.buttons]) == 1
        await here.slack.click(message, "Decline", by=here.alice)
    await here.reply(ts, "All done.")
    assert sorted(asking.seen) == ["cancel"] * 20 + ["decline"] * exchange.MAX_ROUNDS
    assert here.bot.rows("SELECT count(*) FROM questions") == [(exchange.MAX_ROUNDS,)]


async def test_after_a_kill_what_waited_over_a_connection_is_cancelled_and_not_made_again(
    here: World, asking: Asking, tmp_path: Path
) -> None:
    ts, message = await ask(here, "old__chat", said="Which colour?")
    await here.until(lambda: here.bot.rows("SELECT 1 FROM posts WHERE kind = 'card' AND state = 'posted'"), poll=0.01)
    with closing(sqlite3.connect(here.bot.database)) as now, closing(sqlite3.connect(tmp_path / "then.db")) as then:
        now.backup(then)
    await here.bot.stop()
    for old in here.bot.database.parent.glob("bot.db*"):
        old.unlink()
    shutil.copy(tmp_path / "then.db", here.bot.database)  # as a kill at that moment would have left it
    await here.bot.start()
    await here.reply(ts, "All done.")
    assert "the app was restarted while the tool server waited" in results(here)[0]
    assert asking.calls == ["chat"]
    await here.until(lambda: not message.buttons, what="a closed question")
    with closing(sqlite3.connect(here.bot.database)) as after:
        assert after.execute("SELECT decision, reason FROM questions").fetchall() == [("withdrawn", RESTARTED)]
