"""Slack's documented examples of messages are read without loss (docs.slack.dev/reference/events/message,
/reference/block-kit/blocks, /reference/methods/conversations.history)."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from bot.slack.reading import message
from bot.slack.reading.rendering import render

Json = dict[str, Any]
EXAMPLES: list[Json] = json.loads(Path(__file__).with_name("documented.json").read_text("utf-8"))
SUBTYPES = set(
    """
assistant_app_thread bot_message bot_remove channel_archive channel_convert_to_private channel_join channel_leave
channel_name channel_posting_permissions channel_purpose channel_topic channel_unarchive document_mention
ekm_access_denied file_comment file_mention file_share group_archive group_join group_leave group_name group_purpose
group_topic group_unarchive huddle_thread me_message message_changed message_deleted message_replied pinned_item
reminder_add reply_broadcast thread_broadcast unpinned_item
""".split()  # noqa: SIM905
)
OURSELVES = message.Ourselves("UBOT", "BBOT", "ABOT")


def words(text: str) -> list[str]:
    return re.findall(r"[a-z0-9]+", text.lower())


def missing(wanted: list[str], shown: list[str]) -> list[str]:
    """Return the words that are not among those shown, each as often as it is wanted."""
    left = list(shown)
    lost: list[str] = []
    for word in wanted:
        if word in left:
            left.remove(word)
        else:
            lost.append(word)
    return lost


@pytest.mark.parametrize("example", EXAMPLES, ids=[example["name"] for example in EXAMPLES])
def test_every_word_of_a_documented_message_is_read_with_its_author(example: Json) -> None:
    content = message.read(message.subject(example["event"]), OURSELVES)
    shown = render(content.parts, {})
    assert missing(words(example["words"]), words(shown)) == []
    assert (content.author.kind.value or "person") == example["author"]
    assert not content.cut
    assert "hidden" not in shown
    assert "fallback" not in shown


def test_there_is_an_example_of_every_documented_subtype() -> None:
    found = {example["event"].get("subtype") for example in EXAMPLES}
    found |= {message.subject(example["event"]).get("subtype") for example in EXAMPLES}
    assert SUBTYPES - found == set()
