"""The real bot as a process, between the local Slack and a model that says what a script has for it, and a camera."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import sqlite3
import sys
import tempfile
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from account import account
from draw import SEEN_AT, Entry, Json

from bot.tools.filesystem import default_server
from slack_sandbox.model import Channel, Message, Person, View
from slack_sandbox.openrouter import Call, ChatRequest, Completion, ModelSandbox, calls, text
from slack_sandbox.slack import SlackSandbox

T = TypeVar("T")

ROOT = Path(__file__).parents[2]
OFFICE, ROOMS = (Path(__file__).with_name(name) for name in ("office.py", "rooms.py"))
SHOWN = "/srv"
"""What the pictures show instead of the folder that the bot has just been started in."""
STEP = 300
"""Seconds to which times are rounded, so that the pictures do not depend on how fast they were taken."""
PATIENCE = 60.0

_DATE = re.compile(r'(<!date\^|"timestamp": ?)(\d+)')
_SIGN_IN = re.compile(r"(https?://)?127\.0\.0\.1:\d+")
_DURATION = re.compile(r"\b\d+(\.\d)? m?s\b")


@dataclass
class Stage:
    """Everything that a scene needs."""

    slack: SlackSandbox
    model: ModelSandbox
    home: Path
    alice: Person
    bob: Person
    channel: Channel
    plan: list[Call] = field(default_factory=list[Call])
    """What the model calls when it is next spoken to."""
    pictures: list[Entry] = field(default_factory=list[Entry])
    process: asyncio.subprocess.Process | None = None

    @property
    def workspace(self) -> Path:
        """The folder that the filesystem tools may use."""
        return self.home / "workspace"

    @property
    def busy(self) -> Path:
        """While there is such a file, no mail gets there, and no search ends."""
        return self.home / "busy"

    @property
    def away(self) -> Path:
        """While there is such a file, the server for rooms does not start."""
        return self.home / "away"

    def file(self, name: str, content: str | None = None) -> str:
        """The path of a file in the workspace; with a content it is written first."""
        path = self.workspace / name
        if content is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, "utf-8")
        return str(path)

    async def start(self, configuration: str = "") -> None:
        """Start the bot with this bot.toml, over the same database."""
        (self.home / "bot.toml").write_text(configuration, "utf-8")
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "PYTHONPATH": str(ROOT),
            "SLACK_BOT_TOKEN": self.slack.bot_token,
            "SLACK_APP_TOKEN": self.slack.app_token,
            "SLACK_API_URL": self.slack.api_url,
            "OPENROUTER_API_KEY": self.model.api_key,
            "OPENROUTER_BASE_URL": self.model.base_url,
            "OPENROUTER_MODEL": "sandbox/model",
            "DATABASE_URL": f"sqlite:///{self.home}/bot.db",
            "BOT_SECRET_KEY": "nothing that is kept here is a secret",
        }
        with (self.home / "bot.log").open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "bot", cwd=self.home, env=environment, stdout=log, stderr=log
            )
        await self.until(lambda: self.slack.hub.ready, "an open socket")

    async def end(self, number: signal.Signals = signal.SIGTERM) -> None:
        """End the bot, if it runs."""
        if self.process is not None and self.process.returncode is None:
            self.process.send_signal(number)
            await self.process.wait()

    async def until(self, condition: Callable[[], T], what: str) -> T:
        """Wait for a condition; when it does not come, say what the bot has logged."""
        try:
            return await self.slack.until(condition, PATIENCE, what, poll=0.05)
        except AssertionError as error:
            log = (self.home / "bot.log").read_text("utf-8", "replace")
            raise RuntimeError(f"{error}\n{log[-4000:]}") from None

    async def says(self, words: str, *made: Call, thread: str | None = None) -> str:
        """Alice writes, and the model makes these calls. Out: the thread."""
        self.plan = list(made)
        ts = await self.slack.say(self.channel, self.alice, f"<@BOT> {words}", thread_ts=thread)
        return thread or ts

    def answer(self, request: ChatRequest) -> Completion:
        """What the model answers: calls to a person, some words to the results of its calls."""
        made, self.plan = (self.plan, []) if request.messages[-1]["role"] == "user" else ([], self.plan)
        return calls(*made) if made else text("Done.")

    async def asked(self, words: str, *made: Call) -> Message:
        """Alice writes, and the model makes these calls. Out: the card."""
        return await self.message(await self.says(words, *made), lambda message: bool(message.buttons))

    async def message(self, ts: str, fits: Callable[[Message], bool]) -> Message:
        """The bot's first message in a thread that fits, as soon as there is one."""

        def found() -> list[Message]:
            return [each for each in self.slack.thread(self.channel, ts) if each.bot_id and fits(each)]

        return (await self.until(found, "a message"))[0]

    async def next_card(self, card: Message) -> Message:
        """The card that takes the place of another."""
        return await self.message(
            str(card.thread_ts), lambda message: message.ts > card.ts and "Deny" in message.buttons
        )

    async def reads(self, shown: Message | View, words: str) -> None:
        """Wait until this can be read there."""
        await self.until(lambda: words in shown.plain, repr(words))

    async def window(self, card: Message, button: str, option: str | None = None) -> View:
        """The window that opens when Alice presses a button, or picks something from the menu."""
        before = self.slack.modals(self.alice)
        await self.slack.click(card, button, by=self.alice, option=option)
        await self.until(lambda: self.slack.modals(self.alice) not in ([], before), f"the window of {button}")
        return self.slack.modals(self.alice)[-1]

    def ends_in(self, *seconds: float) -> None:
        """Let time pass while the bot does not run: the newest open request ends in so many seconds, the one before it
        in as many as come next."""
        connection = sqlite3.connect(self.home / "bot.db")
        with connection:
            newest = connection.execute("SELECT id FROM questions WHERE decision = 'awaiting' ORDER BY created_at DESC")
            for left, (approval,) in zip(seconds, newest.fetchall(), strict=False):
                query = "UPDATE questions SET expires_at = ? WHERE id = ?"
                connection.execute(query, (time.time() + left, approval))
        connection.close()

    def take(self, name: str, title: str, shown: Message | View) -> None:
        """Take a picture of a message, a window or a Home as it is now. Raises RuntimeError when Slack would have
        refused something on the way there."""
        if self.slack.rejected or self.model.violations:
            raise RuntimeError(f"{name}: {self.slack.rejected} {self.model.violations}")
        if isinstance(shown, Message):
            found: list[Json] = [{"text": shown.text, "blocks": shown.blocks}, {}]
        else:
            found = [{**shown.data, "blocks": _filled_in(shown)}, shown.errors]
        content, errors = json.loads(self._steady(json.dumps(found, ensure_ascii=False)))
        self.pictures.append(Entry(name, title, content, self.alice.id, self.channel.id, self._names(), errors))

    def _names(self) -> dict[str, str]:
        workspace = self.slack.workspace
        names = {person.id: person.name for person in workspace.people.values()}
        names |= {channel.id: channel.name for channel in workspace.channels.values()}
        return names | {group["id"]: group["handle"] for group in workspace.usergroups.values()}

    def _steady(self, drawn: str) -> str:
        """The same text whenever and wherever it was taken."""
        now = time.time()

        def moved(found: re.Match[str]) -> str:
            return f"{found[1]}{SEEN_AT + round((int(found[2]) - now) / STEP) * STEP}"

        drawn = _SIGN_IN.sub(r"\1login.example.com", drawn.replace(str(self.home), SHOWN))
        return _DURATION.sub("8 ms", _DATE.sub(moved, drawn))


def _filled_in(view: View) -> list[Json]:
    """The blocks of a window with what a person has typed into it."""
    blocks: list[Json] = json.loads(json.dumps(view.blocks))
    state: Mapping[str, Mapping[str, Json]] = (view.data.get("state") or {}).get("values") or {}
    for block in blocks:
        for typed in state.get(str(block.get("block_id")), {}).values() if block["type"] == "input" else ():
            for key, initial in (("value", "initial_value"), ("selected_option", "initial_option")):
                if typed.get(key):
                    block["element"][initial] = typed[key]
    return blocks


def _temporary() -> str:
    """The machine's folder for such things, links followed: the bot says where files really are."""
    return os.path.realpath(tempfile.gettempdir())


@asynccontextmanager
async def stage() -> AsyncGenerator[Stage]:
    """An empty workspace in Slack and on the disk; the bot is not started yet."""
    with tempfile.TemporaryDirectory(dir=_temporary()) as folder:
        home = Path(folder)
        workspace = home / "workspace"
        workspace.mkdir()
        program, arguments = default_server.command(workspace)
        filesystem = {"command": program, "args": arguments, "trusted": True}
        office = {"command": sys.executable, "args": [str(OFFICE), str(home / "busy")]}
        rooms = {
            "command": sys.executable,
            "args": [str(ROOMS), str(home / "busy"), str(home / "away")],
            "trusted": True,
            "protocol": "legacy",
        }
        async with SlackSandbox(bot_name="Colleague") as slack, ModelSandbox() as model, account() as origin:
            customers = {"url": f"{origin}/mcp", "identity": "person", "oauth": {"client_id": "colleague"}}
            servers = {"filesystem": filesystem, "office": office, "rooms": rooms, "customers": customers}
            (home / "mcp.json").write_text(json.dumps({"mcpServers": servers}), "utf-8")
            alice, bob = slack.add_person("Alice Smith"), slack.add_person("Bob Jones")
            channel = slack.add_channel("release", members=[alice, bob])
            this = Stage(slack, model, home, alice, bob, channel)
            model.respond = this.answer
            try:
                yield this
            finally:
                await this.end(signal.SIGKILL)
