"""Builds the Retry button of a failed turn, and the message of a parked thread, which has one too. Pure."""

from __future__ import annotations

import json
import uuid

from bot.core.json_text import JsonObject
from bot.core.posts import Draft
from bot.slack.blocks import buttons, messages
from bot.slack.blocks.elements import Block, actions, context

RETRY = "turn.retry"
WORDS = (
    "I tried three times, and each time something went wrong on my side, so I have stopped trying. Everything in this "
    "thread is kept: press Retry, or write here, and I go on from where I was."
)
SINCE = "I have tried again since."


def parked() -> Draft:
    """Return the message that says that a thread is parked. Its button carries the key of the message."""
    key = uuid.uuid4().hex
    return messages.draft("parked", [context(WORDS), button(key, f"retry-{key}")], WORDS, key)


def button(question: str, block_id: str) -> Block:
    """Return the button that answers a question whether to try again."""
    return actions(block_id, [buttons.button(RETRY, "Retry", json.dumps({"parked": question}), style="primary")])


def closed(payload: str, *, retried: bool) -> JsonObject:
    """Return the message without the button, after the thread was `retried` or can no longer be."""
    posted: JsonObject = json.loads(payload)
    blocks = [block for block in posted["blocks"] if block["type"] != "actions"]
    return {"text": posted["text"], "blocks": [*blocks, context(SINCE)] if retried else blocks}


def opened(value: object) -> str:
    """Return the question of the button. Raises ValueError if it is not one of ours."""
    match buttons.parsed(str(value)):
        case {"parked": str() as key, **rest} if not rest and key:
            return key
        case _:
            raise ValueError("not a value of ours")
