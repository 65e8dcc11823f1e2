"""Who may see what, as Slack's own client would show it; and who may act.

Every function raises ImpossibleAction, with a sentence for the person, for what they may not see. The sentence does not
show whether a thing exists.
"""

from collections.abc import Iterator

from slack_sandbox.errors import ImpossibleAction
from slack_sandbox.model import Channel, Message, Person, View
from slack_sandbox.slack import SlackSandbox


def actor(slack: SlackSandbox, person_id: str) -> Person:
    """The person with this id, who can act: no app, and not deactivated."""
    person = slack.workspace.people.get(person_id)
    if person is None:
        raise ImpossibleAction("There is no such person here. Choose whom to act as.")
    if person.bot_id is not None:
        raise ImpossibleAction(f"{person.name} is an app: nobody can act as it.")
    if person.deleted:
        raise ImpossibleAction(f"The account of {person.name} is deactivated.")
    return person


def sees(slack: SlackSandbox, person: Person, channel: Channel) -> bool:
    """Whether the person can look into the channel: as a member, or because it is public and theirs to browse."""
    return person.id in channel.members or (channel.kind == "channel" and person.team_id == slack.team_id)


def visible_channels(slack: SlackSandbox, person: Person) -> Iterator[Channel]:
    """All conversations that exist for the person."""
    return (channel for channel in slack.workspace.channels.values() if sees(slack, person, channel))


def channel_for(slack: SlackSandbox, person: Person, channel_id: str) -> Channel:
    """The channel, where the person can see it."""
    channel = slack.workspace.channels.get(channel_id)
    if channel is None or not sees(slack, person, channel):
        raise ImpossibleAction(f"There is no such conversation, or {person.name} cannot see it.")
    return channel


def joined(slack: SlackSandbox, person: Person, channel_id: str) -> Channel:
    """The channel, where the person can write in it."""
    channel = channel_for(slack, person, channel_id)
    if person.id not in channel.members:
        raise ImpossibleAction(f"{person.name} is not a member of #{channel.name}: join it first.")
    if channel.archived:
        raise ImpossibleAction(f"#{channel.name} is archived: nobody can write there.")
    return channel


def ephemerals(slack: SlackSandbox, person: Person, channel: Channel) -> list[Message]:
    """The ephemeral messages of this channel that only this person sees."""
    return [message for message in slack.ephemerals(person) if message.channel == channel.id]


def message_for(slack: SlackSandbox, person: Person, channel_id: str, ts: str) -> Message:
    """The live message, an ephemeral one of this person among them."""
    channel = channel_for(slack, person, channel_id)
    message = channel.messages.get(ts)
    if message is None or message.deleted:
        message = next((found for found in ephemerals(slack, person, channel) if found.ts == ts), None)
    if message is None:
        raise ImpossibleAction("The message is gone.")
    return message


def view_for(slack: SlackSandbox, person: Person, view_id: str) -> View:
    """The open modal or published Home tab of this person."""
    home = slack.home(person)
    for view in [*slack.modals(person), *([home] if home is not None else [])]:
        if view.id == view_id:
            return view
    raise ImpossibleAction(f"{person.name} does not have this window open any more.")
