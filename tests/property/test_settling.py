"""Whatever people press, in whatever order, and however often the process dies and Slack delivers again: a request is
settled once, a call runs at most once for each approval of it, and every turn can be brought to its end."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from bot.core.inbox import Incoming
from bot.core.json_text import JsonObject
from bot.core.policy.approvers import REQUESTER, ApprovalRules, Approvers
from bot.core.policy.rules import Policy, Rule, Ruling
from bot.slack.blocks.fields import field_of
from tests.property.outside import (
    ALICE,
    BOB,
    BOT,
    CAROL,
    DAVE,
    EVE,
    GONE,
    PATHS,
    STRANGERS,
    TEAM,
    Dead,
    Files,
    ScriptedModel,
    World,
)
from tests.property.running import PLACE, Bot, press, submit
from tests.property.watching import Watch

EXAMPLES, STEPS = 30, 25
FOLDER = "/dev/shm" if Path("/dev/shm").is_dir() else None
"""In memory where there is such a folder: nothing here is about power cuts, and every commit waits for its disk."""
MAX_ROUNDS = 60
NO_SENDING = Policy((Rule(Ruling.DENY, tools=("send",)),))
BUTTONS: dict[str, tuple[str, ...]] = {
    "yes": ("approved", "run_again", "it_ran", "all.approved"),
    "no": ("denied", "skipped", "all.denied"),
    **{name: (name,) for name in ("approved", "all.approved", "run_again", "edit", "reason", "stop", "undo")},
}
OPEN = "SELECT id FROM questions WHERE decision = 'awaiting' ORDER BY created_at"
UNDOS = "SELECT call FROM undos WHERE state = 'offered' ORDER BY call"

Wanted = Sequence[Sequence[tuple[str, int]]]
"""Steps of calls: (tool, number of a path)."""


@dataclass(frozen=True)
class Event:
    """Something that somebody does, or that happens."""

    kind: str = "nothing"
    who: str = ALICE
    pick: int = 0
    """Which of the buttons, windows, requests or bodies that there are: 0 is the newest, and so on, round and round."""
    what: str = ""
    wanted: Wanted = ()
    meanwhile: int | None = None
    """It happens while the bot is at something else: the so many-th time from now that something takes time."""
    dies: int | None = None
    """The process dies at the so many-th failpoint from now."""


def event(*kinds: str, **more: Any) -> st.SearchStrategy[Event]:
    """Events of these kinds, some of them while the bot is at something else, some deadly."""
    meanwhile = st.sampled_from([*[None] * 21, *range(7)])
    dies = st.sampled_from([*[None] * 168, *range(24)])
    chosen = {name: st.sampled_from(values) if isinstance(values, list) else values for name, values in more.items()}
    return st.builds(Event, kind=st.sampled_from(kinds), meanwhile=meanwhile, dies=dies, **chosen)


people = [ALICE, ALICE, ALICE, BOB, BOB, BOB, CAROL, CAROL, DAVE, EVE, GONE]
picks = st.one_of(st.integers(0, 2), st.integers(0, 9))
calls = st.tuples(st.sampled_from(["write", "write", "write", "drop", "drop", "send", "look"]), st.integers(0, 2))
wanted = st.lists(st.lists(calls, min_size=1, max_size=3), min_size=1, max_size=2)
events = st.one_of(
    st.just(Event()),
    event("press", who=[ALICE, BOB], pick=picks, what=["yes", "approved", "all.approved"]),
    event("press", who=[BOB, ALICE, CAROL], what=["approved", "all.approved"]),
    event("press", who=people, pick=picks, what=["yes", "approved", "run_again"]),
    event("press", who=people, pick=picks, what=["no", "edit", "reason", "stop"]),
    event("press", "press twice", "press old", who=[ALICE, BOB], pick=picks, what=["undo"]),
    event("press twice", who=people, pick=picks, what=list(BUTTONS)),
    event("press and send", who=people, pick=picks, what=["edit", "edit", "edit", "reason"]),
    event("press old", who=people, pick=picks, what=list(BUTTONS)),
    event("send", who=people, pick=picks),
    event("ask", who=[ALICE, ALICE, BOB], wanted=wanted),
    event("again", "say again", pick=picks),
    event("change", "change", "redefine", pick=picks),
    event("expire", "time", "undo is over", "refuse", pick=picks),
    event("fate", what=["cut", "cut", "lost", "error", "unsent"]),
    event("start", pick=st.integers(0, 1)),
)
stories = st.sampled_from([0, 5, STEPS, STEPS, STEPS, STEPS, STEPS]).flatmap(
    lambda least: st.lists(events, min_size=least, max_size=STEPS)
)


class Story:
    """One thread, and all that happens to it."""

    def __init__(self, folder: str, loop: asyncio.AbstractEventLoop, *, no_self: bool) -> None:
        many = Approvers((BOB, CAROL, DAVE), 2, no_self=True) if no_self else Approvers((REQUESTER, BOB, CAROL), 2)
        rules = ApprovalRules(write=Approvers((REQUESTER, BOB)), destructive=many)
        path = Path(folder, "bot.db")
        self._loop = loop
        self._world = World()
        self._model = ScriptedModel(self._world)
        self._files = Files(self._world)
        self._bot = Bot(path, rules, self._world, self._files, self._model)
        self._watch = Watch(path, self._world, self._bot.slack, self._files, no_self=no_self)
        self._said: list[Incoming] = []
        self._bodies: list[JsonObject] = []

    def begin(self) -> None:
        self._loop.run_until_complete(self._bot.start())
        self._watch.open()

    def close(self) -> None:
        self._watch.close()
        self._world.plans.clear()
        self._loop.run_until_complete(self._bot.stop())

    def happens(self, event: Event) -> None:
        """This happens, with all that follows from it, and then all must be well."""
        if event.dies is not None:
            self._bot.fuse = event.dies
        if event.meanwhile is not None:
            self._world.plans.append((event.meanwhile, lambda: self._do(event)))
        else:
            self._loop.run_until_complete(self._bot.live(lambda: self._do(event)))
        self._watch.check()

    def ends(self) -> None:
        """Nothing goes wrong any more, and everybody presses what lets things go on; what they cannot approve is
        denied. Then every turn must end."""
        self._world.plans, self._bot.fuse, self._files.fates = [], None, []
        self._bot.slack.refusing = False
        self.happens(Event("time"))
        for number in range(MAX_ROUNDS):
            if not self._watch.rows("SELECT 1 FROM turns WHERE ended_at IS NULL"):
                break
            for who in (ALICE, BOB, CAROL, DAVE):
                self.happens(Event("press", who, number, "yes" if number % 5 < 4 else "no"))
        self._watch.check_end()

    async def _do(self, event: Event) -> None:
        slack, pick = self._bot.slack, event.pick
        match event.kind:
            case "press" | "press old":
                await self._press(event)
            case "press twice":
                await self._press(event)
                await self._do(Event("again"))
            case "send":
                await self._send(event)
            case "press and send":
                await self._press(event)
                await self._send(Event(pick=3 * pick))
            case "ask":
                self._model.wanted += event.wanted
                number = len(self._said) + 1
                ts = f"1700000000.{number:06d}"
                self._said.append(Incoming(PLACE, f"Ev{number}", event.who, ts, f"<@{BOT}> do", (), addressed=True))
                await self._bot.admit(self._said[-1])
            case "again" if self._bodies:
                await self._hear(_newest(self._bodies, pick))
            case "say again" if self._said:
                await self._bot.admit(_newest(self._said, pick))
            case "change":
                self._files.files[PATHS[pick % 3]] = self._world.stamp()
            case "redefine":
                self._files.version += 1
            case "expire":
                self._watch.over("questions", "expires_at", "id", OPEN, pick)
            case "undo is over":
                self._watch.over("undos", "until", "call", UNDOS, pick)
            case "time":
                await self._bot.sweep()
            case "refuse":
                slack.refusing = True
            case "fate":
                self._files.fates.append(event.what)
            case "start":
                # What it is killed at does not matter; it comes back with another policy.
                self._bot.policy = NO_SENDING if pick else Policy()
                self._bot.fuse = 0
                await self._bot.sweep()
            case _:
                return

    async def _press(self, event: Event) -> None:
        slack = self._bot.slack
        buttons = list(slack.buttons) if event.kind == "press old" else slack.live()
        wanted = [button for button in buttons if button.name in BUTTONS[event.what]]
        if wanted:
            team = STRANGERS if event.who == EVE else TEAM
            await self._hear(press(_newest(wanted, event.pick), event.who, team))

    async def _send(self, event: Event) -> None:
        windows, pick = self._bot.slack.windows, event.pick
        if windows:
            user, view = _newest(windows, pick // 3)
            typed = {field_of(name): self._world.stamp() for name in ("content", "note", "text")}
            path = {field_of("path"): PATHS[pick % 3]} if pick % 3 else {}
            await self._hear(submit(view, user, {**typed, **path, "reason": "no, thanks"}))

    async def _hear(self, body: JsonObject) -> None:
        self._bodies.append(body)
        self._watch.heard(body)
        await self._bot.hear(body)


def _newest(things: Sequence[Any], pick: int) -> Any:
    return things[-1 - pick % len(things)]


def unless_dead(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """What a killed process left unsaid says nothing; the rest is told as always."""
    error = context.get("exception")
    if isinstance(error, BaseExceptionGroup):
        error = error.split(Dead)[1]
    if error is not None and not isinstance(error, Dead):
        loop.default_exception_handler(context)


TWO: Wanted = [[("write", 0), ("write", 1)]]
CUT = [Event("fate", what="cut"), Event("press", ALICE, 0, "approved")]
STOPPED_WHILE_STARTING = [Event("press old", ALICE, 0, "stop", meanwhile=0), Event("press", ALICE, 0, "yes")]
STOPPED_WHILE_ASKING_AFRESH = [
    Event("press", ALICE, 1, "edit"),
    Event("press old", ALICE, 0, "stop", meanwhile=1),
    Event("send", ALICE),
]
STOPPED_BEFORE_IT_RUNS_AGAIN = [
    *CUT,
    Event("press", ALICE, 1, "stop", meanwhile=0),
    Event("press", ALICE, 0, "run_again"),
]
DENIED_BEFORE_IT_RUNS_AGAIN = [
    *CUT,
    Event("press", BOB, 0, "approved"),
    Event("start", pick=1, meanwhile=0),
    Event("press", ALICE, 0, "run_again"),
]


@pytest.mark.timeout(600)  # when it fails, the shortest story is looked for
@settings(
    max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
@example(no_self=False, first=[[("write", 0), ("drop", 0)]], story=STOPPED_WHILE_STARTING)
@example(no_self=False, first=TWO, story=STOPPED_WHILE_ASKING_AFRESH)
@example(no_self=False, first=TWO, story=STOPPED_BEFORE_IT_RUNS_AGAIN)
@example(no_self=False, first=[[("send", 0)]], story=DENIED_BEFORE_IT_RUNS_AGAIN)
@given(no_self=st.booleans(), first=wanted, story=stories)
def test_whatever_happens_requests_are_settled_once_and_calls_run_once_for_each_approval(
    no_self: bool, first: Wanted, story: list[Event]
) -> None:
    with tempfile.TemporaryDirectory(dir=FOLDER) as folder:
        loop = asyncio.new_event_loop()
        loop.set_exception_handler(unless_dead)
        try:
            told = Story(folder, loop, no_self=no_self)
            told.begin()
            try:
                told.happens(Event("ask", ALICE, wanted=first))
                for each in story:
                    told.happens(each)
                told.ends()
            finally:
                told.close()
        finally:
            loop.close()
