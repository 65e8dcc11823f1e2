"""The process is killed at every durable boundary of a turn, with a safe and with a risky tool and on every way that
people may take with a request, and started again. Whatever the moment: the question is answered once, each request is
settled once, the tool's effect happens at most once (once when approved), and every call id has its result.
"""

from __future__ import annotations

import json
import signal
import sqlite3
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, closing
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from bot.core.limits import TRIES
from bot.store.sqlite import audit
from tests.crash.census import boundaries
from tests.crash.plays import PLAYS, answered_calls, configure, perform
from tests.crash.points import ELSEWHERE, STREAMED, around, commits, names
from tests.crash.pressing import buttons
from tests.harness import ROOT, World, world

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(60)]


SAFE = [
    *commits("admit", "read the inbox", "take the calls", "answer the calls", "answer", "posted"),
    *around("model request#1", "model request#2", "tool call read_text_file", "post turn"),
]
RISKY = [
    *(point for point in SAFE if "read_text_file" not in point),
    *commits("posted#2", "decide approved", "start a call", "shown", "finish a call"),
    *around("tool call edit_file", "post turn#2", "update turn"),
]
KINDS = {
    "safe": SAFE,
    "risky": RISKY,
    # What a turn passes besides when it takes longer than a moment,
    "slow": [*commits("owe", "shown"), *around("post turn", "update turn")],
    # when one call of a step runs while a person decides about another,
    "mixed": [*commits("finish a call", "show what was done"), *around("tool call edit_file")],
    # when a person changes the arguments, the file changes under the card, what was done is taken back,
    "edited": [*commits("decide edited", "ask", "start a call"), *around("post turn#2")],
    "drifted": [*commits("start a call", "drift"), *around("post turn#2")],
    "undone": [*commits("decide undo", "begin_undo"), *around("undo"), *commits("end_undo")],
    # when the turn is stopped, the call denied, or approved by two,
    "stopped": [*commits("decide stopped", "answer the calls", "stop the turn"), *around("post turn")],
    "instead": [
        *commits("show what was done", "amend", "decide instead", "answer the calls", "post_closed"),
        *around("post follow_up", "remove follow_up"),
    ],
    "denied": commits("decide denied", "answer the calls"),
    # when the question is deleted,
    "retracted": [*commits("amend", "answer the calls", "stop the turn"), *around("post turn")],
    "voted": commits("decide approved", "shown", "decide approved#2"),
    # when the model says nothing, or fails for good, when a limit is reached, when Slack does not take the card,
    "silent": [*commits("ask again", "give up"), *around("post turn")],
    "failing": [*commits("give up"), *around("post turn")],
    "closing": commits("close the turn"),
    "withdrawn": commits("withdraw", "post_closed"),
    # and when a standing grant lets the second call run.
    "granted": [
        *commits("decide always", "start a call", "take the calls#2", "start a call#2", "finish a call#2"),
        *commits("answer the calls#2"),
        *around("tool call edit_file#2"),
    ],
}


DEATHS = 4
"""How often a process is killed in a play, each time at another point. After three deaths in one request to the model
people are asked whether to go on."""
SHORT = ("instead",)
"""Plays in which it is killed before a boundary and after it: what follows depends on what people see meanwhile."""
LIVES = ""
"""Of a process that is not killed at a point: the operator ends it."""
AGAIN = ("before model request#1", *commits("try again"))
IN_ONE_PLAY = [
    # The model has answered, and we cannot write it down; people are told, and one of them has it tried again.
    ("parked", commits("failed")),
    ("parked", ["before commit: failed#3", *commits("park")]),
    ("parked", around("post parked")),
    ("parked", commits("decide retried")),
    # The operator stops the bot in the middle of a request to the model, or a request is open for long.
    ("deployed", [*commits("uncount"), LIVES, LIVES]),
    ("reminded", [LIVES, *commits("remind")]),
    ("reminded", [LIVES, *commits("follow_sessions")]),
    ("reminded", [LIVES, *around("post notice")]),
    ("expired", [LIVES, *commits("expire")]),
    # Somebody wrote while the bot was away.
    ("missed", [LIVES, *commits("begin_outage", "heard")]),
    ("missed", [LIVES, *commits("list_conversations", "caught_up")]),
    ("missed", [LIVES, *around("read what was missed")]),
    ("missed", [LIVES, *commits("offer")]),
    ("missed", [LIVES, *around("post card")]),
    ("missed", [LIVES, *commits("decide answer")]),
    # The conversation outgrows the model's context.
    ("long", around("summary request")),
    ("long", commits("compact")),
    # A grant is taken back, an answer does not fit into messages.
    ("revoked", commits("end_grant")),
    ("stopped at home", commits("stop")),
    # Somebody deletes a card; an approver is not in the channel.
    ("unseen", commits("deleted")),
    ("directly", commits("checked")),
    ("directly", around("post copy")),
    ("directly", around("update copy")),
    ("lengthy", around("post file")),
    ("without files", around("post answer")),
]
"""Where a process is killed and the next one after it: of boundaries that only such plays come by."""


LATE = names([*commits("owe", "shown"), *around("update turn"), *STREAMED])
"""What is passed besides where a turn takes longer than a moment, on a busy machine too."""


def by_itself(point: str) -> bool:
    """Return whether a play does not reach this point again once it was killed there, or only on a busy machine."""
    return any(each in point for each in ("tool call", "finish a call", "drift")) or not {
        point.partition("#")[0]
    }.isdisjoint(LATE)


def chained(points: Sequence[tuple[str, str]]) -> list[tuple[str, list[str]]]:
    """Join points of the same play, in the order in which it reaches them, into plays with several deaths."""
    found: list[tuple[str, list[str]]] = []
    for kind, point in points:
        if by_itself(point):
            continue
        if found and found[-1][0] == kind and len(found[-1][1]) < (2 if kind in SHORT else DEATHS):
            found[-1][1].append(point)
        else:
            found.append((kind, [point]))
    return found


def first_of_each() -> list[tuple[str, str]]:
    """Each boundary once, with the play that comes by it first: the risky one comes by most."""
    points: dict[str, tuple[str, str]] = {}
    for kind in sorted(KINDS, key=lambda kind: kind != "risky"):
        for point in KINDS[kind]:
            points.setdefault(point.partition("#")[0], (kind, point))
    return list(points.values())


POINTS = first_of_each()
"""Where a process is killed. The product of plays and boundaries is gone through in process: test_in_process.py."""
IN_ONE_PLAY.extend(chained(POINTS))


@asynccontextmanager
async def stage(home: Path, kind: str, crash_at: str, *, real_files: bool = False) -> AsyncGenerator[World]:
    """A bot that dies at a point, and all that the play needs. In: whether the filesystem server is the real one."""
    environment = {"CRASH_LOG": str(home / "points"), "PYTHONPATH": f"{ROOT / 'tests' / 'crash'}:{ROOT}"}
    async with world(home, ready=False, start=False, real_files=real_files, **environment) as here:
        configure(here, kind)
        await here.bot.start(CRASH_AT=crash_at)
        await here.ready()
        PLAYS[kind].begins(here)
        yield here


@pytest.mark.parametrize(("kind", "point"), [each for each in POINTS if by_itself(each[1])])
async def test_nothing_is_lost_and_nothing_is_done_twice_when_killed(tmp_path: Path, kind: str, point: str) -> None:
    async with stage(tmp_path, kind, point) as here:
        ts = await here.slack.say(here.general, here.alice, "<@BOT> do it")
        await perform(here, kind, ts)
        if here.bot.starts == 1:
            await revive(here)
        await here.quiet()
        check(here, kind, ts)


async def revive(here: World) -> None:
    """Start the bot that has died at the very end, with nothing left for anybody to do."""
    assert await here.bot.ended() == -signal.SIGKILL
    await here.bot.start(CRASH_AT="")
    await here.ready()


@pytest.mark.parametrize(("kind", "points"), IN_ONE_PLAY, ids=[f"{kind}-{max(points)}" for kind, points in IN_ONE_PLAY])
async def test_nothing_is_lost_and_nothing_is_done_twice_when_killed_before_a_boundary_and_after_it(
    tmp_path: Path, kind: str, points: list[str]
) -> None:
    async with stage(tmp_path, kind, points[0]) as here:
        ts = await here.slack.say(here.general, here.alice, "<@BOT> do it")
        await perform(here, kind, ts, *points[1:])
        if here.bot.starts == len(points):
            await revive(here)
        assert here.bot.starts == 1 + len(points), "it died at each of them"
        await here.quiet()
        check(here, kind, ts)


def test_every_boundary_of_the_source_is_killed_at_on_both_sides() -> None:
    once = {point for _, point in POINTS}
    in_plays = [point for _, points in IN_ONE_PLAY for point in points]
    killed = names([*once, *AGAIN, *in_plays, *ELSEWHERE])
    found = boundaries()
    assert len(found) > 40
    missing = [
        f"{side} {boundary}"
        for boundary in sorted(found)
        for side in ("before", "after")
        if not any(fnmatchcase(point, f"{side} {boundary}") for point in killed)
    ]
    assert missing == []


def check(here: World, kind: str, ts: str) -> None:
    """What must be so at the end of every play, whenever the process died."""
    play = PLAYS[kind]
    assert (here.workspace / "a.txt").read_text() == play.left
    replies = here.replies(ts)
    for words in (play.ends, *play.once):
        assert sum(words in reply.plain for reply in replies) == 1
    assert sum(bool(reply.files) for reply in replies) == (kind == "lengthy")
    assert {label for reply in replies for label in buttons(reply)} == set(), "every card is a record"

    messages = [json.loads(body) for (body,) in here.bot.rows("SELECT body FROM messages ORDER BY seq")]
    assert [message["role"] for message in messages[:3]] == ["system", "user", "assistant"]
    assert answered_calls(messages)
    made = sum(len(message.get("tool_calls") or ()) for message in messages)
    assert made == sum(len(step.split("+")) for step in play.tools)
    assert here.bot.rows("SELECT count(*) FROM calls WHERE state <> 'finished'") == [(0,)]

    asked = here.bot.rows(
        "SELECT kind, decision FROM questions WHERE kind NOT IN ('retry', 'retry_turn', 'missed', 'follow_up',"
        " 'granted')"
        " ORDER BY created_at, place"
    )
    if all(kind == "may_it_run" for kind, _ in asked):
        assert tuple(decision for _, decision in asked) == play.decisions
    assert "awaiting" not in {decision for _, decision in asked}
    settled = "SELECT count(*) FROM audit WHERE kind IN ('decided', 'edited', 'expired') GROUP BY approval"
    assert here.bot.rows(settled) == [(1,)] * len(asked), "each request was settled once"
    ran_under_a_grant = "SELECT id FROM calls WHERE why LIKE 'grant %' AND outcome = 'ok' AND attempts = 1"
    recorded = here.bot.rows("SELECT call FROM questions WHERE kind = 'granted' ORDER BY call")
    assert here.bot.rows(f"{ran_under_a_grant} ORDER BY id") == recorded, "each has one record"
    undone = here.bot.rows("SELECT kind FROM audit WHERE kind LIKE 'undo%' ORDER BY seq")
    assert undone == ([("undo",), ("undone",)] if kind == "undone" else [])
    assert here.bot.rows("SELECT count(*) FROM audit WHERE kind = 'revoked'") == [(int(kind == "revoked"),)]
    retries = here.bot.rows("SELECT decision, decided_by FROM questions WHERE kind = 'retry'")
    assert retries == ([("retried", here.alice.id)] if kind == "parked" else [])
    if kind == "parked":
        assert len(here.model.requests) <= TRIES + 1, "a person has had it tried again once"
    if kind == "long":
        assert len(here.model.prefix_breaks) == 1, "the same bytes are sent again after a death"
        here.model.prefix_breaks.clear()
        assert here.bot.rows("SELECT count(*), min(upto) FROM compactions") == [(1, 3)]
    with closing(sqlite3.connect(f"file:{here.bot.database}?mode=ro", uri=True)) as connection:
        assert audit.verify(connection).findings == []


async def test_a_call_that_was_cut_off_before_and_after_it_ran_has_run_once(tmp_path: Path) -> None:
    async with stage(tmp_path, "risky", "before tool call edit_file#1", real_files=True) as here:
        ts = await here.slack.say(here.general, here.alice, "<@BOT> do it")
        await perform(here, "risky", ts, "before tool call edit_file#1", "after tool call edit_file#1")
        assert here.bot.starts == 4
        check(here, "risky", ts)
        decided = here.bot.rows("SELECT decision FROM questions ORDER BY created_at")
        assert [row[0] for row in decided] == ["approved", "run_again", "run_again", "it_ran"]


async def test_a_request_to_the_model_that_a_death_has_cut_off_is_counted_before_it_is_made_again(
    tmp_path: Path,
) -> None:
    async with stage(tmp_path, "safe", AGAIN[0]) as here:
        ts = await here.slack.say(here.general, here.alice, "<@BOT> do it")
        await perform(here, "safe", ts, *AGAIN[1:])
        assert here.bot.starts == 4
        assert len(here.model.requests) <= 3
        check(here, "safe", ts)


@pytest.mark.parametrize("kind", KINDS)
async def test_the_suite_kills_at_every_boundary_that_a_turn_passes(tmp_path: Path, kind: str) -> None:
    async with stage(tmp_path, kind, "") as here:
        ts = await here.slack.say(here.general, here.alice, "<@BOT> do it")
        await perform(here, kind, ts)
        await here.quiet()
        check(here, kind, ts)
        # The sweep, the connection and the sessions, which come by in every play, have plays of their own; a tool that
        # only reads the safe one.
        others = ("expire", "list_directory", "begin_outage", "heard", "session", "_request", "cut_off", "see_tools")
        points = (tmp_path / "points").read_text().splitlines()
        passed = {point for point in points if not any(other in point for other in others)}
        assert set(KINDS[kind]) <= passed, "a point that is not there kills nothing"
        covered = SAFE if kind in ("safe", "slow", "silent", "failing", "closing") else RISKY
        if kind in ("safe", "slow", "risky"):
            # A mention is admitted twice; how often a message is drawn depends on how quickly it is.
            timing = {*commits("admit#2", "shown#2"), *around("update turn#2")}
            timing |= {point for point in passed if names([point]) <= LATE}
            assert passed - timing == {*covered, *KINDS[kind]} - timing
        assert names(passed) <= names(covered) | names(KINDS[kind]) | LATE
