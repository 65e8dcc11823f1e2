"""Whose workspace is whose: the installation's, that of the person who speaks, and where somebody acted."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from slack_sdk.web.async_client import AsyncWebClient

from bot.core.inbox import Admission, Incoming
from bot.core.policy.approvers import ApprovalRules
from bot.core.thread_ref import ThreadRef
from bot.slack import app as slack_app
from bot.slack.approval_handler import origin_of
from bot.slack.authorization import Authorizer
from bot.slack.directory import Directory, Person
from bot.slack.intake.messages import incoming
from bot.slack.reading.message import Ourselves
from bot.slack.socket import _ours  # pyright: ignore[reportPrivateUsage]
from bot.store.sqlite.database import Database
from bot.store.sqlite.store import SqliteStore

pytestmark = pytest.mark.anyio

Json = dict[str, Any]
OURS, BRAND, THEIRS = "T0OURS", "T0BRAND", "T0THEIRS"
ORG, THEIR_ORG = "E0OURS", "E0THEIRS"


@asynccontextmanager
async def answering(**answers: Any) -> AsyncGenerator[tuple[AsyncWebClient, list[Json]]]:
    """A client of a Slack that gives these answers, by method with underscores, and what it was asked."""
    asked: list[Json] = []

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        method = request.path.rpartition("/")[2]
        given: Json = {**request.query, **(await request.post()), "method": method}
        if request.content_type == "application/json":
            given |= await request.json()
        asked.append(given)
        found = answers[method.replace(".", "_")]
        return web.json_response(found(given) if callable(found) else {"ok": True, **found})

    runner = web.ServerRunner(web.Server(answer))
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield AsyncWebClient(token="xoxb-1", base_url=f"http://127.0.0.1:{runner.addresses[0][1]}/"), asked
    finally:
        await runner.cleanup()


def profile(team: str | None, **fields: Any) -> Json:
    return {"user": {"id": "U1", "team_id": team, "name": "alice", **fields}}


def grid(enterprise: str, *teams: str) -> Json:
    return {"enterprise_user": {"id": "W1", "enterprise_id": enterprise, "teams": list(teams)}}


MEMBERS: dict[str, tuple[Json, bool]] = {
    "of our workspace": (profile(OURS), True),
    "of another workspace of the organisation": (profile(BRAND, **grid(ORG, BRAND)), True),
    "of both": (profile(BRAND, **grid(ORG, BRAND, OURS)), True),
    "of the organisation alone": (profile(ORG, **grid(ORG)), True),
    "with the workspaces outside of the profile": (profile(BRAND, teams=[BRAND, OURS]), True),
    "with nothing but the organisation": (profile(None, enterprise_user={"enterprise_id": ORG}), True),
    "of another organisation": (profile(THEIRS), False),
    "of another Grid": (profile(THEIRS, **grid(THEIR_ORG, THEIRS)), False),
    "a stranger": (profile(THEIRS, is_stranger=True), False),
    "a stranger with our team": (profile(OURS, is_stranger=True), False),
    "deactivated": (profile(OURS, deleted=True), False),
    "deactivated elsewhere in the organisation": (profile(BRAND, deleted=True, **grid(ORG, BRAND)), False),
    "a bot": (profile(OURS, is_bot=True), False),
    "without a team": (profile(None), False),
    "with odd teams": (profile(THEIRS, teams=[7, None, {"id": OURS}], enterprise_user=[ORG]), False),
    "with an odd organisation": (profile(THEIRS, enterprise_user={"enterprise_id": [ORG], "teams": ORG}), False),
}


@pytest.mark.parametrize("whose", MEMBERS)
async def test_slack_says_who_is_a_member(whose: str) -> None:
    answer, expected = MEMBERS[whose]
    async with answering(users_info=answer) as (client, _):
        authorizer = Authorizer(Directory(client), ApprovalRules(), frozenset(), OURS, ORG)
        assert await authorizer.member("U1") is expected


async def test_slackbot_is_no_member_though_slack_describes_it_as_a_person() -> None:
    async with answering(users_info=profile(OURS, is_bot=False)) as (client, _):
        authorizer = Authorizer(Directory(client), ApprovalRules(), frozenset(), OURS, ORG)
        assert await authorizer.member("U1") is True
        assert await authorizer.member("USLACKBOT") is False


async def test_without_an_organisation_of_our_own_nobody_is_a_member_for_theirs() -> None:
    async with answering(users_info=profile(BRAND, **grid(ORG, BRAND))) as (client, _):
        assert await Authorizer(Directory(client), ApprovalRules(), frozenset(), OURS).member("U1") is False


def authorizer(team: str = OURS, enterprise: str = ORG) -> Authorizer:
    return Authorizer(Directory(AsyncWebClient()), ApprovalRules(), frozenset(), team, enterprise)


def person(*teams: str, enterprise: str = "") -> Person:
    return Person("Alice", teams[0], active=True, teams=frozenset(teams), enterprise=enterprise)


def acted(team: str | None = None, user_team: str | None = None, **view: str) -> Json:
    made: Json = {"user": {"id": "U1"}, "team": None if team is None else {"id": team}}
    if user_team is not None:
        made["user"]["team_id"] = user_team
    return {**made, "view": view} if view else made


US, COLLEAGUE, OUTSIDER = person(OURS), person(BRAND, OURS, enterprise=ORG), person(THEIRS)
PLACES: dict[str, tuple[Person, Json, bool]] = {
    "at home": (US, acted(OURS, OURS), True),
    "a person of which only the workspace is named": (US, acted(OURS), True),
    "an organisation's installation names no team": (US, acted(None, OURS), True),
    "another workspace of the organisation": (COLLEAGUE, acted(BRAND, BRAND), True),
    "one workspace and another of the organisation": (COLLEAGUE, acted(OURS, BRAND), True),
    "the organisation": (COLLEAGUE, acted(BRAND, ORG), True),
    "a window that was opened here": (COLLEAGUE, acted(BRAND, BRAND, team_id=OURS, app_installed_team_id=OURS), True),
    "an outsider in a channel of ours": (OUTSIDER, acted(OURS, THEIRS), True),
    "an outsider at home": (OUTSIDER, acted(THEIRS, THEIRS), True),
    "somewhere else": (US, acted(THEIRS, OURS), False),
    "a person who is said to be somebody else's": (US, acted(OURS, THEIRS), False),
    "a person who is said to be somebody else's, without a team": (US, acted(None, THEIRS), False),
    "a workspace that the person is not in": (US, acted(BRAND, OURS), False),
    "an organisation that the person is not in": (US, acted(ORG, OURS), False),
    "nowhere": (US, acted(), False),
    "a window of another installation": (US, acted(OURS, OURS, app_installed_team_id=THEIRS), False),
    "a window of another workspace": (US, acted(OURS, OURS, team_id=THEIRS), False),
    "a team that is a list": (US, {"user": {"id": "U1"}, "team": [OURS]}, False),
    "an id that is none": (US, {"user": {"id": "U1", "team_id": {"id": OURS}}, "team": {"id": 7}}, False),
}


@pytest.mark.parametrize("where", PLACES)
async def test_a_payload_must_agree_with_what_slack_says_of_the_person(where: str) -> None:
    who, body, expected = PLACES[where]
    assert authorizer().acted_here(who, origin_of(body, org_wide=False)) is expected


def test_a_window_of_an_organisations_installation_may_be_of_any_workspace() -> None:
    body = acted(None, BRAND, team_id="T0ANY", app_installed_team_id=ORG)
    assert authorizer(ORG).acted_here(COLLEAGUE, origin_of(body, org_wide=True))
    body = acted(None, BRAND, team_id="T0ANY", app_installed_team_id=THEIR_ORG)
    assert not authorizer(ORG).acted_here(COLLEAGUE, origin_of(body, org_wide=True))
    assert not authorizer(ORG).acted_here(COLLEAGUE, origin_of(acted(team_id=BRAND), org_wide=True))


AUTH: dict[str, tuple[Json, tuple[str, str, bool]]] = {
    "a workspace": ({"team_id": OURS, "is_enterprise_install": False}, (OURS, "", False)),
    "a workspace of an organisation": ({"team_id": OURS, "enterprise_id": ORG}, (OURS, ORG, False)),
    "an organisation": ({"team_id": ORG, "enterprise_id": ORG, "is_enterprise_install": True}, (ORG, ORG, True)),
    "an organisation that names no team": (
        {"team_id": None, "enterprise_id": ORG, "is_enterprise_install": True},
        (ORG, ORG, True),
    ),
    "an organisation that names a workspace": (
        {"team_id": BRAND, "enterprise_id": ORG, "is_enterprise_install": True},
        (ORG, ORG, True),
    ),
}


@pytest.mark.parametrize("installed", AUTH)
async def test_the_installation_is_what_auth_test_says(installed: str) -> None:
    answer, expected = AUTH[installed]
    opened = {"url": "ws://127.0.0.1:9/"}
    async with answering(auth_test={**answer, "user_id": "U0BOT"}, apps_connections_open=opened) as (client, _):
        these = slack_app.clients(client.base_url, "xoxb-1", "xapp-1")
        try:
            identity, _ = await slack_app.preflight(these)
        finally:
            await these.session.close()
    assert (identity.team, identity.enterprise, identity.org_wide) == expected


def event(outer: str, *authorizations: Json, **fields: Any) -> Json:
    said = {"type": "app_mention", "channel": "C1", "user": "U1", "ts": "1.000001", "text": "<@U0BOT> hi"}
    return {"type": "event_callback", "team_id": outer, "authorizations": list(authorizations), "event": said, **fields}


def authorization(team: str | None, enterprise: str | None = None, *, org_wide: bool = False) -> Json:
    return {"team_id": team, "enterprise_id": enterprise, "is_enterprise_install": org_wide}


@pytest.mark.parametrize(
    ("body", "team"),
    [
        (event(OURS, authorization(OURS)), OURS),
        (event(THEIRS, authorization(OURS)), OURS),
        (event(BRAND, authorization(OURS, ORG)), OURS),
        (event(BRAND, authorization(None, ORG, org_wide=True)), ORG),
        (event(BRAND, authorization(BRAND, ORG, org_wide=True)), ORG),
        (event(OURS), OURS),
        ({**event(OURS), "authorizations": None}, OURS),
        ({**event(OURS), "authorizations": ["odd"]}, OURS),
    ],
)
def test_a_thread_belongs_to_the_installation_and_not_to_the_speaker(body: Json, team: str) -> None:
    message = incoming(body, Ourselves("U0BOT", "B0BOT"))
    assert message is not None
    assert message.place.team == team


@pytest.mark.parametrize(
    ("body", "ours"),
    [
        (event(THEIRS, authorization(OURS)), True),
        (event(BRAND, authorization(None, ORG, org_wide=True)), True),
        (event(THEIRS, authorization(THEIRS), is_ext_shared_channel=True), True),
        (event(THEIRS), True),
        (event(THEIRS, authorization(THEIRS)), False),
        (event(THEIRS, authorization(THEIRS), authorization(OURS)), True),
        (event(THEIRS, authorization(THEIRS, THEIR_ORG), is_ext_shared_channel=False), False),
        ({"type": "block_actions", "team": {"id": THEIRS}}, True),
    ],
)
def test_an_event_of_another_installation_is_left_out_where_no_channel_is_shared(body: Json, ours: bool) -> None:
    made = json.loads(json.dumps(body))
    identity = slack_app.Identity(OURS, "Ours", "U0BOT", "bot", enterprise=ORG)
    assert _ours(made, identity) is ours
    assert not ours or "event" not in made or made["team_id"] == OURS


async def test_a_group_of_an_organisation_is_looked_for_in_its_workspaces() -> None:
    def members(given: Json) -> Json:
        if given["team_id"] == OURS:
            return {"ok": False, "error": "no_such_subteam"}
        return {"ok": True, "users": ["U1", "U2"]}

    teams = {"teams": [{"id": OURS, "name": "Ours"}, {"id": BRAND, "name": "Brand"}]}
    async with answering(auth_teams_list=teams, usergroups_users_list=members) as (client, asked):
        directory = Directory(client, org_wide=True)
        assert await directory.members("S1") == {"U1", "U2"}
        assert [each.get("team_id") for each in asked] == [None, OURS, BRAND]


async def test_a_group_that_no_workspace_of_the_organisation_has_is_unknown() -> None:
    missing = {"ok": False, "error": "no_such_subteam"}
    async with answering(auth_teams_list={"teams": [{"id": OURS}]}, usergroups_users_list=missing) as (client, _):
        assert await Directory(client, org_wide=True).members("S1") is None


@pytest.mark.parametrize("odd", ["U" + "A" * 70_000, "u1", "U1\n", "U-1", "U1|alice", "\ud800", "U"])
async def test_what_is_no_id_is_not_asked_about(odd: str) -> None:
    async with answering() as (client, asked):
        directory = Directory(client)
        assert await directory.name(odd) == odd
        assert await directory.person(odd) is None
        assert await directory.members(odd) is None
        assert await directory.kind(odd) == ""
        assert await directory.is_open(odd)
        assert asked == []


async def test_a_lookup_that_an_operator_has_to_allow_is_known_as_such_until_it_works() -> None:
    answers = [{"ok": False, "error": "missing_scope", "needed": "users:read"}, {"ok": True, **profile(OURS)}]
    async with answering(users_info=lambda _: answers.pop(0)) as (client, _):
        directory = Directory(client)
        assert await directory.person("U1") is None
        assert directory.blocked
        assert await directory.person("U1") is not None
        assert not directory.blocked


# --- threads of earlier versions


def message(team: str, ts: str, user: str = "U1", *, root: str = "1.000001", addressed: bool = False) -> Incoming:
    return Incoming(ThreadRef(team, "C1", root, "channel"), f"Ev{team}{ts}", user, ts, "hi", (), addressed)


async def test_a_thread_that_was_recorded_under_the_speakers_team_is_found_and_recorded_anew(tmp_path: Path) -> None:
    async with Database(f"sqlite:///{tmp_path}/bot.db") as database:
        store = SqliteStore(database, ())
        admitted, thread = await store.admit(message(THEIRS, "1.000001", addressed=True))
        assert admitted is Admission.STARTS
        assert await store.admit(message(OURS, "1.000002", "U2")) == (Admission.CONTEXT, thread)
        assert await store.admit(message(OURS, "1.000003")) == (Admission.STARTS, thread)
        assert (await store.load(thread)).place.team == OURS
        assert await store.admit(message(OURS, "9.000001", root="9.000001")) == (Admission.IGNORED, 0)


@pytest.mark.parametrize("teams", [[THEIRS], ["A", BRAND, THEIRS, "Z"]])
async def test_the_installations_own_thread_comes_first(tmp_path: Path, teams: list[str]) -> None:
    async with Database(f"sqlite:///{tmp_path}/bot.db") as database:
        store = SqliteStore(database, ())
        _, ours = await store.admit(message(OURS, "1.000001", addressed=True))
        for team in teams:
            await database.write(lambda connection, team=team: _insert(connection, team))
        assert await store.admit(message(OURS, "1.000002")) == (Admission.STARTS, ours)
        _, other = await store.admit(message(OURS, "2.000001", root="2.000001"))
        assert other == 0


def _insert(connection: Any, team: str) -> None:
    connection.execute(
        "INSERT INTO threads (team, channel, thread_ts, kind, created_at) VALUES (?, 'C1', '1.000001', 'channel', 0)",
        (team,),
    )
