"""Reasons why nobody can approve a call, so that nobody is asked any more: for the model, and for people."""

from __future__ import annotations

from bot.core.calls import UNANSWERED

OUTSIDER = (
    "nobody can approve it: the person who asked is no active member of this workspace, and nobody else may decide. "
    "Say so, and that a member has to ask."
)
APP = (
    "nobody can approve it: an app or a workflow has asked, and the configuration names no people who approve for it. "
    "Say so, and that a person has to ask, or that an operator can name approvers."
)
GONE = (
    "nobody who may approve this is there any more: they have left, or cannot be reached. Say so, and that an operator "
    "has to name somebody."
)
DELETED = "the message that asked for it was deleted twice, so nobody could decide."
FOR_PEOPLE = {
    OUTSIDER: "nobody can approve it, since who asked is no active member",
    APP: "nobody can approve it, since an app has asked",
    GONE: "nobody who may approve it is left",
    DELETED: "the message that asked for it was deleted twice",
}
"""Short forms for people, by reason. Reasons are stored as results of calls, so their wording must not change."""


def for_people(reason: str) -> str:
    """Return a reason as people read it; any other text unchanged."""
    return FOR_PEOPLE.get(reason, reason)


def why_not_asked(result: str) -> str:
    """Return for people why nobody was asked, or nobody answered, from the result of the call; empty if it does not
    say. What is returned is always the bot's own words."""
    if result.startswith(UNANSWERED):
        return result.removeprefix(UNANSWERED).rstrip(".")
    return FOR_PEOPLE.get(result, "")
