"""The process is killed at every durable boundary of a turn, once with a safe and once with a risky tool, and started
again. Whatever the moment: the question is answered once, the tool's effect happens at most once, and every call id
has its result.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from bot.sandbox.model import Message
from bot.sandbox.openrouter import Answer, ChatRequest, call, calls, text
from tests.harness import ROOT, World, world

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(60)]

COMMITS = ("admit", "read the inbox", "take the calls", "answer the calls", "answer", "posted", "posted")
SAFE = [
    *(f"{side} commit: {name}#1" for name in dict.fromkeys(COMMITS) for side in ("before", "after")),
    *(f"{side} commit: posted#2" for side in ("before", "after")),
    *(f"{side} model request#{number}" for number in (1, 2) for side in ("before", "after")),
    *(f"{side} tool call read_text_file#1" for side in ("before", "after")),
    *(f"{side} post {kind}#1" for kind in ("summary", "answer") for side in ("before", "after")),
]
RISKY = [
    *(point for point in SAFE if "read_text_file" not in point),
    *(f"{side} commit: posted#3" for side in ("before", "after")),
    *(f"{side} commit: {name}#1" for name in ("settle", "start the calls", "drawn") for side in ("before", "after")),
    *(f"{side} tool call edit_file#1" for side in ("before", "after")),
    *(f"{side} {effect}#1" for effect in ("post card", "redraw card") for side in ("before", "after")),
]
SLOW = [
    *(f"{side} commit: {name}#1" for name in ("owe", "post_closed") for side in ("before", "after")),
    *(f"{side} {effect}#1" for effect in ("post progress", "remove progress") for side in ("before", "after")),
]
"""What a turn passes besides when it takes longer than a moment."""
MIXED = [
    *(f"{side} commit: {name}#1" for name in ("finish a call", "tell what was done") for side in ("before", "after")),
    *(f"{side} {effect}#1" for effect in ("post summary", "tool call edit_file") for side in ("before", "after")),
]
"""What a turn passes besides when one call of a step runs while a person decides about another."""
KINDS = {"safe": SAFE, "risky": RISKY, "slow": SLOW, "mixed": MIXED}
POINTS = [(tool, point) for tool, points in KINDS.items() for point in points]


def environment(home: Path, tool: str) -> dict[str, str]:
    (home / "bot.toml").write_text(f"[limits]\nprogress_after_seconds = {0.05 if tool == 'slow' else 60}\n")
    return {"CRASH_LOG": str(home / "points"), "PYTHONPATH": f"{ROOT / 'tests' / 'crash'}:{ROOT}", "LOG_LEVEL": "info"}


def answers(here: World, tool: str) -> None:
    """A model that answers as often as it is asked: what it says follows from the conversation alone."""
    (here.workspace / "a.txt").write_text("END")
    edit = call(
        "filesystem__edit_file",
        {"path": str(here.workspace / "a.txt"), "edits": [{"oldText": "END", "newText": "+END"}]},
        id="call_1",
    )
    read = call("filesystem__read_text_file", {"path": str(here.workspace / "a.txt")}, id="call_1")

    second = call("filesystem__list_directory", {"path": str(here.workspace)}, id="call_2")

    def respond(request: ChatRequest) -> Answer:
        if any(message["role"] == "tool" for message in request.messages):
            return text("Finished.")
        made = {"risky": [edit], "mixed": [second, edit]}.get(tool, [read])
        return calls(*made, first_token=0.4 if tool == "slow" else 0.0)

    here.model.respond = respond


async def drive(here: World, ts: str, *crashes: str) -> None:
    """Be the person and the operator: start the bot again when it died (to die again at each of `crashes`), decide what
    stands there to be decided, until the answer is there and nothing is left to do."""
    following = iter(crashes)
    pressed: set[tuple[int, str]] = set()
    clicks: set[asyncio.Task[object]] = set()

    def open_cards() -> list[Message]:
        return [reply for reply in here.replies(ts) if reply.buttons and (here.bot.starts, reply.ts) not in pressed]

    def died() -> bool:
        return here.bot.process is not None and here.bot.process.returncode is not None

    def answered() -> bool:
        return any("Finished." in reply.plain for reply in here.replies(ts))

    def finished() -> bool:
        owed = here.bot.rows(
            "SELECT 1 FROM posts WHERE state = 'owed' UNION SELECT 1 FROM turns WHERE ended_at IS NULL"
            " UNION SELECT 1 FROM approvals WHERE drawn <> decision UNION SELECT 1 FROM inbox WHERE seq IS NULL"
        )
        return answered() and not owed

    while True:
        await here.model.until(
            lambda: died() or (open_cards() and here.slack.hub.ready) or finished(), 40, f"anything: {here.bot.log}"
        )
        if died():
            await here.bot.start(CRASH_AT=next(following, ""))
            await here.ready()
        elif open_cards():
            card = open_cards()[0]
            pressed.add((here.bot.starts, card.ts))
            changed = (here.workspace / "a.txt").read_text() != "END"
            label = "Approve" if "Approve" in card.buttons else "It ran" if changed else "Run again"
            clicks.add(asyncio.create_task(here.slack.click(card, label, by=here.alice)))
        else:
            break
    for click in clicks:
        click.cancel()
    await asyncio.gather(*clicks, return_exceptions=True)


@pytest.mark.parametrize(("tool", "point"), POINTS)
async def test_nothing_is_lost_and_nothing_is_done_twice_when_killed(tmp_path: Path, tool: str, point: str) -> None:
    async with world(tmp_path, ready=False, start=False, **environment(tmp_path, tool)) as here:
        answers(here, tool)
        await here.bot.start(CRASH_AT=point)
        await here.ready()
        ts = await here.slack.say(here.general, here.alice, "<@BOT> do it")
        await drive(here, ts)
        if here.bot.starts == 1:  # it died at the very end, with nothing left for anybody to do
            await here.bot.ended()
            await here.bot.start(CRASH_AT="")
            await here.ready()
        await here.quiet()

        assert (here.workspace / "a.txt").read_text() == ("+END" if tool in ("risky", "mixed") else "END")
        replies = here.replies(ts)
        assert sum("Finished." in reply.plain for reply in replies) == 1
        assert [reply.buttons for reply in replies if reply.buttons] == []
        messages = here.model.requests[-1].messages
        ids = ["call_2", "call_1"] if tool == "mixed" else ["call_1"]
        assert [message["role"] for message in messages[:3]] == ["system", "user", "assistant"]
        assert [message.get("tool_call_id") for message in messages[3:]] == ids
        assert here.bot.rows("SELECT count(*) FROM calls WHERE state <> 'finished'") == [(0,)]


async def test_a_call_that_was_cut_off_before_and_after_it_ran_has_run_once(tmp_path: Path) -> None:
    async with world(tmp_path, ready=False, start=False, **environment(tmp_path, "risky")) as here:
        answers(here, "risky")
        await here.bot.start(CRASH_AT="before tool call edit_file#1")
        await here.ready()
        ts = await here.slack.say(here.general, here.alice, "<@BOT> do it")
        await drive(here, ts, "before tool call edit_file#1", "after tool call edit_file#1")
        assert here.bot.starts == 4
        assert (here.workspace / "a.txt").read_text() == "+END"
        decided = here.bot.rows("SELECT decision FROM approvals ORDER BY created_at")
        assert [row[0] for row in decided] == ["approved", "run_again", "run_again", "it_ran"]


@pytest.mark.parametrize("tool", ["safe", "risky", "slow"])
async def test_the_suite_kills_at_every_boundary_that_a_turn_passes(tmp_path: Path, tool: str) -> None:
    async with world(tmp_path, ready=False, start=False, **environment(tmp_path, tool)) as here:
        answers(here, tool)
        await here.bot.start(CRASH_AT="")
        await here.ready()
        ts = await here.slack.say(here.general, here.alice, "<@BOT> do it")
        await drive(here, ts)
        passed = {point for point in (tmp_path / "points").read_text().splitlines() if "expire" not in point}
        mentioned_twice = {f"{side} commit: admit#2" for side in ("before", "after")}
        known = set(SAFE if tool == "safe" else RISKY if tool == "risky" else SAFE + SLOW)
        also = {f"{side} commit: posted#3" for side in ("before", "after")} if tool == "slow" else set[str]()
        assert passed - mentioned_twice - also == known
