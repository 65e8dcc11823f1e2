"""What an agent session in Slack shows of a thread: that work is going on, that a person is waited for, or neither.
Pure.

Source: docs.slack.dev/ai/agent-sessions.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from bot.core.calls import CallState
from bot.core.thread import ThreadState

MAX_TITLE = 60
"""Characters of a title; Slack takes 200 and shows far fewer in its lists."""


class SessionStatus(StrEnum):
    """The statuses that the bot gives to a session."""

    PROCESSING = "processing"
    """The bot is working. Slack shows Stop."""
    SUSPENDED = "suspended"
    """A person has to decide something before the work goes on."""
    ACTIVE = "active"
    """Nothing is going on."""


class StopVerdict(StrEnum):
    """What came of pressing Slack's own Stop."""

    STOPPED = "stopped"
    NOT_THEIRS = "not theirs"
    """Something is going on, and this person may not stop it. Nothing was changed."""
    NOTHING = "nothing"
    """Nothing that was asked for before it was pressed is going on, or it has been stopped already."""


@dataclass(frozen=True, slots=True)
class Stopped:
    """The outcome of pressing Slack's own Stop in a thread."""

    verdict: StopVerdict
    thread_id: int = 0
    """0 if it is no thread of the bot's."""
    turn: int = 0
    """The turn that goes on, or was stopped; 0 if none is open."""
    requester: str = ""
    """Who has asked for what is going on."""


def is_at_work(state: ThreadState) -> bool:
    """Return whether there is something to do in a thread as it was loaded, other than to wait for a person."""
    if state.parked:
        return False
    if state.turn is None:
        return any(message.addressed for message in state.unread)
    unfinished = [call for call in state.step if call.state is not CallState.FINISHED]
    return not unfinished or any(not call.asked for call in unfinished)


def resting_status(state: ThreadState) -> SessionStatus:
    """Return the status of a thread in which there is nothing to do now."""
    unfinished = [call for call in state.step if call.state is not CallState.FINISHED]
    if unfinished and not state.parked and all(call.is_task for call in unfinished):
        return SessionStatus.PROCESSING  # at its server
    waits = state.turn is not None or state.parked
    return SessionStatus.SUSPENDED if waits else SessionStatus.ACTIVE


def title_of(text: str) -> str:
    """Return the first words of a request in plain text, on one line; empty if there are none."""
    line = " ".join(text[: MAX_TITLE * 10].split())
    if len(line) <= MAX_TITLE:
        return line
    start = line[: MAX_TITLE - 1]
    # A word that is longer than the title is cut.
    return f"{start.rpartition(' ')[0] or start}…"
