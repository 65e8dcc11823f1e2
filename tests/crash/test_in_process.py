"""Every play of the crash suite, killed at every boundary that it passes: in process, over doubles of the outside.

tests/crash/test_crashes.py kills real processes, at each boundary once; here is the product of boundary and play. Which
boundaries a play passes is found out by playing it once without a death.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bot import failpoints
from bot.core.amendments import Amendment
from bot.core.inbox import Incoming
from bot.core.json_text import JsonObject
from bot.core.policy.approvers import REQUESTER, ApprovalRules, Approvers
from bot.core.ports.model import ModelRequest, Reply, TextListener
from bot.slack.blocks.fields import field_of
from tests.property.outside import ALICE, BOB, BOT, STAMPS, TEAM, Button, Dead, Files, ScriptedModel, World
from tests.property.running import PLACE, Bot, press, submit
from tests.property.test_settling import FOLDER, unless_dead
from tests.property.watching import Watch

MAX_ROUNDS = 20
FIRST, ACCEPT = "question.ask_person.first", "question.elicitation.accept"
INPUTS = ("asked", "answered in writing")
"""Plays with questions that are no approvals."""
UNWATCHED = ("granted", *INPUTS)
"""Plays of whose calls `Watch` does not know what allows them."""
DECIDED = "SELECT decision FROM questions WHERE kind = 'may_it_run' ORDER BY created_at, place"


@dataclass(frozen=True)
class Play:
    """One turn, and what people press in it."""

    wanted: Sequence[Sequence[tuple[str, int]]] = ((("write", 0),),)
    """The calls of each step."""
    presses: tuple[str, ...] = ("approved",)
    """What is pressed on a card that has it, the first that is there."""
    by: tuple[str, ...] = (ALICE,)
    runs: int = 1
    """How many calls that are not for reading are carried out."""
    decisions: tuple[str, ...] = ("approved",)
    says: str = "Done."


PLAYS = {
    "safe": Play(wanted=((("look", 0),),), decisions=(), runs=0),
    "risky": Play(),
    "destructive": Play(wanted=((("drop", 0),),), by=(ALICE, BOB)),
    "untrusted": Play(wanted=((("send", 0),),), by=(ALICE, BOB)),
    "mixed": Play(wanted=((("look", 0), ("write", 0)),)),
    "two": Play(wanted=((("write", 0), ("write", 1)),), runs=2, decisions=("approved", "approved")),
    "at once": Play(
        wanted=((("write", 0), ("write", 1)),),
        presses=("all.approved", "approved"),
        runs=2,
        decisions=("approved",) * 2,
    ),
    "edited": Play(presses=("edit", "approved"), decisions=("edited", "approved")),
    "drifted": Play(decisions=("drifted", "approved")),
    "undone": Play(),
    "stopped": Play(presses=("stop",), runs=0, decisions=("stopped",), says="Nothing was changed."),
    "retracted": Play(presses=(), runs=0, decisions=("stopped",), says="Nothing was changed."),
    "denied": Play(presses=("denied",), runs=0, decisions=("denied",)),
    "with a reason": Play(presses=("reason",), runs=0, decisions=("denied",)),
    "granted": Play(wanted=((("write", 0),), (("write", 0),)), presses=("always",), runs=2),
    "asked": Play(wanted=((("form", 0),), (("ask_person", 0),)), presses=(ACCEPT, FIRST)),
    "answered in writing": Play(wanted=((("ask_person", 0),),), presses=(), runs=0, decisions=()),
}


@dataclass
class Model(ScriptedModel):
    """What it says follows from the conversation alone, so it may be asked again."""

    steps: Sequence[Sequence[tuple[str, int]]] = ()

    async def complete(self, request: ModelRequest, on_text: TextListener | None = None) -> Reply:
        step = sum("tool_calls" in json.loads(message) for message in request.messages)
        self.wanted = [*self.steps[step : step + 1]]
        self.place = 10 * step
        return await super().complete(request, on_text)

    def made(self, tool: str, path: str) -> JsonObject:
        self.place += 1
        if tool == "ask_person":
            arguments = json.dumps({"question": "Which?", "options": ["one", "two"]})
            return {"id": f"c{self.place}", "type": "function", "function": {"name": tool, "arguments": arguments}}
        made = super().made(tool, path) if tool in STAMPS else super().made("look", path)
        if tool not in STAMPS:
            function = {"name": f"files__{tool}", "arguments": json.dumps({"path": path})}
            return {**made, "function": function, "id": f"c{self.place}"}
        arguments = {"path": path, **({STAMPS[tool]: f"text {self.place}"} if STAMPS[tool] else {})}
        return {**made, "function": {**made["function"], "arguments": json.dumps(arguments)}, "id": f"c{self.place}"}


class Scene:
    """One performance of a play, over a file of its own."""

    files_of: Callable[[World], Files] = Files
    """Makes the server of tools."""

    def __init__(self, kind: str, folder: str) -> None:
        self.kind, self.play = kind, PLAYS[kind]
        self.world = World()
        self.model = Model(self.world, steps=self.play.wanted)
        self.files = type(self).files_of(self.world)
        many = Approvers((REQUESTER, BOB), 2)
        self.bot = Bot(
            Path(folder, "bot.db"),
            ApprovalRules(write=Approvers((REQUESTER, BOB)), destructive=many),
            self.world,
            self.files,
            self.model,
        )
        self.watch = Watch(Path(folder, "bot.db"), self.world, self.bot.slack, self.files, no_self=False)
        if kind in UNWATCHED:  # the watch knows of no grants
            self.files.handed = lambda tool, arguments: None
        self.changed = False

    async def perform(self, dies: int | None) -> list[str]:
        """Play it to its end; the process dies at the so many-th boundary. Out: what was passed until then."""
        await self.bot.start()
        passed = self._listen()
        self.watch.open()
        try:
            self.bot.fuse = dies
            said = Incoming(PLACE, "Ev1", ALICE, "1700000000.000001", f"<@{BOT}> do", (), addressed=True)
            await self._live(lambda: self.bot.admit(said))
            await self._live(lambda: self.bot.admit(said))  # Slack delivers again what got no answer
            for _ in range(MAX_ROUNDS):
                if not await self._act():
                    break
            self._check()
            return passed
        finally:
            self.watch.close()
            await self.bot.stop()

    def _listen(self) -> list[str]:
        """Note the boundaries, until the process dies and another one listens."""
        hook, passed = vars(failpoints)["_hook"], list[str]()

        def reached(name: str) -> None:
            passed.append(name)
            hook(name)

        failpoints.install(reached)
        return passed

    async def _live(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        await self.bot.live(work)
        if self.kind not in UNWATCHED:
            self.watch.check()

    async def _act(self) -> bool:
        """Do the next thing that somebody would do. Out: whether there was any."""
        if not self.watch.rows("SELECT 1 FROM turns WHERE ended_at IS NULL"):
            offered = self.watch.rows("SELECT 1 FROM undos WHERE state = 'offered'")
            if self.kind != "undone" or not offered:
                return False
            await self._press(self._button("undo"), ALICE)
            return True
        if self.kind == "retracted":
            deleted = Amendment(PLACE, PLACE.thread_ts, "1700000100.000001", None)
            for _ in range(2):  # Slack delivers again what got no answer
                await self._live(lambda: self.bot.amend(deleted))
            return True
        if self.kind == "answered in writing":
            written = Incoming(PLACE, "Ev2", ALICE, "1700000200.000001", "the second one", (), addressed=True)
            for _ in range(2):
                await self._live(lambda: self.bot.admit(written))
            return True
        there = self._live_names()
        names = self.play.presses
        if self.kind == "edited" and self.watch.rows(DECIDED)[0]["decision"] == "edited":
            names = ("approved",)
        if there & {"it_ran", "run_again"}:
            names = ("it_ran" if self._ran(self._button("it_ran")) else "run_again",)
        name = next(name for name in (*names, "approved", "all.approved") if name in there)
        if self.kind == "drifted" and not self.changed:
            self.changed, self.files.files["a.txt"] = True, "changed"
        for who in self.play.by if name in ("approved", "run_again") else (ALICE,):
            if name in self._live_names():
                await self._press(self._button(name), who)
        return True

    def _live_names(self) -> set[str]:
        return {button.name for button in self.bot.slack.live()}

    def _button(self, name: str) -> Button:
        return [button for button in self.bot.slack.live() if button.name == name][-1]

    async def _press(self, button: Button, who: str) -> None:
        opened = len(self.bot.slack.windows)
        body = press(button, who, TEAM)
        await self._hear(body)
        if len(self.bot.slack.windows) > opened:
            user, view = self.bot.slack.windows[-1]
            typed = {field_of(name): f"edited {self.world.stamp()}" for name in STAMPS.values() if name}
            await self._hear(chosen(submit(view, user, {**typed, "reason": "no, thanks", "field.f0": "7"})))

    async def _hear(self, body: JsonObject) -> None:
        if self.kind not in INPUTS:
            self.watch.heard(body)
        await self._live(lambda: self.bot.hear(body))

    def _ran(self, button: Button) -> bool:
        """Whether the effect of the call that was cut off is there, as a person would look."""
        request = json.loads(json.loads(button.action)["value"])["a"]
        [call] = self.watch.rows("SELECT c.* FROM calls c JOIN questions a ON a.call = c.id WHERE a.id = ?", request)
        arguments: JsonObject = json.loads(call["arguments"])
        if call["tool"] == "files__drop":
            return arguments["path"] not in self.files.files
        if call["tool"] == "files__write":
            return self.files.files.get(arguments["path"]) == arguments["content"]
        return call["arguments"] in self.files.times

    def _check(self) -> None:
        """What must be so at the end of every play, whenever the process died."""
        assert not self.watch.rows("SELECT 1 FROM turns WHERE ended_at IS NULL"), "the turn came to its end"
        assert self.world.faults == []
        if self.kind not in UNWATCHED:
            self.watch.check_end()
        self._check_inputs()
        assert list(self.files.times.values()) == [1] * self.play.runs, "what was approved was done once"
        if not self.watch.rows(
            "SELECT 1 FROM questions WHERE kind NOT IN ('may_it_run', 'granted', 'ask_person', 'elicitation')"
        ):
            assert tuple(row["decision"] for row in self.watch.rows(DECIDED)) == self.play.decisions
        states = [row["state"] for row in self.watch.rows("SELECT state FROM calls")]
        assert set(states) == {"finished"}
        under = self.watch.rows("SELECT id FROM calls WHERE why LIKE 'grant %' AND outcome = 'ok' AND attempts = 1")
        recorded = [row["call"] for row in self.watch.rows("SELECT call FROM questions WHERE kind = 'granted'")]
        assert sorted(recorded) == sorted(row["id"] for row in under), "each call under a grant has one record"
        assert len(states) == sum(map(len, self.play.wanted))
        said = [
            message for message in self.bot.slack.messages.values() if self.play.says in json.dumps(message.payload)
        ]
        assert len(said) == 1, "it is said once how it ended"
        settled = self.watch.rows(
            "SELECT count(*) AS n FROM audit WHERE kind IN ('decided', 'edited', 'answered') GROUP BY approval"
        )
        assert {row["n"] for row in settled} <= {1}, "each request was settled once"
        undos = [row["state"] for row in self.watch.rows("SELECT state FROM undos")]
        if self.kind == "undone" and undos != ["kept"]:  # what a person says has run cannot be taken back
            assert undos == ["undone"]
            assert self.files.files["a.txt"] == "one", "it is as it was"
            assert sum(self.files.undone.values()) == 1

    def _check_inputs(self) -> None:
        """The answer to a question was given once, and came to where it belongs."""
        rows = self.watch.rows("SELECT result, exchange FROM calls WHERE tool = 'ask_person'")
        results = {"asked": "one", "answered in writing": "read their message"}
        assert all(results[self.kind] in row["result"] for row in rows)
        if self.kind == "asked":
            answer = {"action": "accept", "content": {"n": 7}}
            assert self.files.entered
            assert all(each == answer for each in self.files.entered)
        if self.kind in INPUTS:
            assert {row["exchange"] for row in self.watch.rows("SELECT exchange FROM calls")} == {""}
            rows = self.watch.rows("SELECT kind FROM questions WHERE kind IN ('ask_person', 'elicitation')")
            assert len({row["kind"] for row in rows}) == len(rows), "each was asked once"


def chosen(body: JsonObject) -> JsonObject:
    """A window as it is sent, with what its radio buttons hold at first."""
    for block in body["view"]["blocks"]:
        element: JsonObject = block.get("element") or {}
        if block["type"] == "input" and "options" in element:
            value = {"type": element["type"], "selected_option": element["initial_option"]}
            if block["block_id"] == "scope":  # the widest, so that it holds for the next call too
                value["selected_option"] = element["options"][-1]
            body["view"]["state"]["values"][block["block_id"]] = {element["action_id"]: value}
    return body


def performed(kind: str, dies: int | None, scene: type[Scene] = Scene) -> list[str]:
    """Play in an event loop of its own. Out: the boundaries that were passed."""
    with tempfile.TemporaryDirectory(dir=FOLDER) as folder:
        loop = asyncio.new_event_loop()
        loop.set_exception_handler(unless_dead)
        try:
            return loop.run_until_complete(scene(kind, folder).perform(dies))
        finally:
            loop.close()


def shared(kind: str, boundaries: Sequence[str]) -> int:
    """How many boundaries a play passes as an earlier one does, which dies there: until people act, they differ only in
    what the model wants first."""
    first = next(other for other, play in PLAYS.items() if play.wanted[:1] == PLAYS[kind].wanted[:1])
    if first == kind:
        return 0
    delivered = [number for number, boundary in enumerate(boundaries) if boundary == "after commit: admit"]
    return delivered[1] + 1


@pytest.mark.timeout(300)
@pytest.mark.parametrize("kind", PLAYS)
def test_nothing_is_lost_and_nothing_is_done_twice_when_it_dies_at_any_boundary(kind: str) -> None:
    boundaries = performed(kind, None)
    assert len(boundaries) > 10
    for number, boundary in enumerate(boundaries[shared(kind, boundaries) :], shared(kind, boundaries)):
        try:
            performed(kind, number)
        except BaseException as error:
            raise AssertionError(f"killed at {boundary}, the {number + 1}th boundary of the play {kind}") from error


def test_a_death_is_a_death() -> None:
    """The sweep would be empty if nobody died."""
    assert issubclass(Dead, BaseException)
    whole, cut = performed("risky", None), performed("risky", 5)
    assert cut == whole[:6]
