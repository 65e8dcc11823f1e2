"""Bounds of what is read from one message, whatever it claims to hold."""

from __future__ import annotations

import re

from bot.core.json_text import JsonObject
from bot.core.untrusted import items, mapping, text

CHARACTERS = 100_000
"""Of all texts of a message together. Slack cuts one text off at 40,000 and allows 100 attachments
(docs.slack.dev/reference/methods/chat.postMessage)."""
NODES = 5_000
"""JSON objects of a message that are looked at. A message has at most 50 blocks, a table at most 2,000 cells."""
ATTACHMENT, FILE = 25, 15
"""For how many objects an attachment counts, and a file. A message has at most 100 attachments."""
DEPTH = 12
"""How deeply blocks, attachments and forwarded messages may lie in one another; in Slack it is about half of that."""
TITLE = 300
"""Characters of a title or a name."""
ADDRESS = 3_000
"""Characters of an address (docs.slack.dev/reference/block-kit/block-elements/button-element, `url`)."""

_BLANKS = re.compile(r"\s+")


class Bounds:
    """What may still be read of one message."""

    def __init__(self) -> None:
        self.cut = False
        """Something was left out."""
        self.unread = False
        """It has blocks of an unknown kind of which nothing could be read."""
        self._characters = CHARACTERS
        self._nodes = NODES

    def text(self, value: object) -> str:
        """Return as much of a text as may still be read; empty if the value is not a string."""
        if not isinstance(value, str) or not value:
            return ""
        if len(value) > self._characters:
            self.cut = True
            value = value[: self._characters]
        value = text(value)
        self._characters -= len(value)
        return value

    def line(self, value: object, longest: int = TITLE) -> str:
        """Return a short text on one line: a title, a name. A longer one is cut off."""
        if not isinstance(value, str):
            return ""
        if len(value) > longest:
            self.cut = True
            value = f"{value[:longest]}…"
        return _BLANKS.sub(" ", self.text(value)).strip()

    def address(self, value: object) -> str:
        """Return an address."""
        return self.line(value, ADDRESS)

    def objects(self, value: object, depth: int, weight: int = 1) -> list[JsonObject]:
        """Return the objects in a JSON array, as many as may still be looked at; none below the deepest level.

        weight: for how many objects each of these counts, since reading it takes so much longer.
        """
        found = [each for each in items(value)[: NODES + 1] if isinstance(each, dict)]
        if depth > DEPTH:
            self.cut = self.cut or bool(found)
            return []
        most = self._nodes // weight
        if len(found) > most:
            self.cut = True
            found = found[:most]
        self._nodes -= len(found) * weight
        return [mapping(each) for each in found]
