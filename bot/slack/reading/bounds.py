"""Limits on how much is read from one message, however large its payload is."""

from __future__ import annotations

import re

from bot.core.json_text import JsonObject
from bot.core.untrusted import items, mapping, text

CHARACTERS = 100_000
"""Characters of all texts of a message together. Slack truncates one text at 40,000 and allows 100 attachments
(docs.slack.dev/reference/methods/chat.postMessage)."""
NODES = 5_000
"""JSON objects that are read from a message. A message has at most 50 blocks, a table at most 2,000 cells."""
ATTACHMENT, FILE = 25, 15
"""How many objects an attachment and a file count as. A message has at most 100 attachments."""
DEPTH = 12
"""Nesting depth of blocks, attachments and forwarded messages. Slack's own messages reach about half of it."""
TITLE = 300
"""Characters of a title or a name."""
ADDRESS = 3_000
"""Characters of a URL (docs.slack.dev/reference/block-kit/block-elements/button-element, `url`)."""

_BLANKS = re.compile(r"\s+")


class Bounds:
    """How much may still be read from one message."""

    def __init__(self) -> None:
        self.cut = False
        """Whether something was left out."""
        self.unread = False
        """Whether there are blocks of an unknown kind of which nothing could be read."""
        self._characters = CHARACTERS
        self._nodes = NODES

    def text(self, value: object) -> str:
        """Return a text, truncated to the characters that are left; empty if the value is not a string."""
        if not isinstance(value, str) or not value:
            return ""
        if len(value) > self._characters:
            self.cut = True
            value = value[: self._characters]
        value = text(value)
        self._characters -= len(value)
        return value

    def line(self, value: object, longest: int = TITLE) -> str:
        """Return a short text, such as a title or a name, on one line. A longer one is truncated."""
        if not isinstance(value, str):
            return ""
        if len(value) > longest:
            self.cut = True
            value = f"{value[:longest]}…"
        return _BLANKS.sub(" ", self.text(value)).strip()

    def address(self, value: object) -> str:
        """Return a URL on one line."""
        return self.line(value, ADDRESS)

    def objects(self, value: object, depth: int, weight: int = 1) -> list[JsonObject]:
        """Return the objects in a JSON array, as many as are left to read; none below the deepest level.

        weight: how many objects each of these counts as; attachments and files take longer to read.
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
