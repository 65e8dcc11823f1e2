"""The elements of messages and windows. Pure.

Data from a tool, a model or a person goes into rich_text or plain_text only: Slack interprets no markup in either
(https://docs.slack.dev/reference/block-kit/blocks/rich-text-block), so it cannot forge a line, a mention or a button.
mrkdwn contains only our own words and ids.
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
"""Characters in one block, below Slack's 3,000."""
VIEW_LIMIT = 200_000
"""Bytes of a window, below Slack's 250 kB."""
VIEW_BLOCKS = 95
AT_ONCE = 100_000
"""Characters that are replaced at once: the interpreter runs nothing else meanwhile, in whatever thread this is."""
FEW = 10
"""Number of different characters up to which replacing them one by one is faster than translating."""
REQUESTER = "requester"
_TIME = "{date_short_pretty} {time}"

_PERSON = re.compile(r"[UW][A-Z0-9]+")
_GROUP = re.compile(r"S[A-Z0-9]+")


def one_line(text: str, limit: int = 300) -> str:
    """Return data on one line with every character visible: line breaks are spelled out. Cut at the limit."""
    # Spelled-out characters only get longer, so nothing beyond these can be shown.
    line = visible(text[: limit + 1]).replace("\n", "⟨U+000A⟩").replace("\t", "⟨U+0009⟩")
    return line if len(line) <= limit else f"{line[:limit]}…"


def sentence(text: str, limit: int = 300) -> str:
    """Return what a person or a tool said on one line, with all white space as single spaces. Cut at the limit."""
    line = visible(" ".join(text.split(maxsplit=limit + 1)[: limit + 1])[: limit + 1])
    return line if len(line) <= limit else f"{line[:limit]}…"


def spelled(text: str) -> str:
    """Like `visible`, for long texts: each different character is examined once."""
    if len(text) < CHUNK // 10:
        return visible(text)
    if len(text) > AT_ONCE:
        return "".join(spelled(text[at : at + AT_ONCE]) for at in range(0, len(text), AT_ONCE))
    written = {each: shown for each in set(text) if (shown := visible(each)) != each}
    if len(written) > FEW:
        return text.translate(str.maketrans(written))
    # The marking bracket comes first, so that those of the other replacements are not spelled out again.
    for each in sorted(written, key="⟨".__ne__):
        text = text.replace(each, written[each])
    return text


def fitting(text: str, limit: int) -> tuple[str, int]:
    """Return the part of a text that fits with every character visible, none of them cut, and how many characters of
    the text it covers."""
    start = text[:limit]
    shown = spelled(start)
    if len(shown) <= limit:
        return shown, len(start)
    sizes = {each: len(visible(each)) for each in set(start)}
    count = bisect(list(accumulate(sizes[each] for each in start)), limit)
    return spelled(start[:count]), count


def plain(text: str) -> Block:
    """Return a text element of rich text."""
    return {"type": "text", "text": text or " "}


def bold(text: str) -> Block:
    """Return our own words in bold."""
    return {"type": "text", "text": text or " ", "style": {"bold": True}}


def code(text: str, limit: int = 150) -> Block:
    """Return data on one line, in code style."""
    return shown_code(one_line(text, limit))


def shown_code(text: str) -> Block:
    """Return data whose characters are all visible already, in code style."""
    return {"type": "text", "text": text or " ", "style": {"code": True}}


def emoji(name: str) -> Block:
    """Return an emoji element of rich text."""
    return {"type": "emoji", "name": name}


def section(*elements: Block) -> Block:
    """Return a paragraph of rich text."""
    return {"type": "rich_text_section", "elements": list(elements)}


def quote(*data: str | Block) -> Block:
    """Return data as a quotation: Slack marks each of its lines, however they wrap."""
    found = [plain(each) if isinstance(each, str) else each for each in data]
    return {"type": "rich_text_quote", "elements": found}


def preformatted(text: str, language: str = "") -> Block:
    """Return data with its own line breaks, in a box. With a language (`diff`), Slack highlights it
    (https://docs.slack.dev/reference/block-kit/blocks/rich-text-block)."""
    box: Block = {"type": "rich_text_preformatted", "elements": [plain(text)]}
    return {**box, "language": language} if language else box


def person(user: str) -> Block:
    """Return a person in rich text; anything that is not the id of one as text."""
    known = bool(_PERSON.fullmatch(user))
    return {"type": "user", "user_id": user} if known else plain(one_line(user, 60) or "somebody")


def rich(*elements: Block) -> Block:
    """Return a block of rich text."""
    return {"type": "rich_text", "elements": list(elements)}


def context(*texts: str) -> Block:
    """Return small lines of our own words in mrkdwn."""
    return {"type": "context", "elements": [{"type": "mrkdwn", "text": text[:CHUNK]} for text in texts]}


def small(data: str, words: str) -> list[Block]:
    """Return a small line of data, in which Slack interprets no markup, and of our own words in mrkdwn; none if both
    are empty."""
    # Slack leaves room between the elements, so the dot belongs to one of them.
    elements: list[Block] = [plain_text(f"{data} ·" if words else data)] if data else []
    if words:
        elements.append({"type": "mrkdwn", "text": words if data else f"{words[:1].upper()}{words[1:]}"})
    return [{"type": "context", "elements": elements}] if elements else []


def remark(text: str) -> Block:
    """Return a small line in which Slack interprets no markup."""
    return {"type": "context", "elements": [plain_text(text[:CHUNK])]}


def plain_text(text: str) -> Block:
    """Return text in which Slack interprets neither markup nor emoji names."""
    return {"type": "plain_text", "text": text or " ", "emoji": False}


def header(text: str) -> Block:
    """Return a heading of our own words."""
    return {"type": "header", "text": plain_text(text)}


def actions(block_id: str, elements: Sequence[Block]) -> Block:
    """Return a row of buttons."""
    return {"type": "actions", "block_id": block_id[:255], "elements": list(elements)}


def confirmation(title: str, text: str, yes: str, *, danger: bool = False) -> Block:
    """Return the confirmation dialog that Slack shows before a button takes effect."""
    asked: Block = {
        "title": plain_text(title),
        "text": plain_text(text[:300]),
        "confirm": plain_text(yes),
        "deny": plain_text("Back"),
    }
    return {**asked, "style": "danger"} if danger else asked


def option(text: str, value: str) -> Block:
    """Return an option of a menu or of radio buttons."""
    return {"text": plain_text(text), "value": value}


def modal(title: str, blocks: Sequence[Block], *, close: str = "Close", **more: str | JsonObject) -> JsonObject:
    """Return a window; `more` are its other fields."""
    return {
        "type": "modal",
        "title": plain_text(title),
        "close": plain_text(close),
        "blocks": list(blocks),
        **more,
    }


def date(at: float) -> str:
    """Return a time in mrkdwn, which Slack shows in each reader's time zone; the fallback is in UTC."""
    return f"<!date^{int(at)}^{_TIME}|{_utc(at)}>"


def rich_date(at: float) -> Block:
    """Return a time as `date` does, for rich text."""
    return {"type": "date", "timestamp": int(at), "format": _TIME, "fallback": _utc(at)}


def _utc(at: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(at))


def mention(who: str, requester: str = "") -> str:
    """Return a person or a user group in mrkdwn, by id. Anything that is not an id is shown as text and mentions
    nobody."""
    if who == REQUESTER:
        who = requester
    if _PERSON.fullmatch(who):
        return f"<@{who}>"
    if _GROUP.fullmatch(who):
        return f"<!subteam^{who}>"
    return escaped(harmless(one_line(who, 60))) or "somebody"


def mentions(people: Sequence[str], requester: str = "", most: int = 12, last: str = ", ") -> str:
    """Return people and groups in mrkdwn, each once; `last` separates the last two."""
    named = list(dict.fromkeys(mention(who, requester) for who in people))
    if len(named) > most:
        return f"{', '.join(named[:most])} and {len(named) - most} more"
    return last.join(filter(None, (", ".join(named[:-1]), *named[-1:])))


def size(node: object) -> int:
    """Return the number of characters of all texts in a block, counted as Slack does for a message."""
    if isinstance(node, dict):
        own = len(node["text"]) if isinstance(node.get("text"), str) else 0
        return own + sum(size(value) for value in node.values())
    return sum(size(value) for value in node) if isinstance(node, list) else 0


def pieces(text: str) -> Iterator[str]:
    """Yield a text, every character visible, in pieces that fit into a block, cut at line ends where possible. Pieces
    are yielded lazily."""
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
