"""Channels of several organisations, and organisations of several workspaces: our people decide, others do not."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from slack_sandbox.model import Message, Person
from slack_sandbox.openrouter import calls, text
from slack_sandbox.slack import SlackSandbox
from tests.attacks.conftest import action, ask, carried, click, decision, send, started, submission, window, write
from tests.harness import World
from tests.inprocess.world import inside

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.inside,
    pytest.mark.skipif(not hasattr(SlackSandbox, "join_organization"), reason="the sandbox has one workspace"),
]

Json = dict[str, Any]


@asynccontextmanager
async def bot(home: Path) -> AsyncGenerator[World]:
    """A world whose bot has not started, so that its installation can be arranged. It shows whole cards in shared
    channels too."""
    async with inside(home, start=False) as here:
        (here.bot.home / "bot.toml").write_text('[agent]\nprivacy = "full"\n')
        yield here


@pytest.fixture
async def here(tmp_path: Path) -> AsyncGenerator[Any]:
    async with bot(tmp_path) as this:
        yield this


async def decides(here: Any, person: Person, channel: Any = None, label: str = "Approve") -> None:
    """This person's request is shown, and their click on it counts."""
    ts, card = await ask(here, write(here), by=person, channel=channel)
    await here.slack.click(card, label, by=person)
    await here.reply(ts, "It is done.", channel or here.general)
    await here.quiet()
    assert (here.workspace / "a.txt").exists() is (label == "Approve")


async def refused(here: Any, card: Message, person: Person, request: str, ts: str, **changes: Any) -> None:
    """A click of this person changes nothing."""
    here.expected_refusals += ["user_not_in_channel", "chat.postEphemeral", "users.info"]
    await send(here, click(here, card, action(card, "Approve"), person, **changes))
    await here.quiet()
    assert decision(here, request) == "awaiting"
    assert started(here, ts) == 0


@pytest.mark.parametrize("host", ["ours", "theirs"])
@pytest.mark.parametrize("enterprise", [False, True])
@pytest.mark.parametrize("label", ["Approve", "Deny"])
async def test_our_requester_decides_in_a_channel_of_two_organisations(
    here: Any, host: str, enterprise: bool, label: str
) -> None:
    theirs = here.slack.add_outside_team(enterprise=enterprise)
    dana = here.slack.add_person("Dana Other", team_id=theirs)
    shared = here.slack.add_channel("shared", members=[here.alice, dana])
    here.slack.connect(shared, host_team=theirs if host == "theirs" else here.slack.team_id)
    await here.bot.start()
    await decides(here, here.alice, shared, label)
    assert here.bot.rows("SELECT DISTINCT team FROM threads") == [(here.slack.team_id,)]


@pytest.mark.parametrize("host", ["ours", "theirs"])
@pytest.mark.parametrize("enterprise", [False, True])
async def test_the_other_organisation_decides_nothing(here: Any, host: str, enterprise: bool) -> None:
    theirs = here.slack.add_outside_team(enterprise=enterprise)
    dana = here.slack.add_person("Dana Other", team_id=theirs)
    shared = here.slack.add_channel("shared", members=[here.alice, dana])
    here.slack.connect(shared, host_team=theirs if host == "theirs" else here.slack.team_id)
    await here.bot.start()
    ts, card = await ask(here, write(here), channel=shared)
    request, _ = carried(card)
    user = {"id": dana.id, "team_id": theirs}
    for team in (theirs, here.slack.team_id, "T0FORGED", None):
        named = None if team is None else {"id": team, "domain": "x"}
        await refused(here, card, dana, request, ts, team=named, user=user)
        await refused(here, card, dana, request, ts, team=named, user={**user, "team_id": here.slack.team_id})
    await here.slack.click(card, "Deny", by=here.alice)
    await here.reply(ts, "It is done.", shared)


async def test_a_thread_of_two_organisations_is_one_thread_whoever_writes(here: Any) -> None:
    theirs = here.slack.add_outside_team()
    dana = here.slack.add_person("Dana Other", team_id=theirs)
    shared = here.slack.add_channel("shared", members=[here.alice, dana])
    here.slack.connect(shared, host_team=theirs)
    await here.bot.start()
    here.model.respond = lambda _: text("Well.")
    ts = await here.slack.say(shared, dana, "<@BOT> hello")
    await here.reply(ts, "Well.", shared)
    here.model.script(calls(write(here)), text("It is done."))
    await here.slack.say(shared, here.alice, "<@BOT> write", thread_ts=ts)
    card = await here.reply(ts, "Waiting for you", shared)
    await here.slack.click(card, "Approve", by=here.alice)
    await here.reply(ts, "It is done.", shared)
    assert here.bot.rows("SELECT count(*) FROM threads") == [(1,)]


SHAPES = ("workspace", "organisation", "several")


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("installed", ["workspace", "organisation", "organisation without a team"])
async def test_everybody_of_the_organisation_decides_what_they_have_asked_for(
    here: Any, shape: str, installed: str
) -> None:
    slack = here.slack
    org = slack.join_organization("Acme")
    brand = slack.add_workspace("Brand")
    if installed != "workspace":
        slack.install_org_wide(team_in_auth_test=installed == "organisation")
    team = {"workspace": brand, "organisation": org, "several": brand}[shape]
    teams = [brand, slack.team_id] if shape == "several" else [brand]
    grace = slack.add_person("Grace Grid", team_id=team, teams=teams, prefix="W")
    everywhere = slack.add_channel("everywhere", members=[here.alice, grace])
    await here.bot.start()
    await decides(here, grace, everywhere)
    expected = slack.team_id if installed == "workspace" else org
    assert here.bot.rows("SELECT DISTINCT team FROM threads") == [(expected,)]


@pytest.mark.parametrize("installed", ["workspace", "organisation", "organisation without a team"])
@pytest.mark.parametrize("label", ["Edit…", "Always…", "approval.more"])
async def test_windows_work_from_another_workspace_of_the_organisation(here: Any, installed: str, label: str) -> None:
    slack = here.slack
    slack.join_organization("Acme")
    brand = slack.add_workspace("Brand")
    if installed != "workspace":
        slack.install_org_wide(team_in_auth_test=installed == "organisation")
    grace = slack.add_person("Grace Grid", team_id=brand, teams=[brand], prefix="W")
    everywhere = slack.add_channel("everywhere", members=[here.alice, grace])
    await here.bot.start()
    ts, card = await ask(here, write(here), by=grace, channel=everywhere)
    request, _ = carried(card)
    option = "Deny with a reason…" if label == "approval.more" else None
    view = await window(here, card, label, grace, option)
    values = {"reason": {"value": {"type": "plain_text_input", "value": "no"}}} if option else {}
    if label == "Edit…":
        await slack.click(card, "Deny", by=grace)
    else:
        await send(here, {**submission(here, view, grace, values), **_origin(here, grace, installed)})
    await here.reply(ts, "It is done.", everywhere)
    await here.quiet()
    assert decision(here, request) == ("approved" if label == "Always…" else "denied")


def _origin(here: Any, person: Person, installed: str) -> Json:
    team = {"id": person.team_id, "domain": "brand"} if installed == "workspace" else None
    return {"team": team, "is_enterprise_install": installed != "workspace"}


async def test_an_app_of_the_organisation_names_the_workspace_and_finds_groups_and_conversations(here: Any) -> None:
    slack = here.slack
    slack.join_organization("Acme")
    brand = slack.add_workspace("Brand")
    slack.install_org_wide()
    group = slack.add_usergroup("chiefs", [here.bob])
    slack.workspace.usergroups[group]["team"] = brand
    with (here.bot.home / "bot.toml").open("a") as settings:
        settings.write(f'[approvals]\napprovers = ["{group}"]\n')
    await here.bot.start()
    ts, card = await ask(here, write(here))
    await slack.click(card, "Approve", by=here.bob)
    await here.reply(ts, "It is done.")
    async with slack.offline(hold=True):
        missed = await slack.say(here.general, here.alice, "<@BOT> a missed mention")
    await slack.connected()
    await here.until(lambda: here.bot.rows("SELECT 1 FROM inbox WHERE ts = ?", missed), what="the mention", poll=0.02)
    await here.quiet()
    named = ("users.conversations", "usergroups.users.list")
    asked = [call for call in slack.calls if call.method in named]
    assert {call.method for call in asked} == set(named)
    assert {call.args.get("team_id") for call in asked} == {slack.team_id, brand}
    assert {call.error for call in asked} == {None, "no_such_subteam"}
    here.expected_refusals.append("no_such_subteam")


@pytest.mark.parametrize("installed", ["workspace", "organisation"])
async def test_nobody_from_outside_decides_in_an_organisation(here: Any, installed: str) -> None:
    slack = here.slack
    org = slack.join_organization("Acme")
    brand = slack.add_workspace("Brand")
    if installed != "workspace":
        slack.install_org_wide()
    theirs = slack.add_outside_team(enterprise=True)
    dana = slack.add_person("Dana Other", team_id=theirs)
    gone = slack.add_person("Gus Gone", team_id=brand, teams=[brand], prefix="W", deleted=True)
    shared = slack.add_channel("shared", members=[here.alice, dana])
    slack.connect(shared, host_team=theirs)
    await here.bot.start()
    ts, card = await ask(here, write(here), channel=shared)
    request, _ = carried(card)
    for person in (dana, gone):
        for team in (theirs, brand, org, slack.team_id):
            user = {"id": person.id, "team_id": team}
            await refused(here, card, person, request, ts, team={"id": team}, user=user, enterprise={"id": org})
    await slack.click(card, "Deny", by=here.alice)
    await here.reply(ts, "It is done.", shared)


async def test_a_colleague_whose_payload_names_a_foreign_workspace_decides_nothing(here: Any) -> None:
    slack = here.slack
    org = slack.join_organization("Acme")
    brand = slack.add_workspace("Brand")
    grace = slack.add_person("Grace Grid", team_id=brand, teams=[brand], prefix="W")
    everywhere = slack.add_channel("everywhere", members=[here.alice, grace])
    await here.bot.start()
    ts, card = await ask(here, write(here), by=grace, channel=everywhere)
    request, _ = carried(card)
    for team in ("T0FORGED", "E0FORGED"):
        await refused(here, card, grace, request, ts, team={"id": team}, enterprise={"id": org})
        await refused(here, card, grace, request, ts, user={"id": grace.id, "team_id": team})
    await slack.click(card, "Deny", by=grace)
    await here.reply(ts, "It is done.", everywhere)


@pytest.mark.parametrize("host", ["ours", "theirs"])
async def test_by_default_the_other_organisation_reads_nothing_and_our_requester_decides_in_a_window(
    tmp_path: Path, host: str
) -> None:
    async with inside(tmp_path, start=False) as here:
        theirs = here.slack.add_outside_team()
        dana = here.slack.add_person("Dana Other", team_id=theirs)
        shared = here.slack.add_channel("shared", members=[here.alice, dana])
        here.slack.connect(shared, host_team=theirs if host == "theirs" else here.slack.team_id)
        await here.bot.start()
        ts, card = await ask(here, write(here), channel=shared)
        assert card.buttons == ["Review…"]
        here.expected_refusals += ["user_not_in_channel", "chat.postEphemeral", "users.info"]
        for team in (theirs, here.slack.team_id):
            user = {"id": dana.id, "team_id": team}
            await send(here, click(here, card, action(card, "Review…"), dana, team={"id": team}, user=user))
        await here.quiet()
        assert here.slack.modals(dana) == []
        assert "a.txt" not in str([each.as_json() for each in here.slack.thread(shared, ts)])
        assert started(here, ts) == 0
        view = await window(here, card, "Review…", here.alice)
        assert "a.txt" in str(view.blocks)
        assert await here.slack.submit(here.alice, view) == {}
        await here.reply(ts, "It is done.", shared)
        await here.quiet()
        assert (here.workspace / "a.txt").exists()
        assert "a.txt" not in card.plain
