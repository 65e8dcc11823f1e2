"""Builds the window in which people may write why an answer was bad. Pure.

It comes back from Slack and is untrusted: what is written counts only for who has called the answer bad.
"""

from __future__ import annotations

import json

from bot.core.json_text import JsonObject
from bot.slack.blocks import buttons, question_windows
from bot.slack.blocks.elements import context
from bot.slack.text import sendable

WINDOW = "feedback"
"""The callback id of the window."""
WORDS = "words"
MAX_CHARS = 500


def window(turn: int) -> JsonObject:
    """Return the window about the answer of a turn."""
    asked = question_windows.text_field(WORDS, "What was wrong?", multiline=True, longest=MAX_CHARS, optional=True)
    note = context("Your opinion is noted already. Whoever runs me can read what you write here.")
    made = question_windows.window("Bad answer", [note, asked])
    return {**made, "callback_id": WINDOW, "private_metadata": json.dumps({"turn": turn})}


def entered(view: JsonObject) -> tuple[int, str]:
    """Return the turn, and what was written about it. Raises ValueError for what is no window of ours."""
    words = question_windows.values(view).get(WORDS, "").strip()
    match buttons.parsed(str(view.get("private_metadata"))):
        case {"turn": int() as turn, **rest} if (
            not rest and not isinstance(turn, bool) and 0 < turn < 2**63 and len(words) <= MAX_CHARS
        ):
            return turn, sendable(words)
        case _:
            raise ValueError("not a window of ours")
