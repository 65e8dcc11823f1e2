"""Plays in which more happens than that people press buttons of a card: the operator stops the bot, time passes, the
bot has an error of its own, somebody goes to the Home."""

from __future__ import annotations

import asyncio
import signal
import sqlite3
import time
from collections.abc import Awaitable, Callable

from slack_sandbox.model import Message, Person
from slack_sandbox.openrouter import Answer, ChatRequest
from tests.crash.pressing import STOPPED, Play, approve, asks, buttons, send
from tests.harness import World

CALLED_OFF = 4
"""So many requests to the model are under way when the operator deploys: more than a thread may fail in a row."""
LENGTHY = "A line of an answer that is too long for messages.\n\n" * 2_000
ANSWERED = "SELECT 1 FROM questions WHERE kind = 'missed' AND decision = 'answer'"
OVER = "SELECT 1 FROM questions WHERE expires_at <= ?"


async def approve_when_reminded(here: World, card: Message) -> None:
    """Let the request be, and have the operator make requests last longer, so that the end of this one is near by the
    next start; approve it once somebody is reminded."""
    if here.bot.starts == 1:
        (here.bot.home / "bot.toml").write_text("[limits]\nprogress_after_seconds = 60\napproval_hours = 24\n")
        end(here, signal.SIGKILL)
        return
    await here.until(lambda: any("still waits" in reply.plain for reply in here.replies(card.thread_ts or "")))
    await approve(here, card)


async def let_expire(here: World, card: Message) -> None:
    """Let the request be until its time is over, which the bot finds out at its next start."""
    if here.bot.starts == 1:
        await here.until(lambda: here.bot.rows(OVER, time.time()), poll=0.02, what="the end of its time")
        end(here, signal.SIGKILL)


async def have_it_try_again(here: World, card: Message) -> None:
    """Take away what made the bot fail, and press Retry."""
    with sqlite3.connect(here.bot.database, timeout=10) as connection:
        connection.execute("DROP TRIGGER IF EXISTS no_answer")
    connection.close()
    await here.slack.click(card, "Retry", by=here.alice)


def refuse_answers(here: World) -> None:
    """Have the database take no answer of the model: what any error of ours comes to."""
    with sqlite3.connect(here.bot.database, timeout=10) as connection:
        connection.execute(
            "CREATE TRIGGER no_answer BEFORE INSERT ON messages WHEN NEW.role = 'assistant'"
            " BEGIN SELECT RAISE(ABORT, 'broken by the test'); END"
        )
    connection.close()
    here.errors_expected = True


async def grant_and_revoke(here: World, card: Message) -> None:
    """Let such calls run from now on, and after the end think better of it."""
    if "Always…" in card.buttons:
        await send(here, card, "Always…")
    elif buttons(card):  # the call was cut off
        await approve(here, card)
    else:
        await here.slack.open_home(here.alice)
        await here.until(lambda: here.slack.home(here.alice), what="the Home")
        if (home := here.slack.home(here.alice)) is not None:
            await here.slack.click(home, "Revoke", by=here.alice)


async def stop_in_the_home(here: World, card: Message) -> None:
    """Stop the turn that waits, in the app's Home."""
    await here.slack.open_home(here.alice)
    await here.until(lambda: "Stop" in str(getattr(here.slack.home(here.alice), "blocks", "")), what="the Home")
    if (home := here.slack.home(here.alice)) is not None:
        await here.slack.click(home, "Stop", by=here.alice)


async def delete_and_approve(here: World, card: Message) -> None:
    """Delete the card, and approve the one that takes its place."""
    if asks(card) and not here.bot.rows("SELECT 1 FROM posts WHERE deleted > 0"):
        card.metadata = None  # its key is on the other one too
        await here.slack.delete(here.general, card.ts, here.slack.add_person("Adam", admin=True))
        return
    await approve(here, card)


async def approve_directly(here: World, card: Message) -> None:
    """Have the bot look again who is there, and approve the copy in the direct message."""
    if not asks(card):
        await here.slack.click(
            card, "It ran" if "+END" in (here.workspace / "a.txt").read_text() else "Run again", by=carol(here)
        )
        return
    with sqlite3.connect(here.bot.database, timeout=10) as connection:
        connection.execute("UPDATE questions SET checked_at = 0")
    connection.close()
    checked = "SELECT 1 FROM questions WHERE checked_at > 0"
    await here.until(lambda: here.bot.rows(checked), poll=0.02, what="a look")
    dm = here.slack.open_dm(carol(here))
    recorded = "SELECT 1 FROM posts WHERE person <> '' AND state = 'posted'"
    await here.until(lambda: here.bot.rows(recorded), poll=0.02, what="a copy")
    [copy] = [message for message in dm.messages.values() if asks(message)]
    await here.slack.click(copy, "approval.approved", by=carol(here))


def carol(here: World) -> Person:
    """Who may approve, and is not in the channel."""
    return next(each for each in here.slack.workspace.people.values() if each.name == "Carol Chief")


def deployed_meanwhile(
    here: World, answer: Callable[[ChatRequest], Answer]
) -> Callable[[ChatRequest], Awaitable[Answer]]:
    """A model that takes so long with its first answers that the operator deploys meanwhile."""

    async def respond(request: ChatRequest) -> Answer:
        if len(here.model.requests) <= CALLED_OFF:
            end(here, signal.SIGTERM)
            await asyncio.get_running_loop().create_future()
        return answer(request)

    return respond


async def be_away_and_answer_then(here: World, card: Message) -> None:
    """Write in the thread while the bot is away, have it answered afterwards, and approve only then."""
    if "Answer" in card.buttons:
        await here.slack.click(card, "Answer", by=here.alice)
    elif here.bot.starts == 1:
        async with here.slack.offline(abort=True):
            await here.slack.say(here.general, here.alice, "and be quick", thread_ts=card.thread_ts)
            end(here, signal.SIGKILL)
    else:
        await here.until(lambda: here.bot.rows(ANSWERED), poll=0.02, what="an answer to the offer")
        await approve(here, card)


def end(here: World, number: signal.Signals) -> None:
    """The operator ends the bot."""
    assert here.bot.process is not None
    here.bot.process.send_signal(number)


PLAYS = {
    "reminded": Play(approve_when_reminded, once=("still waits",), limits="approval_hours = 1\n"),
    "expired": Play(let_expire, left="END", decisions=("expired",), limits="approval_hours = 0.0001\n"),
    "parked": Play(
        have_it_try_again,
        left="END",
        tools=(),
        decisions=(),
        once=("I tried three times", "Something went wrong on my side"),
        limits="sweep_seconds = 0.05\n",
        begins=refuse_answers,
    ),
    "missed": Play(
        be_away_and_answer_then,
        once=("You wrote while I was offline",),
        limits="[agent]\nanswer_missed_minutes = 0\n",
    ),
    "revoked": Play(grant_and_revoke, afterwards="SELECT 1 FROM grants WHERE ended = 'revoked'"),
    "stopped at home": Play(stop_in_the_home, left="END", ends=STOPPED, decisions=("stopped",)),
    "unseen": Play(delete_and_approve),
    "directly": Play(approve_directly, limits="sweep_seconds = 0.05\n"),
    "long": Play(
        approve,
        left="END",
        tools=("list", "read"),
        decisions=(),
        once=("summarised its older part",),
        limits="[models]\ncontext = 1000\n[tools]\nsearch = false\n",
    ),
    "deployed": Play(approve, left="END", tools=("read",), decisions=(), limits="drain_seconds = 0.3\n"),
    **dict.fromkeys(
        ("lengthy", "without files"),
        Play(approve, left="END", tools=("read",), ends="The whole answer is in the file", decisions=()),
    ),
}
