"""Parses and writes Slack's mrkdwn markup: escapes, links, mentions, quotes and code. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bot.slack.reading.content import Kind, Part, Section, Words

MAX_PARTS = 200
"""Alternations between words and quotes that are read from one text."""

_AMPERSAND = re.compile(r"&(?!(?:amp|lt|gt);)")
_MENTION = re.compile(r"<(?:@([UW][A-Z0-9]+)|!subteam\^(S[A-Z0-9]+)|!(here|channel|everyone))(?:\|[^<>]*)?>")
_ENTITY = re.compile(
    r"(<(?:@[UW][A-Z0-9]+|#[CG][A-Z0-9]+|!(?:here|channel|everyone|subteam\^S[A-Z0-9]+))(?:\|[^<>]*)?>)"
)
_FENCE = re.compile(r"```.*?(?:```|\Z)", re.DOTALL)
_SPAN = re.compile(r"`[^`\n]+`")
_QUOTED = re.compile(r"(?:&gt;|>)(?!(?:&gt;|>){2})[ \t]?")
_QUOTED_ALL = re.compile(r"(?:&gt;|>){3}[ \t]?")
_MARKDOWN_FENCE = re.compile(r" {0,3}(```+|~~~+)")
_BLOCK = re.compile(r" {0,3}(?:#{1,6} |[-*+] |\d{1,9}[.)] |([-*_] *){3,}$)")
"""What begins a block of its own, and so ends a quote."""
_BREAKS = re.compile(r"\r\n|[\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")


def escaped(text: str) -> str:
    """Return plain text as markup that reads the same and mentions nobody."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def half_escaped(text: str) -> str:
    """Return the text of a plain_text object as markup. Slack may have escaped `&`, `<` and `>` in it already."""
    return _AMPERSAND.sub("&amp;", text).replace("<", "&lt;").replace(">", "&gt;")


def from_markdown(text: str) -> str:
    """Return Markdown as markup, in which only mentions are entities. In code there are none, and a quote continues
    until its paragraph ends."""
    lines: list[str] = []
    fence, last = "", ""
    for line in _BREAKS.sub("\n", text).split("\n"):
        mark = _MARKDOWN_FENCE.match(line)
        is_indented = not last.strip() and line.startswith(("    ", "\t"))
        if fence or mark or (is_indented and line.strip()):
            lines.append(half_escaped(line))
            if mark and not fence:
                fence = mark[1]
            elif mark and mark[1].startswith(fence):
                fence = ""
            last = "" if is_indented else line
            continue
        goes_on = line.strip() and _QUOTED.match(last) and not _QUOTED.match(line) and not _BLOCK.match(line)
        last = f"> {line}" if goes_on else line
        kept = _ENTITY.split(last)
        lines.append("".join(each if index % 2 else half_escaped(each) for index, each in enumerate(kept)))
    return "\n".join(lines)


def link(address: str, label: str = "") -> str:
    """Return a link as markup, from a URL and a label in plain text."""
    address = "".join(f"%{ord(each):02X}" if each in "<>|\n\r\t " else each for each in address)
    if not address:
        return escaped(label)
    return f"<{address}|{escaped(label)}>" if label and label != address else f"<{address}>"


def mentions(text: str) -> Iterator[str]:
    """Yield the ids of the people and groups that markup mentions, and broadcasts such as `!here`."""
    for person, group, everybody in _MENTION.findall(text):
        yield person or group or f"!{everybody}"


def without_code(text: str) -> str:
    """Return markup without code spans and code blocks."""
    return _SPAN.sub(" ", _FENCE.sub(" ", text))


def parts(text: str) -> Iterator[Part]:
    """Yield the words and the quotes in markup: lines that begin with `>` are quoted, and everything from `>>>` on.

    In a code block, `>` has no meaning.
    """
    text = _BREAKS.sub("\n", text)
    if ">" not in text and "&gt;" not in text:
        if text.strip():
            yield Words(text)
        return
    kept: list[str] = []
    quoted, changes = False, 0
    for line, is_quoted in _lines(text):
        if is_quoted is not quoted and kept:
            yield from _part(kept, quoted)
            kept = []
            changes += 1
            if changes > MAX_PARTS:
                yield Section(Kind.CUT)
                return
        quoted = is_quoted
        kept.append(line)
    yield from _part(kept, quoted)


def _lines(text: str) -> Iterator[tuple[str, bool]]:
    """Yield each line without its quote mark, and whether it is quoted."""
    in_code = rest = False
    for line in text.split("\n"):
        mark = None if in_code or rest else _QUOTED_ALL.match(line) or _QUOTED.match(line)
        if mark and _QUOTED_ALL.match(line):
            rest = True
        if mark is None and not rest and line.count("```") % 2:
            in_code = not in_code
        yield (line[mark.end() :] if mark else line), rest or mark is not None


def _part(lines: list[str], quoted: bool) -> Iterator[Part]:
    text = "\n".join(lines)
    if text.strip():
        yield Section(Kind.QUOTE, (Words(text),)) if quoted else Words(text)
