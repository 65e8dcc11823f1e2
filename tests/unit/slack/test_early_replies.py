"""Replies that arrive before their thread begins are kept for a while, and not without end."""

from __future__ import annotations

from bot.core.inbox import Incoming
from bot.core.thread_ref import ThreadRef
from bot.slack.intake.early_replies import MAX_REPLIES, MAX_THREADS, SECONDS, EarlyReplies


def said(ts: str, thread: str, kind: str = "channel") -> Incoming:
    return Incoming(ThreadRef("T1", "C1", thread, kind), f"Ev{ts}", "U1", ts, "hi", (), addressed=False)


def test_they_are_found_by_their_thread_in_order_whatever_the_event_calls_the_channel() -> None:
    early = EarlyReplies()
    for each in ("10.000003", "9.000002", "8.000001"):
        early.keep(said(each, "1.000001", "group"))
    early.keep(said("11.000001", "2.000001"))
    first = said("1.000001", "1.000001")
    assert [each.ts for each in early.before(first)] == ["8.000001", "9.000002", "10.000003"]
    assert not early.before(said("8.000001", "1.000001")), "in the midst of a thread its history is read"
    early.keep(first)
    assert len(early.before(first)) == 3, "and a first message is no reply"


def test_they_are_kept_for_a_while_and_only_so_many() -> None:
    now = 0.0
    early = EarlyReplies(lambda: now)
    early.keep(said("1.000002", "1.000001"))
    now = SECONDS + 1
    early.keep(said("2.000002", "2.000001"))
    assert not early.before(said("1.000001", "1.000001"))
    for number in range(MAX_REPLIES):
        early.keep(said(f"3.{number:06}", "2.000001"))
    assert len(early.before(said("2.000001", "2.000001"))) == MAX_REPLIES
    for number in range(MAX_THREADS):
        early.keep(said("9.000002", f"5.{number:06}"))
    assert not early.before(said("2.000001", "2.000001"))


def test_a_second_reply_takes_no_place_of_another_thread() -> None:
    early = EarlyReplies()
    threads = [f"5.{number:06}" for number in range(MAX_THREADS)]
    for thread in (*threads, threads[0], threads[-1]):
        early.keep(said(f"9.{len(early.before(said(thread, thread))):06}", thread))
    assert [len(early.before(said(each, each))) for each in threads] == [2, *[1] * (MAX_THREADS - 2), 2]
