"""New channels and people, and who may come into a channel: the rules that Slack's client would enforce."""

import re

from slack_sandbox.errors import ImpossibleAction
from slack_sandbox.model import Channel, Person
from slack_sandbox.slack import SlackSandbox

MAX_NAME_LENGTH = 80
MAX_CHANNELS = 200
MAX_PEOPLE = 200

_EMOJI = re.compile(r"[a-z0-9_+'-]{1,100}(::skin-tone-[2-6])?")


def emoji(name: str) -> str:
    """The name of an emoji, without colons."""
    bare = name.strip(":")
    if not _EMOJI.fullmatch(bare):
        raise ImpossibleAction(f"{name[:40]!r} is not the name of an emoji.")
    return bare


def channel(slack: SlackSandbox, person: Person, name: str, *, private: bool) -> Channel:
    """A new channel with the person as its only member, as in Slack; the app is invited later."""
    wanted = name.strip().removeprefix("#")
    if person.team_id != slack.team_id:
        raise ImpossibleAction(f"{person.name} is a guest from outside and cannot make channels here.")
    if not wanted or len(wanted) > MAX_NAME_LENGTH:
        raise ImpossibleAction(f"A channel's name has 1 to {MAX_NAME_LENGTH} characters.")
    if wanted != wanted.lower() or not all(letter.isalnum() or letter in "-_" for letter in wanted):
        raise ImpossibleAction("A channel's name has small letters, digits, hyphens and underscores only.")
    if any(other.name == wanted for other in slack.workspace.channels.values()):
        raise ImpossibleAction(f"The name {wanted} is taken.")
    if len(slack.workspace.channels) >= MAX_CHANNELS + len(slack.workspace.people):
        raise ImpossibleAction("There are enough channels for a sandbox.")
    return slack.add_channel(wanted, [person], "group" if private else "channel", bot=False)


def person(slack: SlackSandbox, name: str) -> Person:
    """A new person of the workspace."""
    wanted = " ".join(name.split())
    if not wanted or len(wanted) > MAX_NAME_LENGTH or not wanted.isprintable():
        raise ImpossibleAction(f"A person's name has 1 to {MAX_NAME_LENGTH} characters.")
    if any(other.name.casefold() == wanted.casefold() for other in slack.workspace.people.values()):
        raise ImpossibleAction(f"There is somebody named {wanted} already.")
    if len(slack.workspace.people) >= MAX_PEOPLE:
        raise ImpossibleAction("There are enough people for a sandbox.")
    return slack.add_person(wanted)


def join(slack: SlackSandbox, person: Person, channel: Channel) -> None:
    """The person comes into a public channel."""
    if channel.archived:
        raise ImpossibleAction(f"#{channel.name} is archived.")
    slack.invite(channel, person)


def invite(slack: SlackSandbox, by: Person, channel: Channel, person_id: str) -> None:
    """Somebody, or the app with "", is brought into a channel by a member."""
    if channel.kind not in ("channel", "group"):
        raise ImpossibleAction("Nobody can be added to a direct message.")
    invited = slack.workspace.people.get(person_id) if person_id else slack.workspace.bot
    if invited is None or invited.deleted:
        raise ImpossibleAction("There is no such person to add.")
    slack.invite(channel, invited, by=by)
