"""In whichever order and however often Slack delivers a message with its edits and its deletion, the bot knows the same
in the end, and tells the model what has changed since it was read: against a plain model of what should be."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, replace
from functools import cache

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core.amendments import DELETED, EDITED, Amendment, AmendmentOutcome
from bot.core.inbox import Incoming
from bot.core.thread_ref import ThreadRef
from bot.store.sqlite import amendments, inbox, log
from tests import migrated

ALICE, BOB = "UALICE", "UBOB"
BASE = Incoming(
    ThreadRef("T1", "C1", "1000.000001", "channel"), "base", ALICE, "1000.000001", "base", (), addressed=True
)
READ, DELETE = -1, -2


@dataclass(frozen=True)
class Wording:
    """What the message says after so many edits."""

    number: int
    mentions: bool
    to_others: bool


@dataclass(frozen=True)
class Story:
    """A message, what becomes of it, and in which order that is delivered."""

    author: str
    in_thread: bool
    """It is a reply in a thread that Alice has begun; otherwise it begins one."""
    base_is_read: bool
    """What Alice has begun is answered."""
    wordings: tuple[Wording, ...]
    deliveries: tuple[int, ...]
    """Numbers of wordings, DELETE, and at most once READ."""

    @property
    def follows(self) -> bool:
        return self.in_thread and self.author == ALICE

    def addressed(self, wording: Wording) -> bool:
        return wording.mentions or (self.follows and not wording.to_others)

    def message(self, wording: Wording) -> Incoming:
        place = BASE.place if self.in_thread else replace(BASE.place, thread_ts="1100.000001")
        version = f"11{wording.number:02}.000000 x" if wording.number else ""
        return replace(
            BASE,
            place=place,
            event_id=f"m{wording.number}",
            user=self.author,
            ts="1100.000001",
            text=f"wording {wording.number}",
            addressed=wording.mentions,
            to_others=wording.to_others and not wording.mentions,
            version=version,
        )


@st.composite
def stories(draw: st.DrawFn) -> Story:
    in_thread = draw(st.booleans())
    # Nothing is kept of edits in other threads that neither add nor remove a mention, so there the order of several
    # edits may matter.
    many = draw(st.integers(1, 4 if in_thread else 2))
    wordings = tuple(Wording(number, draw(st.booleans()), draw(st.booleans())) for number in range(many))
    events = [*range(many), *([DELETE] if draw(st.booleans()) else [])]
    delivered = draw(st.lists(st.sampled_from(events), min_size=1, max_size=8))
    if draw(st.booleans()):
        delivered.insert(draw(st.integers(0, len(delivered))), READ)
    author, is_read = draw(st.sampled_from([ALICE, BOB])), draw(st.booleans())
    return Story(author, in_thread, is_read, wordings, tuple(delivered))


@cache
def database() -> sqlite3.Connection:
    """One for all examples, each of which is rolled back."""
    return migrated.in_memory()


class Told:
    """The bot's own code, over a database in memory."""

    def __init__(self, story: Story) -> None:
        self.story = story
        self.connection = database()
        if self.connection.in_transaction:
            self.connection.execute("ROLLBACK")
        self.connection.execute("BEGIN")
        self.done: list[AmendmentOutcome] = []
        inbox.admit(self.connection, BASE)
        if story.base_is_read:
            self.read(1)
            self.connection.execute("UPDATE turns SET ended_at = 1, outcome = 'answered'")

    def deliver(self, event: int) -> None:
        place = self.story.message(self.story.wordings[0]).place
        if event == READ:
            for thread in (1, 2):
                self.read(thread)
        elif event == DELETE:
            ends = not self.story.in_thread
            self.done.append(self.amend(Amendment(place, "1100.000001", "1200.000000", None, ends_thread=ends)))
        elif event == 0:
            inbox.admit(self.connection, self.story.message(self.story.wordings[0]))
        else:
            said = self.story.message(self.story.wordings[event])
            was = self.story.wordings[event - 1].mentions
            change = Amendment(place, said.ts, said.version.split()[0], replace(said, event_id="C1-1100.000001"), was)
            self.done.append(self.amend(change))

    def amend(self, change: Amendment) -> AmendmentOutcome:
        return amendments.amend(self.connection, change)[0]

    def read(self, thread: int) -> None:
        """As `InboxReader` does it."""
        unread = log.unread(self.connection, thread)
        turn = self.connection.execute("SELECT 1 FROM turns WHERE thread_id = ? AND ended_at IS NULL", (thread,))
        is_open = turn.fetchone() is not None
        if not unread or not (is_open or any(each.addressed for each in unread)):
            return
        first = self.connection.execute("SELECT coalesce(max(seq), -1) + 1 FROM inbox WHERE thread_id = ?", (thread,))
        place = int(first.fetchone()[0])
        if not is_open:
            log.open_turn(self.connection, thread, next(each.user for each in unread if each.addressed), place)
        log.mark_read(
            self.connection,
            [(place + index, each.id, each.version, each.addressed) for index, each in enumerate(unread)],
        )

    def unread(self) -> list[tuple[str, str, bool]]:
        """(what it reports, words, whether it is a request) of what the model has still to read of the message."""
        rows = self.connection.execute(
            "SELECT change, text, addressed FROM inbox WHERE seq IS NULL AND event_id <> 'base' ORDER BY id"
        )
        return [(change, text, bool(addressed)) for change, text, addressed in rows]


def latest(story: Story, delivered: tuple[int, ...]) -> Wording | None:
    """What the message says, as far as is known; None if nothing is known of it, or it was deleted."""
    known = [event for event in delivered if event >= 0]
    return None if DELETE in delivered or not known else story.wordings[max(known)]


def expected(story: Story) -> list[tuple[str, str, bool]]:
    """What is to be unread in the end."""
    now = latest(story, story.deliveries)
    if READ not in story.deliveries:
        return [("", f"wording {now.number}", story.addressed(now))] if now else []
    before = latest(story, story.deliveries[: story.deliveries.index(READ)])
    if before is None or not (story.in_thread or before.mentions):
        return [("", f"wording {now.number}", story.addressed(now))] if now else []
    if DELETE in story.deliveries:
        # Without its first message a thread is gone, with what is unread there.
        return [(DELETED, f"wording {last_seen(story)}", False)] if story.in_thread else []
    if now is None or now == before:
        return []
    return [(EDITED, f"wording {now.number}", now.mentions and not story.addressed(before))]


def last_seen(story: Story) -> int:
    """The number of the wording that is known when the message is deleted."""
    return max(event for event in story.deliveries[: story.deliveries.index(DELETE)] if event >= 0)


def reads(story: Story) -> bool:
    """Whether anything was there to be read: with only context in it, no turn begins."""
    before = latest(story, story.deliveries[: story.deliveries.index(READ)])
    return bool(before and story.addressed(before)) or (story.in_thread and not story.base_is_read)


@settings(max_examples=60, deadline=None)
@given(stories())
def test_the_order_of_delivery_makes_no_difference(story: Story) -> None:
    told = Told(story)
    for event in story.deliveries:
        told.deliver(event)
    wanted = expected(story)
    if READ in story.deliveries and not reads(story):
        wanted = expected(replace(story, deliveries=tuple(each for each in story.deliveries if each != READ)))
    if not story.in_thread:
        # Nobody has addressed the bot there, or no longer: it makes no difference whether that is known.
        wanted = [each for each in wanted if each[2] or each[0]]
        assert [each for each in told.unread() if each[2] or each[0]] == wanted
    else:
        assert told.unread() == wanted
    check_stop(story, told)


def check_stop(story: Story, told: Told) -> None:
    """The turn is stopped if the message was all that it was about."""
    stops = READ in story.deliveries and DELETE in story.deliveries[story.deliveries.index(READ) :]
    if stops:
        before = latest(story, story.deliveries[: story.deliveries.index(READ)])
        alone = not story.in_thread or story.base_is_read
        stops = bool(before and story.addressed(before) and alone)
    assert any(each in (AmendmentOutcome.STOPPED, AmendmentOutcome.CLOSED) for each in told.done) >= stops
    stopped = told.connection.execute("SELECT count(*) FROM turns WHERE stopped_by <> '' AND ended_at IS NULL")
    assert stopped.fetchone()[0] == stops
