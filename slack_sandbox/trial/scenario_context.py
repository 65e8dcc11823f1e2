"""What a replayed scenario plays with, and how its steps wait and report what they found instead."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from slack_sandbox.errors import ConditionTimeout
from slack_sandbox.model import Channel, Message, Person
from slack_sandbox.openrouter import ModelSandbox
from slack_sandbox.page.controls import FaultSource
from slack_sandbox.sample_team import Team
from slack_sandbox.trial.child import Child
from slack_sandbox.trial.scenario import Step

T = TypeVar("T")

SECONDS = 20.0
POLL = 0.05
SHOWN = 400
"""Characters of each message in the report of a failure."""


class StepFailed(Exception):
    """A step did not go as the scenario says; the text says what was there instead."""


@dataclass(slots=True)
class ScenarioContext:
    """Who and what is there, and what earlier steps leave to later ones."""

    team: Team
    workspace: Path
    child: Child
    sources: Callable[[], Sequence[FaultSource]]
    """All faults that can be switched on."""
    model: ModelSandbox
    channel: Channel | None = None
    thread: str = ""
    """The thread that was begun last, in this channel."""
    last_said: dict[tuple[str, str], str] = field(default_factory=dict[tuple[str, str], str])
    """By channel and thread, the ts of what the scenario said there last."""
    threads: dict[str, tuple[Channel, str]] = field(default_factory=dict[str, tuple[Channel, str]])
    messages: dict[str, Message] = field(default_factory=dict[str, Message])

    def person(self, step: Step) -> Person:
        """Who acts."""
        return self.team.people[step.given.get("by", "Alice")]

    def posts(self, step: Step) -> list[Message]:
        """The messages of the thread that the step is about, oldest first."""
        channel, ts = self.channel, self.thread
        if "thread" in step.given:
            channel, ts = self.threads[step.given["thread"]]
        return self.team.slack.thread(channel, ts) if channel is not None else []

    def since(self, step: Step) -> list[Message]:
        """Those of them that came since the scenario last said something there."""
        posts = self.posts(step)
        last = self.last_said.get((posts[0].channel, posts[0].ts), "") if posts else ""
        return [message for message in posts if message.ts >= last]

    async def until(self, step: Step, condition: Callable[[], T | None], what: str, there: Callable[[], str]) -> T:
        """Wait for the first true value. Raises StepFailed with what was awaited, and what is there instead."""
        seconds = seconds_of(step)
        try:
            found = await self.team.slack.until(condition, seconds, what)
        except ConditionTimeout as error:
            raise StepFailed(f"waited {seconds:g} s for {what}; there was instead: {there()}") from error
        assert found is not None
        return found


def seconds_of(step: Step) -> float:
    """How long a step may take."""
    return float(step.given.get("seconds", SECONDS))


def last_texts(messages: Sequence[Message]) -> str:
    """The last messages, for a failure."""
    return " | ".join(short(message.plain) for message in messages[-4:]) or "nothing"


def short(words: str) -> str:
    """The words in one line, cut."""
    one_line = " ".join(words.split())
    return one_line if len(one_line) <= SHOWN else f"{one_line[:SHOWN]}…"


def quoted(words: Sequence[str]) -> str:
    """A list for people."""
    return ", ".join(f"“{word}”" for word in words)
