"""Who may decide: named people and user groups, two of them, somebody else; and who may never."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.slack.directory import Directory
from slack_sandbox.model import Message, Person
from slack_sandbox.openrouter import Call, call
from slack_sandbox.slack import SlackSandbox
from tests.harness import World, processes
from tests.inprocess.fixtures import Opens, Worlds, some
from tests.process.asking import answered, ask, asked, diff, edit, field, reason, says, window
from tests.process.turns import whispered

pytestmark = [pytest.mark.anyio, pytest.mark.inside]

BOT = """
[[policy.rules]]
action = "ask"
tool = "list_directory"

[agent]
privacy = "full"            # also in a channel with people of other organizations
[approvals]                 # what reads: only others than the requester
approvers = {others}

[approvals.write]           # a new folder: two of them
approvers = {all}
needed = 2

[approvals.destructive]     # a file: somebody else
approvers = {all}
no_self = true
"""

UNTOLD = "I couldn't confirm with Slack who you are"
NEVER = "People of other organizations and deactivated people cannot decide"


@dataclass
class Staff:
    """Whom bot.toml names, directly or in a group."""

    carol: Person
    dave: Person
    missed: Person
    """Slack does not tell about this one at first."""
    gone: Person
    """Deactivated, and named."""
    outsider: Person
    """Of another organization, and named."""
    grace: Person
    """In the group."""
    gone_of_group: Person
    outsider_of_group: Person
    group: str
    ivan: Person
    """In the group that he is taken out of."""
    former: str
    judy: Person
    """In the group that Slack does not tell about at first."""
    unsure: str


def staff_of(slack: SlackSandbox) -> Staff:
    """New people and groups."""
    carol, dave, missed, grace, ivan, judy = (
        slack.add_person(name) for name in ("Carol", "Dave", "Mia Missed", "Grace", "Ivan", "Judy")
    )
    gone, gone_too = (slack.add_person(name, deleted=True) for name in ("Gone", "Gone Too"))
    outsider, another = (slack.add_person(name, team_id="T0OTHER") for name in ("Outsider", "Another Outsider"))
    return Staff(
        carol=carol,
        dave=dave,
        missed=missed,
        gone=gone,
        outsider=outsider,
        grace=grace,
        gone_of_group=gone_too,
        outsider_of_group=another,
        group=slack.add_usergroup("approvers", [grace, gone_too, another]),
        ivan=ivan,
        former=slack.add_usergroup("former", [ivan]),
        judy=judy,
        unsure=slack.add_usergroup("unsure", [judy]),
    )


@asynccontextmanager
async def stage(opens: Opens, home: Path) -> AsyncGenerator[tuple[World, Staff]]:
    """A bot that is told who may decide, and those people."""
    async with opens(home, start=False) as this:
        staff = staff_of(this.slack)
        people = [staff.carol, staff.dave, staff.missed, staff.gone, staff.outsider]
        others = [*(person.id for person in people), staff.group, staff.former, staff.unsure]
        named = {"others": json.dumps(others), "all": json.dumps(["requester", *others])}
        (home / "bot.toml").write_text(BOT.format(**named))
        await this.bot.start()
        await this.ready()
        yield this, staff


@pytest.fixture
async def staged(worlds: Worlds) -> tuple[World, Staff]:
    return await worlds.of(stage)


@pytest.fixture
def running(staged: tuple[World, Staff]) -> World:
    return staged[0]


@pytest.fixture
def staff(staged: tuple[World, Staff], here: World) -> Staff:
    """The staff, in the test's channel."""
    for person in vars(staged[1]).values():
        if isinstance(person, Person):
            here.slack.invite(here.general, person)
    return staged[1]


def look(here: World) -> Call:
    """A call that only others than the requester may approve."""
    return call("filesystem__list_directory", {"path": str(here.workspace)})


def folder(here: World, name: str = "new") -> Call:
    """A call that two people have to approve."""
    return call("filesystem__create_directory", {"path": str(here.workspace / name)})


def write(here: World, content: str = "text\n") -> Call:
    """A call that somebody else has to approve."""
    return call("filesystem__write_file", {"path": str(here.workspace / "a.txt"), "content": content})


async def refused(here: World, card: Message, button: str, by: Person, words: str, option: str | None = None) -> None:
    """Press a button and be told that it does not count; nothing changes."""
    before = len(here.slack.ephemerals(by))
    shown, plain, open_ = card.buttons, card.plain, here.open_approvals(card.thread_ts or "")
    assert await here.slack.click(card, button, by=by, option=option) is not None, "no ack within 3 seconds"
    await here.until(lambda: len(here.slack.ephemerals(by)) > before, what=f"a word to {by.name}")
    said = here.slack.ephemerals(by)[-1].plain
    assert words in said
    assert "nothing was changed" in said.lower()
    assert (card.buttons, card.plain, here.open_approvals(card.thread_ts or "")) == (shown, plain, open_)
    assert here.slack.modals(by) == []


async def restarted(here: World) -> None:
    """Restart the bot: what Slack has told it of people and groups is gone."""
    up = "the tool server filesystem is up"
    before = here.bot.log.count(up)
    await here.bot.kill()
    await here.bot.start()
    await here.ready()
    await here.until(lambda: here.bot.log.count(up) > before, what="the tools", poll=0.05)


async def test_only_named_people_and_groups_decide_and_the_requester_is_told_so(here: World, staff: Staff) -> None:
    ts = await ask(here, look(here))
    [card] = await asked(here, ts)
    assert f"<@{staff.carol.id}>" in card.plain
    assert f"<!subteam^{staff.group}>" in card.plain
    await refused(here, card, "Approve", here.alice, f"Only <@{staff.carol.id}>")
    await refused(here, card, "Approve", here.bob, f"<!subteam^{staff.group}>")
    await refused(here, card, "Always…", here.alice, "Only")
    await here.slack.click(card, "approval.approved", by=staff.carol)
    assert await answered(here, ts) == ['{"content": ""}']
    assert f"<@{staff.carol.id}> approved" in card.plain


async def test_a_member_of_a_named_group_decides(here: World, staff: Staff) -> None:
    ts = await ask(here, look(here))
    [card] = await asked(here, ts)
    await here.slack.click(card, "approval.approved", by=staff.grace)
    await answered(here, ts)
    assert f"<@{staff.grace.id}> approved" in card.plain


@pytest.mark.parametrize("way", ["deny", "reason", "stop"])
async def test_the_requester_may_always_take_a_request_back(here: World, staff: Staff, way: str) -> None:
    assert staff
    ts = await ask(here, look(here))
    [card] = await asked(here, ts)
    if way == "stop":
        await here.slack.click(card, "approval.more", by=here.alice, option="Stop")
        await here.reply(ts, "Stopped. Nothing was changed.")
        await here.quiet()
        return
    if way == "deny":
        await here.slack.click(card, "Deny", by=here.alice)
    else:
        await reason(here, card, here.alice, "I was wrong")
    assert "denied" in (await answered(here, ts))[0]


@pytest.mark.across
async def test_two_have_to_approve_and_one_person_counts_once(here: World, staff: Staff) -> None:
    ts = await ask(here, folder(here))
    [card] = await asked(here, ts)
    assert "nobody has approved yet (0 of 2)" in card.plain
    assert "Always…" not in card.buttons, "one person's grant would stand for two"
    await here.slack.click(card, "approval.approved", by=here.alice)
    assert f"approved by <@{here.alice.id}> (1 of 2)" in await says(here, card, "(1 of 2)")
    for number in range(2):
        await here.slack.click(card, "approval.approved", by=here.alice)
        await here.until(lambda number=number: len(here.slack.ephemerals(here.alice)) > number, what="a word")
    assert "You have approved this already; 2 different people have to" in here.slack.ephemerals(here.alice)[0].plain
    await refused(here, card, "Approve", here.bob, "Only")
    assert not (here.workspace / "new").exists()
    assert here.open_approvals(ts) == 1

    await here.bot.kill()
    await here.bot.start()
    await here.ready()
    await here.slack.click(card, "approval.approved", by=staff.carol)
    await answered(here, ts)
    assert (here.workspace / "new").is_dir()
    assert f"<@{here.alice.id}>, <@{staff.carol.id}> approved" in card.plain


async def test_one_denial_denies_whoever_has_approved(here: World, staff: Staff) -> None:
    ts = await ask(here, folder(here))
    [card] = await asked(here, ts)
    await here.slack.click(card, "approval.approved", by=staff.carol)
    await says(here, card, "(1 of 2)")
    await reason(here, card, staff.grace, "not in this quarter")
    assert "not in this quarter" in (await answered(here, ts))[0]
    assert f"<@{staff.grace.id}> denied" in card.plain
    assert not (here.workspace / "new").exists()


async def test_all_of_a_message_can_be_approved_by_two_one_after_the_other(here: World, staff: Staff) -> None:
    ts = await ask(here, folder(here, "x"), folder(here, "y"))
    [card] = await asked(here, ts)
    await here.slack.click(card, "Approve all", by=staff.carol)
    await here.until(lambda: card.plain.count(f"approved by <@{staff.carol.id}> (1 of 2)"), what="the count")
    assert here.open_approvals(ts) == 2
    await here.slack.click(card, "Approve all", by=staff.dave)
    await answered(here, ts)
    assert sorted(path.name for path in here.workspace.iterdir()) == ["x", "y"]


async def test_approvals_do_not_outlive_a_change_of_what_was_approved(here: World, staff: Staff) -> None:
    ts = await ask(here, folder(here, "x"))
    [card] = await asked(here, ts)
    await here.slack.click(card, "approval.approved", by=here.alice)
    await says(here, card, "(1 of 2)")
    await edit(here, card, staff.carol, path=str(here.workspace / "y"))
    await says(here, card, f"<@{staff.carol.id}> edited this")
    [fresh] = await asked(here, ts)
    assert "(0 of 2)" in fresh.plain
    await here.slack.click(fresh, "approval.approved", by=staff.carol)
    await says(here, fresh, "(1 of 2)")
    await here.slack.click(fresh, "approval.approved", by=here.alice)
    await answered(here, ts)
    assert [path.name for path in here.workspace.iterdir()] == ["y"]


async def test_somebody_else_has_to_approve_and_the_requester_may_deny(here: World, staff: Staff) -> None:
    ts = await ask(here, write(here))
    [card] = await asked(here, ts)
    assert f"<@{here.alice.id}> can change, deny or stop it, not approve it" in card.plain
    await refused(here, card, "Approve", here.alice, "and not who asked for it or changed it")
    await here.slack.click(card, "approval.approved", by=staff.carol)
    await answered(here, ts)
    assert (here.workspace / "a.txt").read_text() == "text\n"

    ts = await ask(here, write(here, "other\n"))
    [card] = await asked(here, ts)
    await here.slack.click(card, "Deny", by=here.alice)
    await answered(here, ts)
    assert (here.workspace / "a.txt").read_text() == "text\n"


@pytest.mark.across
async def test_who_has_changed_the_arguments_may_not_approve_them(here: World, staff: Staff) -> None:
    ts = await ask(here, write(here, "first\n"))
    [card] = await asked(here, ts)
    await edit(here, card, staff.carol, content="second\n")
    await says(here, card, "Changed: content.")
    [fresh] = await asked(here, ts)
    assert f"<@{staff.carol.id}> edited this · " in fresh.plain
    assert f"and <@{staff.carol.id}>, who changed it" in fresh.plain
    for person in (staff.carol, here.alice):
        await refused(here, fresh, "Approve", person, "and not who asked for it or changed it")
    await edit(here, fresh, staff.grace, content="third\n")
    await says(here, fresh, "+third")
    [last] = await asked(here, ts)
    assert "+third" in diff(last)
    for person in (staff.carol, staff.grace):
        await refused(here, last, "Approve", person, "and not who asked for it or changed it")
    await here.slack.click(last, "approval.approved", by=staff.dave)
    [result] = await answered(here, ts)
    assert "changed the arguments of this call to" in result
    assert "third" in result
    assert (here.workspace / "a.txt").read_text() == "third\n"


NEITHER = ("gone", "outsider", "gone_of_group", "outsider_of_group")


@pytest.mark.parametrize("who", some(NEITHER, across=["outsider_of_group"]))
async def test_deactivated_people_and_those_of_other_organizations_never_decide(
    here: World, staff: Staff, who: str
) -> None:
    person: Person = getattr(staff, who)
    ts = await ask(here, look(here), write(here))
    [card] = await asked(here, ts)
    for button in ("Approve all", "Deny all"):
        await refused(here, card, button, person, NEVER)
    await refused(here, card, "approval.more", person, NEVER, "Stop")
    await here.slack.click(card, "Deny all", by=staff.carol)
    await answered(here, ts)
    ts = await ask(here, write(here))
    [card] = await asked(here, ts)
    for button in ("approval.approved", "approval.denied", "approval.edit"):
        await refused(here, card, button, person, NEVER)
    for option in ("Deny with a reason…", "Stop"):
        await refused(here, card, "approval.more", person, NEVER, option)
    await here.slack.click(card, "Deny", by=staff.carol)
    await here.quiet()


async def test_what_an_outsider_has_asked_for_others_decide(here: World, staff: Staff) -> None:
    ts = await ask(here, write(here), by=staff.outsider)
    [card] = await asked(here, ts)
    for button in ("Approve", "Deny"):
        await refused(here, card, button, staff.outsider, NEVER)
    await here.slack.click(card, "approval.approved", by=staff.carol)
    await answered(here, ts)
    assert (here.workspace / "a.txt").exists()


async def test_when_slack_does_not_tell_who_somebody_is_they_are_refused_and_a_later_press_counts(
    here: World, staff: Staff
) -> None:
    ts = await ask(here, look(here))
    [card] = await asked(here, ts)
    await restarted(here)  # what was looked up for the card is remembered for a minute
    here.slack.faults.add("users.info", "error", times=None, match=lambda sent: sent.get("user") == staff.missed.id)
    for button in ("Approve", "Deny", "Edit…"):
        await refused(here, card, button, staff.missed, UNTOLD)
    here.slack.faults.clear()
    await here.slack.click(card, "approval.approved", by=staff.missed)
    await answered(here, ts)
    assert f"<@{staff.missed.id}> approved" in card.plain


async def test_when_slack_does_not_tell_who_is_in_a_group_nobody_is_and_a_later_press_counts(
    here: World, staff: Staff
) -> None:
    ts = await ask(here, look(here))
    [card] = await asked(here, ts)
    await restarted(here)
    here.slack.faults.add("usergroups.users.list", "error", times=None)
    await refused(here, card, "Approve", staff.judy, UNTOLD)
    here.slack.faults.clear()
    await here.slack.click(card, "approval.approved", by=staff.judy)
    await answered(here, ts)
    assert f"<@{staff.judy.id}> approved" in card.plain


@pytest.mark.across
async def test_however_long_slack_takes_a_click_is_answered_in_time_and_does_not_count(
    here: World, staff: Staff
) -> None:
    ts = await ask(here, look(here), write(here), folder(here), look(here))
    [card] = await asked(here, ts)
    await restarted(here)
    for method in ("users.info", "usergroups.users.list"):
        here.slack.faults.add(method, "hang", times=None)
    before = len(here.slack.calls)
    await refused(here, card, "Approve all", staff.judy, UNTOLD)
    looked = [
        str(call.args.get("user") or call.args.get("usergroup"))
        for call in here.slack.calls[before:]
        if call.method in ("users.info", "usergroups.users.list")
    ]
    assert sorted(looked) == sorted([staff.judy.id, staff.group, staff.former, staff.unsure]), "each is asked for once"
    await refused(here, card, "Deny all", staff.judy, UNTOLD)
    await refused(here, card, "approval.more", staff.judy, UNTOLD, "Stop")
    here.slack.faults.clear()
    await here.slack.click(card, "Deny all", by=staff.carol)
    await answered(here, ts)


async def test_a_refusal_of_slacks_is_remembered_for_all_that_one_click_asks(here: World, staff: Staff) -> None:
    ts = await ask(here, folder(here, "x"), folder(here, "y"), folder(here, "z"))
    [card] = await asked(here, ts)
    await restarted(here)
    here.slack.faults.add("users.info", "error", times=None, match=lambda sent: sent.get("user") == staff.missed.id)
    before = len(here.slack.calls)
    await refused(here, card, "Approve all", staff.missed, UNTOLD)
    assert [call.method for call in here.slack.calls[before:]].count("users.info") == 1
    here.slack.faults.clear()
    await here.slack.click(card, "Deny all", by=staff.carol)
    await answered(here, ts)


async def test_what_slack_tells_too_late_for_one_click_is_there_for_the_next(here: World, staff: Staff) -> None:
    ts = await ask(here, look(here))
    [card] = await asked(here, ts)
    await restarted(here)
    here.slack.faults.add("users.info", "slow", seconds=3, match=lambda sent: sent.get("user") == staff.carol.id)
    before = len(here.slack.calls)
    await refused(here, card, "Approve", staff.carol, UNTOLD)
    here.slack.faults.add("users.info", "error", times=None)
    await here.until(
        lambda: [call for call in here.slack.calls[before:] if call.method == "users.info" and call.status],
        what="the late answer",
    )
    await here.slack.click(card, "approval.approved", by=staff.carol)
    await answered(here, ts)
    assert f"<@{staff.carol.id}> approved" in card.plain


@pytest.mark.across
async def test_a_window_is_answered_in_time_when_slack_and_the_tools_are_slow_together(
    here: World, staff: Staff
) -> None:
    target = here.workspace / "a.txt"
    target.write_text("old\n")
    change = {"path": str(target), "edits": [{"oldText": "old", "newText": "new"}]}
    ts = await ask(here, call("filesystem__edit_file", change))
    [card] = await asked(here, ts)
    view = await window(here, card, "Edit…", staff.judy)
    await restarted(here)
    for method in ("users.info", "usergroups.users.list"):
        here.slack.faults.add(method, "slow", times=None, seconds=1.6)
    typed = {field(view, "edits", 0, "newText"): {"value": "newer"}}
    servers = processes(str(here.bot.home / "workspace"))
    for server in servers:
        os.kill(server, signal.SIGSTOP)
    try:
        assert await here.slack.submit(staff.judy, view, typed) == {}, "no ack within 3 seconds"
    finally:
        for server in servers:
            os.kill(server, signal.SIGCONT)
    here.slack.faults.clear()
    await says(here, card, f"<@{staff.judy.id}> edited this")
    [fresh] = await asked(here, ts)
    await here.slack.click(fresh, "approval.approved", by=staff.carol)
    await answered(here, ts)
    assert target.read_text() == "newer\n"


async def test_an_approval_does_not_count_while_slack_does_not_tell_of_who_approved_before(
    here: World, staff: Staff
) -> None:
    ts = await ask(here, folder(here))
    [card] = await asked(here, ts)
    await here.slack.click(card, "approval.approved", by=staff.carol)
    await says(here, card, "(1 of 2)")
    await restarted(here)
    here.slack.faults.add("users.info", "error", times=None, match=lambda sent: sent.get("user") == staff.carol.id)
    await refused(here, card, "Approve", staff.dave, "or who approved this before")
    assert not (here.workspace / "new").exists()
    assert "(1 of 2)" in card.plain
    here.slack.faults.clear()
    await here.slack.click(card, "approval.approved", by=staff.dave)
    await answered(here, ts)
    assert (here.workspace / "new").is_dir()


async def test_a_refusal_names_those_who_may_decide_now_whatever_the_card_said(here: World, staff: Staff) -> None:
    ts = await ask(here, folder(here))
    [card] = await asked(here, ts)
    assert f"<@{here.alice.id}>" in card.plain
    await here.slack.click(card, "approval.approved", by=staff.carol)
    await says(here, card, "(1 of 2)")
    bot_toml = here.bot.home / "bot.toml"
    before = bot_toml.read_text()
    approvers = f'[approvals]\napprovers = ["{staff.carol.id}", "{staff.dave.id}", "{staff.missed.id}"]\n'
    bot_toml.write_text(approvers)
    try:
        await restarted(here)
        named = f"Only <@{staff.carol.id}>, <@{staff.dave.id}> or <@{staff.missed.id}> can decide."
        words = f"{named} 2 different people have to approve."
        for person in (here.alice, here.bob):
            await refused(here, card, "Approve", person, words)
        bot_toml.write_text(f"{approvers}needed = 3\nno_self = true\n")
        await restarted(here)
        words = f"{named[:-1]}, and not who asked for it or changed it. 3 different people have to approve."
        await refused(here, card, "Approve", here.alice, words)
        await refused(here, card, "Approve", staff.carol, "You have approved this already; 3 different people have to")
        await here.slack.click(card, "Deny", by=staff.dave)
        await answered(here, ts)
    finally:
        bot_toml.write_text(before)
        await restarted(here)


async def test_details_that_are_kept_from_the_thread_are_kept_from_people_of_other_organizations(
    here: World, staff: Staff
) -> None:
    bot_toml = here.bot.home / "bot.toml"
    before = bot_toml.read_text()
    bot_toml.write_text(before.replace('privacy = "full"', 'privacy = "summary"'))
    try:
        await restarted(here)
        ts = await ask(here, look(here), by=staff.outsider)
        [card] = await asked(here, ts)
        await here.slack.click(card, "Review…", by=staff.outsider)
        await whispered(here, staff.outsider, "Only active members of this workspace can see this.")
        await restarted(here)
        here.slack.faults.add("users.info", "error", times=None, match=lambda sent: sent.get("user") == staff.grace.id)
        await here.slack.click(card, "Review…", by=staff.grace)
        await whispered(here, staff.grace, UNTOLD)
        here.slack.faults.clear()
        assert here.slack.modals(staff.outsider) == here.slack.modals(staff.grace) == []
        await window(here, card, "Review…", staff.grace)
        await here.slack.click(await window(here, card, "Review…", staff.carol), "Deny", by=staff.carol)
        await answered(here, ts)
    finally:
        bot_toml.write_text(before)
        await restarted(here)


async def test_who_was_taken_out_of_a_group_no_longer_decides(here: World, staff: Staff) -> None:
    here.slack.workspace.usergroups[staff.former]["users"].remove(staff.ivan.id)
    await here.bot.kill()
    await here.bot.start()
    await here.ready()
    ts = await ask(here, look(here))
    [card] = await asked(here, ts)
    await refused(here, card, "Approve", staff.ivan, f"<!subteam^{staff.former}>")
    await here.slack.click(card, "Deny", by=staff.carol)
    await answered(here, ts)


async def test_what_slack_says_of_people_and_groups_is_believed_for_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    at = 1_000.0
    monkeypatch.setattr("bot.slack.directory.time", SimpleNamespace(monotonic=lambda: at))
    async with SlackSandbox() as slack:
        directory = Directory(AsyncWebClient(token=slack.bot_token, base_url=slack.api_url))
        heidi = slack.add_person("Heidi")
        group = slack.add_usergroup("approvers", [heidi])
        assert await directory.members(group) == {heidi.id}
        assert (await directory.name(heidi.id)) == "Heidi"
        slack.workspace.usergroups[group]["users"].clear()
        heidi.deleted = True
        at += 59
        assert await directory.members(group) == {heidi.id}
        at += 2
        assert await directory.members(group) == frozenset()
        found = await directory.person(heidi.id)
        assert found is not None
        assert not found.active
        at += 61
        slack.faults.add("users.info", "error", times=None)
        slack.faults.add("usergroups.users.list", "error", times=None)
        assert await directory.person(heidi.id) is None, "what was true then is not known now"
        assert await directory.members(group) is None
        assert await directory.name(heidi.id) == "Heidi"
