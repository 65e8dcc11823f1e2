"""What lies outside of the bot, small and in memory: a model, a server of tools, Slack. They note what they get, and
at each point where they take time something else may happen meanwhile."""

from __future__ import annotations

import asyncio
import functools
import itertools
import json
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from bot.core.exchange import Exchange, InputRequest
from bot.core.json_text import JsonObject, canonical, sha256
from bot.core.ports.change_guard import ChangeGuard
from bot.core.ports.model import ModelRequest, Reply, TextListener
from bot.core.ports.server_tasks import ServerTasks
from bot.core.ports.toolset import Permit
from bot.core.questions import ask_person
from bot.core.server_news import Unavailable
from bot.core.server_state import ServerState
from bot.core.tools import CallResult, DeliveryStatus, Dialogue, Preview, StepPosition, Tool, Undone, UndoSnapshot
from bot.core.transaction import Usage
from bot.slack.blocks import turn_menu

T = TypeVar("T")

TEAM, CHANNEL, BOT, STRANGERS = "T1", "C1", "UBOT", "T2"
ALICE, BOB, CAROL, DAVE, EVE, GONE = "UALICE", "UBOB", "UCAROL", "UDAVE", "UEVE", "UGONE"
"""Alice and Bob ask; Eve is of another organization, Gone was deactivated."""
PATHS = ("a.txt", "b.txt", "new.txt")
WANTED = InputRequest(
    "n", "How many?", schema={"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
)
"""What the tool `form` asks for before it goes on."""
STAMPS = {"write": "content", "drop": "note", "send": "text", "look": ""}
"""The argument of each tool that holds a text of which there is no second, so that a run tells which call it was."""


class Dead(BaseException):
    """The process has been killed: whatever it was about to do does not happen."""


@dataclass
class World:
    """What the doubles share."""

    faults: list[str] = field(default_factory=list[str])
    """What must not happen, and did."""
    plans: list[tuple[int, Callable[[], Awaitable[None]]]] = field(
        default_factory=list[tuple[int, Callable[[], Awaitable[None]]]]
    )
    dead: bool = False
    stamps: itertools.count[int] = field(default_factory=itertools.count)

    async def moment(self) -> None:
        """Time passes: what is planned for now happens."""
        self.alive()
        due = [act for left, act in self.plans if left == 0]
        self.plans = [(left - 1, act) for left, act in self.plans if left > 0]
        for act in due:
            await act()
        self.alive()

    def alive(self) -> None:
        if self.dead:
            raise Dead

    def stamp(self) -> str:
        return f"stamp-{next(self.stamps)}-"


@dataclass
class ScriptedModel:
    """Makes the calls that are wanted of it, step by step, then answers. Checks each request as a provider would."""

    world: World
    wanted: list[Sequence[tuple[str, int]]] = field(default_factory=list[Sequence[tuple[str, int]]])
    ids: itertools.count[int] = field(default_factory=itertools.count)

    async def complete(self, request: ModelRequest, on_text: TextListener | None = None) -> Reply:
        await self.world.moment()
        if fault := unanswered([json.loads(text) for text in request.messages]):
            self.world.faults.append(f"the model was asked with {fault}")
        message: JsonObject = {"role": "assistant", "content": "Done."}
        if self.wanted and request.tool_choice == "auto":
            calls = [self.made(tool, PATHS[path % len(PATHS)]) for tool, path in self.wanted.pop(0)]
            message = {"role": "assistant", "content": None, "tool_calls": calls}
        return Reply(message, "stop", "model", "provider", Usage())

    def made(self, tool: str, path: str) -> JsonObject:
        """A call of this tool."""
        arguments = {"path": path, **({STAMPS[tool]: self.world.stamp()} if STAMPS[tool] else {})}
        name = f"{'post' if tool == 'send' else 'files'}__{tool}"
        function = {"name": name, "arguments": json.dumps(arguments)}
        return {"id": f"call-{next(self.ids)}", "type": "function", "function": function}


def unanswered(messages: Sequence[JsonObject]) -> str:
    """What is wrong with a log that goes to a model: every call is answered once, right after it was made."""
    for place, message in enumerate(messages):
        ids = [call["id"] for call in message.get("tool_calls") or []]
        answers = itertools.takewhile(lambda other: other["role"] == "tool", messages[place + 1 :])
        if message["role"] == "assistant" and [answer["tool_call_id"] for answer in answers] != ids:
            return f"other answers than to {ids}"
    called = [call["id"] for message in messages for call in message.get("tool_calls") or []]
    answered = [message["tool_call_id"] for message in messages if message["role"] == "tool"]
    return "" if called == answered else f"calls {called} and answers {answered}"


@dataclass
class Room:
    """The right to make a call."""

    writing: asyncio.Lock | None

    def release(self) -> None:
        writing, self.writing = self.writing, None
        if writing is not None:
            writing.release()


@functools.cache
def _tool(remote: str, version: int) -> Tool:
    server = "post" if remote == "send" else "files"
    names = ["path", *([STAMPS[remote]] if STAMPS.get(remote) else [])]
    schema = {"type": "object", "properties": {each: {"type": "string"} for each in names}, "required": names}
    return Tool(
        name=f"{server}__{remote}",
        server=server,
        remote_name=remote,
        description=f"version {version}",
        schema=schema,
        parameters=schema,
        trusted=server == "files",
        read_only=remote == "look",
        destructive=remote == "drop",
        idempotent=False,
        digest=sha256(server, remote, str(version)),
    )


@dataclass
class Files(ChangeGuard):
    """A toolset over files in memory: `write` and `drop` can be shown beforehand and taken back, `send` of an untrusted
    server cannot, `look` reads."""

    world: World
    handed: Callable[[Tool, JsonObject], None] = lambda tool, arguments: None
    """Told of each call when it arrives."""
    files: dict[str, str] = field(default_factory=lambda: {"a.txt": "one", "b.txt": "two"})
    version: int = 0
    writing: asyncio.Lock = field(default_factory=asyncio.Lock)
    fates: list[str] = field(default_factory=list[str])
    """What becomes of the next calls: `cut` (it ran, no answer came), `lost` (it did not), `error`, `unsent`."""
    times: Counter[str] = field(default_factory=Counter[str])
    """How often each call that is not for reading was carried out, by its arguments."""
    entered: list[Mapping[str, Any]] = field(default_factory=list[Mapping[str, Any]])
    """The answers to what `form` asks for, each time that they came."""
    undone: Counter[str] = field(default_factory=Counter[str])
    """How often each plan of what a call had changed was carried out."""
    tasks: ServerTasks | None = None
    """What is asked about calls of which a task was made."""

    async def ready(self, seconds: float) -> Sequence[str]:
        return ()

    def unavailable(self) -> Sequence[Unavailable]:
        return ()

    def states(self) -> Sequence[ServerState]:
        return ()

    def meant(self, tool: Tool, arguments: JsonObject) -> Tool:
        return tool

    def tools(self) -> Sequence[Tool]:
        return [_tool(name, self.version) for name in STAMPS]

    def find(self, name: str) -> Tool | None:
        also = (_tool("form", self.version), ask_person.TOOL)
        return next((tool for tool in (*self.tools(), *also) if tool.name == name), None)

    def guard(self, server: str) -> ChangeGuard:
        return self

    async def call(
        self, tool: Tool, arguments: JsonObject, held: Permit | None = None, dialogue: Dialogue | None = None
    ) -> CallResult:
        self.world.alive()
        if self.find(tool.name) != tool:
            return CallResult(DeliveryStatus.UNSENT, "its definition has changed.", 0.0)
        self.handed(tool, arguments)
        answers = dialogue.exchange.answers if dialogue and dialogue.exchange else {}
        if tool.remote_name == "form" and not answers:
            await self.world.moment()
            return CallResult(DeliveryStatus.ASKS, "it asks", 0.0, exchange=Exchange([WANTED], "state"))
        self.entered += [answers["n"]] if answers else []
        fate = self.fates.pop(0) if self.fates else ""
        await self.world.moment()
        if fate == "unsent":
            return CallResult(DeliveryStatus.UNSENT, "the server is away.", 0.0)
        if fate == "error":
            return CallResult(DeliveryStatus.ERROR, "the server would not.", 0.0)
        if fate != "lost" and not tool.read_only:
            self.times[canonical(arguments)] += 1
        if fate != "lost" and tool.remote_name == "write":
            self.files[arguments["path"]] = arguments["content"]
        if fate != "lost" and tool.remote_name == "drop":
            self.files.pop(arguments["path"], None)
        if fate in ("lost", "cut"):
            return CallResult(DeliveryStatus.UNKNOWN, "no answer came.", 0.0)
        return CallResult(DeliveryStatus.OK, self.files.get(arguments["path"], "nothing"), 0.0)

    def basis_now(self, tool: Tool, arguments: JsonObject) -> str:
        """The digest of what a call would change."""
        known = tool.remote_name in ("write", "drop")
        return sha256(arguments["path"], self.seen(arguments["path"])) if known else ""

    def seen(self, path: str) -> str:
        return f"it holds {self.files[path]!r}" if path in self.files else "it is not there"

    async def preview(self, tool: Tool, arguments: JsonObject) -> Preview | None:
        await self.world.moment()
        if not (basis := self.basis_now(tool, arguments)):
            return None
        missing = tool.remote_name == "drop" and arguments["path"] not in self.files
        broken = f"{arguments['path']} does not exist." if missing else ""
        return Preview(basis, f"Changes {arguments['path']}: {self.seen(arguments['path'])}.", broken=broken)

    async def basis(self, tool: Tool, arguments: JsonObject) -> str:
        await self.world.moment()
        return self.basis_now(tool, arguments)

    async def snapshot(self, tool: Tool, arguments: JsonObject) -> UndoSnapshot | None:
        await self.world.moment()
        if not self.basis_now(tool, arguments):
            return None
        plan = {"path": arguments["path"], "was": self.files.get(arguments["path"]), "kept": self.world.stamp()}
        return UndoSnapshot(canonical(plan))

    async def post_state_digest(self, before: UndoSnapshot) -> str:
        await self.world.moment()
        return sha256(self.seen(json.loads(before.plan)["path"]))

    async def try_acquire(self, tool: Tool, arguments: JsonObject, at: StepPosition | None = None) -> Permit | None:
        return None if tool.server == "files" and self.writing.locked() else await self.acquire(tool, arguments)

    async def acquire(self, tool: Tool, arguments: JsonObject, at: StepPosition | None = None) -> Permit:
        if tool.server != "files":
            return Room(None)
        await self.writing.acquire()
        return Room(self.writing)

    async def undo(self, before: UndoSnapshot, after: str, *, again: bool = True) -> Undone:
        await self.world.moment()
        plan: JsonObject = json.loads(before.plan)
        path, was = plan["path"], plan["was"]
        if self.files.get(path) == was and (again or sha256(self.seen(path)) == after):
            return Undone(again, "It was already as before.")
        if sha256(self.seen(path)) != after:
            return Undone(False, "It has changed since.")
        self.undone[before.plan] += 1
        if was is None:
            del self.files[path]
        else:
            self.files[path] = was
        return Undone(True, "It is as it was before.")


@dataclass
class Message:
    """A message of the bot in Slack."""

    key: str
    kind: str
    ts: str
    payload: JsonObject


@dataclass(frozen=True)
class Button:
    """A button, or an entry of a menu, as it was drawn in a message."""

    name: str
    ts: str
    action: str
    """JSON of the action that Slack relays when it is pressed."""


@dataclass
class Slack:
    """The messages, all buttons that ever were in them, and the windows that people have open."""

    messages: dict[str, Message] = field(default_factory=dict[str, Message])
    buttons: dict[Button, None] = field(default_factory=dict[Button, None])
    windows: list[tuple[str, JsonObject]] = field(default_factory=list[tuple[str, JsonObject]])
    refusing: bool = False
    """The next card is refused for good."""
    clock: itertools.count[int] = field(default_factory=itertools.count)

    def post(self, key: str, kind: str, payload: JsonObject) -> str:
        ts = f"1700000000.{next(self.clock):06d}"
        self.messages[key] = Message(key, kind, ts, {})
        self.update(ts, payload)
        return ts

    def update(self, ts: str, payload: JsonObject) -> None:
        message = next(message for message in self.messages.values() if message.ts == ts)
        message.payload = payload
        self.buttons |= dict.fromkeys(drawn(message))

    def live(self) -> list[Button]:
        """The buttons that are there now."""
        return [button for message in self.messages.values() for button in drawn(message)]


def drawn(message: Message) -> list[Button]:
    """The buttons of a message, in their order."""
    found: list[Button] = []
    blocks: list[JsonObject] = message.payload.get("blocks") or []
    for element in [element for block in blocks if block["type"] == "actions" for element in block["elements"]]:
        if str(element["action_id"]).startswith(turn_menu.PREFIX):
            continue
        name = str(element["action_id"]).removeprefix("approval.").rstrip("0123456789").rstrip(".")
        if element["type"] == "overflow":
            for option in element["options"]:
                kind = json.loads(option["value"])["k"]
                action = {"action_id": element["action_id"], "selected_option": option}
                found.append(Button(kind, message.ts, json.dumps(action)))
        else:
            action = {"action_id": element["action_id"], "value": element["value"]}
            found.append(Button(name, message.ts, json.dumps(action)))
    return found


class SlackClient:
    """The methods of Slack's client that are called when somebody acts."""

    def __init__(self, slack: Slack) -> None:
        self._slack = slack

    async def users_info(self, *, user: str) -> Mapping[str, Any]:
        team = STRANGERS if user == EVE else TEAM
        return {"user": {"name": user.lower(), "team_id": team, "deleted": user == GONE}}

    async def conversations_replies(self, **_: object) -> Mapping[str, Any]:
        return {"messages": []}

    async def views_open(self, *, trigger_id: str, view: JsonObject) -> Mapping[str, Any]:
        self._slack.windows.append((trigger_id, view))
        return {"view": view}

    async def chat_postEphemeral(self, **_: object) -> None:
        return
