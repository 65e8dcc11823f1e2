"""What people asked for as tasks, played over the results that there are: what comes next, or what there is to say."""

from __future__ import annotations

from dataclasses import dataclass, field

from slack_sandbox.offline import self_description
from slack_sandbox.offline.conversation import ToolRound, Utterance
from slack_sandbox.offline.corrections import corrected
from slack_sandbox.offline.grammar import NotUnderstood, Operation, Steps, TooLong, understand
from slack_sandbox.offline.operation import OperationSteps, Outcome
from slack_sandbox.offline.operations import begin, describe
from slack_sandbox.offline.results import Result
from slack_sandbox.offline.tool_catalog import PlannedCall, ToolCatalog

_WORDS_ONLY = frozenset(("hello", "help", "thanks", "again", "stop", "undo"))


_DENIED = ("denied", "replaced")


class PlanMismatch(Exception):
    """The calls that were made are not those of this plan: another model made them."""


@dataclass(slots=True)
class _Running:
    """One operation that is under way, or has ended."""

    op: Operation
    steps: OperationSteps
    wanted: PlannedCall | None = None
    done: Outcome | None = None
    result: Result | None = None
    """That of its last call."""

    def advance(self, result: Result | None) -> None:
        """Go on with the result of the call that was wanted; None to begin."""
        self.result = result
        try:
            self.wanted = next(self.steps) if result is None else self.steps.send(result)
        except StopIteration as end:
            self.wanted, self.done = None, end.value


@dataclass(slots=True)
class Plan:
    """The tasks of a turn, one message after the other."""

    catalog: ToolCatalog
    said: list[Utterance]
    words: list[str] = field(default_factory=list[str])
    """What there is to say of all that has ended."""
    _step: list[_Running] = field(default_factory=list[_Running])
    _task: list[tuple[Operation, ...]] = field(default_factory=list[tuple[Operation, ...]])
    _waiting: list[Utterance] = field(default_factory=list[Utterance])
    _ended: list[tuple[Operation, bool]] = field(default_factory=list[tuple[Operation, bool]])
    """What has ended, each with whether it was done."""

    def play(self, rounds: list[ToolRound]) -> list[PlannedCall]:
        """Go through the calls that were made. Out: the calls to make now; none when all has ended.

        Raises PlanMismatch.
        """
        self._waiting = list(self.said)
        wanted = self._next()
        for made in rounds:
            if [call.tool for call in wanted] != [tool for tool, _ in made.calls]:
                raise PlanMismatch
            running = [each for each in self._step if each.wanted is not None]
            for each, result in zip(running, made.results, strict=True):
                each.advance(result)
            wanted = self._next()
        return wanted

    @property
    def open(self) -> list[str]:
        """What has not ended, in words."""
        under_way = [each.op for each in self._step if each.done is None]
        return [describe(op) for op in (*under_way, *(op for step in self._task for op in step))]

    def _next(self) -> list[PlannedCall]:
        while True:
            wanted = [each.wanted for each in self._step if each.wanted is not None]
            if wanted:
                return wanted
            self._finish_step()
            if self._task:
                self._begin_step(self._task.pop(0))
            elif self._waiting:
                self._take(self._waiting.pop(0))
            else:
                return []

    def _finish_step(self) -> None:
        before = [(each.op, each.done is not None and each.done.succeeded) for each in self._step]
        wishes = [each.result.text for each in self._step if each.result is not None and each.result.ending in _DENIED]
        replaced = any(each.result is not None and each.result.ending == "replaced" for each in self._step)
        dones = [each.done for each in self._step if each.done is not None]
        self._step, self._ended = [], [*self._ended, *before]
        instead = next(filter(None, wishes), "")
        again = corrected(instead, [(op, done) for op, done in before if not done])
        if replaced or (again is not None and all(again != op for op, _ in before)):
            # What the person wants instead takes the place of saying what was not done.
            self.words.extend(done.words for done in dones if done.succeeded)
            self._task = [(again,)] if again is not None else []
            if again is None and instead:
                self._waiting.insert(0, Utterance(instead))
            return
        self.words.extend(done.words for done in dones)
        if self._task and not all(done.succeeded for done in dones):
            left = ", ".join(describe(op) for step in self._task for op in step)
            self.words.append(f"So I did not go on with the rest: {left}.")
            self._task = []

    def _begin_step(self, ops: tuple[Operation, ...]) -> None:
        for op in ops:
            if op.verb in _WORDS_ONLY:
                self.words.append(self_description.answer(op.verb, self.catalog))
                continue
            running = _Running(op, begin(op, self.catalog))
            running.advance(None)
            self._step.append(running)

    def _take(self, said: Utterance) -> None:
        """Begin with what somebody said."""
        if said.attached:
            self.words.append(self_description.attached(said.attached))
        steps: Steps = ()
        try:
            steps = understand(said.text)
            again = corrected(said.text, self._ended)
            if again is not None and [op.verb for step in steps for op in step] == ["create"]:
                steps = ((again,),)  # “make that 2.7” names no file
        except TooLong:
            self.words.append(self_description.TOO_LONG)
        except NotUnderstood:
            if (again := corrected(said.text, self._ended)) is not None:
                steps = ((again,),)
            elif said.text.strip(" .!?") and said.text != "(no text)":
                self.words.append(self_description.not_understood(self.catalog, said.text))
            elif not said.attached:
                self.words.append(self_description.answer("hello", self.catalog))
        if all(op.verb == "again" for step in steps for op in step) and steps:
            # It is said after something failed: what was asked for before is still here, and is tried again.
            self.words.extend([] if len(self.said) > 1 else [self_description.answer("again", self.catalog)])
            steps = ()
        self._task = list(steps)
