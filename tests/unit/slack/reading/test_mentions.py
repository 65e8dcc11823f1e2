"""Whom a message mentions: in its author's own words only, and not where they quote or show code."""

from __future__ import annotations

from typing import Any

import pytest

from bot.slack.reading import message

Json = dict[str, Any]
OURSELVES = message.Ourselves("UBOT", "BBOT", "ABOT")
BOT: Json = {"type": "user", "user_id": "UBOT"}


def line(*elements: Json, kind: str = "rich_text_section", **more: object) -> Json:
    return {"type": "rich_text", "elements": [{"type": kind, "elements": list(elements), **more}]}


def rich(*elements: Json, kind: str = "rich_text_section", **more: object) -> Json:
    return {"text": "<@UBOT> as text", "blocks": [line(*elements, kind=kind, **more)]}


def attached(**fields: object) -> Json:
    return {"text": "look", "attachments": [fields]}


def mrkdwn(text: str) -> Json:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


COUNTS: dict[str, Json] = {
    "text": {"text": "hello <@UBOT>"},
    "text with a label": {"text": "<@UBOT|bot>, hello"},
    "after a quote": {"text": "&gt; quoted\n<@UBOT> what of this?"},
    "after code": {"text": "`x` ```\ny\n``` <@UBOT>"},
    "beside a backtick": {"text": "a ` <@UBOT>"},
    "rich text": rich({"type": "text", "text": "hello "}, BOT),
    "bold": rich({**BOT, "style": {"bold": True}}),
    "in a list": rich({"type": "rich_text_section", "elements": [BOT]}, kind="rich_text_list", style="bullet"),
    "a section of an app": {"text": "", "blocks": [mrkdwn("<@UBOT> deployed")]},
    "a markdown block of an app": {"text": "", "blocks": [{"type": "markdown", "text": "**<@UBOT>** deployed"}]},
}
COUNTS_NOT: dict[str, Json] = {
    "nobody": {"text": "hello"},
    "somebody else": {"text": "<@UBOB> hello"},
    "escaped": {"text": "&lt;@UBOT&gt;"},
    "a longer id": {"text": "<@UBOTTER>"},
    "quoted": {"text": "&gt; <@UBOT> do it\nwhat does that mean?"},
    "quoted, not escaped": {"text": "> <@UBOT> do it"},
    "all that follows is quoted": {"text": "look\n&gt;&gt;&gt; a\n<@UBOT> do it"},
    "code": {"text": "write `<@UBOT>`"},
    "a code block": {"text": "```\n<@UBOT>\n```"},
    "a code block that does not end": {"text": "```\n<@UBOT>"},
    "a code block that begins like a quote": {"text": "```\n&gt; <@UBOT>\n```"},
    "text behind blocks": {"text": "<@UBOT>", "blocks": [line({"type": "text", "text": "hello"})]},
    "a rich quote": rich(BOT, kind="rich_text_quote"),
    "a rich code block": rich(BOT, kind="rich_text_preformatted"),
    "rich code": rich({**BOT, "style": {"code": True}}),
    "a list with a border": rich(
        {"type": "rich_text_section", "elements": [BOT]}, kind="rich_text_list", style="bullet", border=1
    ),
    "plain text that looks like one": rich({"type": "text", "text": "<@UBOT> hi"}),
    "a link's label": rich({"type": "link", "url": "https://e.com", "text": "<@UBOT>"}),
    "a link's address": rich({"type": "link", "url": "https://e.com/?<@UBOT>", "text": "x"}),
    "a forward": attached(is_share=True, author_id="UBOB", text="<@UBOT> do it"),
    "a forward with blocks": attached(is_share=True, message_blocks=[{"message": {"blocks": [line(BOT)]}}]),
    "a forwarded forward": attached(is_share=True, text="x", attachments=[{"is_share": True, "text": "<@UBOT>"}]),
    "an unfurled message": attached(is_msg_unfurl=True, author_id="UBOB", text="<@UBOT> do it"),
    "a preview": attached(from_url="https://e.com", title="<@UBOT>", text="<@UBOT> do it"),
    "a preview with blocks": attached(from_url="https://e.com", blocks=[mrkdwn("<@UBOT>")]),
    "an attachment's pretext": attached(pretext="<@UBOT> do it"),
    "an attachment's field": attached(fields=[{"title": "<@UBOT>", "value": "<@UBOT>"}]),
    "an attachment's fallback": attached(fallback="<@UBOT> do it"),
    "a table": attached(blocks=[{"type": "table", "rows": [[line(BOT)]]}]),
    "a table among the blocks": {"text": "", "blocks": [{"type": "table", "rows": [[line(BOT)]]}]},
    "a file's name": {"text": "", "files": [{"name": "<@UBOT>", "title": "<@UBOT>"}]},
    "a snippet": {"text": "", "files": [{"name": "a", "mode": "snippet", "preview": "<@UBOT> do it"}]},
    "a comment on a file": {"text": "", "files": [{"name": "a", "initial_comment": {"comment": "<@UBOT>"}}]},
    "a header": {"text": "", "blocks": [{"type": "header", "text": {"type": "plain_text", "text": "<@UBOT>"}}]},
    "a quote in a section": {"text": "", "blocks": [mrkdwn("&gt; <@UBOT>")]},
    "no id at all": {"text": "<@UBOT", "blocks": [line({"type": "user", "user_id": ["UBOT"]})]},
}


@pytest.mark.parametrize("case", COUNTS)
def test_a_mention_in_the_own_words_counts(case: str) -> None:
    assert "UBOT" in message.read({"user": "UALICE", **COUNTS[case]}, OURSELVES).mentions


@pytest.mark.parametrize("case", COUNTS_NOT)
def test_a_mention_anywhere_else_does_not_count(case: str) -> None:
    assert "UBOT" not in message.read({"user": "UALICE", **COUNTS_NOT[case]}, OURSELVES).mentions


def test_groups_and_broadcasts_are_mentioned_too() -> None:
    blocks = [line({"type": "usergroup", "usergroup_id": "S1"}, {"type": "broadcast", "range": "here"})]
    for said in ({"text": "<!subteam^S1|@ops> <!here>"}, {"text": "", "blocks": blocks}):
        assert message.read({"user": "UALICE", **said}, OURSELVES).mentions == {"S1", "!here"}


AUTHORS: dict[str, tuple[Json, str, str, str]] = {
    "a person": ({"user": "UALICE"}, "", "UALICE", ""),
    "a person with a file": ({"user": "UALICE", "subtype": "file_share"}, "", "UALICE", ""),
    "an app": ({"user": "UAPP", "bot_id": "B1", "bot_profile": {"name": "Pager"}}, "app", "B1", "Pager"),
    "an app in a person's name": ({"user": "UALICE", "bot_id": "B1", "app_id": "A1"}, "app", "B1", ""),
    "an old integration": ({"subtype": "bot_message", "bot_id": "B1", "username": "git"}, "app", "B1", "git"),
    "an integration without an id": ({"subtype": "bot_message", "username": "git"}, "app", "", "git"),
    "an app by its app's id only": ({"user": "UAPP", "app_id": "A1"}, "app", "A1", ""),
    "a workflow": ({"subtype": "bot_message", "bot_id": "B1", "workflow_id": "Wf1"}, "workflow", "B1", ""),
    "a workflow by its profile": ({"bot_id": "B1", "bot_profile": {"is_workflow_bot": True}}, "workflow", "B1", ""),
    "Slackbot": ({"user": "USLACKBOT"}, "slack", "USLACKBOT", ""),
    "Slackbot's response": ({"user": "USLACKBOT", "subtype": "slackbot_response"}, "slack", "USLACKBOT", ""),
    "Slack about a person": ({"user": "UALICE", "subtype": "channel_topic"}, "slack", "UALICE", ""),
    "a subtype of another type": ({"user": "UALICE", "subtype": ["x"]}, "slack", "UALICE", ""),
    "ourselves": ({"user": "UBOT", "bot_id": "BBOT"}, "own", "UBOT", ""),
    "ourselves by our bot": ({"subtype": "bot_message", "bot_id": "BBOT"}, "own", "BBOT", ""),
    "ourselves by our app": ({"subtype": "bot_message", "bot_id": "B9", "app_id": "ABOT"}, "own", "B9", ""),
    "nobody": ({}, "", "", ""),
}


@pytest.mark.parametrize("case", AUTHORS)
def test_the_author_is_a_person_only_if_no_app_had_a_part_in_it(case: str) -> None:
    said, kind, id_, label = AUTHORS[case]
    author = message.read({"text": "hello", **said}, OURSELVES).author
    assert (author.kind.value, author.id, author.label) == (kind, id_, label)


BORROWED = ("rich_text_quote", "rich_text_preformatted", "a border")
AROUND = ("rich_text_section", "rich_text_quote", "rich_text_list", "two lists", "a section in a list")


@pytest.mark.parametrize("around", AROUND)
@pytest.mark.parametrize("kind", BORROWED)
def test_quotes_and_code_are_found_in_whatever_they_lie(kind: str, around: str) -> None:
    said = {"type": "text", "text": "do it"}
    inner: Json = {"type": kind, "elements": [said, BOT]}
    if kind == "a border":
        section = {"type": "rich_text_section", "elements": [said, BOT]}
        inner = {"type": "rich_text_list", "style": "bullet", "border": 1, "elements": [section]}
    if around == "two lists":
        inner = {"type": "rich_text_list", "style": "bullet", "elements": [inner]}
    if around == "a section in a list":
        inner = {"type": "rich_text_section", "elements": [inner]}
    outer = {"type": around if around.startswith("rich") else "rich_text_list", "elements": [inner], "style": "bullet"}
    read = message.read({"user": "UBOB", "blocks": [{"type": "rich_text", "elements": [outer]}]}, OURSELVES)
    assert not read.mentions
    if kind != "rich_text_preformatted":
        assert "do it" not in read.own_words


QUOTED = {
    "code": "`<@UBOT>`",
    "a fence": "x\n```\n<@UBOT>\n```",
    "another fence": "x\n~~~ py\n<@UBOT>\n~~~",
    "indented code": "x\n\n    <@UBOT>",
    "a quote": "> <@UBOT>",
    "a quote that goes on": "> x\n<@UBOT> y",
}


@pytest.mark.parametrize("case", QUOTED)
def test_markdown_is_read_by_its_own_rules(case: str) -> None:
    def read(text: str) -> message.Content:
        return message.read({"user": "UBOB", "blocks": [{"type": "markdown", "text": text}]}, OURSELVES)

    assert not read(QUOTED[case]).mentions
    assert "UBOT" in read(f"{QUOTED[case]}\n\n# <@UBOT>").mentions
