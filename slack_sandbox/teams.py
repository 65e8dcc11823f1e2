"""Which workspace and organisation the payloads name: of the installation, of the speaker, of the channel's host.

Sources: docs.slack.dev/enterprise/developing-for-enterprise-orgs and docs.slack.dev/apis/slack-connect. The values of
shared channels are those of the payloads in slack_bolt's own tests (tests/slack_bolt/request/test_internals.py), which
were recorded from Slack. In a Slack Connect channel the outer `team_id` is no guide: it may be the other organisation's
in an event of our own people. What stays the same is `authorizations[0]`, the installation.
"""

from slack_sandbox.model import Channel, Json, Person
from slack_sandbox.state import Workspace


def authorization(workspace: Workspace) -> Json:
    """The installation that an event is delivered to; an org-wide one has no team."""
    organization = workspace.organization
    org_wide = organization is not None and organization.org_wide_install
    return {
        "enterprise_id": organization.id if organization is not None else None,
        "team_id": None if org_wide else workspace.team_id,
        "user_id": workspace.bot.id,
        "is_bot": True,
        "is_enterprise_install": org_wide,
    }


def outer_fields(workspace: Workspace, event: Json, channel: Channel | None) -> Json:
    """The fields of the outer event object that name teams.

    A message has the speaker's team outside and the channel's host as its context; other events have it the other way
    round. Without a shared channel all of them are the workspace's.
    """
    host = channel.host_team if channel is not None and channel.host_team else workspace.team_id
    inner: Json = event.get("message") or event.get("previous_message") or event
    speaker = str(inner.get("user_team") or inner.get("team") or "") or workspace.team_id
    if event["type"] == "message":
        outside, context = speaker, host
    else:
        outside, context = host, workspace.team_id
    if outside.startswith("E"):
        outside = workspace.workspaces_of.get(outside, workspace.team_id)
    body: Json = {"team_id": outside}
    if enterprise := workspace.enterprise_of(outside):
        body["enterprise_id"] = enterprise
    org_wide = workspace.organization is not None and workspace.organization.org_wide_install
    if org_wide and workspace.is_ours(context):
        body.update(context_team_id=None)
    else:
        body.update(context_team_id=context)
    body["context_enterprise_id"] = workspace.enterprise_of(context)
    body["is_ext_shared_channel"] = channel is not None and channel.shared_externally
    return body


def mention_fields(workspace: Workspace, channel: Channel, message_team: str) -> Json:
    """What app_mention says of teams: `team` is the host's, `user_team` the speaker's when that is another."""
    host = channel.host_team or workspace.team_id
    speaker = message_team or workspace.team_id
    if speaker == host or (workspace.is_ours(speaker) and workspace.is_ours(host)):
        return {}
    named = speaker if workspace.is_ours(speaker) else workspace.enterprise_of(speaker) or speaker
    return {"team": host, "user_team": named, "source_team": named, "user_profile": {"team": speaker}}


def actor_fields(workspace: Workspace, person: Person, channel: Channel | None) -> Json:
    """What an interaction says of the person who acts, and of the installation.

    `team` is the workspace of the organisation that the person acts from, for an outsider that of the channel's host,
    and null for an org-wide installation.
    """
    organization = workspace.organization
    org_wide = organization is not None and organization.org_wide_install
    ours = workspace.is_ours(person.team_id)
    host = channel.host_team if channel is not None and channel.host_team else workspace.team_id
    team_id = person.team_id if ours else host
    domain = workspace.team_domain if team_id == workspace.team_id else team_id.lower()
    team: Json | None = {"id": team_id, "domain": domain}
    enterprise: Json | None = None
    if organization is not None and ours:
        enterprise = {"id": organization.id, "name": organization.name}
        team.update(enterprise_id=organization.id, enterprise_name=organization.name)
    if org_wide:
        team = None
    return {
        "user": {"id": person.id, "username": person.handle, "name": person.handle, "team_id": person.team_id},
        "team": team,
        "enterprise": enterprise,
        "is_enterprise_install": org_wide,
    }


def user_fields(workspace: Workspace, person: Person) -> Json:
    """What users.info says of teams.

    `enterprise_user` belongs to people of the organisation; `is_stranger` to people of others, and is true as long as
    they share no channel with the app (docs.slack.dev/reference/objects/user-object).
    """
    if not workspace.is_ours(person.team_id):
        shared = any(
            person.id in channel.members and workspace.bot.id in channel.members
            for channel in workspace.channels.values()
        )
        return {"is_stranger": not shared}
    organization = workspace.organization
    if organization is None or person.bot_id is not None:
        return {}
    teams = list(person.teams or (person.team_id,))
    member: Json = {"id": person.id, "enterprise_id": organization.id, "enterprise_name": organization.name}
    member.update(is_admin=False, is_owner=False, is_primary_owner=False, teams=teams)
    return {"enterprise_user": member, **({"teams": teams} if organization.org_wide_install else {})}


def channel_fields(workspace: Workspace, channel: Channel) -> Json:
    """What conversations.info says of teams."""
    teams = {workspace.people[member].team_id for member in channel.members if member in workspace.people}
    teams.add(channel.host_team or workspace.team_id)
    others = {team for team in teams if workspace.is_ours(team)} - {workspace.team_id}
    return {
        "is_shared": channel.shared_externally or bool(others),
        "is_ext_shared": channel.shared_externally,
        "is_org_shared": bool(others),
        "context_team_id": workspace.team_id,
        "conversation_host_id": channel.host_team or workspace.team_id,
        "shared_team_ids": sorted(teams),
        "internal_team_ids": sorted(others | {workspace.team_id}) if others else [],
        "connected_team_ids": sorted(team for team in teams if not workspace.is_ours(team)),
    }
