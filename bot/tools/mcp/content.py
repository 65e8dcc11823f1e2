"""Converts a tool's result to text for the model, from MCP's JSON as received (specification: tools, tool result)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from bot.core.tools import Media, ResultText
from bot.tools.text import line, scrub

LIMIT = 40_000
"""Characters, about 10,000 tokens: a longer result would crowd out the conversation."""
NOTHING = "(no output)"

MAX_MEDIA = 10
"""Images and sounds of one result that are read."""
MAX_BASE64 = 28_000_000
"""Characters of one of them: about 20 MB."""

_HEAD_SHARE = 0.75
_MARKER_ROOM = 60
_BASE64 = re.compile(r"(?<![A-Za-z0-9+/_-])[A-Za-z0-9+/_-]{500,}+={0,2}")
"""The lookbehind makes the search linear: a run that is too short is not searched again from its second character."""
_MAX_DESCRIBED = 50
_MAX_SEARCHED_CHARS = 300_000
_SCRUBBED_AT_ONCE = 50_000
"""Characters: while more of them are searched in a thread, the event loop does not run."""


def text(result: Mapping[str, Any], limit: int = LIMIT) -> ResultText | None:
    """Return the text of a `tools/call` result without hidden characters, at most `limit` characters; None if it is not
    a valid result.

    `structuredContent` is used only if there is no other content, as servers repeat one in the other. Images, audio and
    files are described in words; the images and sounds come with the text, as far as they are read. The whole
    of a text that was cut still has hidden characters (`scrubbed`).
    """
    blocks, structured = result.get("content"), result.get("structuredContent")
    if not isinstance(blocks, list):
        if structured is None:
            return None
        blocks = []
    parts = _described(blocks)
    repeated = isinstance(structured, dict) and structured.get("content") == blocks
    if structured is not None and not repeated and not any(_is_text(block) for block in blocks):
        parts.append(_BASE64.sub("(base64)", cut(json.dumps(structured, ensure_ascii=False), _MAX_SEARCHED_CHARS)))
    joined = "\n".join(part for part in parts if part)
    said = scrub(cut(joined, limit)) or NOTHING
    return ResultText(said, list(_media(blocks)), whole=joined if len(joined) > limit else "")


def scrubbed(text: ResultText) -> ResultText:
    """Return a result whose whole text, if it was cut, has no hidden characters either. For a thread."""
    whole = text.whole
    text.whole = "".join(scrub(whole[at : at + _SCRUBBED_AT_ONCE]) for at in range(0, len(whole), _SCRUBBED_AT_ONCE))
    return text


def whole(result: Mapping[str, Any]) -> str | None:
    """Return the text of a result exactly as received, for programs rather than a model; None if it is not a valid
    result."""
    blocks = result.get("content")
    if not isinstance(blocks, list):
        return None
    return "\n".join(_string(block.get("text")) for block in blocks if isinstance(block, dict))


def cut(text: str, limit: int = LIMIT) -> str:
    """Shorten a text to `limit` characters: its beginning and its end, with a line in between that says how much is
    missing."""
    if len(text) <= limit:
        return text
    room = max(limit - _MARKER_ROOM, 0)
    head = int(room * _HEAD_SHARE)
    marker = f"\n\n[… {len(text) - room:,} characters left out …]\n\n"
    return text[:head] + marker + text[len(text) - (room - head) :]


def _described(blocks: list[Any]) -> list[str]:
    """Return the blocks in words; blocks that are not text only up to a limit."""
    parts: list[str] = []
    others = 0
    for block in blocks:
        if isinstance(block, dict) and block.get("type") == "text":
            words = block.get("text")
            parts.append(words if isinstance(words, str) else _json(words))
        elif (others := others + 1) <= _MAX_DESCRIBED:
            parts.append(_block(block))
    if others > _MAX_DESCRIBED:
        parts.append(f"[{others - _MAX_DESCRIBED:,} more images, links and such, left out]")
    return parts


def _media(blocks: list[Any]) -> Iterator[Media]:
    """Yield the images and sounds of a result, also those in embedded resources."""
    found = 0
    for block in blocks:
        holder = block if isinstance(block, dict) else {}
        data, key = holder, "data"
        if holder.get("type") == "resource" and isinstance(holder.get("resource"), dict):
            data, key = holder["resource"], "blob"
        elif holder.get("type") not in ("image", "audio"):
            continue
        media, base64 = _string(data.get("mimeType")), _string(data.get(key))
        if not base64 or len(base64) > MAX_BASE64 or (key == "blob" and not media.startswith(("image/", "audio/"))):
            continue
        found += 1
        if found > MAX_MEDIA:
            return
        yield Media(line(media, 100), base64)


def _is_text(block: Any) -> bool:
    """Return whether a block has text, in which servers repeat what is structured."""
    return isinstance(block, dict) and block.get("type") == "text" and bool(block.get("text"))


def _block(block: Any) -> str:
    """Return one block of content in words."""
    content: Mapping[str, Any] = block if isinstance(block, dict) else {}
    match content.get("type"):
        case "image" | "audio" as kind:
            words = f"[{kind}: {_kind_and_size(content.get('mimeType'), content.get('data'))}]"
        case "resource_link":
            words = _link(content)
        case "resource" if isinstance(resource := content.get("resource"), dict):
            if isinstance(resource.get("text"), str):
                words = f"[{_name(resource)}]\n{resource['text']}"
            else:
                about = _kind_and_size(resource.get("mimeType"), resource.get("blob"))
                words = f"[{_name(resource)}: {about}; it cannot be shown here]"
        case kind:
            words = f"[content of the unknown kind {line(_string(kind), 50) or '?'}] {_json(block)}"
    return words


def _json(value: Any) -> str:
    """Return a value that is not of a known form as bounded JSON, without base64; empty for none."""
    if value is None:
        return ""
    try:
        return _BASE64.sub("(base64)", cut(json.dumps(value, ensure_ascii=False), LIMIT))
    except (ValueError, RecursionError):
        return "(nested too deeply)"


def _link(content: Mapping[str, Any]) -> str:
    size = content.get("size")
    known = [line(_string(content.get("mimeType")), 100), f"{size:,} bytes" if isinstance(size, int) else ""]
    about = ", ".join(part for part in known if part)
    description = line(_string(content.get("description")), 500)
    return f"[link to {_name(content)}{f' ({about})' if about else ''}] {description}".strip()


def _name(resource: Mapping[str, Any]) -> str:
    name, uri = line(_string(resource.get("name")), 100), line(_string(resource.get("uri")), 300)
    return f"{name} {uri}".strip() or "a resource without a name"


def _kind_and_size(kind: Any, base64: Any) -> str:
    data = _string(base64)
    size = len(data) * 3 // 4 - data[-2:].count("=")
    return f"{line(_string(kind), 100) or 'unknown type'}, {max(size, 0):,} bytes"


def _string(value: Any) -> str:
    return value if isinstance(value, str) else ""
