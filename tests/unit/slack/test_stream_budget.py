"""What Slack allows a workspace is shared out so that hardly a call is refused and nobody starves: in simulated time,
against the limits that the sandbox enforces."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.slack.delivery.stream_budget import KEPT_SECONDS, PAUSE, StreamBudget, Tiers
from slack_sandbox.rate_limits import RateLimits

STEP = 0.25
"""Seconds of the simulation."""
UPDATE_SECONDS = 3.0


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Turn:
    """A message from its first words to its end, delivered as the outbox does."""

    number: int
    channel: str
    begins: float
    ends: float
    shown: str = ""
    """How it is in Slack: by "stream", by "update", or not yet."""
    changed: float = 0.0
    done: float = 0.0
    menu: bool = False
    """Its stream has ended, and the menu at its top is there still."""
    updates: list[float] = field(default_factory=list[float])


@dataclass
class Workspace:
    """Slack with its limits, and the calls of one bot."""

    clock: Clock = field(default_factory=Clock)
    limits: RateLimits = field(default_factory=RateLimits)
    calls: dict[str, int] = field(default_factory=dict[str, int])
    refused: int = 0

    def __post_init__(self) -> None:
        self.budget = StreamBudget(clock=self.clock)

    def call(self, method: str, turn: Turn) -> bool:
        """Call a method. Return whether Slack took it."""
        self.calls[method] = self.calls.get(method, 0) + 1
        wait = self.limits.check(f"chat.{method}", {"channel": turn.channel}, self.clock.now)
        if wait is None:
            return True
        self.refused += 1
        names = {"startStream": "start", "appendStream": "append", "stopStream": "stop", "update": "update"}
        if method in names:
            self.budget.limited(names[method], wait)
        return False

    def deliver(self, turn: Turn) -> None:
        """Do for a turn what may be done at this moment."""
        if self.clock.now < turn.begins or (turn.done and not turn.menu):
            return
        if turn.menu:
            self._close(turn)
        elif not turn.shown:
            self._begin(turn)
        elif turn.shown == "stream":
            self._stream(turn)
        else:
            self._update(turn)

    def _begin(self, turn: Turn) -> None:
        budget, now = self.budget, self.clock.now
        if now >= turn.ends:
            budget.posted(turn.channel)
            turn.done = now if self.call("postMessage", turn) else 0.0
        elif budget.may_start(turn.channel, kept=True):
            budget.started(turn.number, kept=True)
            turn.shown = "stream" if self.call("startStream", turn) else ""
        elif budget.may_keep() and not budget.post_wait(turn.channel):
            budget.posted(turn.channel)
            if self.call("postMessage", turn):
                turn.shown, turn.changed = "update", now - UPDATE_SECONDS
                budget.keep(turn.number)

    def _stream(self, turn: Turn) -> None:
        if self.clock.now >= turn.ends:
            self.budget.stopped(turn.number)
            turn.menu = self.call("stopStream", turn)
            turn.done = self.clock.now if turn.menu else 0.0
        elif not self.budget.append_wait(turn.number):
            self.budget.appended(turn.number)
            self.call("appendStream", turn)

    def _close(self, turn: Turn) -> None:
        """Take the menu away."""
        if not self.budget.update_wait(turn.number, final=True):
            self.budget.updated(turn.number, final=True)
            turn.menu = not self.call("update", turn)
            turn.updates.append(self.clock.now)

    def _update(self, turn: Turn) -> None:
        budget, now = self.budget, self.clock.now
        final = now >= turn.ends
        least = UPDATE_SECONDS if final else budget.update_interval(UPDATE_SECONDS)
        if now - turn.changed < least or budget.update_wait(turn.number, final=final):
            return
        turn.changed = now
        budget.updated(turn.number, final=final)
        turn.updates.append(now)
        if self.call("update", turn) and final:
            turn.done = now

    def run(self, turns: list[Turn]) -> None:
        """Let the time pass until all are done."""
        last = max(turn.ends for turn in turns) + 600
        while any(not turn.done or turn.menu for turn in turns):
            self.clock.now += STEP
            assert self.clock.now < last, "everybody is served"
            for turn in turns:
                self.deliver(turn)


def arriving(minutes: int, a_minute: int, seconds: float, channels: int) -> Iterator[Turn]:
    for number in range(minutes * a_minute):
        begins = 1_000.0 + number * 60.0 / a_minute
        yield Turn(number, f"C{number % channels}", begins, begins + seconds)


@pytest.mark.parametrize(
    ("a_minute", "channels", "seconds"), [(10, 10, 20.0), (40, 40, 20.0), (40, 40, 3.0), (150, 150, 10.0)]
)
def test_hardly_a_call_is_refused_and_nobody_waits_for_what_is_final(
    a_minute: int, channels: int, seconds: float
) -> None:
    slack, turns = Workspace(), list(arriving(5, a_minute, seconds, channels))
    slack.run(turns)
    total = sum(slack.calls.values())
    assert slack.refused < total / 100
    took = [turn.done - turn.begins for turn in turns]
    assert max(took) < 2 * sum(took) / len(took)
    assert max(turn.done - turn.ends for turn in turns) <= UPDATE_SECONDS
    assert slack.calls["startStream"] >= min(4 * 10, len(turns)), "what there is is used"
    assert slack.calls["startStream"] == slack.calls["stopStream"]
    pauses = [later - at for turn in turns for at, later in itertools.pairwise(turn.updates)]
    assert min(pauses, default=UPDATE_SECONDS) >= UPDATE_SECONDS, "a message is updated every three seconds at most"


def test_forty_at_once_are_all_served_at_once() -> None:
    slack = Workspace()
    turns = [Turn(number, f"C{number}", 1_001.0, 1_011.0) for number in range(40)]
    slack.run(turns)
    assert slack.refused == 0
    assert max(turn.done - turn.ends for turn in turns) <= UPDATE_SECONDS


def test_appends_get_rarer_as_streams_get_more_and_none_of_them_is_left_out() -> None:
    clock = Clock()
    budget = StreamBudget(clock=clock)
    limits, counts = RateLimits(), dict.fromkeys(range(15), 0)
    for post in counts:
        while not budget.may_start("C"):
            clock.now += 1.0
        budget.started(post)
    refused = 0
    for _ in range(int(300 / STEP)):
        clock.now += STEP
        for post in random.Random(0).sample(sorted(counts), len(counts)):
            if not budget.append_wait(post):
                budget.appended(post)
                counts[post] += 1
                refused += limits.check("chat.appendStream", {}, clock.now) is not None
    assert refused == 0
    assert sum(counts.values()) > 5 * 75
    assert max(counts.values()) - min(counts.values()) <= 3
    for post in list(counts)[1:]:
        budget.stopped(post)
    assert budget.append_interval() == 1.0


def test_a_refused_call_makes_the_budget_smaller_for_a_while() -> None:
    clock = Clock()
    budget = StreamBudget(clock=clock)
    assert budget.may_start("C")
    budget.limited("start", 30.0)
    assert not budget.may_start("C")
    clock.now += 29.0
    assert not budget.may_start("C")
    clock.now += 10.0
    assert budget.may_start("C")


def test_after_a_refused_update_what_is_final_is_done_one_after_the_other() -> None:
    clock = Clock()
    budget = StreamBudget(clock=clock)
    assert budget.update_wait(1, final=True) == 0.0
    budget.limited("update", 10.0)
    waits = [budget.update_wait(post, final=True) for post in range(5)]
    assert waits[0] >= 10.0
    assert all(later - earlier > 1.0 for earlier, later in itertools.pairwise(waits))
    budget.forget(0)
    assert budget.update_wait(0, final=True) == waits[0], "a turn is kept"
    clock.now += waits[0] + 0.01
    assert budget.update_wait(0, final=True) == 0.0
    assert budget.update_wait(1, final=True) > 0.0
    clock.now += 1_000.0
    assert budget.update_wait(9, final=True) == 0.0


def test_where_slack_starts_no_streams_none_is_tried_for_a_while() -> None:
    clock = Clock()
    budget = StreamBudget(clock=clock)
    budget.refused("C1", everywhere=False)
    assert (budget.may_start("C1"), budget.may_start("C2")) == (False, True)
    budget.refused("C2", everywhere=True)
    assert not budget.may_start("C3")
    clock.now += PAUSE + 1
    assert budget.may_start("C1")
    for number in range(3_000):
        budget.refused(f"C{number}", everywhere=False)
    assert len(vars(budget)["_refused"]) <= 1_000


def test_a_message_that_does_not_change_for_long_takes_no_room_from_others() -> None:
    clock = Clock()
    budget = StreamBudget(clock=clock)
    kept = 0
    while budget.may_keep():
        budget.keep(kept)
        kept += 1
    assert 40 <= kept <= 50
    clock.now += KEPT_SECONDS - 60
    budget.updated(0, final=False)
    clock.now += 61
    assert budget.may_keep()
    assert list(vars(budget)["_kept"]) == [0]


actions = st.lists(st.tuples(st.sampled_from(["start", "stop", "end", "wait"]), st.integers(0, 30)), max_size=80)


@settings(max_examples=50, deadline=None)
@given(actions)
def test_there_is_a_stop_left_for_every_stream_that_is_open(plan: list[tuple[str, int]]) -> None:
    clock = Clock()
    budget = StreamBudget(Tiers(), clock)
    limits, open_ = RateLimits(), list[int]()
    for number, (action, value) in enumerate(plan):
        if action == "start" and budget.may_start("C"):
            budget.started(number)
            open_.append(number)
            assert limits.check("chat.startStream", {}, clock.now) is None
        elif action == "stop" and open_:
            budget.stopped(open_.pop(value % len(open_)))
            assert limits.check("chat.stopStream", {}, clock.now) is None
        elif action == "end" and open_:
            budget.forget(open_.pop(value % len(open_)))
        else:
            clock.now += value
    for post in open_:
        budget.stopped(post)
        assert limits.check("chat.stopStream", {}, clock.now) is None
