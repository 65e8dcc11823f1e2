"""More than one workspace: Slack Connect, Enterprise Grid, org-wide installs; and people who come and go."""

from typing import Any

import pytest
from slack_bolt.request.internals import extract_actor_team_id, extract_team_id
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from slack_sandbox.model import Channel, Person
from slack_sandbox.slack import SlackSandbox

pytestmark = pytest.mark.anyio

Json = dict[str, Any]


def payloads(slack: SlackSandbox) -> list[Json]:
    return [sent.payload for sent in slack.envelopes]


async def user(client: AsyncWebClient, person: Person) -> Json:
    return (await client.users_info(user=person.id))["user"] or {}


async def card(client: AsyncWebClient, channel: Channel) -> str:
    button = {"type": "button", "action_id": "go", "text": {"type": "plain_text", "text": "Go"}}
    blocks = [{"type": "actions", "block_id": "b", "elements": [button]}]
    return str((await client.chat_postMessage(channel=channel.id, text="x", blocks=blocks))["ts"])


async def test_in_a_channel_that_others_host_the_outer_team_is_no_guide_and_the_installation_is(
    slack: SlackSandbox, general: Channel, alice: Person
) -> None:
    theirs = slack.add_outside_team()
    slack.connect(general, theirs)
    await slack.say(general, alice, "<@BOT> hi")
    mention, message = payloads(slack)
    assert (mention["team_id"], mention["event"]["team"], mention["event"]["user_team"]) == (
        theirs,
        theirs,
        slack.team_id,
    )
    assert (message["team_id"], message["context_team_id"], message["event"]["team"]) == (
        slack.team_id,
        theirs,
        slack.team_id,
    )
    for payload in (mention, message):
        assert (payload["is_ext_shared_channel"], payload["authorizations"][0]["team_id"]) == (True, slack.team_id)
        assert (extract_team_id(payload), extract_actor_team_id(payload)) == (slack.team_id, slack.team_id)


@pytest.mark.parametrize("enterprise", [False, True])
async def test_a_member_of_another_organisation_brings_its_team(
    enterprise: bool, slack: SlackSandbox, client: AsyncWebClient, general: Channel
) -> None:
    theirs = slack.add_outside_team(enterprise=enterprise)
    dana = slack.add_person("Dana", team_id=theirs)
    assert (await user(client, dana))["is_stranger"] is True
    await slack.say(general, dana, "<@BOT> hi")
    mention, message = payloads(slack)
    named = slack.workspace.outside_enterprises.get(theirs, theirs)
    assert named[0] == ("E" if enterprise else "T")
    assert (message["team_id"], message["context_team_id"]) == (theirs, slack.team_id)
    assert (mention["team_id"], mention["event"]["team"]) == (slack.team_id, slack.team_id)
    for payload in (mention, message):
        assert (payload["event"]["user_team"], payload["event"]["source_team"]) == (named, named)
        assert payload["authorizations"][0]["team_id"] == slack.team_id
        assert payload["is_ext_shared_channel"] is True
    found = await user(client, dana)
    assert (found["team_id"], found["is_stranger"], "enterprise_user" in found) == (theirs, False, False)
    channel = (await client.conversations_info(channel=general.id))["channel"] or {}
    assert (channel["is_ext_shared"], channel["connected_team_ids"]) == (True, [theirs])


async def test_people_of_a_grid_have_an_enterprise_user_with_their_workspaces(
    slack: SlackSandbox, client: AsyncWebClient, general: Channel, alice: Person
) -> None:
    org = slack.join_organization("Acme")
    brand = slack.add_workspace("Brand")
    home = slack.add_person("Home", prefix="W")
    away = slack.add_person("Away", team_id=brand, teams=[brand, slack.team_id], prefix="W")
    wide = slack.add_person("Wide", team_id=org, teams=[slack.team_id])
    assert {person.id[0] for person in (home, away)} == {"W"}
    for person, team, teams in (
        (alice, slack.team_id, [slack.team_id]),
        (home, slack.team_id, [slack.team_id]),
        (away, brand, [brand, slack.team_id]),
        (wide, org, [slack.team_id]),
    ):
        found = await user(client, person)
        member = found["enterprise_user"]
        assert (found["team_id"], "is_stranger" in found) == (team, False)
        assert (member["id"], member["enterprise_id"], member["teams"]) == (person.id, org, teams)
    await slack.say(general, away, "<@BOT> hi")
    for payload in payloads(slack):
        assert (payload["enterprise_id"], payload["context_enterprise_id"]) == (org, org)
        authorization = payload["authorizations"][0]
        assert (authorization["team_id"], authorization["enterprise_id"]) == (slack.team_id, org)
        assert authorization["is_enterprise_install"] is False
        assert (payload["is_ext_shared_channel"], payload["event"]["team"]) == (False, brand)
        assert "user_team" not in payload["event"]
    channel = (await client.conversations_info(channel=general.id))["channel"] or {}
    assert (channel["is_ext_shared"], channel["is_org_shared"]) == (False, True)
    assert (await client.auth_test())["enterprise_id"] == org


async def test_a_click_from_another_workspace_of_the_organisation_names_that_workspace(
    slack: SlackSandbox, client: AsyncWebClient, general: Channel
) -> None:
    org = slack.join_organization("Acme")
    brand = slack.add_workspace("Brand")
    away = slack.add_person("Away", team_id=brand, teams=[brand, slack.team_id])
    await slack.say(general, away, "hi")
    ts = await card(client, general)
    assert await slack.click(general.messages[ts], "Go", by=away) is None
    await slack.command(away, general, "/ask", "why")
    click, command = payloads(slack)[-2:]
    assert (click["user"]["team_id"], click["team"]["id"], click["team"]["enterprise_id"]) == (brand, brand, org)
    assert (click["enterprise"], click["is_enterprise_install"]) == ({"id": org, "name": "Acme"}, False)
    assert (command["team_id"], command["enterprise_id"], command["is_enterprise_install"]) == (brand, org, "false")


async def test_an_outsiders_click_names_the_host_of_the_channel_and_no_organisation_of_ours(
    slack: SlackSandbox, client: AsyncWebClient, general: Channel
) -> None:
    slack.join_organization()
    dana = slack.add_person("Dana", team_id=slack.add_outside_team())
    await slack.say(general, dana, "hi")
    for host in (slack.team_id, dana.team_id):
        slack.connect(general, host)
        await slack.click(general.messages[await card(client, general)], "Go", by=dana)
        click = payloads(slack)[-1]
        assert (click["user"]["team_id"], click["team"]["id"], click["enterprise"]) == (dana.team_id, host, None)


@pytest.mark.parametrize("method", ["users.conversations", "conversations.list", "usergroups.list", "users.list"])
async def test_an_organisations_token_has_to_name_the_workspace(
    slack: SlackSandbox, client: AsyncWebClient, general: Channel, method: str
) -> None:
    slack.install_org_wide()
    assert [team["id"] for team in (await client.auth_teams_list())["teams"] or []] == [slack.team_id]
    for params, code in (({}, "missing_argument"), ({"team_id": "T0NOBODY"}, "team_not_found")):
        with pytest.raises(SlackApiError) as refused:
            await client.api_call(method, params=params)
        assert refused.value.response["error"] == code
    await client.api_call(method, params={"team_id": slack.team_id})


@pytest.mark.parametrize("named", [True, False])
async def test_an_org_wide_install_has_no_team_in_the_authorisation_and_in_clicks(
    named: bool, slack: SlackSandbox, client: AsyncWebClient, general: Channel, alice: Person
) -> None:
    org = slack.join_organization("Acme")
    slack.install_org_wide(team_in_auth_test=named)
    identity = await client.auth_test()
    assert (identity["is_enterprise_install"], identity["enterprise_id"]) == (True, org)
    assert identity["team_id"] == (org if named else None)
    await slack.say(general, alice, "hi")
    await slack.click(general.messages[await card(client, general)], "Go", by=alice)
    message, _, click = payloads(slack)
    authorization = message["authorizations"][0]
    assert (authorization["team_id"], authorization["enterprise_id"], authorization["is_enterprise_install"]) == (
        None,
        org,
        True,
    )
    assert (message["team_id"], message["enterprise_id"], message["context_team_id"]) == (slack.team_id, org, None)
    assert (click["team"], click["enterprise"]["id"], click["is_enterprise_install"]) == (None, org, True)
    assert click["user"]["team_id"] == slack.team_id
    assert (await user(client, alice))["teams"] == [slack.team_id]
    home: Any = {"type": "home", "blocks": []}
    view = (await client.views_publish(user_id=alice.id, view=home))["view"] or {}
    assert view["app_installed_team_id"] == org


async def test_a_group_direct_message_is_an_mpim(slack: SlackSandbox, client: AsyncWebClient, alice: Person) -> None:
    group = slack.open_group_dm([alice, slack.add_person("Bob Jones")])
    await slack.say(group, alice, "<@BOT> hi")
    assert [payload["event"].get("channel_type") for payload in payloads(slack)] == [None, "mpim"]
    channel = (await client.conversations_info(channel=group.id))["channel"] or {}
    assert (channel["is_mpim"], channel["is_im"], channel["is_private"]) == (True, False, True)
    assert channel["name"].startswith("mpdm-alice.smith--bob.jones")


async def test_the_id_of_a_private_channel_need_not_tell_its_kind(
    slack: SlackSandbox, client: AsyncWebClient, alice: Person
) -> None:
    secret = slack.add_channel("secret", [alice], "group", prefix="C")
    await slack.say(secret, alice, "<@BOT> hi")
    mention, message = (payload["event"] for payload in payloads(slack))
    assert (mention["channel"][0], "channel_type" in mention, message["channel_type"]) == ("C", False, "group")
    assert ((await client.conversations_info(channel=secret.id))["channel"] or {})["is_private"] is True


async def test_people_leave_are_deactivated_or_become_unknown(
    slack: SlackSandbox, client: AsyncWebClient, general: Channel, alice: Person
) -> None:
    bob, carol = slack.add_person("Bob Jones"), slack.add_person("Carol White")
    for person in (bob, carol):
        await slack.say(general, person, "hi")
    slack.subscriptions.add("member_left_channel")
    await slack.leave(general, alice, announce=True)
    left, announced = (payload["event"] for payload in payloads(slack)[2:])
    assert (left["type"], left["user"], announced["subtype"]) == ("member_left_channel", alice.id, "channel_leave")
    await slack.deactivate(bob)
    assert (await user(client, bob))["deleted"] is True
    slack.forget(carol)
    with pytest.raises(SlackApiError, match="user_not_found"):
        await client.users_info(user=carol.id)
    assert (await client.conversations_members(channel=general.id))["members"] == [slack.bot_user_id]
    assert len((await client.conversations_history(channel=general.id))["messages"] or []) == 3
