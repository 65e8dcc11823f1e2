"""What the filesystem server's tools do, in words for people. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from bot.core.tools import Preview


@dataclass(frozen=True, slots=True)
class Wording:
    """The words for one tool; the fields are those of `bot.core.tools.Preview`."""

    title: str
    reversal: str
    caveat: str = ""
    diffed: str = ""


BY_TOOL: Mapping[str, Wording] = {
    "write_file": Wording(
        "Write a file",
        "The file gets its earlier content back; a file that was new is removed.",
        caveat="one that is already there is replaced",
        diffed="content",
    ),
    "edit_file": Wording("Change text in a file", "The file gets its earlier content back.", diffed="edits"),
    "move_file": Wording("Move or rename a file or folder", "It is moved back to where it was."),
    "create_directory": Wording("Create a folder", "The folder is removed again."),
}


def worded(tool: str, preview: Preview) -> Preview:
    """Return the preview of a call with the words for its tool, one of those that change files."""
    words = BY_TOOL[tool]
    return replace(preview, title=words.title, caveat=words.caveat, diffed=words.diffed, reversal=words.reversal)
