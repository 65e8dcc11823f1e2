"""Measures a start after an hour without a connection, with thousands of threads that wait for people, in some of which
somebody has written meanwhile. `bench/waiting.py --gap` runs it.

    socket          from the start of the process until its socket is open
    mention         from a new mention, as soon as the socket is open, until its answer
    first, last     from the open socket until the first and the last of the threads is answered
    CPU, memory     of the bot's process alone
    calls           of Slack's methods until then, and the most of one method within a minute
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections import Counter
from collections.abc import Callable
from contextlib import AsyncExitStack, closing
from dataclasses import dataclass
from pathlib import Path

from common import started
from multiply import multiply
from side import BenchError, cpu_of

from slack_sandbox.journal import ApiCall
from slack_sandbox.methods import METHODS
from slack_sandbox.model import Channel, Message, Person
from slack_sandbox.openrouter import Answer, ChatRequest
from slack_sandbox.slack import SlackSandbox

OFFLINE_SECONDS = 3600.0
AGE_SECONDS = 6 * 3600.0
"""How long ago the threads began."""
MAX_WRITTEN = 50
"""Threads in which somebody has written meanwhile."""
ANSWER_SECONDS = 600.0
READING = ("conversations.history", "conversations.replies", "users.conversations")


@dataclass(frozen=True, slots=True)
class GapFigures:
    """The figures of one start."""

    open: int
    socket_s: float
    mention_s: float
    first_s: float
    last_s: float
    cpu_s: float
    memory_mb: float
    calls: dict[str, int]
    most_a_minute: dict[str, int]


async def measure_gap(
    several: int, decide: Callable[[ChatRequest], Answer], memory_of: Callable[[int], float]
) -> GapFigures:
    """Create `several` threads that wait, write in some of them while the bot does not run, and start it.

    Raises BenchError.
    """
    async with AsyncExitStack() as stack:
        side, home = await started(stack, decide)
        slack, model, workspace = side.slack, side.model, home / "workspace"
        person, channel = side.person, side.channel
        first = await slack.say(channel, person, f"<@BOT> write {workspace}/new-0.txt")
        await slack.until(lambda: _has(slack, channel, first, "Deny"), ANSWER_SECONDS, "a card")
        await asyncio.sleep(1)
        await side.stop()
        roots = _threads(slack, channel, person, several)
        _copy(home / "bot.db", first, roots)
        written = roots[:: max(1, several // MAX_WRITTEN)][:MAX_WRITTEN]
        for root in written:
            await slack.say(channel, person, "and what about the tests?", thread_ts=root)
        slack.calls.clear()

        began = time.monotonic()
        await side.start(workspace)
        opened, pid = time.monotonic(), side.pid
        mention = await slack.say(channel, person, f"<@BOT> write {workspace}/new-1.txt")
        answered: dict[str, float] = {}

        def look() -> bool:
            for root in (mention, *written):
                words = "Deny" if root == mention else "Deny and do this instead"
                if root not in answered and _has(slack, channel, root, words):
                    answered[root] = time.monotonic()
            return len(answered) == len(written) + 1

        await slack.until(look, ANSWER_SECONDS, "the answers", poll=0.05)
        # The reaction that says that a message was seen may be left from an earlier process.
        if refused := [each for each in slack.rejected if each.error != "no_reaction"]:
            raise BenchError(f"refused: {refused} {model.violations}")
        calls = list(slack.calls)
        most = {method: _most_a_minute(calls, method) for method in READING}
        if over := {method: number for method, number in most.items() if number > (METHODS[method].tier or 0)}:
            raise BenchError(f"more requests a minute than Slack allows: {over}")
        times = sorted(answered[root] for root in written)
        return GapFigures(
            open=several,
            socket_s=opened - began,
            mention_s=answered[mention] - opened,
            first_s=times[0] - opened,
            last_s=times[-1] - opened,
            cpu_s=cpu_of(pid),
            memory_mb=memory_of(pid),
            calls=dict(sorted(Counter(each.method for each in calls).items())),
            most_a_minute=most,
        )


def _has(slack: SlackSandbox, channel: Channel, root: str, button: str) -> bool:
    return any(button in message.buttons for message in slack.thread(channel, root)[1:])


def _threads(slack: SlackSandbox, channel: Channel, person: Person, several: int) -> list[str]:
    """Begin threads in the past, each with a reply of the bot. Return the timestamps of their first messages."""
    began = time.time() - AGE_SECONDS
    bot = slack.workspace.bot.id
    roots: list[str] = []
    for number in range(several):
        ts = f"{began + number:.6f}"
        root = Message(channel.id, ts, person.id, f"<@{bot}> write", slack.team_id)
        reply = Message(
            channel.id, f"{began + number + 0.5:.6f}", bot, "Waiting", slack.team_id, thread_ts=ts, bot_id=slack.bot_id
        )
        root.replies.append(reply)
        channel.messages[ts] = root
        channel.messages[reply.ts] = reply
        channel.top_level.append(root)
        roots.append(ts)
    channel.top_level.sort(key=lambda message: message.ts)
    return roots


def _copy(database: Path, thread: str, roots: list[str]) -> None:
    """Copy a thread of the database once for each of these messages, as read up to the outage that begins now."""
    multiply(database, len(roots), f"thread_ts = '{thread}'")
    with closing(sqlite3.connect(database)) as connection:
        copies = [id_ for (id_,) in connection.execute("SELECT id FROM threads WHERE thread_ts <> ?", (thread,))]
        for id_, root in zip(copies, roots, strict=True):
            connection.execute(
                "UPDATE threads SET thread_ts = ?, heard = (SELECT coalesce(max(id), 0) FROM outages) WHERE id = ?",
                (root, id_),
            )
            connection.execute("UPDATE inbox SET ts = ? WHERE thread_id = ?", (root, id_))
        connection.execute("UPDATE presence SET heard = ?", (time.time() - OFFLINE_SECONDS,))
        connection.commit()


def _most_a_minute(calls: list[ApiCall], method: str) -> int:
    """Return the most calls of a method within a minute."""
    at = sorted(each.at for each in calls if each.method == method)
    return max((sum(begin <= each < begin + 60 for each in at) for begin in at), default=0)


def report(found: GapFigures) -> str:
    """Format the figures."""
    lines = [
        f"{found.open:,} threads wait, {min(found.open, MAX_WRITTEN)} have new replies",
        f"socket open after {found.socket_s:.2f} s, a mention answered after {found.mention_s:.2f} s",
        f"first reply answered after {found.first_s:.2f} s, last after {found.last_s:.1f} s",
        f"CPU {found.cpu_s:.1f} s, memory {found.memory_mb:.0f} MB",
        "calls: " + ", ".join(f"{method} {number}" for method, number in found.calls.items()),
        "most a minute: " + ", ".join(f"{method} {number}" for method, number in found.most_a_minute.items()),
    ]
    return "\n".join(lines)
