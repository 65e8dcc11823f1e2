"""Answers, summaries and notices as Slack messages. Pure; Slack's limits are those of
https://docs.slack.dev/reference/block-kit/blocks/markdown-block."""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from typing import Any

from bot.core.thread import Call, Draft
from bot.slack.blocks.words import line
from bot.slack.split import split
from bot.slack.text import brief, escaped, harmless

MARKDOWN_LIMIT = 10_000
"""Below Slack's 12,000 characters for all markdown blocks of a message, since it counts some characters twice."""

Block = dict[str, Any]


def draft(kind: str, blocks: Sequence[Block], fallback: str, key: str = "") -> Draft:
    """One message. The fallback is what notifications and screen readers get."""
    payload = {"text": escaped(harmless(brief(fallback))) or "…", "blocks": list(blocks)}
    return Draft(key or uuid.uuid4().hex, kind, json.dumps(payload, ensure_ascii=False))


def file(name: str, content: str, comment: str, approval: str = "") -> Draft:
    """A file with a word about it; with the id of the request that cannot be decided without it."""
    key = uuid.uuid4().hex
    stem, dot, suffix = name.rpartition(".")
    named = f"{stem}-{key[:8]}{dot}{suffix}"
    payload = {"file": named, "content": content, "text": comment, "approval": approval}
    return Draft(key, "file", json.dumps(payload, ensure_ascii=False))


def markdown(text: str) -> Block:
    """A block of Markdown in which nothing can notify anybody."""
    return {"type": "markdown", "text": harmless(text)}


def context(text: str) -> Block:
    """A small line of our own words."""
    return {"type": "context", "elements": [{"type": "mrkdwn", "text": text[:2900]}]}


def answer(text: str, note: str, parts: int) -> list[Draft]:
    """The model's answer: in as many messages as it needs, or as a file when it needs more than `parts`."""
    pieces = split(harmless(text), MARKDOWN_LIMIT)
    notes = [context(escaped(note))] if note else []
    if len(pieces) > parts:
        opening = split(harmless(text), 2_000)[0]
        said = draft("answer", [markdown(opening), context("The whole answer is in the file below."), *notes], opening)
        return [said, file("answer.md", text, "The whole answer")]
    last = len(pieces) - 1
    return [
        draft("answer", [markdown(piece), *(notes if index == last else [])], piece)
        for index, piece in enumerate(pieces)
    ]


def parts(text: str, key: str) -> list[Draft]:
    """A text in as many messages as it needs, with keys made from this one."""
    pieces = split(harmless(text), MARKDOWN_LIMIT)
    return [draft("answer", [markdown(piece)], piece, f"{key}-{number}") for number, piece in enumerate(pieces)]


def summary(calls: Sequence[Call]) -> list[Draft]:
    """What calls did, a line each."""
    if not calls:
        return []
    lines = [line(call) for call in calls]
    pieces = split("\n\n".join(lines), MARKDOWN_LIMIT)
    return [draft("summary", [markdown(piece)], piece.replace("`", "")) for piece in pieces]


def notice(text: str, key: str) -> list[Draft]:
    """A sentence of the bot's own."""
    return [draft("notice", [context(escaped(harmless(text)))], text, key)] if text else []


def progress(words: str, key: str = "") -> Draft:
    """What the turn is doing."""
    return draft("progress", [context(f":hourglass_flowing_sand: {escaped(harmless(words))}…")], f"{words}…", key)
