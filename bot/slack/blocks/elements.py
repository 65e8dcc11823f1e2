"""The pieces that messages and windows are built from. Pure.

Data of a tool, a model or a person stands in rich_text or plain_text only: Slack reads no markup in either
(https://docs.slack.dev/reference/block-kit/blocks/rich-text-block), so it cannot forge a line, a mention or a button.
mrkdwn holds nothing but words and ids of our own.
"""

from __future__ import annotations

import re
import time
from bisect import bisect
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import Any

from bot.core.json_text import JsonObject
from bot.slack.text import escaped, harmless, visible

Block = dict[str, Any]

CHUNK = 2_900
"""Characters that one block takes, below Slack's 3,000."""
VIEW_LIMIT = 200_000
"""Bytes of a window, below Slack's 250 kB."""
VIEW_BLOCKS = 95
AT_ONCE = 100_000
"""Characters that are replaced in one go: nothing else of the process gets on meanwhile, whatever thread it is in."""
FEW = 10
"""Different characters that are replaced faster one by one than all at once."""
REQUESTER = "requester"

_PERSON = re.compile(r"[UW][A-Z0-9]+")
_GROUP = re.compile(r"S[A-Z0-9]+")


def one_line(text: str, limit: int = 300) -> str:
    """Data on one line, every character visible: what breaks lines is written out. Cut at the limit."""
    # No character gets shorter when it is written out, so what follows these cannot be shown.
    line = visible(text[: limit + 1]).replace("\n", "⟨U+000A⟩").replace("\t", "⟨U+0009⟩")
    return line if len(line) <= limit else f"{line[:limit]}…"


def sentence(text: str, limit: int = 300) -> str:
    """What a person or a tool has said, as one line: blanks and line ends are single spaces. Cut at the limit."""
    line = visible(" ".join(text.split(maxsplit=limit + 1)[: limit + 1])[: limit + 1])
    return line if len(line) <= limit else f"{line[:limit]}…"


def spelled(text: str) -> str:
    """As `visible`, for long texts: each different character is looked at once."""
    if len(text) < CHUNK // 10:
        return visible(text)
    if len(text) > AT_ONCE:
        return "".join(spelled(text[at : at + AT_ONCE]) for at in range(0, len(text), AT_ONCE))
    written = {each: shown for each in set(text) if (shown := visible(each)) != each}
    if len(written) > FEW:
        return text.translate(str.maketrans(written))
    # The bracket that marks the others comes first, else theirs would be written out, too.
    for each in sorted(written, key="⟨".__ne__):
        text = text.replace(each, written[each])
    return text


def fitting(text: str, limit: int) -> tuple[str, int]:
    """As much of a text as fits, every character visible and none of them in part; and how much of it that is."""
    start = text[:limit]
    shown = spelled(start)
    if len(shown) <= limit:
        return shown, len(start)
    sizes = {each: len(visible(each)) for each in set(start)}
    count = bisect(list(accumulate(sizes[each] for each in start)), limit)
    return spelled(start[:count]), count


def plain(text: str) -> Block:
    """Text in a paragraph of rich text."""
    return {"type": "text", "text": text or " "}


def bold(text: str) -> Block:
    """Our own words in bold."""
    return {"type": "text", "text": text or " ", "style": {"bold": True}}


def code(text: str, limit: int = 150) -> Block:
    """A piece of data on one line, in code style."""
    return shown_code(one_line(text, limit))


def shown_code(text: str) -> Block:
    """Data whose every character is visible already, in code style."""
    return {"type": "text", "text": text or " ", "style": {"code": True}}


def emoji(name: str) -> Block:
    """An emoji in a paragraph of rich text."""
    return {"type": "emoji", "name": name}


def section(*elements: Block) -> Block:
    """A paragraph of rich text."""
    return {"type": "rich_text_section", "elements": list(elements)}


def quote(text: str) -> Block:
    """Data as a quotation: however it wraps, each of its lines is marked as one."""
    return {"type": "rich_text_quote", "elements": [plain(text)]}


def preformatted(text: str) -> Block:
    """Data with its own lines, in a box."""
    return {"type": "rich_text_preformatted", "elements": [plain(text)]}


def rich(*elements: Block) -> Block:
    """A block of rich text."""
    return {"type": "rich_text", "elements": list(elements)}


def context(*texts: str) -> Block:
    """Small lines of our own words in mrkdwn."""
    return {"type": "context", "elements": [{"type": "mrkdwn", "text": text[:CHUNK]} for text in texts]}


def remark(text: str) -> Block:
    """A small line in which Slack reads no markup."""
    return {"type": "context", "elements": [plain_text(text[:CHUNK])]}


def plain_text(text: str) -> Block:
    """Text in which Slack reads neither markup nor emoji names."""
    return {"type": "plain_text", "text": text or " ", "emoji": False}


def header(text: str) -> Block:
    """A heading of our own words."""
    return {"type": "header", "text": plain_text(text)}


def actions(block_id: str, elements: Sequence[Block]) -> Block:
    """A row of buttons."""
    return {"type": "actions", "block_id": block_id[:255], "elements": list(elements)}


def confirmation(title: str, text: str, yes: str, *, danger: bool = False) -> Block:
    """The question that Slack asks before a button counts."""
    asked: Block = {
        "title": plain_text(title),
        "text": plain_text(text[:300]),
        "confirm": plain_text(yes),
        "deny": plain_text("Back"),
    }
    return {**asked, "style": "danger"} if danger else asked


def option(text: str, value: str) -> Block:
    """A choice in a menu or beside a radio button."""
    return {"text": plain_text(text), "value": value}


def modal(title: str, blocks: Sequence[Block], *, close: str = "Close", **more: str | JsonObject) -> JsonObject:
    """A window; `more` are its other fields."""
    return {
        "type": "modal",
        "title": plain_text(title),
        "close": plain_text(close),
        "blocks": list(blocks),
        **more,
    }


def date(at: float) -> str:
    """A time in mrkdwn that Slack shows in each reader's own zone; the fallback is in UTC."""
    fallback = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(at))
    return f"<!date^{int(at)}^{{date_short_pretty}} {{time}}|{fallback}>"


def mention(who: str, requester: str = "") -> str:
    """A person or a user group in mrkdwn, by id; whatever is no id stands there as text and calls nobody."""
    if who == REQUESTER:
        who = requester
    if _PERSON.fullmatch(who):
        return f"<@{who}>"
    if _GROUP.fullmatch(who):
        return f"<!subteam^{who}>"
    return escaped(harmless(one_line(who, 60))) or "somebody"


def mentions(people: Sequence[str], requester: str = "", most: int = 12, last: str = ", ") -> str:
    """People and groups in mrkdwn, each once; `last` stands before the last of them."""
    named = list(dict.fromkeys(mention(who, requester) for who in people))
    if len(named) > most:
        return f"{', '.join(named[:most])} and {len(named) - most} more"
    return last.join(filter(None, (", ".join(named[:-1]), *named[-1:])))


def size(node: object) -> int:
    """The characters of every text in a block, as Slack adds them up for a message."""
    if isinstance(node, dict):
        own = len(node["text"]) if isinstance(node.get("text"), str) else 0
        return own + sum(size(value) for value in node.values())
    return sum(size(value) for value in node) if isinstance(node, list) else 0


def pieces(text: str) -> Iterator[str]:
    """A text, every character visible, in pieces that a block takes, cut at line ends where there are some. They are
    made one by one: who needs the first few of a long text does not pay for the rest."""
    ready, at = "", 0
    while True:
        while len(ready) <= CHUNK and at < len(text):
            ready += spelled(text[at : at + CHUNK])
            at += CHUNK
        if len(ready) <= CHUNK:
            break
        cut = ready.rfind("\n", CHUNK // 2, CHUNK) + 1 or CHUNK
        yield ready[:cut]
        ready = ready[cut:]
    yield ready or " "
