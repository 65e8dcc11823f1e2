"""The message of a parked thread, with its button. Pure."""

from __future__ import annotations

import json
import uuid

from bot.core.json_text import JsonObject
from bot.core.posts import Draft
from bot.slack.blocks import buttons, messages
from bot.slack.blocks.elements import context

RETRY = "turn.retry"
WORDS = (
    "I tried three times, and each time something went wrong on my side, so I have stopped trying. Everything in this "
    "thread is kept: press Retry, or write here, and I go on from where I was."
)
SINCE = "I have tried again since."


def parked() -> Draft:
    """The sentence and the button. The button carries the key of its message."""
    key = uuid.uuid4().hex
    pressed = buttons.button(RETRY, "Retry", json.dumps({"parked": key}), style="primary")
    return messages.draft("parked", [context(WORDS), {"type": "actions", "elements": [pressed]}], WORDS, key)


def retried(payload: str) -> JsonObject:
    """The same message once the thread has been taken up again: without the button."""
    posted: JsonObject = json.loads(payload)
    blocks = [block for block in posted["blocks"] if block["type"] != "actions"]
    return {"text": posted["text"], "blocks": [*blocks, context(SINCE)]}


def opened(value: object) -> str:
    """What the button carries. Raises ValueError when it is none of ours."""
    match buttons.parsed(str(value)):
        case {"parked": str() as key, **rest} if not rest and key:
            return key
        case _:
            raise ValueError("not a value of ours")
