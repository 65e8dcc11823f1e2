"""Describes to the model and to people what could not be read of a thread after an outage. Pure."""

from __future__ import annotations

from bot.core.outages import Missed
from bot.slack.history import History
from bot.slack.history_gaps import for_people as history_for_people
from bot.slack.history_gaps import reason

AWAY = "while there was no connection to Slack"


def for_the_model(missed: Missed) -> str:
    """Return a note for the model on what is unknown of an outage; empty if nothing is."""
    if missed.error:
        why = f"{reason(missed.error)} ({missed.error[:100]})"
        words = [f"what was written or changed in this thread {AWAY} could not be read: {why}"]
    else:
        words: list[str] = []
        if not missed.is_whole:
            words.append(f"more was written in this thread {AWAY} than could be read, and the newest part is missing")
        if not missed.is_compared:
            which = f"the first and the newest {missed.compared}" if missed.compared else "the first"
            words.append(
                f"of the messages of this thread, only {which} were checked for edits and deletions {AWAY}; others may"
                " have been changed or deleted"
            )
    return "; ".join([*words, "say so if it matters to the answer"]) if words else ""


def for_people(error: str) -> str:
    """Return why what was written during an outage could not be read, as a sentence for people."""
    return history_for_people(History(error=error))
