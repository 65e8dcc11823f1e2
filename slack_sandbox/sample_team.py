"""A small team to try things with: its people and channels, and what they have said before."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from slack_sandbox import text as texts
from slack_sandbox.model import Channel, Message, Person
from slack_sandbox.slack import SlackSandbox

PEOPLE = ("Alice", "Bob", "Carol", "Dana")
CHANNELS = ("general", "release", "finance", "partners")
_EARLIER: tuple[tuple[str, str, int, str], ...] = (
    ("general", "Carol", 190, "Morning! The licence for the map data is signed."),
    ("general", "Bob", 174, "That was the last thing in the way of 2.4."),
    ("release", "Alice", 150, "Release 2.4 is planned for Thursday. The check list is in release.md."),
    ("release", "Bob", 95, "Notes are written. The tag is still open."),
    ("finance", "Bob", 130, "November's hosting was a little over plan, see budget.csv."),
    ("partners", "Dana", 110, "The new tiles are on our server."),
    ("partners", "Alice", 104, "Thank you, we will try them this week."),
)
"""Channel, who, how many minutes ago, what."""
INTRODUCTION = "I have installed {app}. Mention it here, or write to it directly."
"""What Alice says of the app in #general."""
_INTRODUCED = 60
"""Minutes ago."""


@dataclass(frozen=True, slots=True)
class Team:
    """Who and what there is, by the names that people use."""

    slack: SlackSandbox
    people: Mapping[str, Person]
    """By first name."""
    channels: Mapping[str, Channel]
    """By name, without the #."""


def populate(slack: SlackSandbox, introduction: str = INTRODUCTION) -> Team:
    """Fill an empty workspace: three colleagues, one of them outside the private channel, and a partner's person.

    `introduction` is said in #general; `{app}` in it stands for the app's name.
    """
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
    introduced = ("general", "Alice", _INTRODUCED, introduction.format(app=slack.workspace.bot.name))
    _say_earlier(team, (*_EARLIER, introduced))
    return team


def _say_earlier(team: Team, earlier: Sequence[tuple[str, str, int, str]]) -> None:
    """Store messages as if they had been said before the app was there: no event is sent for them."""
    now = time.time()
    for number, (channel, name, minutes, text) in enumerate(earlier):
        where, who = team.channels[channel], team.people[name]
        message = Message(where.id, f"{now - 60 * minutes:.0f}.{number:06d}", who.id, text, who.team_id)
        message.blocks = texts.rich_text(text, team.slack.workspace.new_id("b"))
        team.slack.workspace.store(where, message)
