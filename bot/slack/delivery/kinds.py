"""The kinds of messages: for each, how its body is rendered, and what follows when Slack refuses to post it.

To add one that changes after it was posted, put its name and a `Kind` into `KINDS`, or hand them to `Outbox`. Posting,
changing at Slack's rate, and what follows when a person deletes it are the same for all.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from bot.core.begun_threads import BEGINNING
from bot.core.json_text import JsonObject
from bot.core.posts import FILE, Draft, Post
from bot.core.questions.follow_up import FOLLOW_UP
from bot.core.turn_message import TURN, End, dumps, loads
from bot.slack.blocks import cards, follow_up_notice, messages, question_blocks, turn_message
from bot.slack.delivery.stream_body import StreamBody


@dataclass(frozen=True, slots=True)
class Refused:
    """What follows when Slack refuses for good to post a message. It may be done twice, after a crash."""

    instead: Sequence[Draft] = ()
    """Posted in its place; their keys must follow from its key."""
    question: str = ""
    """The question that nobody can decide without it: it is withdrawn, with the others of its message."""


def as_recorded(post: Post) -> JsonObject | None:
    """Return the body that was recorded."""
    return json.loads(post.payload)


def nothing(post: Post) -> Refused:
    """Return that nothing follows."""
    return Refused()


@dataclass(frozen=True, slots=True)
class Kind:
    """How messages of one kind come to their bodies, and what follows from what becomes of them."""

    render: Callable[[Post], JsonObject | None] = as_recorded
    """What Slack is to show of a message now, with `text` and `blocks`; None when it is to go away."""
    offer: Callable[[int], Draft | None] | None = None
    """For messages that are not recorded before they are shown: returns the message that a thread without one should
    have now."""
    prerendered: bool = False
    """The recorded payload is the first body; `render` is called only after a change."""
    needs_blocks: bool = False
    """Without its buttons it would be a question that nobody can answer, so it is never posted as text alone."""
    changes: bool = True
    """What is to be shown of it may have changed while it was being posted."""
    needs_ts: bool = True
    """Its timestamp is recorded before anything else is done; otherwise a moment later."""
    must_change: Callable[[Post], bool] = lambda post: False
    """Whether it has to be posted again if Slack refuses for good to change it."""
    refused: Callable[[Post], Refused] = nothing
    """What follows when Slack refuses for good to post it."""
    streamed: Callable[[Post], StreamBody | None] | None = None
    """What a stream of the message is to hold now; None, also of the function, when it is to be posted and updated. The
    content must be that of `render`, which is used where there is no stream."""
    broken_off: Callable[[Post], None] | None = None
    """Called when the stream of a message has ended before the message is complete. What follows may then be put into
    another message; if it is None, the message is updated from then on."""


NOT_SHOWN = "Slack did not take the file {name}. I go on with what is in it."


def _card_refused(post: Post) -> Refused:
    return Refused(question=post.key)


def turn_refused(post: Post) -> Refused:
    """Without its buttons a card asks nobody: its question ends, and what else the part says is posted without it."""
    if not post.about:
        return Refused()
    message = replace(loads(post.payload), end=End.CONTINUED)
    without = Draft(f"without-{post.key}", TURN, dumps(message))
    return Refused([without] if message.parts or message.note else [], post.about[0].id)


def _file_refused(post: Post) -> Refused:
    """What cannot be shown in full cannot be approved; any other file is posted as messages."""
    payload: JsonObject = json.loads(post.payload)
    if approval := str(payload.get("approval") or ""):
        return Refused(question=approval)
    if payload.get("kept"):
        return Refused(messages.notice(NOT_SHOWN.format(name=payload["file"]), f"without-{post.key}"))
    return Refused(messages.parts(str(payload["content"]), post.key))


KINDS: Mapping[str, Kind] = {
    TURN: Kind(lambda post: turn_message.render(loads(post.payload), post.about), refused=turn_refused),
    "card": Kind(
        lambda post: question_blocks.redrawn(post.about, post.payload),
        prerendered=True,
        needs_blocks=True,
        must_change=lambda post: cards.awaits_change(post.about),
        refused=_card_refused,
    ),
    "parked": Kind(lambda post: question_blocks.redrawn(post.about, post.payload), prerendered=True),
    FOLLOW_UP: Kind(
        lambda post: follow_up_notice.render(post.about, question_blocks.button),
        needs_blocks=True,
        refused=lambda post: Refused(question=post.about[0].id if post.about else ""),
    ),
    cards.COPY: Kind(question_blocks.copied, needs_blocks=True),
    "progress": Kind(lambda post: None),
    BEGINNING: Kind(prerendered=True, changes=False),
    FILE: Kind(prerendered=True, changes=False, refused=_file_refused),
}
"""The kinds whose bodies follow from what is recorded. What is left of `progress` is of earlier versions, and goes."""
PLAIN = Kind(prerendered=True, changes=False, needs_ts=False)
"""All others: posted as they were recorded."""
