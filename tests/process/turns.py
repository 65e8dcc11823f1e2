"""Turns of one tool call each, and what people do with the card: for tests that need many of them."""

from __future__ import annotations

import itertools
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from slack_sandbox.model import Channel, Message, Person, View
from slack_sandbox.openrouter import ChatRequest, call, calls, text
from tests import standin
from tests.harness import World, steps

SHIFTING = Path(__file__).parents[1] / "unit" / "tools" / "servers" / "shifting.py"
OBEY: dict[str, Any] = {
    "name": "obey",
    "description": "Do as the arguments say.",
    "inputSchema": {
        "type": "object",
        "properties": {"words": {"type": "string"}, "end": {"type": "string"}, "path": {"type": "string"}},
    },
    "annotations": {"readOnlyHint": True, "destructiveHint": False},
}
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Turn:
    """One message to the bot, and with which words the model will end its answer."""

    here: World
    by: Person
    channel: Channel
    ts: str
    end: str

    async def asked(self) -> Message:
        """Wait for the card of the turn's call."""
        here = self.here
        await here.until(lambda: here.open_approvals(self.ts), what="an open request", poll=0.02)
        return await here.reply(self.ts, "Waiting for you", self.channel)

    async def ended(self) -> None:
        """Wait for the answer, and until Slack shows how everything stands."""
        await self.here.reply(self.ts, self.end, self.channel)
        await self.here.quiet()

    async def ran_unasked(self) -> str:
        """Wait for the end of a turn in which nobody had to be asked; out: the steps on its one message, and the
        records of calls that ran under a grant."""
        before = self.requests()
        await self.ended()
        assert self.requests() == before, "somebody was asked"
        [message] = [reply for reply in self.said() if self.end in reply.plain]
        records = [line for line in message.plain.split("\n") if " · allowed by " in line]
        return "\n".join([*steps(message), *records])

    async def denied(self) -> None:
        """Be asked, say no, wait for the end."""
        await self.here.slack.click(await self.asked(), "Deny", by=self.by)
        await self.ended()

    async def approved(self) -> None:
        """Be asked, say yes, wait for the end."""
        await self.here.slack.click(await self.asked(), "Approve", by=self.by)
        await self.ended()

    async def always(self, scope: str, where: str = "thread", by: Person | None = None) -> None:
        """Be asked, have somebody say yes for longer, wait for the end."""
        person = by or self.by
        window = await self.window("Always…", await self.asked(), person)
        [times] = [block["element"]["options"] for block in window.blocks if block.get("block_id") == "time"]
        time = next(each["value"] for each in times if each["value"].startswith(f"{where}:"))
        given = {"time": {"value": time}, "scope": {"value": scope}}
        assert await self.here.slack.submit(person, window, given) == {}
        await self.ended()

    async def window(self, button: str, card: Message, by: Person | None = None) -> View:
        """Press a button that opens a window."""
        person = by or self.by
        before = self.here.slack.modals(person)
        await self.here.slack.click(card, button, by=person)
        await self.here.until(lambda: self.here.slack.modals(person) != before, what="the window")
        return self.here.slack.modals(person)[-1]

    def said(self) -> list[Message]:
        """What the bot has said in the thread."""
        return self.here.replies(self.ts, self.channel)

    def requests(self) -> int:
        """How many requests to people there are in the thread, decided ones too."""
        query = "SELECT count(*) FROM questions a JOIN threads t ON t.id = a.thread_id WHERE t.thread_ts = ?"
        query += " AND a.kind <> 'granted'"
        return int(self.here.bot.rows(query, self.ts)[0][0])

    def result(self) -> str:
        """What the model was told of its call: the last tool message of the turn's last request."""
        asked: ChatRequest = self.here.model.requests[-1]
        return next(str(message["content"]) for message in reversed(asked.messages) if message["role"] == "tool")


async def begin(
    here: World,
    tool: str,
    arguments: Mapping[str, Any],
    *,
    by: Person | None = None,
    channel: Channel | None = None,
    thread_ts: str | None = None,
) -> Turn:
    """Somebody (Alice) writes to the bot, in a new thread or an old one, and the model makes this one call."""
    person, where = by or here.alice, channel or here.general
    end = f"This is the end of turn {next(_numbers)}."
    here.model.script(calls(call(tool, arguments)), text(end))
    ts = await here.slack.say(where, person, "<@BOT> do it", thread_ts=thread_ts)
    return Turn(here, person, where, thread_ts or ts, end)


def servers(home: Path, *definitions: Mapping[str, Any]) -> None:
    """Configure the filesystem server over the workspace, and a server that nobody trusts with these tools."""
    workspace = home / "workspace"
    command, arguments = standin.command(workspace)
    define(home, *definitions)
    shifting = [str(SHIFTING), str(home / "definitions.json"), str(home / "journal")]
    listed: dict[str, dict[str, Any]] = {
        "filesystem": {"command": command, "args": list(arguments), "cwd": str(workspace), "trusted": True},
        "shifting": {"command": sys.executable, "args": shifting, "trusted": False},
    }
    (home / "mcp.json").write_text(json.dumps({"mcpServers": listed}))


def define(home: Path, *definitions: Mapping[str, Any]) -> None:
    """What the untrusted server offers from its start, or SIGUSR1, on."""
    (home / "definitions.json").write_text(json.dumps(definitions))


def ran(home: Path) -> list[dict[str, Any]]:
    """The arguments of every call that reached the untrusted server."""
    journal = home / "journal"
    return [json.loads(line) for line in journal.read_text().splitlines()] if journal.exists() else []


async def whispered(here: World, person: Person, words: str) -> Message:
    """Wait for a message with these words that only this person sees."""

    def found() -> list[Message]:
        return [message for message in here.slack.ephemerals(person) if words in message.plain]

    return (await here.until(found, what=f"an ephemeral with {words!r} for {person.name}"))[0]
