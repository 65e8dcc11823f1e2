"""The folder of files that a trial begins with, and what one might ask about them."""

from __future__ import annotations

from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

APP = "Colleague"
INTRODUCTION = "The team's files are in one folder now, and {app} can read them. Mention it."
EXAMPLES = (
    "list the files",
    "read release.md",
    'tick off "tag" in release.md',
    'search for "*.md"',
    'append "Thursday: release 2.4" to notes.md',
    "create folder archive and create folder drafts",
    'replace "2.3" with "2.4" in config/website.toml',
)
"""What one might ask the bot about these files; the offline model understands every one."""


def write_files(folder: Path) -> None:
    """Write the team's files into a folder, which is made when it is missing. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    _copy(resources.files("slack_sandbox.trial") / "sample_files", folder)


def _copy(source: Traversable, target: Path) -> None:
    for entry in source.iterdir():
        if entry.is_dir():
            (target / entry.name).mkdir(exist_ok=True)
            _copy(entry, target / entry.name)
        else:
            (target / entry.name).write_bytes(entry.read_bytes())
