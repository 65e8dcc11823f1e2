"""Messages that we post in Slack, and what is to be done next about each. Pure.

One row per message: the body that is wanted, its revision, the revision that Slack shows, and whether it is final.
`next_action` says what makes Slack show it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from bot.core.thread_ref import ThreadRef

if TYPE_CHECKING:
    from bot.core.ledger import UndoTally
    from bot.core.questions.question import Question

FILE = "file"
"""The kind of message that is uploaded."""
INCOMPLETE = -1
"""No revision: what Slack shows of a message while it is streamed, and until what follows a stream is done."""


@dataclass(frozen=True, slots=True)
class Draft:
    """One Slack message to be posted, rendered."""

    key: str
    """Unique; carried in the message's metadata so that a post of unknown outcome can be found again. A draft whose key
    is already there is another body for that message, unless that one is final."""
    kind: str
    """`turn`, `card`, `notice`, `parked`, `file`, `copy`, or one that somebody has added."""
    payload: str
    """JSON for the gateway that renders and posts it."""
    final: bool = True
    """False while the body may still change without a revision; whoever starts next settles what it was left at."""
    offered: bool = False
    """Recorded only if the key is new: it makes room for what is shown before anything of it is recorded."""


class PostState(StrEnum):
    """Where a message is."""

    OWED = "owed"
    POSTED = "posted"
    REFUSED = "refused"
    """Slack will never take it."""
    REMOVED = "removed"
    """It was taken away again, by us or by a person, or was never posted because nobody wants it any more."""


@dataclass(frozen=True, slots=True)
class Post:
    """The row of one message."""

    id: int
    thread_id: int
    key: str
    kind: str
    payload: str
    """What was recorded of its body; what Slack is to show is rendered from it, by kind."""
    state: PostState = PostState.OWED
    ts: str = ""
    """Its timestamp in Slack, empty until that is known."""
    revision: int = 0
    """Counted up in the transaction that changes what is to be shown."""
    shown: int = 0
    """The revision that Slack shows."""
    final: bool = True
    created_at: float = 0.0
    about: Sequence[Question] = ()
    """What it asks people, in its current state; loaded when another revision is shown, and for a copy."""
    person: str = ""
    """For whom it is a copy of a card, in a direct message; empty for a message of the thread."""
    channel: str = ""
    """The direct message that a copy is in; empty while it is not known."""
    card: str = ""
    """What was recorded of the body of the card that it is a copy of."""
    streaming: bool = False
    """A stream was begun on it and not stopped, as far as is known."""
    undos: UndoTally | None = None
    """Of the newest part of the message of a turn that has ended with several changes: what of them can be undone."""

    def posted(self, ts: str, shown: int, *, streaming: bool = False) -> Post:
        """The same message once Slack has it, with this timestamp and as this revision has it."""
        return replace(self, state=PostState.POSTED, ts=ts, shown=shown, streaming=streaming)


@dataclass(frozen=True, slots=True)
class Deliveries:
    """The messages of one thread that Slack does not show as they are wanted, or that may change at any time."""

    place: ThreadRef
    posts: Sequence[Post]
    gone: bool = False
    """The thread is not in Slack any more: what is posted is to be deleted."""


@dataclass(slots=True)
class Knowledge:
    """What this process knows of one message besides its row."""

    doubtful: bool = False
    """It may be in Slack: an earlier process, or an attempt of unknown outcome, may have posted it."""
    absent: bool = False
    """The thread was read since, and it is not there."""
    sent: bool = False
    """It is in Slack, while that is not recorded yet."""
    refused: bool = False
    """Slack will never do what was last asked of it."""
    wanted: bool = True
    """False when nothing is to be shown any more."""
    differs: bool = False
    """The body that is wanted is not the one that this process had Slack show last."""
    early: bool = False
    """Slack's rate does not allow another change yet, except the last."""
    held: bool = False
    """Slack's rate allows no change at all yet."""
    unready: bool = False
    """There is nothing to show of it yet, or no room to show what is not final."""
    streams: bool = False
    """It begins as a stream."""
    live: bool = False
    """This process has a stream open on it that can go on as it is wanted."""


class Action(StrEnum):
    """What makes Slack show one message as it is recorded."""

    NOTHING = "nothing"
    READ = "read"
    """Read the thread first: it may be there."""
    POST = "post"
    UPLOAD = "upload"
    UPDATE = "update"
    START = "start"
    """Begin a stream, with what is to be shown of it now."""
    APPEND = "append"
    """Append to its stream what is missing."""
    STOP = "stop"
    """End its stream; with what is missing, if nothing but that is."""
    REMOVE = "remove"
    """Delete it, if it is in Slack, and close it."""
    WAIT = "wait"
    """Go on once Slack's rate allows."""
    GIVE_UP = "give up"
    """Close what Slack refuses to post, with all that follows; leave as it is what Slack refuses to change."""


def next_action(post: Post, known: Knowledge) -> Action:
    """What is to be done now about a message, from its row and from what is known of it besides."""
    if post.state in (PostState.REFUSED, PostState.REMOVED) or known.sent:
        return Action.NOTHING
    if known.refused:
        return Action.GIVE_UP
    if post.state is PostState.OWED and known.doubtful and not known.absent:
        return Action.READ
    if post.streaming:
        return _grow(known) if known.live and known.wanted else Action.STOP
    if not known.wanted:
        return Action.REMOVE
    return _first(post, known) if post.state is PostState.OWED else _change(post, known)


def _first(post: Post, known: Knowledge) -> Action:
    if known.unready and not post.final:
        return Action.WAIT
    if post.kind == FILE:
        return Action.UPLOAD
    return Action.START if known.streams else Action.POST


def _grow(known: Knowledge) -> Action:
    if not known.differs:
        return Action.NOTHING
    return Action.WAIT if known.early else Action.APPEND


def _change(post: Post, known: Knowledge) -> Action:
    if post.shown == post.revision and (post.final or not known.differs):
        return Action.NOTHING
    return Action.WAIT if known.held or (known.early and not post.final) else Action.UPDATE


def in_order(posts: Iterable[Post]) -> list[Post]:
    """First what is to be posted, in the order in which it is to appear; then changes, and last what changes all the
    time, so that an answer is there before the word that it is being worked on goes."""
    return sorted(posts, key=lambda post: (post.state is not PostState.OWED, not post.final, post.id))
