"""Collects the parts of a message while it is read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from bot.slack.reading import markup
from bot.slack.reading.content import Kind, Part, Section, Words


@dataclass(slots=True)
class Collected:
    """The parts read so far, in order, and the ids that the author's own words mention."""

    mentions: set[str] = field(default_factory=set[str])
    _done: list[Part] = field(default_factory=list[Part])
    _lines: list[str] = field(default_factory=list[str])
    """The lines after the last section."""

    @property
    def parts(self) -> list[Part]:
        """The parts read so far; consecutive texts are joined."""
        return [*self._done, Words("\n".join(self._lines))] if self._lines else list(self._done)

    def say(self, text: str, mentions: Iterable[str] = ()) -> None:
        """Add a line of the author's own words, in markup. Consecutive lines are joined into one text."""
        if not text.strip():
            return
        self.mentions.update(mentions)
        self._lines.append(text)

    def say_markup(self, text: str) -> None:
        """Add mrkdwn text; its quotes become sections."""
        for part in markup.parts(text):
            if isinstance(part, Words):
                self.say(part.text, markup.mentions(markup.without_code(part.text)))
            else:
                self.add(part)

    def add(self, section: Section) -> None:
        """Add a section. Mentions in it do not count as the author's."""
        if self._lines:
            self._done.append(Words("\n".join(self._lines)))
            self._lines = []
        self._done.append(section)

    def put(self, part: Part) -> None:
        """Add a part as it is."""
        if isinstance(part, Words):
            self.say(part.text)
        else:
            self.add(part)

    def quote(self, parts: Sequence[Part]) -> None:
        """Add a quote, unless it is empty."""
        if parts:
            self.add(Section(Kind.QUOTE, tuple(parts)))

    def include(self, other: Collected) -> None:
        """Add everything that another collector has read, with the mentions."""
        for part in other.parts:
            self.put(part)
        self.mentions.update(other.mentions)
