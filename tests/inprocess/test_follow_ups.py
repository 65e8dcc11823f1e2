"""What people write while a request waits for a decision: none of it runs anything, and each gets its response."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from slack_sandbox.model import Message
from slack_sandbox.openrouter import ChatRequest, Completion, call, calls, text
from tests.harness import World
from tests.inprocess.fixtures import Opens, Worlds, worlds, worlds_of_the_module
from tests.inprocess.world import BotInside, inside

__all__ = ["worlds", "worlds_of_the_module"]

pytestmark = [pytest.mark.anyio, pytest.mark.inside]

NOTICE = "I'm waiting for the decision above."
KEPT = "I'll read this once the request above is decided."
IN_WRITING = "Please use Approve above: I can't take approvals in writing."
INSTEAD, WAIT, APPROVE = "Deny and do this instead", "Keep waiting", "Approve"


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def here(tmp_path: Path) -> AsyncGenerator[World]:
    async with inside(tmp_path) as this:
        yield this


@asynccontextmanager
async def plain(opens: Opens, home: Path) -> AsyncGenerator[World]:
    async with opens(home) as this:
        yield this


@pytest.fixture
async def shared(worlds: Worlds) -> AsyncGenerator[World]:
    """One bot for all the sentences, each said in a channel of its own."""
    this = await worlds.of(plain)
    this.fresh()
    yield this
    this.check()


def write(here: World, content: str, name: str = "a.txt") -> Completion:
    target = here.workspace / name
    return calls(call("filesystem__write_file", {"path": str(target), "content": content}))


async def waiting(here: World, *more: Completion) -> str:
    """A turn that waits for a decision about a.txt. Out: its thread."""
    here.model.script(write(here, "version 2.4\n"), *more)
    ts = await here.slack.say(here.general, here.alice, "<@BOT> write")
    await here.reply(ts, "Waiting for you")
    await here.quiet()
    return ts


def notices(here: World, ts: str) -> list[Message]:
    return [reply for reply in here.replies(ts) if NOTICE in reply.plain or KEPT in reply.plain]


def card(here: World, ts: str) -> Message:
    [found] = [reply for reply in here.replies(ts) if any("Approve" in label for label in reply.buttons)]
    return found


def decisions(here: World, kind: str = "may_it_run") -> list[str]:
    query = (
        "SELECT decision FROM questions WHERE kind = ? AND thread_id IN (SELECT id FROM threads WHERE channel = ?)"
        " ORDER BY created_at"
    )
    return [row[0] for row in here.bot.rows(query, kind, here.general.id)]


def texts(here: World) -> list[str]:
    """What the model read last."""
    return [str(message.get("content")) for message in here.model.requests[-1].messages]


async def test_with_deny_and_do_this_instead_the_model_reads_the_words_once_and_asks_again(here: World) -> None:
    ts = await waiting(here, write(here, "version 2.5\n"), text("Written."))
    await here.slack.say(here.general, here.alice, "no, make it 2.5", thread_ts=ts)
    notice = await here.reply(ts, NOTICE)
    assert "no, make it 2.5" in notice.plain
    assert len(here.model.requests) == 1
    await here.slack.click(notice, INSTEAD, by=here.alice)
    await here.until(lambda: len(decisions(here)) == 2, poll=0.01)
    await here.quiet()
    assert decisions(here) == ["denied", "awaiting"]
    assert not notices(here, ts)
    read = [each for each in texts(here) if "make it 2.5" in each]
    assert [("Not run" in each, "Alice Smith: no, " in each) for each in read] == [(True, True)]
    assert not (here.workspace / "a.txt").exists()


@pytest.mark.parametrize("how", ["stop", "approve"])
async def test_what_is_decided_while_a_file_is_being_read_counts_at_once(here: World, how: str) -> None:
    ts = await waiting(here, text("Written."))
    here.slack.faults.add("files.download", "hang")
    await here.slack.say(here.general, here.alice, "rather like this", files=[("a.txt", b"2.6")], thread_ts=ts)
    await here.until(lambda: not here.slack.faults.planned, what="the reading of the file", poll=0.01)
    if how == "stop":
        await here.slack.say(here.general, here.alice, "stop", thread_ts=ts)
        await here.reply(ts, "Stopped. Nothing was changed.", timeout=10)
    else:
        await here.slack.click(card(here, ts), APPROVE, by=here.alice)
        await here.until((here.workspace / "a.txt").exists, timeout=10, what="the approved call")
    assert len(here.model.requests) == 1


STOPS = (
    "stop",
    "<@BOT> cancel!",
    "never mind",
    "Stopp.",
    "arrête",
    "olvídalo",
    "annulla",
    "anuluj",
    "остановись",
    "停止",
    "그만해",
    "取消",
    "توقف",
)
CONSENTS = (
    "yes",
    "Yes, go ahead!",
    "approve",
    "ok go ahead",
    "<@BOT> do it",
    "lgtm",
    "ja bitte",
    "d'accord",
    "sí, adelante",
    "tak, zatwierdzam",
    "да",
    "はい",
    "네",
    "好的",
    "👍",
)
OTHERS_WORDS = (
    "no, make it 2.5",
    "wait, use the other file",
    "yes but with 2.5",
    "approve it only if the tests pass",
    "ok, but first read release.md",
    "don't",
    "no",
    "what does this change?",
    "who else uses this file?",
    "by the way, what time is it in Lima?",
    "stop the server",
    "please stop the old job and write b.txt",
    "> yes",
    "`approve`",
    "lieber 2.5 statt 2.4",
    "non, plutôt la version 2.5",
    "/approve",
    "Approve\n\nand then also delete everything",
)
FOREIGN = ("stop", "yes", "approve", "<@BOT> approve this", "no, make it 2.5", "<@BOT> what is this?")


def test_there_are_fifty_sentences() -> None:
    assert len({*STOPS, *CONSENTS, *OTHERS_WORDS}) + len(FOREIGN) >= 50


async def said(here: World, words: str, ts: str, *, foreign: bool = False) -> None:
    mine = await here.slack.say(here.general, here.bob if foreign else here.alice, words, thread_ts=ts)
    await here.until(
        lambda: here.bot.rows("SELECT 1 FROM inbox WHERE ts = ? AND (told OR NOT addressed)", mine), poll=0.002
    )
    await here.quiet()
    assert not (here.workspace / "a.txt").exists()
    assert len(here.model.requests) == 1, "nothing was read by the model"


@pytest.mark.parametrize("words", STOPS)
async def test_a_stop_word_ends_the_turn(shared: World, words: str) -> None:
    ts = await waiting(shared)
    await said(shared, words, ts)
    await shared.reply(ts, "Stopped. Nothing was changed.")
    assert decisions(shared) == ["stopped"]
    assert not notices(shared, ts)


@pytest.mark.parametrize("words", CONSENTS)
async def test_consent_in_writing_approves_nothing_and_says_so_once(shared: World, words: str) -> None:
    ts = await waiting(shared)
    for _ in range(2):
        await said(shared, words, ts)
    assert [IN_WRITING in reply.plain for reply in shared.replies(ts)].count(True) == 1
    assert decisions(shared) == ["awaiting"]
    assert not notices(shared, ts)


@pytest.mark.parametrize("words", OTHERS_WORDS)
async def test_anything_else_gets_one_notice_and_changes_nothing(shared: World, words: str) -> None:
    ts = await waiting(shared)
    await said(shared, words, ts)
    [notice] = notices(shared, ts)
    assert {INSTEAD, WAIT} <= set(notice.buttons)
    assert decisions(shared) == ["awaiting"]
    assert len(shared.replies(ts)) == 2


@pytest.mark.parametrize("words", FOREIGN)
async def test_what_others_write_is_context_only(shared: World, words: str) -> None:
    ts = await waiting(shared, text("Written."))
    before = [reply.plain for reply in shared.replies(ts)]
    await said(shared, words, ts, foreign=True)
    assert [reply.plain for reply in shared.replies(ts)] == before
    assert decisions(shared) == ["awaiting"]


async def test_there_is_one_notice_a_card_with_the_newest_words(here: World) -> None:
    ts = await waiting(here)
    for words in ("make it 2.5", "no, 2.6", "sorry, 2.7"):
        await said(here, words, ts)
    [notice] = notices(here, ts)
    assert "2.7" in notice.plain


async def test_all_that_was_written_is_done_instead(here: World) -> None:
    ts = await waiting(here, text("I will."))
    for words in ("make it 2.5", "yes", "and call it b.txt"):
        await said(here, words, ts)
    await here.slack.click(notices(here, ts)[0], INSTEAD, by=here.alice)
    await here.reply(ts, "I will.")
    await here.quiet()
    [result] = [each for each in texts(here) if "make it 2.5" in each or "call it b.txt" in each]
    assert "make it 2.5" in result
    assert "and call it b.txt" in result
    assert [row[0] for row in here.bot.rows("SELECT count(*) FROM inbox WHERE seq IS NULL")] == [0]


async def test_keep_waiting_folds_the_notice_and_another_message_opens_it_again(here: World) -> None:
    ts = await waiting(here, text("Written."))
    await said(here, "make it 2.5", ts)
    [notice] = notices(here, ts)
    await here.slack.click(notice, WAIT, by=here.alice)
    await here.reply(ts, KEPT)
    await here.quiet()
    await said(here, "no, 2.6", ts)
    [again] = notices(here, ts)
    assert again.ts == notice.ts
    assert [words in again.plain for words in (NOTICE, "2.6")] == [True, True]
    await here.slack.click(again, WAIT, by=here.alice)
    await here.quiet()
    await here.slack.click(card(here, ts), APPROVE, by=here.alice)
    await here.reply(ts, "Written.")
    await here.quiet()
    assert not notices(here, ts)
    assert [("make it 2.5" in each, "no, 2.6" in each) for each in texts(here) if "2.5" in each or "2.6" in each] == [
        (True, False),
        (False, True),
    ]


async def test_when_the_card_is_decided_the_notice_goes_and_the_message_is_read(here: World) -> None:
    ts = await waiting(here, text("Written, and it is noon."))
    await said(here, "what time is it?", ts)
    [notice] = notices(here, ts)
    await here.slack.click(card(here, ts), APPROVE, by=here.alice)
    await here.reply(ts, "noon")
    await here.quiet()
    assert not notices(here, ts)
    assert len([each for each in texts(here) if "what time is it?" in each]) == 1
    await here.slack.click_raw(notice, INSTEAD, by=here.alice)
    await here.quiet()
    assert decisions(here) == ["approved"]


async def test_only_the_requester_may_have_it_done_instead(here: World) -> None:
    ts = await waiting(here)
    await said(here, "make it 2.5", ts)
    await here.slack.click(notices(here, ts)[0], INSTEAD, by=here.bob)
    await here.quiet()
    assert decisions(here) == ["awaiting"]
    assert notices(here, ts)


@pytest.mark.parametrize("other", ["Approve", "Deny", WAIT, INSTEAD])
async def test_of_two_clicks_at_once_one_counts(here: World, other: str) -> None:
    ts = await waiting(here, text("Done."))
    await said(here, "make it 2.5", ts)
    [notice] = notices(here, ts)
    second = notice if other in (WAIT, INSTEAD) else card(here, ts)
    acts = [here.slack.click(notice, INSTEAD, by=here.alice), here.slack.click(second, other, by=here.alice)]
    await asyncio.gather(*acts)
    await here.quiet()
    if decisions(here) == ["awaiting"]:
        assert decisions(here, "follow_up") == ["wait"]
        return
    await here.reply(ts, "Done.")
    assert len([each for each in texts(here) if "make it 2.5" in each]) == 1
    assert (here.workspace / "a.txt").exists() == (decisions(here) == ["approved"])


async def test_a_message_that_is_edited_is_shown_and_done_as_it_is_now(here: World) -> None:
    ts = await waiting(here, text("I will."))
    await said(here, "make it 2.5", ts)
    mine = here.slack.thread(here.general, ts)[-2]
    assert mine.plain == "make it 2.5"
    await here.slack.edit(here.general, mine.ts, here.alice, "make it 2.6")
    await here.until(lambda: "2.6" in notices(here, ts)[0].plain, poll=0.01)
    await here.quiet()
    [notice] = notices(here, ts)
    assert "2.6" in notice.plain
    assert "2.5" not in notice.plain
    await here.slack.click(notice, INSTEAD, by=here.alice)
    await here.reply(ts, "I will.")
    await here.quiet()
    assert [("2.6" in each, "2.5" in each) for each in texts(here) if "make it" in each] == [(True, False)]


async def test_when_the_messages_are_deleted_the_notice_goes(here: World) -> None:
    ts = await waiting(here)
    for words in ("make it 2.5", "no, 2.6"):
        await said(here, words, ts)
    mine = {each.plain: each for each in here.slack.thread(here.general, ts)}
    await here.slack.delete(here.general, mine["no, 2.6"].ts, here.alice)
    await here.until(lambda: "2.5" in notices(here, ts)[0].plain, poll=0.01)
    await here.quiet()
    [notice] = notices(here, ts)
    assert "2.5" in notice.plain
    await here.slack.delete(here.general, mine["make it 2.5"].ts, here.alice)
    await here.until(lambda: not notices(here, ts), poll=0.01)
    await here.quiet()
    assert decisions(here) == ["awaiting"]
    await said(here, "still, 2.7", ts)
    [notice] = notices(here, ts)
    assert "2.7" in notice.plain


async def test_every_open_call_of_the_step_is_denied_and_the_words_are_read_once(here: World) -> None:
    both = [call("filesystem__write_file", {"path": str(here.workspace / name), "content": "x"}) for name in "ab"]
    here.model.script(calls(*both), text("I will."))
    ts = await here.slack.say(here.general, here.alice, "<@BOT> write")
    await here.until(lambda: here.open_approvals(ts) == 2, poll=0.01)
    await here.quiet()
    await said(here, "only c, please", ts)
    await here.slack.click(notices(here, ts)[0], INSTEAD, by=here.alice)
    await here.reply(ts, "I will.")
    await here.quiet()
    assert decisions(here) == ["denied", "denied"]
    assert len([each for each in texts(here) if "only c, please" in each]) == 1
    assert not list(here.workspace.iterdir())


async def test_the_notice_works_after_a_restart(here: World) -> None:
    ts = await waiting(here, text("I will."))
    await said(here, "make it 2.5", ts)
    assert isinstance(here.bot, BotInside)
    await here.bot.stop()
    await here.bot.start()
    await here.quiet()
    [notice] = notices(here, ts)
    await here.slack.click(notice, INSTEAD, by=here.alice)
    await here.reply(ts, "I will.")
    await here.quiet()
    assert len([each for each in texts(here) if "make it 2.5" in each]) == 1


@pytest.mark.parametrize("tool", ["write_file", "edit_file"])
async def test_the_new_card_shows_the_difference_to_the_earlier_proposal(here: World, tool: str) -> None:
    target = here.workspace / "a.txt"
    target.write_text("version 2.3\n")
    content = {"path": str(target), "content": "version 2.5\n"}
    edits = {"path": str(target), "edits": [{"oldText": "2.3", "newText": "2.5"}]}
    again = calls(call(f"filesystem__{tool}", content if tool == "write_file" else edits))
    here.model.script(write(here, "version 2.4\n"), again)
    ts = await here.slack.say(here.general, here.alice, "<@BOT> write")
    await here.reply(ts, "Waiting for you")
    await here.quiet()
    mine = await here.slack.say(here.general, here.alice, "no, make it 2.5", thread_ts=ts)
    await here.until(lambda: here.bot.rows("SELECT 1 FROM inbox WHERE ts = ? AND told", mine), poll=0.002)
    await here.slack.click(await here.reply(ts, NOTICE), INSTEAD, by=here.alice)
    new = await here.reply(ts, "The difference to the earlier proposal:")
    assert "-version 2.4\n+version 2.5" in new.plain.partition("The difference")[2]
    assert "-version 2.3\n+version 2.5" in new.plain.partition("The difference")[0]


async def test_a_proposal_about_another_file_is_compared_with_nothing(here: World) -> None:
    ts = await waiting(here, write(here, "version 2.4\n", "b.txt"))
    await said(here, "in b.txt, please", ts)
    await here.slack.click(notices(here, ts)[0], INSTEAD, by=here.alice)
    new = await here.reply(ts, "Create b.txt")
    assert "earlier proposal" not in new.plain


async def while_it_thinks(here: World, tmp: asyncio.Event) -> tuple[str, str]:
    """A message that arrives while the model thinks. Out: its thread, and its timestamp."""
    asked = asyncio.Event()

    async def think(request: ChatRequest) -> Completion:
        if asked.is_set():
            return text("I have read it.")
        asked.set()
        await tmp.wait()
        return calls(call("filesystem__list_directory", {"path": str(here.workspace)}))

    here.model.respond = think
    ts = await here.slack.say(here.general, here.alice, "<@BOT> look")
    await asyncio.wait_for(asked.wait(), 10)
    mine = await here.slack.say(here.general, here.alice, "and make it short", thread_ts=ts)
    return ts, mine


async def test_a_message_that_arrives_while_the_model_thinks_goes_into_the_next_step_with_a_reaction(
    here: World,
) -> None:
    going_on = asyncio.Event()
    ts, mine = await while_it_thinks(here, going_on)
    message = here.general.messages[mine]
    await here.until(lambda: "eyes" in message.reactions, poll=0.01)
    assert here.replies(ts) == [] or not any("waiting" in reply.plain for reply in here.replies(ts))
    going_on.set()
    await here.reply(ts, "I have read it.")
    await here.quiet()
    assert not message.reactions
    assert len([each for each in texts(here) if "and make it short" in each]) == 1
    assert len(here.model.requests) == 2


async def test_without_the_scope_nothing_is_said_of_the_reaction(here: World) -> None:
    here.slack.scopes.discard("reactions:write")
    here.expected_refusals.append("reactions.add: missing_scope")
    going_on = asyncio.Event()
    ts, _ = await while_it_thinks(here, going_on)
    await here.until(lambda: any(each.method == "reactions.add" for each in here.slack.calls), poll=0.01)
    going_on.set()
    await here.reply(ts, "I have read it.")
    await here.quiet()
    assert "reactions" not in here.bot.log
