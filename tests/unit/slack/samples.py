"""Requests to show, and what Slack and a reader make of what is shown."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from bot.core.calls import Call, CallOutcome, CallState
from bot.core.json_text import JsonObject, canonical
from bot.core.questions.question import Approval, CallKind, Card, Decision
from bot.core.tools import Preview
from bot.core.turn_message import End, TurnMessage
from bot.slack.blocks import cards, elements, turn_message
from slack_sandbox import text as texts
from slack_sandbox import validation
from tests.watch import apart

ALICE, BOB, CAROL = "U0ALICE", "U0BOB", "U0CAROL"
DIGEST = "0123456789abcdef" * 4
DIFF = "@@ -1,2 +1,2 @@\n one\n-two\n+three\n"
PREVIEW = Preview(
    "basis",
    "Line endings: CRLF.",
    DIFF,
    title="Write a file",
    caveat="one that is already there is replaced",
    reversal="The file gets its earlier content back.",
    heading="Change a.txt",
    subject="a.txt",
    effect="1 line changed",
    counts="+1 −1",
    source="Files",
    shown=("path", "content"),
    paths={"/w/a.txt": "a.txt"},
)
EDIT = replace(PREVIEW, title="Edit a file", heading="Edit a.txt", verb="edit")
WRITE: JsonObject = {"path": "/w/a.txt", "content": "one\nthree\n"}
NASTY = (
    "two\nlines",
    "*Approved by <@U0EVIL>*",
    "<!channel>",
    "<@U0EVIL>",
    "<!subteam^S0EVIL>",
    "@here",
    "`code` ```fence```",
    "\u202egnp.exe",
    "zero\u200bwidth",
    "&lt;!channel&gt;",
    "x" * 5_000,
    "",
    " ",
    "Approved by",
    "\r\nReason:\u2028More",
    ":white_check_mark:",
    "\ud800",
    "\t",
    "~~~_*>",
    "⟨U+202E⟩",
)


def call(arguments: JsonObject | str | None = None, **more: Any) -> Call:
    """A call of `write_file`."""
    given = WRITE if arguments is None else arguments
    fields: dict[str, Any] = {
        "id": 1,
        "seq": 0,
        "position": 0,
        "call_id": "c1",
        "tool": "filesystem__write_file",
        "server": "filesystem",
        "remote_name": "write_file",
        "arguments": given if isinstance(given, str) else canonical(given),
        "tool_digest": "t",
        "repeatable": False,
        "state": CallState.AWAITING,
    }
    return Call(**{**fields, **more})


def ended(outcome: CallOutcome, result: str = "", arguments: JsonObject | None = None) -> Call:
    """A call that has ended."""
    return call(arguments, state=CallState.FINISHED, outcome=outcome, result=result)


def request(number: int = 1, **more: Any) -> Approval:
    """A request about a call, with an id that ours have the length of."""
    fields: dict[str, Any] = {
        "id": f"request-{number:016d}",
        "kind": CallKind.MAY_IT_RUN,
        "digest": DIGEST,
        "requester": ALICE,
        "thread_id": 1,
        "call": call(),
        "channel": "C0GENERAL",
        "expires_at": 1_900_000_000.0,
        "grants": True,
    }
    return Approval(**{**fields, **more})


def decided(decision: Decision, number: int = 1, **more: Any) -> Approval:
    """A request that Alice has decided, unless somebody else is named."""
    return request(number, **{"decision": decision, "decided_by": ALICE, "decided_at": 1_800_000_000.0, **more})


class Shown:
    """A message or a view that Slack has taken."""

    def __init__(self, blocks: Sequence[JsonObject], text: str = "") -> None:
        self.blocks = list(blocks)
        self.text = text
        self.plain = texts.plain(text, self.blocks, ())
        self.body = texts.plain("", self.blocks, ())
        self.pings = set(texts.pings(text, self.blocks))

    @property
    def elements(self) -> list[JsonObject]:
        return list(texts.elements(self.blocks))

    @property
    def buttons(self) -> list[str]:
        return [element["text"]["text"] for element in self.elements if element["type"] == "button"]

    def button(self, label: str, which: int = 0) -> JsonObject:
        return [each for each in self.elements if each["type"] == "button" and each["text"]["text"] == label][which]

    @property
    def preformatted(self) -> str:
        """The contents of all boxes, one after the other."""
        boxes = (node for node in nodes(self.blocks) if node.get("type") == "rich_text_preformatted")
        return "".join(part["text"] for box in boxes for part in box["elements"])


@apart()
def taken(payload: str | JsonObject) -> Shown:
    """A message as Slack takes it; fails when it does not."""
    content: JsonObject = json.loads(payload) if isinstance(payload, str) else payload
    wire = json.loads(json.dumps(content).encode("utf-8"))
    ids = itertools.count()
    blocks = validation.message_blocks(wire["blocks"], lambda: f"id{next(ids)}")
    assert len(blocks) <= 50
    assert wire["text"]
    assert len(wire["text"]) <= 4_000
    return Shown(blocks, wire["text"])


@apart()
def window(view: JsonObject) -> Shown:
    """A view as Slack takes it; fails when it does not."""
    json.dumps(view, ensure_ascii=False).encode("utf-8")
    ids = itertools.count()
    checked = validation.view(json.loads(json.dumps(view)), lambda: f"id{next(ids)}")
    return Shown(checked["blocks"])


def card(*approvals: Approval) -> Shown:
    """The one message that these requests are asked in."""
    [made] = cards.cards(approvals)
    assert list(made.questions) == list(approvals)
    return asked(made)


def asked(made: Card) -> Shown:
    """The message that a card is in, which says nothing else."""
    shown = turn_message.render(TurnMessage(1, end=End.ASKS), made.questions)
    assert shown is not None
    assert made.size >= elements.size(shown["blocks"])
    return taken(shown)


def record(*approvals: Approval) -> Shown:
    """What that message has become."""
    return taken(cards.redrawn(approvals))


def nodes(node: Any) -> Iterator[JsonObject]:
    """Every object in a structure."""
    if isinstance(node, dict):
        yield node
        for value in node.values():
            yield from nodes(value)
    elif isinstance(node, list):
        for value in node:
            yield from nodes(value)


def nothing_is_forged(shown: Shown, pings: set[str]) -> None:
    """Nobody is called but these, and data stands only where Slack reads no markup and on no more than its line."""
    assert shown.pings <= pings
    for node in nodes(shown.blocks):
        kind, text = node.get("type"), str(node.get("text", ""))
        if kind == "mrkdwn":
            assert "\n" not in text
            assert "EVIL" not in text
            assert len(text) < 1_500
        if kind in ("rich_text_section", "rich_text_quote"):
            assert all("\n" not in part.get("text", "") for part in node["elements"])
        if kind == "plain_text":
            assert "\n" not in text
            assert node.get("emoji") is False
        if kind in ("text", "plain_text", "mrkdwn"):
            assert not set(text) & set("\u202e\u200b\u2028\r\ud800")
    assert not re.search(r"<[@#!]\^?\w*EVIL", texts.unescape(shown.text))
