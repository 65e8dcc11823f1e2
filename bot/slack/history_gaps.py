"""Describes what of a thread could not be read, to the model and to people. Pure."""

from __future__ import annotations

import re

from bot.slack.error_kinds import ErrorKind, kind_of
from bot.slack.history import History

REASONS = {
    "missing_scope": "the app lacks a permission (channels:history, groups:history, im:history or mpim:history)",
    "not_in_channel": "I'm not a member of this channel; invite me and mention me again",
    "channel_not_found": "I'm not a member of this channel; invite me and mention me again",
    "is_limited": "the plan of this workspace hides it",
    "thread_not_found": "its first message is gone",
    "ratelimited": "Slack has too many requests at the moment; mention me again in a minute",
    "RepeatedPageError": "Slack gave the same part of the thread again and again",
    "TimeoutError": "Slack did not answer in time; mention me again in a minute",
}
"""Reasons in words, by Slack's error code or the name of the exception."""
PASSING = "Slack has a problem at the moment; mention me again in a minute"
_CODE = re.compile(r"[a-z0-9_]{1,60}")


def reason(error: str) -> str:
    """Return why something could not be read, for people."""
    if error in REASONS:
        return REASONS[error]
    if kind_of(error) is ErrorKind.TRANSIENT or not _CODE.fullmatch(error):
        return PASSING  # also for what is not a code of Slack's: an HTTP status, a broken connection
    return f"Slack refused it ({error})"


def for_the_model(history: History) -> str:
    """Return a note for the model on what is missing of a thread; empty if nothing is."""
    words: list[str] = []
    if history.left_out:
        what = "messages of this thread are" if history.left_out > 1 else "message of this thread is"
        which = "earlier" if history.is_newest else "other"
        words.append(f"{history.left_out} {which} {what} not shown here")
        if history.is_newest:
            words[0] += f", only the first and the newest {len(history.replies)}"
    if history.error:
        why = f"{reason(history.error)} ({history.error[:100]})"
        some = "some of" if history.root or history.replies else ""
        words.append(f"{some} what was said in this thread before could not be read: {why}".strip())
    return "; ".join(words) + ("; say so if it matters to the answer" if words else "")


def for_people(history: History) -> str:
    """Return the same as a sentence for people."""
    if history.error:
        what = "some of what" if history.root or history.replies else "what"
        return f"I couldn't read {what} was said here before: {reason(history.error)}."
    if history.left_out and not history.is_newest:
        return f"This thread is very long: I read its first {len(history.replies)} messages, but not the latest."
    if history.left_out:
        read = f"the first message of this thread and the latest {len(history.replies)}"
        return f"I read {read}, but not the {history.left_out} in between."
    return ""
