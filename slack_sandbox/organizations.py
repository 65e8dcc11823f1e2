"""More than one workspace: an Enterprise Grid organisation, Slack Connect, and people who come and go."""

from collections.abc import Sequence

from slack_sandbox.errors import ImpossibleAction
from slack_sandbox.model import Channel, Json, Organization, Person
from slack_sandbox.sharing import Sharing


class Organizations(Sharing):
    """Workspaces beside the app's own, and the membership of people."""

    def join_organization(self, name: str = "Sandbox Org") -> str:
        """Make the workspace part of an Enterprise Grid organisation; return its E… id.

        From then on users.info has an `enterprise_user` for its people, and payloads name the organisation.
        """
        organization = Organization(
            self.workspace.new_id("E"), name, {self.workspace.team_id: self.workspace.team_name}
        )
        self.workspace.organization = organization
        self._changes.touch()
        return organization.id

    def add_workspace(self, name: str) -> str:
        """Add a workspace to the organisation, and return its T… id: `add_person(team_id=…)` puts people there.

        Raise ImpossibleAction without an organisation (`join_organization`).
        """
        organization = self.workspace.organization
        if organization is None:
            raise ImpossibleAction("the workspace is part of no organisation")
        team_id = self.workspace.new_id("T")
        organization.teams[team_id] = name
        return team_id

    def install_org_wide(self, *, team_in_auth_test: bool = True) -> None:
        """Make the app's installation one of the whole organisation, joining one if need be.

        Then `authorizations[0]` has no team, interactions have no `team`, and views were installed in the organisation.
        Slack does not document what auth.test gives as `team_id`: here the E… id, or null without `team_in_auth_test`.
        """
        if self.workspace.organization is None:
            self.join_organization()
        organization = self.workspace.organization
        assert organization is not None
        organization.org_wide_install = True
        organization.team_in_auth_test = team_in_auth_test

    def add_outside_team(self, *, enterprise: bool = False) -> str:
        """Make up a workspace of another organisation and return its T… id, for `add_person` and `connect`.

        With `enterprise` it belongs to a Grid of theirs, whose E… id `user_team` then has.
        """
        team_id = self.workspace.new_id("T")
        if enterprise:
            enterprise_id = self.workspace.new_id("E")
            self.workspace.outside_enterprises[team_id] = enterprise_id
            self.workspace.workspaces_of[enterprise_id] = team_id
        return team_id

    def connect(self, channel: Channel | str, host_team: str) -> None:
        """Make the channel a Slack Connect channel that the workspace `host_team` hosts, ours or another's."""
        where = self._channel(channel)
        where.shared_externally = True
        where.host_team = host_team

    def open_group_dm(self, people: Sequence[Person]) -> Channel:
        """Open the group direct message of these people and the app."""
        if len(people) < 2:
            raise ImpossibleAction("a group direct message takes two people and the app")
        return self.workspace.direct(list(people))

    async def leave(self, channel: Channel | str, person: Person, *, announce: bool = False) -> None:
        """Take a person out of a channel; delivered when the app subscribes to member_left_channel.

        With `announce` Slack's message of it (`channel_leave`) is posted too.
        """
        where = self._channel(channel)
        where.members.pop(person.id, None)
        event: Json = {"type": "member_left_channel", "user": person.id, "channel": where.id, "team": person.team_id}
        event.update(channel_type="C" if where.kind == "channel" else "G", event_ts=self.clock.ts())
        self.events.publish(event, where)
        if announce:
            await self.system_message(where, person, "channel_leave" if where.kind == "channel" else "group_leave")
        self._changes.touch()

    async def deactivate(self, person: Person) -> None:
        """Deactivate an account: `deleted` in users.info, in no channel any more; what was written stays."""
        person.deleted = True
        for channel in self.workspace.channels.values():
            if channel.kind not in ("im", "mpim"):
                channel.members.pop(person.id, None)
        event: Json = {"type": "user_change", "user": {"id": person.id, "team_id": person.team_id, "deleted": True}}
        self.events.publish({**event, "event_ts": self.clock.ts()})
        self._changes.touch()

    def forget(self, person: Person) -> None:
        """Make a person unknown: users.info answers `user_not_found`, as for an id of another organisation."""
        self.workspace.people.pop(person.id, None)
        for channel in self.workspace.channels.values():
            channel.members.pop(person.id, None)
        self._changes.touch()
