"""Prepares a model's Markdown for Slack's markdown block, so that it is displayed as intended. Pure.

Slack parses the block itself (https://docs.slack.dev/reference/block-kit/blocks/markdown-block). Constructs on which
parsers disagree are rewritten into unambiguous ones: URLs in emphasis, whose link would include the asterisks; Slack's
own markup, which models mix with Markdown; images without alt text, which would be links without a text.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Collection, Iterator, Mapping

from bot.slack.blocks.markdown import HEADING, ITEM, code_blocks, table_head
from bot.slack.text import harmless, inert, sendable

_WIDE = r"\u3000-\u303f\uff00-\uff0f\uff1a-\uff20\uff3b-\uff40\uff5b-\uff65\u2018-\u201f\u2026«»"
"""Punctuation that never occurs in a URL. Writers of Chinese, Japanese and Korean put it after a URL without a
space."""
_DESTINATION = (
    r"\([ \t]*(?:<[^<>\n]*>|[^\s()<>]*(?:\([^\s()<>]*\)[^\s()<>]*)*)(?:[ \t]+(?:\"[^\"\n]*\"|'[^'\n]*'))?[ \t]*\)"
)
# It begins with a set of characters, which is what `re` looks for fast.
_TOKEN = re.compile(
    r"[\\!\[\]<hw_](?:"
    r"(?<=\\)[!-/:-@\[-`{-~]"
    rf"|(?<=!)\[\](?P<shown>{_DESTINATION})"
    rf"|(?<=\[)(?:[^\[\]\n]++|\[[^\[\]\n]*+\])*+\]{_DESTINATION}"
    rf"|(?<=\]){_DESTINATION}"
    r"|(?<=\[)(?<!\S\[)[^\[\]\n]++\]:[ \t]*\S+"
    r"|(?P<angle>(?<=<)[^<>\n]*+>)"
    r"|(?P<url>(?<![A-Za-z0-9].)(?:(?<=h)ttps?://|(?<=w)ww\.(?=[A-Za-z0-9]))[^\s<>\\\"`\x00" + _WIDE + r"]{1,2000})"
    r"|(?P<mail>(?<=_)(?<![A-Za-z0-9._+-]_)(?P<marks>_{0,2})(?P<address>[A-Za-z0-9][A-Za-z0-9._+-]*@"
    r"[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+)_(?P=marks)(?![A-Za-z0-9]))"
    r")",
    re.S,
)
_PARAGRAPH = re.compile(r"(?:[^\n]*[^\s][^\n]*(?:\n|\Z))+|[^\n]*\n|[^\n]+")
_LINE = re.compile(r"[^\n]*\n|[^\n]+")
_BACKTICKS = re.compile(r"`+")
_LABELLED = re.compile(r"<([A-Za-z][A-Za-z0-9+.-]*:[^<>|\s]+)\|([^<>\n]+)>")
_DATE = re.compile(r"<!date\^[^<>|]+\|([^<>\n]*)>")
_MARKED = re.compile(r"<(https?://[^<>|\s]*?)([*_~]+)>")
_CLOSER = re.compile(r"[*_~]+(?=[.,:;!?'\")\]|]*(?:[^\x00-\x7f]|$))")
_CJK = re.compile(r"(?<=[A-Za-z0-9.,:;!?()\[\]])[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_MOST_MARKS = 8
"""Characters of emphasis before a URL that are examined."""
_RUN = re.compile(r"[*_~]+")
_COMPLETE = re.compile(r"(?:https?://|www\.).")
_BEFORE = re.compile(r"[\s(\"']|$")
_AFTER = re.compile(r"[.,:;!?)\"']?(?:\s|$)")
_LONGEST = 2_000
"""Characters of a URL that are examined."""
_NOWHERE = "\u200b"
"""A zero-width space. Emphasis next to a letter neither begins before punctuation nor ends after it (CommonMark, left-
and right-flanking delimiter runs); this character is not punctuation, and is invisible."""
_SIGNS = ("<", "://", "www.", "![](", "@")


def outgoing(text: str, names: Mapping[str, str] | None = None) -> str:
    """Return a model's Markdown as it is to be posted. Nothing in it notifies anybody.

    names: names of people and user groups by id, as for `harmless`. Code is not changed.
    """
    text = sendable(text).replace("\r\n", "\n").replace("\r", "\n").replace("\0", "\ufffd")
    if not may_change(text):
        return text
    parts: list[str] = []
    at = 0
    for block in code_blocks(text):
        parts += (_prose(text[at : block.start], names), inert(text[block.start : block.end]))
        at = block.end
    # Once more over all of it: a mention may begin in one piece, such as a backslash and what it escapes, and end in
    # another.
    return inert("".join((*parts, _prose(text[at:], names))))


def may_change(text: str) -> bool:
    """Whether `outgoing` may return anything but the text itself, outside of code."""
    return any(sign in text for sign in _SIGNS)


def _prose(text: str, names: Mapping[str, str] | None) -> str:
    """Return text outside of fenced code blocks, prepared."""
    parts: list[str] = []
    listed = False
    for paragraph in _PARAGRAPH.findall(text):
        indented = paragraph.startswith(("    ", "\t"))
        listed = bool(ITEM.match(paragraph)) or (listed and paragraph[:1] in (" ", "\t"))
        if not any(sign in paragraph for sign in _SIGNS):
            parts.append(paragraph)
        elif indented and not listed:
            parts.append(inert(paragraph))  # indented code
        else:
            table = "|" in paragraph and table_head(paragraph, 0, len(paragraph)) is not None
            parts += (_inline(piece, names, table=table) for piece in _pieces(paragraph, table=table))
    return "".join(parts)


def _pieces(paragraph: str, *, table: bool) -> Iterator[str]:
    """Yield the units that a code span cannot cross: list items, headings, rows."""
    said: list[str] = []
    for line in _LINE.findall(paragraph):
        if said and (table or ITEM.match(line) or HEADING.match(line)):
            yield "".join(said)
            said = []
        said.append(line)
    yield "".join(said)


def _inline(text: str, names: Mapping[str, str] | None, *, table: bool) -> str:
    if not any(sign in text for sign in _SIGNS):
        return text
    hidden = _without_code(text)
    parts: list[str] = []
    at = 0
    opened = set[str]()
    while (match := _TOKEN.search(hidden, at)) is not None:
        between = hidden[at : match.start()]
        opened ^= {marks for marks in ("**", "~~") if between.count(marks) % 2}
        parts.append(inert(text[at : match.start()]))
        if match["url"]:
            made, at = _url(text, match.start(), match[0], opened, table=table)
        else:
            made, at = _token(text, match, names), match.end()
        parts.append(made)
    parts.append(inert(text[at:]))
    return "".join(parts)


def _without_code(text: str) -> str:
    """Return the text with its code spans replaced by as many NUL characters."""
    runs = [(match.start(), match.end()) for match in _BACKTICKS.finditer(text)]
    by_length: dict[int, list[int]] = {}
    for start, end in runs:
        by_length.setdefault(end - start, []).append(start)
    parts: list[str] = []
    at = 0
    for start, end in runs:
        if start < at or (start and text[start - 1] == "\\"):
            continue
        closers = by_length[end - start]
        index = bisect_left(closers, end)
        if index < len(closers):
            close = closers[index] + end - start
            parts += (text[at:start], "\0" * (close - start))
            at = close
    return "".join((*parts, text[at:]))


def _token(text: str, match: re.Match[str], names: Mapping[str, str] | None) -> str:
    """Return a construct other than a bare URL, rewritten."""
    whole = text[match.start() : match.end()]
    if match["angle"]:
        return _angle(text, match.start(), whole, names)
    if match["mail"]:
        return f"_{match['marks']}<{match['address']}>_{match['marks']}"
    if match["shown"] and (shown := match["shown"][1:-1].split()):
        return f"![{shown[0].strip('<>')}]{match['shown']}"
    return inert(whole)


def _angle(text: str, start: int, whole: str, names: Mapping[str, str] | None) -> str:
    """Return Slack's own markup as Markdown."""
    if labelled := _LABELLED.fullmatch(whole):
        return _link(*labelled.groups())
    if date := _DATE.fullmatch(whole):
        return date[1] or whole
    if (marked := _MARKED.fullmatch(whole)) and text.endswith(marked[2][::-1], 0, start):
        return f"<{marked[1]}>{marked[2]}"
    return inert(harmless(whole, names))


def _link(address: str, label: str) -> str:
    scheme, _, rest = address.partition(":")
    if label == rest and scheme.lower() in ("mailto", "tel"):
        return f"<{rest}>" if scheme.lower() == "mailto" else rest
    if label == address:
        return f"<{address}>"
    shown = label.replace("[", "\\[").replace("]", "\\]")
    return f"[{shown}]({address.replace('(', '%28').replace(')', '%29')})"


def _url(text: str, start: int, found: str, opened: Collection[str], *, table: bool) -> tuple[str, int]:
    """Return a URL, in angle brackets unless all parsers agree where it ends, and the position after it.

    opened: the marks of emphasis that is open where it begins.
    """
    lead = text[max(0, start - _MOST_MARKS) : start]
    marks = lead[len(lead.rstrip("*_~")) :]
    ends = [at for each in opened if (at := found.find(each, 8)) > 0]
    url = _address(found[: min(ends, default=len(found))], marks[::-1], table=table)
    end = start + len(url)
    if not _COMPLETE.match(url) or len(found) >= _LONGEST:
        return found, start + len(found)
    if _BEFORE.match(text[start - 1 : start]) and _AFTER.match(text, end):
        return url, end
    made = f"[{url}](http://{url})" if url.startswith("www.") else f"<{url}>"
    if marks and text[start - len(marks) - 1 : start - len(marks)].isalnum():
        made = _NOWHERE + made
    closing = _RUN.match(text, end)
    if closing and text[closing.end() : closing.end() + 1].isalnum():
        made += _NOWHERE
    return made, end


def _address(found: str, closer: str, *, table: bool) -> str:
    """Return the URL at the beginning of some characters. closer: what would end the emphasis in which it begins."""
    if match := _CJK.search(found, 8):
        found = found[: match.start()]
    match = _CLOSER.search(found, 8)
    if match is None and closer:
        match = re.compile(re.escape(closer) + r"(?![A-Za-z0-9/%=&#?+@_*~])").search(found, 8)
    if match:
        found = found[: match.start()]
    if table:
        found = found.partition("|")[0]
    open_ = {")": 0, "]": 0}
    for at, character in enumerate(found):
        if character in "([":
            open_[")" if character == "(" else "]"] += 1
        elif character in open_:
            open_[character] -= 1
            if open_[character] < 0:
                found = found[:at]
                break
    return found.rstrip(".,:;!?'*_~([")
