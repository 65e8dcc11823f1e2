"""What is read after an outage, and whom an offer is for: chosen from what is known, within bounds."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core.outages import (
    ACTIVE_DAYS,
    DAY,
    LOOK_BACK_DAYS,
    MARGIN_SECONDS,
    MAX_CONVERSATIONS,
    MAX_THREADS,
    ActiveThread,
    Conversation,
    Gap,
    HeldMessages,
    conversations_to_read,
    group_offers,
    known_conversations,
    read_from,
    threads_with_gaps,
)
from bot.core.thread_ref import ThreadRef

NOW = 1_000 * DAY
A_MINUTE = Gap(NOW - 60, 1)


def at(thread: int, *, seconds: float = 0.0, gap: Gap | None = A_MINUTE, number: int = 0) -> ActiveThread:
    """A message in a thread, so many seconds ago."""
    place = ThreadRef("T1", f"C{thread % 7}", f"{thread}.0", "channel")
    return ActiveThread(number or 10_000 - thread, NOW - seconds, thread, place, gap)


def test_of_many_threads_those_with_the_newest_activity_are_read() -> None:
    found = threads_with_gaps([at(thread) for thread in range(1, 600)], NOW)
    assert list(found) == list(range(1, MAX_THREADS + 1))


def test_a_thread_is_read_once_and_only_if_something_may_have_been_missed_lately() -> None:
    active = [at(1), at(1), at(2, gap=None), at(3, seconds=(ACTIVE_DAYS + 1) * DAY), at(4, seconds=DAY)]
    assert list(threads_with_gaps(active, NOW)) == [1, 4]


def test_conversations_are_those_that_the_bot_was_spoken_to_in_and_then_others() -> None:
    known = known_conversations([at(1), at(8), at(2)])
    assert [each.channel for each in known] == ["C1", "C2"]
    listed = [Conversation("T0", f"C{number}", "group") for number in range(1, 1_000)]
    found = conversations_to_read(known, listed)
    assert len(found) == MAX_CONVERSATIONS
    assert found[:3] == [
        Conversation("T1", "C1", "group"),
        Conversation("T1", "C2", "group"),
        Conversation("T0", "C3", "group"),
    ]


def test_it_is_read_from_before_the_outage_but_not_from_long_ago() -> None:
    assert read_from(Gap(NOW - 60, 1), NOW) == NOW - 60 - MARGIN_SECONDS
    assert read_from(Gap(NOW - 90 * DAY, 1), NOW) == NOW - LOOK_BACK_DAYS * DAY
    assert read_from(Gap(1.0, 1), 5.0) == 0.0


PLACES = st.builds(
    ThreadRef, st.just("T1"), st.sampled_from(["D1", "D2", "C1"]), st.just("1.0"), st.sampled_from(["im", "channel"])
)
HELD = st.builds(
    HeldMessages,
    st.integers(1, 50),
    PLACES,
    st.integers(1, 10**11).map(lambda number: f"{number}.000001"),
    st.lists(st.sampled_from(["U1", "U2", "U3"]), min_size=1).map(tuple),
)


@settings(max_examples=40)
@given(st.lists(HELD, max_size=20, unique_by=lambda each: each.thread_id))
def test_each_thread_is_in_one_offer_and_each_direct_message_has_one(held: list[HeldMessages]) -> None:
    found = group_offers(held)
    assert sorted(thread for _, threads in found for thread in threads) == sorted(each.thread_id for each in held)
    direct = [offer.place.channel for offer, _ in found if offer.place.kind == "im"]
    assert len(direct) == len(set(direct))
    for offer, threads in found:
        about = [each for each in held if each.thread_id in threads]
        assert offer.thread_id in threads
        assert set(offer.people) == {who for each in about for who in each.people}
        assert float(offer.ts) == max(float(each.ts) for each in about)
