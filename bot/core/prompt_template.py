"""System prompts with placeholders. Pure.

What fills a placeholder comes from outside and is never read as a template: a channel may be named `{date}`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

PLACEHOLDERS = ("bot_name", "team", "channel", "requester", "date", "servers", "rules", "instructions")
"""The names that a template may have in braces."""
ALWAYS = ("rules", "instructions")
"""Placeholders that follow at the end of a template that does not contain them: without the rules, the model would take
the words of others for those of a person."""

_PLACEHOLDER = re.compile(r"\{\{([A-Za-z_]+)\}\}|\{([A-Za-z_]+)\}")
_BLANK_LINES = re.compile(r"\n[ \t]*\n\s*\n")


class TemplateError(ValueError):
    """A template has a placeholder that does not exist."""

    def __init__(self, name: str, line: int) -> None:
        super().__init__(name, line)
        self.name, self.line = name, line


@dataclass(frozen=True, slots=True)
class Template:
    """A text with placeholders, as `parse` returns it."""

    parts: tuple[tuple[str, str], ...]
    """(text, name of the placeholder that follows it) pairs; the last name is empty."""

    def fill(self, values: Mapping[str, str]) -> str:
        """Return the text with its placeholders filled; one without a value is empty. No more than one blank line is
        left between paragraphs."""
        own = {name for _, name in self.parts}
        filled = "".join(text + values.get(name, "") for text, name in self.parts)
        missing = [values.get(name, "") for name in ALWAYS if name not in own]
        return "\n\n".join(part for part in (_BLANK_LINES.sub("\n\n", filled).strip(), *missing) if part)


@dataclass(frozen=True, slots=True)
class Prompts:
    """The operator's templates."""

    everywhere: Template | None = None
    """None for the one of the package."""
    channels: Mapping[str, Template] = field(default_factory=dict[str, Template])
    """By the id of a channel."""

    def of(self, channel: str, default: Template) -> Template:
        """Return the template for new threads of a channel."""
        return self.channels.get(channel) or self.everywhere or default


def parse(text: str) -> Template:
    """Return the template that a text is. A word in two pairs of braces is that word in braces; other braces are text.

    Raises TemplateError for the first word in braces that is no placeholder.
    """
    parts: list[tuple[str, str]] = []
    literal, at = "", 0
    for match in _PLACEHOLDER.finditer(text):
        literal += text[at : match.start()]
        at = match.end()
        escaped, name = match.groups("")
        if escaped:
            literal += f"{{{escaped}}}"
            continue
        if name not in PLACEHOLDERS:
            raise TemplateError(name, text.count("\n", 0, match.start()) + 1)
        parts.append((literal, name))
        literal = ""
    return Template((*parts, (literal + text[at:], "")))
