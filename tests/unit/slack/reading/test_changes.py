"""Which events are edits and deletions by people, and how the model reads of them."""

from __future__ import annotations

from typing import Any

import pytest

from bot.core.amendments import Amendment
from bot.core.inbox import AuthorKind
from bot.slack.intake.changes import amendment, is_own_update
from bot.slack.intake.changes import deleted as gone
from bot.slack.intake.messages import incoming
from bot.slack.reading import changes
from bot.slack.reading.message import Ourselves

US = Ourselves("UBOT", "BBOT", "ABOT")
TS, AT = "1700000000.000100", "1700000060.000000"


def said(text: str = "hello", **more: Any) -> dict[str, Any]:
    return {"type": "message", "user": "UALICE", "ts": TS, "text": text, **more}


def edited(text: str, at: str = AT, **more: Any) -> dict[str, Any]:
    return said(text, edited={"user": "UALICE", "ts": at}, **more)


def changed(now: dict[str, Any], before: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    event = {
        "type": "message",
        "subtype": "message_changed",
        "hidden": True,
        "channel": "C1",
        "channel_type": "channel",
    }
    event |= {"message": now, "ts": "1700000061.000200", "event_ts": "1700000061.000200", **more}
    return {"team_id": "T1", "event_id": "Ev9", "event": event | ({"previous_message": before} if before else {})}


def deleted(before: dict[str, Any] | None, ts: str = TS, **more: Any) -> dict[str, Any]:
    event = {"type": "message", "subtype": "message_deleted", "hidden": True, "channel": "C1", "deleted_ts": ts, **more}
    event |= {"ts": "1700000070.000300"}
    return {"team_id": "T1", "event_id": "Ev9", "event": event | ({"previous_message": before} if before else {})}


def read(body: dict[str, Any], bots: tuple[str, ...] = ()) -> Amendment:
    found = amendment(body, US, bots)
    assert found is not None
    return found


def test_an_edit_is_read_with_what_the_message_says_now() -> None:
    change = read(changed(edited("<@UBOT> ho"), said("hello")))
    assert (change.place.team, change.place.channel, change.place.thread_ts) == ("T1", "C1", TS)
    assert (change.ts, change.at, change.in_time, change.was_addressed) == (TS, AT, True, False)
    assert change.now is not None
    assert (change.now.text, change.now.addressed, change.now.user) == ("<@UBOT> ho", True, "UALICE")
    assert change.now.version == f"{AT} 1700000061.000200"
    assert change.now.event_id != "Ev9", "it is not taken for a delivery of the message"


def test_edits_within_a_second_are_in_order() -> None:
    first, second = (
        read(changed(edited(text), event_ts=at)).now for text, at in (("a", "1700000060.1"), ("b", "1700000060.2"))
    )
    assert first is not None
    assert second is not None
    assert first.version < second.version
    history = incoming({"team_id": "T1", "event": {**edited("a"), "channel": "C1"}}, US, history=True)
    assert history is not None
    assert history.version < first.version


OTHERWISE = {
    "a link preview": changed(said("hello", attachments=[{"from_url": "https://x"}]), said("hello")),
    "a link preview of an edited message": changed(edited("ho", attachments=[{}]), edited("ho")),
    "a hidden message": changed(edited("ho", hidden=True)),
    "a notice by Slack": changed(edited("joined", subtype="channel_join")),
    "an edit without a time": changed(said("ho", edited={"user": "UALICE"})),
    "an odd edit": changed({"edited": {"ts": AT}, "ts": ["x"]}),
    "a deletion of nothing": deleted(None, ts=""),
    "an odd deletion": deleted({"ts": {}}, ts="x"),
    "a message": {"team_id": "T1", "event": {**said(), "channel": "C1"}},
    "a reply notice": {"team_id": "T1", "event": {**said(), "channel": "C1", "subtype": "message_replied"}},
}


@pytest.mark.parametrize("what", OTHERWISE)
def test_what_is_no_edit_and_no_deletion_by_somebody_is_neither(what: str) -> None:
    assert amendment(OTHERWISE[what], US) is None


OF_OUR_APP = {
    "an update": changed({**edited("ho"), "user": "UBOT", "bot_id": "BBOT", "app_id": "ABOT"}),
    "an update of a post in somebody's name": changed({**edited("ho"), "user": "", "bot_id": "BBOT"}),
    "a deletion": deleted({**said(), "user": "UBOT", "bot_id": "BBOT"}),
}


@pytest.mark.parametrize("what", OF_OUR_APP)
def test_a_change_of_a_post_of_our_app_matters_only_if_the_post_is_recorded(what: str) -> None:
    change = amendment(OF_OUR_APP[what], US)
    assert change is not None
    assert change.is_own
    assert not change.concerns_us


def test_a_deletion_names_the_thread_and_who_was_addressed() -> None:
    change = read(deleted(said("<@UBOT> do", thread_ts="1699999999.000001")))
    assert (change.ts, change.at, change.now) == (TS, "1700000070.000300", None)
    assert (change.place.thread_ts, change.was_addressed, change.may_ask) == ("1699999999.000001", True, True)
    assert not change.ends_thread


def test_a_first_message_that_is_deleted_ends_the_thread_unless_it_leaves_a_tombstone() -> None:
    assert read(deleted(said())).ends_thread
    stone = {"type": "message", "subtype": "tombstone", "user": "USLACKBOT", "ts": TS, "thread_ts": TS}
    replaced = read(changed({**stone, "hidden": True}, said("<@UBOT> do", thread_ts=TS)))
    assert (replaced.now, replaced.ends_thread, replaced.was_addressed) == (None, False, True)
    assert read(deleted(stone)).ends_thread, "with the last reply"


def test_a_deletion_of_which_little_is_known_counts_as_that_of_a_question() -> None:
    change = read(deleted(None))
    assert (change.was_addressed, change.may_ask, change.place.thread_ts) == (True, True, TS)


def test_only_apps_that_are_named_may_ask() -> None:
    post = {**said(), "user": "UAPP", "bot_id": "BAPP", "app_id": "AAPP"}
    assert not read(deleted(post)).may_ask
    assert read(deleted(post), ("BAPP",)).may_ask
    change = read(changed({**post, "text": "<@UBOT> go", "edited": {"ts": AT}}), ("AAPP",))
    assert change.now is not None
    assert (change.now.author, change.now.addressed) == (AuthorKind.APP, True)


def test_our_own_posts_and_updates_are_known_and_nothing_else_is() -> None:
    own = {**said(), "user": "UBOT", "bot_id": "BBOT"}
    assert is_own_update({"event": own}, US)
    assert is_own_update(changed(own), US)
    assert is_own_update({"event": {**said(), "user": None, "bot_id": "BBOT"}}, US)
    for body in ({"event": said()}, changed(said()), deleted(own), {"event": {**said(), "bot_id": "BAPP"}}, {}):
        assert not is_own_update(body, US)
        assert not is_own_update(body, Ourselves(""))


def test_a_deleted_message_is_known_whoever_has_written_it() -> None:
    tombstone = {"subtype": "tombstone", "user": "UBOT", "ts": TS}
    own = {**said(), "user": "UBOT", "bot_id": "BBOT"}
    for body in (deleted(None), deleted(own), deleted(said()), changed(tombstone, own)):
        assert gone(body) == ("C1", TS)
        assert not is_own_update(body, US)
    for body in ({"event": said()}, changed(own), changed(said()), deleted(None, ts="x"), {}):
        assert gone(body) is None


def test_every_line_of_a_report_is_marked_and_its_end_is_stated() -> None:
    report = changes.edited("Alice", TS, "one\n\ntwo")
    head = "⟦Alice edited the message of 2023-11-14 22:13 UTC; it now reads:⟧"
    assert report.split("\n") == [head, "> one", ">", "> two", "⟦end of edited message⟧"]
    assert len(changes.deleted("Alice", TS, "x" * 10_000)) < 500
    assert changes.time_of("999999999999") == "an unknown time"


LONG = "x" * 400
DELETED = {
    "a long line": (LONG, "> xxx"),
    "a section that does not end in time": (f"own\n⟦file⟧\n> {LONG}\n⟦end of file⟧", "> own\n> …\n"),
    "a section of many lines": ("⟦quote⟧\n" + "> yy\n" * 200 + "⟦end of quote⟧\nown", "> …\n"),
    "a section that ends in time": (f"⟦quote⟧\n> y\n⟦end of quote⟧\n{LONG}", "> ⟦end of quote⟧\n> …\n"),
    "sections in a section": (f"⟦a⟧\n> ⟦b⟧\n> > y\n> ⟦end of b⟧\n> {LONG}\n⟦end of a⟧", "> …\n"),
    "a long head": (f"⟦{LONG}⟧\n> y\n⟦end of it⟧", "> …\n"),
}


@pytest.mark.parametrize("case", DELETED)
def test_what_is_repeated_of_a_deleted_message_leaves_no_section_open(case: str) -> None:
    words, wanted = DELETED[case]
    report = changes.deleted("Bob", TS, words)
    assert wanted in report
    assert report.count("⟦end of ") - 1 == sum(report.count(f"> ⟦{each}") for each in ("file", "quote", "a⟧", "b⟧"))
    assert len(report) < 500
