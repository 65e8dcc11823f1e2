"""What the filesystem server's tools do, in words for people. Pure."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace

from bot.core.tools import Preview
from bot.tools.filesystem.diff import Tally, counted

SOURCE = "Files"
"""What the server is called towards people."""


@dataclass(frozen=True, slots=True)
class Wording:
    """The words for one tool; the fields are those of `bot.core.tools.Preview`."""

    title: str
    reversal: str
    caveat: str = ""
    verb: str = ""


BY_TOOL: Mapping[str, Wording] = {
    "write_file": Wording(
        "Write a file",
        "The file gets its earlier content back; a file that was new is removed.",
        caveat="one that is already there is replaced",
    ),
    "edit_file": Wording("Edit a file", "The file gets its earlier content back.", verb="edit"),
    "move_file": Wording("Move or rename a file or folder", "It is moved back to where it was.", verb="move"),
    "create_directory": Wording("Create a folder", "The folder is removed again."),
}
_SHOWN = {
    "write_file": ("path",),
    "edit_file": ("path", "dryRun"),
    "move_file": ("source", "destination"),
    "create_directory": ("path",),
}
"""The arguments that a heading shows."""
_CHANGES = {"write_file": "content", "edit_file": "edits"}
"""The argument that a diff shows."""
UNCHANGED = "nothing changes"
"""The effect of a call that leaves everything as it is: its arguments say nothing more."""
TRIED = "Only shows what would change; nothing is written."
_KEEPING = 2
"""A file is said to be replaced if less than one line in so many remains."""


def worded(tool: str, preview: Preview, paths: Mapping[str, str], *, tried: bool = False) -> Preview:
    """Return the preview of a call with the words for its tool, one of those that change files.

    Args:
        tool: the name of the tool.
        preview: what the call would do.
        paths: the paths among its arguments, and how each is shown.
        tried: whether it only says what it would do.
    """
    words = BY_TOOL[tool]
    if tried and preview.heading:
        words = replace(words, verb="")
        heading = f"Try out an edit of {preview.subject}"
        said = f"{TRIED} {preview.words}".strip()
        preview = replace(preview, heading=heading, words=said, effect="", counts="")
    shown = _SHOWN[tool] if preview.heading else ()
    if shown and (preview.diff or preview.effect == UNCHANGED) and tool in _CHANGES:
        shown = (*shown, _CHANGES[tool])
    return replace(
        preview,
        title=words.title,
        caveat=words.caveat,
        reversal=words.reversal,
        verb=preview.verb or words.verb,
        source=SOURCE,
        shown=shown,
        paths=paths,
    )


def created(path: str, effect: str, diff: str = "", counts: str = "", words: str = "") -> Preview:
    """Return the preview of a new file."""
    return Preview("", words, diff, heading=f"Create {path}", subject=path, effect=effect, counts=counts)


def replaced(path: str, old: int, new: int, tally: Tally, diff: str) -> Preview:
    """Return the preview of a file that is replaced as a whole. In: the numbers of lines before and after, the diff and
    its tally."""
    kept = old - tally.changed - tally.removed
    severe = old > 1 and kept * _KEEPING < old
    heading, effect = f"Change {path}", tally.words()
    if severe and not new:
        heading, effect = f"Empty {path}", f"{counted(old, 'line')} removed"
    elif severe:
        heading = f"Replace {'most' if kept else 'all'} of {path}"
        effect = f"{counted(old, 'line')} become {new:,}"
    return Preview("", "", diff, heading=heading, subject=path, effect=effect, counts=tally.counts(), severe=severe)


def replaced_unseen(path: str, effect: str, words: str) -> Preview:
    """Return the preview of a file that is replaced as a whole in a way that cannot be shown."""
    return Preview("", words, heading=f"Replace all of {path}", subject=path, effect=effect, severe=True)


def edited(path: str, words: str = "", tally: Tally | None = None, diff: str = "") -> Preview:
    """Return the preview of an edit."""
    known = tally or Tally()
    return Preview("", words, diff, heading=f"Edit {path}", subject=path, effect=known.words(), counts=known.counts())


def moved(source: str, destination: str, effect: str) -> Preview:
    """Return the preview of a move."""
    same = os.path.dirname(source) == os.path.dirname(destination)
    heading = f"{'Rename' if same else 'Move'} {source} to {destination}"
    verb = "rename" if same else "move"
    return Preview("", "", heading=heading, subject=f"{source} → {destination}", effect=effect, verb=verb)


def folder(path: str, effect: str = "") -> Preview:
    """Return the preview of a new folder."""
    return Preview("", "", heading=f"Create the folder {path}", subject=path, effect=effect)


def reading(heading: str, title: str, paths: Mapping[str, str]) -> Preview:
    """Return the preview of a call that changes nothing. In: what it does, the same without its arguments, and its
    paths."""
    shown = ("path",) if len(paths) == 1 and next(iter(paths.values())) in heading else ()
    return Preview("", "", title=title, heading=heading, source=SOURCE, shown=shown, paths=paths)


def cannot(verb: str, path: str, why: str, *, yet: bool = False) -> str:
    """Return why a call would fail, as a sentence: `Can't write a.md yet: the folder drafts doesn't exist.`"""
    return f"Can't {verb} {path}{' yet' if yet else ''}: {why.rstrip('.')}."
