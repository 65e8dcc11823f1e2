"""Which messages address the bot, which are said to others, and which are none of its business."""

from __future__ import annotations

from typing import Any

import pytest

from bot.core.inbox import AuthorKind, Incoming
from bot.slack.intake.messages import incoming
from bot.slack.reading.message import Ourselves
from tests.unit.slack.reading.test_mentions import COUNTS, COUNTS_NOT

Json = dict[str, Any]
OURSELVES = Ourselves("UBOT", "BBOT")
ALICE: Json = {"user": "UALICE"}
APP: Json = {"user": "UAPP", "bot_id": "B1", "app_id": "A1", "bot_profile": {"name": "Pager", "app_id": "A1"}}
FLOW: Json = {"subtype": "bot_message", "bot_id": "B2", "workflow_id": "Wf2", "username": "Flow"}
REPLY: Json = {"thread_ts": "1700000000.000000"}


def read(event: Json, bots: tuple[str, ...] = (), *, history: bool = False, **outer: object) -> Incoming | None:
    whole = {"type": "message", "channel": "C1", "ts": "1700000000.000001", **event}
    return incoming({"team_id": "T1", "event_id": "Ev1", **outer, "event": whole}, OURSELVES, bots, history=history)


def addressed(event: Json, bots: tuple[str, ...] = ()) -> bool:
    found = read(event, bots)
    return found is not None and found.addressed


@pytest.mark.parametrize("kind", ["message", "app_mention"])
@pytest.mark.parametrize("case", COUNTS)
def test_a_mention_in_the_own_words_of_a_person_addresses_the_bot(case: str, kind: str) -> None:
    assert addressed({**ALICE, **COUNTS[case], "type": kind})


@pytest.mark.parametrize("kind", ["message", "app_mention"])
@pytest.mark.parametrize("case", COUNTS_NOT)
def test_a_mention_anywhere_else_does_not_whatever_the_event_is_called(case: str, kind: str) -> None:
    assert not addressed({**ALICE, **COUNTS_NOT[case], "type": kind})


@pytest.mark.parametrize("subtype", [None, "file_share", "thread_broadcast", "me_message"])
def test_a_person_may_say_it_in_any_way(subtype: str | None) -> None:
    assert addressed({**ALICE, "text": "<@UBOT> hello", "subtype": subtype})


NO_REQUESTS: dict[str, Json] = {
    "an app": APP,
    "an app in a person's name": {**APP, "user": "UALICE"},
    "an integration": {"subtype": "bot_message", "username": "UALICE"},
    "a workflow": FLOW,
    "Slackbot": {"user": "USLACKBOT"},
    "ourselves": {"user": "UBOT", "bot_id": "BBOT"},
    "ourselves under another name": {"subtype": "bot_message", "bot_id": "BBOT", "username": "Alice"},
    "a topic": {**ALICE, "subtype": "channel_topic"},
    "a purpose": {**ALICE, "subtype": "channel_purpose"},
    "a name": {**ALICE, "subtype": "channel_name"},
    "somebody who joins": {**ALICE, "subtype": "channel_join"},
    "a pin": {**ALICE, "subtype": "pinned_item"},
    "a canvas": {**ALICE, "subtype": "document_mention"},
    "a hidden message": {**ALICE, "hidden": True},
    "an unknown subtype": {**ALICE, "subtype": "brand_new"},
    "a subtype of another type": {**ALICE, "subtype": {"a": 1}},
    "nobody": {},
}


@pytest.mark.parametrize("channel", ["C1", "D1"])
@pytest.mark.parametrize("who", NO_REQUESTS)
def test_what_no_person_says_addresses_nobody_not_even_in_a_direct_message(who: str, channel: str) -> None:
    for more in ({}, REPLY, {"type": "app_mention"}):
        assert not addressed({"text": "<@UBOT> do it", "channel": channel, **NO_REQUESTS[who], **more})


@pytest.mark.parametrize("id_", ["B1", "A1", "UAPP"])
def test_an_app_that_the_configuration_names_may_ask_if_it_mentions_the_bot(id_: str) -> None:
    found = read({**APP, "text": "<@UBOT> look at this"}, (id_,))
    assert found is not None
    assert (found.addressed, found.user, found.author, found.label) == (True, "B1", AuthorKind.APP, "Pager")
    assert not addressed({**APP, "text": "something is wrong"}, (id_,))
    assert not addressed({**APP, "text": "&gt; <@UBOT> look"}, (id_,))
    assert not addressed(
        {**APP, "text": "<@UBOT> look", "bot_id": "B9", "app_id": "A9", "user": "U9", "bot_profile": {}}
    )


@pytest.mark.parametrize("id_", ["B2", "Wf2"])
def test_so_may_a_workflow(id_: str) -> None:
    assert addressed({**FLOW, "text": "<@UBOT> somebody has filled in the form"}, (id_,))


def test_no_configuration_makes_slackbot_or_ourselves_ask() -> None:
    for who in ("Slackbot", "ourselves", "a topic", "nobody"):
        everything = ("USLACKBOT", "UBOT", "BBOT", "UALICE", "")
        assert not addressed({"text": "<@UBOT> do it", **NO_REQUESTS[who], **REPLY}, everything)


TO_OTHERS = {
    "<@UBOB> what do you think?": True,
    "<!subteam^S1> please look": True,
    "<!here> lunch": True,
    "<@UBOB> and <@UBOT>, hello": False,
    "go on": False,
    "as <@UALICE> I say": False,
    "&gt; <@UBOB> has said so\nand now?": False,
    "`<@UBOB>`": False,
}


@pytest.mark.parametrize("text", TO_OTHERS)
def test_a_message_that_mentions_others_and_not_the_bot_is_to_them(text: str) -> None:
    found = read({**ALICE, **REPLY, "text": text})
    assert found is not None
    assert found.to_others is TO_OTHERS[text]


def test_in_a_direct_message_everything_a_person_says_is_to_the_bot() -> None:
    for event in ({"channel": "D1"}, {"channel": "D1", "channel_type": "app_home"}, {"channel_type": "im"}):
        found = read({**ALICE, "text": "ask <@UBOB>", **event})
        assert found is not None
        assert (found.addressed, found.place.kind) == (True, "im")
    assert not addressed({**ALICE, "text": "hello", "channel": "G1", "channel_type": "mpim"})


def test_what_others_post_is_context_in_a_thread_and_nothing_elsewhere() -> None:
    for who in (APP, FLOW, {"user": "USLACKBOT"}):
        assert read({**who, "text": "alert"}) is None
        found = read({**who, "text": "alert", **REPLY})
        assert found is not None
        assert not found.addressed


def test_our_own_posts_are_nothing_as_events_and_context_in_a_history() -> None:
    own = {"user": "UBOT", "bot_id": "BBOT", "text": "done", **REPLY}
    marked = {**own, "metadata": {"event_type": "bot_post", "event_payload": {"key": "k1"}}}
    assert read(own) is None
    assert read({**own, "bot_id": "B7", "user": "", "app_id": "ABOT"}, api_app_id="ABOT") is None
    found = read(marked, history=True)
    assert found is not None
    assert (found.author, found.post, found.addressed) == (AuthorKind.OWN, "k1", False)
    posted = read({**own, "files": [{"name": "answer-0123abcd.md"}]}, history=True)
    assert posted is not None
    assert posted.post == "0123abcd*"
    other = read({**APP, **REPLY, "text": "x", "metadata": marked["metadata"]}, history=True)
    assert other is not None
    assert other.post == "", "only our own posts are recognised"


def test_an_edited_message_is_read_as_it_stands_in_a_history_and_not_as_an_event() -> None:
    edited = {**ALICE, "text": "as it is now", "edited": {"user": "UALICE", "ts": "1700000009.000000"}}
    assert read(edited) is None
    found = read(edited, history=True)
    assert found is not None
    assert found.text == "as it is now"


def test_a_plain_message_is_kept_as_text_and_any_other_with_all_its_parts() -> None:
    plain, quoted = read({**ALICE, "text": "hi"}), read({**ALICE, "text": "hi\n&gt; there"})
    assert plain is not None
    assert quoted is not None
    assert (plain.text, plain.body) == ("hi", "")
    assert quoted.text == "hi"
    assert "there" in quoted.body


@pytest.mark.parametrize("text", ["<@UBOT> stop", "<@UBOT|bot> stop", "Stop! <@UBOT|the bot>", "<@UBOT|stop> stop"])
def test_a_stop_word_counts_however_the_bot_is_mentioned(text: str) -> None:
    found = read({**ALICE, "text": text})
    assert found is not None
    assert found.stop


@pytest.mark.parametrize("text", ["<@UBOB|bot> stop", "<@UBOT|stop>", "stop " + "x" * 300])
def test_other_words_do_not_stop(text: str) -> None:
    found = read({**ALICE, "text": text})
    assert found is not None
    assert not found.stop
