"""A small team to try things with: its people and channels, what they said before, and a folder of its files."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

from slack_sandbox import text as texts
from slack_sandbox.model import Channel, Message, Person
from slack_sandbox.slack import SlackSandbox

APP = "Colleague"
PEOPLE = ("Alice", "Bob", "Carol", "Dana")
CHANNELS = ("general", "release", "finance", "partners")
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

_EARLIER: tuple[tuple[str, str, int, str], ...] = (
    ("general", "Carol", 190, "Morning! The licence for the map data is signed."),
    ("general", "Bob", 174, "That was the last thing in the way of 2.4."),
    ("general", "Alice", 60, "The team's files are in one folder now, and Colleague can read them. Mention it."),
    ("release", "Alice", 150, "Release 2.4 is planned for Thursday. The check list is in release.md."),
    ("release", "Bob", 95, "Notes are written. The tag is still open."),
    ("finance", "Bob", 130, "November's hosting was a little over plan, see budget.csv."),
    ("partners", "Dana", 110, "The new tiles are on our server."),
    ("partners", "Alice", 104, "Thank you, we will try them this week."),
)
"""Channel, who, how many minutes ago, what."""


@dataclass(frozen=True, slots=True)
class Team:
    """Who and what there is, by the names that people use."""

    slack: SlackSandbox
    people: Mapping[str, Person]
    """By first name."""
    channels: Mapping[str, Channel]
    """By name, without the #."""


def populate(slack: SlackSandbox) -> Team:
    """Fill an empty workspace: three colleagues, one of them outside the private channel, and a partner's person."""
    alice, bob, carol = (slack.add_person(name) for name in ("Alice Smith", "Bob Jones", "Carol White"))
    dana = slack.add_person("Dana", team_id=slack.workspace.new_id("T"))
    channels = (
        slack.add_channel("general", members=[alice, bob, carol]),
        slack.add_channel("release", members=[alice, bob, carol]),
        slack.add_channel("finance", members=[alice, bob], kind="group"),
        slack.add_channel("partners", members=[alice, bob, dana]),
    )
    slack.add_usergroup("release-crew", [alice, bob])
    people = {person.name.partition(" ")[0]: person for person in (alice, bob, carol, dana)}
    team = Team(slack, people, {channel.name: channel for channel in channels})
    _say_earlier(team)
    return team


def _say_earlier(team: Team) -> None:
    """Put messages where they would be had they been said before the app was there: nobody is told of them."""
    now = time.time()
    for number, (channel, name, minutes, text) in enumerate(_EARLIER):
        where, who = team.channels[channel], team.people[name]
        message = Message(where.id, f"{now - 60 * minutes:.0f}.{number:06d}", who.id, text, who.team_id)
        message.blocks = texts.rich_text(text, team.slack.workspace.new_id("b"))
        team.slack.workspace.store(where, message)


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
