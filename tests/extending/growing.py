"""A message that grows, added from outside the package: steps and text, streamed where Slack streams."""

from __future__ import annotations

import json
from collections.abc import Sequence

from bot.core.json_text import JsonObject
from bot.core.posts import Draft, Post
from bot.slack.delivery.kinds import Kind
from bot.slack.delivery.stream_body import StreamBody
from slack_sandbox.model import Message

GROWING = "growing"
PERSON, TEAM = "U0000000001", "T0000000001"


def streamed(post: Post) -> StreamBody:
    """All that is to be in the stream, in order."""
    there = json.loads(post.payload)
    return StreamBody(there["chunks"], done=post.final, blocks=there["closing"], person=PERSON, team=TEAM)


def render(post: Post) -> JsonObject:
    """The same as a message, for where there is no stream."""
    there = json.loads(post.payload)
    return {"text": "An answer", "blocks": [*map(block, there["chunks"]), *there["closing"]]}


def block(chunk: JsonObject) -> JsonObject:
    """A text, or a step as a card."""
    if chunk["type"] == "markdown_text":
        return {"type": "markdown", "text": chunk["text"]}
    return {"type": "task_card", "task_id": chunk["id"], "title": chunk["title"], "status": chunk["status"]}


KINDS = {GROWING: Kind(render, streamed=streamed)}


def text(words: str) -> JsonObject:
    return {"type": "markdown_text", "text": words}


def step(name: str, title: str, status: str = "complete") -> JsonObject:
    return {"type": "task_update", "id": name, "title": title, "status": status}


def growing(*chunks: JsonObject, final: bool = False, key: str = "turn", closing: Sequence[JsonObject] = ()) -> Draft:
    """What is to be shown now; at the end it is final."""
    payload = json.dumps({"chunks": chunks, "closing": list(closing)})
    return Draft(key, GROWING, payload, final=final)


def content(message: Message) -> list[str]:
    """What a message shows: its texts, and its steps with their status."""
    found: list[str] = []
    for each in message.blocks:
        if each["type"] == "task_card":
            found.append(f"{each['title']} ({each['status']})")
        elif each["type"] == "markdown":
            found.append(each["text"])
    return found
