"""Rules of bot.toml: what runs unasked, what asks, what is refused, and that what nobody can tell is never allowed."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from slack_sandbox.model import Channel, Person
from slack_sandbox.openrouter import ChatRequest, call, calls, text
from tests.harness import ROOT, World, world
from tests.inprocess.fixtures import Opens, Worlds, some
from tests.inprocess.world import inside
from tests.process.turns import OBEY, begin, ran, servers

pytestmark = [pytest.mark.anyio, pytest.mark.inside]

RULES = """\
[[policy.rules]]
name = "notes"
action = "allow"
tool = ["write_file", "edit_*"]
arguments.path.inside = ["notes"]

[[policy.rules]]
action = "deny"
tool = "move_file"

[[policy.rules]]
action = "deny"
tool = "create_directory"
arguments.path.matches = ".*secret.*"

[[policy.rules]]
action = "deny"
tool = "list_directory"
channel = "{locked}"

[[policy.rules]]
action = "ask"
tool = "list_directory"
channel = "dm"

[[policy.rules]]
action = "deny"
tool = "directory_tree"
channel = ["private", "group_dm"]

[[policy.rules]]
action = "allow"
tool = "poke"
channel = "public"

[[policy.rules]]
action = "allow"
tool = "create_directory"
user = "{carol}"

[[policy.rules]]
action = "allow"
tool = "create_directory"
user = "{group}"

[[policy.rules]]
action = "allow"
server = "filesystem"
tier = "write"
channel = "{workshop}"

[[policy.rules]]
action = "ask"
tool = "move_file"
"""


@dataclass(frozen=True)
class Ruled:
    """A bot with rules, and those whom the rules name."""

    here: World
    carol: Person
    dave: Person
    """In the user group that is named."""
    locked: Channel
    workshop: Channel

    @property
    def notes(self) -> Path:
        return self.here.bot.home / "workspace" / "notes"


@asynccontextmanager
async def stage(opens: Opens, home: Path) -> AsyncGenerator[Ruled]:
    """The bot with these rules."""
    async with opens(home, start=False) as here:
        carol, dave = here.slack.add_person("Carol King"), here.slack.add_person("Dave Low")
        group = here.slack.add_usergroup("makers", [dave])
        locked, workshop = here.slack.add_channel("locked"), here.slack.add_channel("workshop")
        ids = {"locked": locked.id, "workshop": workshop.id, "carol": carol.id, "group": group}
        (home / "bot.toml").write_text(RULES.format(**ids))
        (home / "workspace" / "notes").mkdir()
        servers(home, OBEY, {**OBEY, "name": "poke"})
        await here.bot.start()
        await here.ready()
        yield Ruled(here, carol, dave, locked, workshop)


@pytest.fixture
async def ruled(worlds: Worlds) -> AsyncGenerator[Ruled]:
    running = await worlds.of(stage)
    running.here.fresh()
    yield running
    await running.here.quiet()
    running.here.check()


def offered(request: ChatRequest) -> set[str]:
    return {tool["function"]["name"] for tool in request.tools}


@pytest.mark.across
async def test_a_rule_with_a_folder_lets_a_write_inside_it_run_unasked(ruled: Ruled) -> None:
    target = ruled.notes / "a.txt"
    turn = await begin(ruled.here, "filesystem__write_file", {"path": str(target), "content": "one\n"})
    steps = await turn.ran_unasked()
    assert target.read_text() == "one\n"
    assert steps.startswith("complete: Wrote notes/a.txt")
    assert [reply.buttons for reply in turn.said()] == [[]]
    edit = {"path": "notes/a.txt", "edits": [{"oldText": "one", "newText": "two"}]}
    await (await begin(ruled.here, "filesystem__edit_file", edit)).ran_unasked()
    assert target.read_text() == "two\n"


async def test_what_leads_out_of_the_folder_of_a_rule_asks(ruled: Ruled) -> None:
    outside = ruled.here.workspace
    (outside / "there.txt").write_text("before")
    (ruled.notes / "link").symlink_to(outside)
    (ruled.notes / "alias.txt").symlink_to(outside / "there.txt")
    (ruled.notes.parent / "notes-evil").mkdir()
    for path in (
        str(outside / "there.txt"),
        str(ruled.notes / ".." / outside.name / "there.txt"),
        str(ruled.notes / "link" / "there.txt"),
        str(ruled.notes / "alias.txt"),
        str(ruled.notes.parent / "notes-evil" / "a.txt"),
    ):
        turn = await begin(ruled.here, "filesystem__write_file", {"path": path, "content": "after"})
        await turn.denied()
    assert (outside / "there.txt").read_text() == "before"
    assert list((ruled.notes.parent / "notes-evil").iterdir()) == []


@pytest.mark.across
async def test_a_tool_that_is_denied_is_hidden_from_the_model_and_refused_all_the_same(ruled: Ruled) -> None:
    source = ruled.here.workspace / "a.txt"
    source.write_text("stays")
    moved = {"source": str(source), "destination": str(ruled.here.workspace / "b.txt")}
    turn = await begin(ruled.here, "filesystem__move_file", moved)
    steps = await turn.ran_unasked()
    requests = ruled.here.model.requests
    assert all("filesystem__move_file" not in offered(request) for request in requests)
    assert "filesystem__write_file" in offered(requests[0])
    assert "policy" in turn.result()
    assert "does not allow" in turn.result()
    assert steps.startswith("error: ")
    assert "· not allowed here" in steps
    assert source.read_text() == "stays"


async def test_a_tool_that_is_denied_for_some_arguments_is_offered_and_refused_for_these(ruled: Ruled) -> None:
    secret = ruled.here.workspace / "secrets"
    # A line break does not carry an argument past a rule that denies.
    for path in (str(secret), f"{ruled.here.workspace}/two\nlines secret"):
        turn = await begin(ruled.here, "filesystem__create_directory", {"path": path}, by=ruled.carol)
        await turn.ran_unasked()
        assert "does not allow" in turn.result()
    assert "filesystem__create_directory" in offered(ruled.here.model.requests[0])
    assert list(ruled.here.workspace.iterdir()) == []


async def test_names_that_come_near_do_not_tell_of_a_hidden_tool(ruled: Ruled) -> None:
    turn = await begin(ruled.here, "filesystem__move_fil", {})
    await turn.ended()
    assert "move_file" not in turn.result()


async def test_a_rule_for_a_channel_holds_there_and_nowhere_else(ruled: Ruled) -> None:
    listing = {"path": str(ruled.here.workspace)}
    here = ruled.here
    turn = await begin(here, "filesystem__list_directory", listing, channel=ruled.locked)
    await turn.ran_unasked()
    assert "does not allow" in turn.result()
    assert all("filesystem__list_directory" not in offered(request) for request in here.model.requests)

    turn = await begin(here, "filesystem__list_directory", listing)
    await turn.ran_unasked()
    assert "does not allow" not in turn.result()
    assert "filesystem__list_directory" in offered(here.model.requests[-1])

    turn = await begin(here, "filesystem__list_directory", listing, channel=here.slack.open_dm(here.alice))
    await turn.approved()
    assert "does not allow" not in turn.result()


def hidden_c(here: World) -> Channel:
    """A private channel with an id as a public one has it, which is what Slack gives."""
    channel = here.slack.add_channel("closed", [here.alice, here.bob], "group")
    del here.slack.workspace.channels[channel.id]
    channel.id = f"C{channel.id[1:]}"
    here.slack.workspace.channels[channel.id] = channel
    return channel


CLOSED: Mapping[str, Callable[[World], Channel]] = {
    "a private channel": lambda here: here.slack.add_channel("closed", [here.alice], "group"),
    "a private channel with the id of a public one": hidden_c,
    "a group direct message": lambda here: here.slack.workspace.direct([here.alice, here.bob]),
}


@pytest.mark.parametrize("place", CLOSED)
async def test_a_rule_for_a_kind_of_conversation_goes_by_what_slack_says_it_is(ruled: Ruled, place: str) -> None:
    here = ruled.here
    # Without this scope Slack does not tell, and the rules hold all the same.
    here.expected_refusals.append("conversations.info: missing_scope")
    closed = CLOSED[place](here)
    tree = {"path": str(here.workspace)}
    turn = await begin(here, "filesystem__directory_tree", tree, channel=closed)
    await turn.ran_unasked()
    assert "does not allow" in turn.result()
    await (await begin(here, "shifting__poke", {}, channel=closed)).denied()

    turn = await begin(here, "filesystem__directory_tree", tree)
    await turn.ran_unasked()
    assert "does not allow" not in turn.result()
    before = len(ran(here.bot.home))
    await (await begin(here, "shifting__poke", {})).ran_unasked()
    assert len(ran(here.bot.home)) == before + 1


async def test_a_conversation_of_which_slack_does_not_tell_allows_nothing(ruled: Ruled) -> None:
    here = ruled.here
    here.slack.faults.add("conversations.info", "error", times=None)
    before = len(ran(here.bot.home))
    await (await begin(here, "shifting__poke", {})).denied()
    assert len(ran(here.bot.home)) == before
    turn = await begin(here, "filesystem__directory_tree", {"path": str(here.workspace)})
    await turn.ran_unasked()
    assert "does not allow" in turn.result()


async def test_a_rule_for_a_person_is_about_who_started_the_turn(ruled: Ruled) -> None:
    here = ruled.here
    mine, hers = here.workspace / "alices", here.workspace / "carols"
    await (await begin(here, "filesystem__create_directory", {"path": str(mine)})).denied()
    assert not mine.exists()
    turn = await begin(here, "filesystem__create_directory", {"path": str(hers)}, by=ruled.carol)
    await turn.ran_unasked()
    assert hers.is_dir()
    # In Carol's own thread it is Alice's turn.
    again = await begin(here, "filesystem__create_directory", {"path": str(mine)}, thread_ts=turn.ts)
    await again.denied()
    assert not mine.exists()


async def test_a_rule_that_allows_a_person_something_does_not_allow_it_once_others_have_a_say(ruled: Ruled) -> None:
    here = ruled.here
    first, second = str(here.workspace / "one"), str(here.workspace / "two")
    opening = call("filesystem__write_file", {"path": str(here.workspace / "a.txt"), "content": "x"})
    more = [call("filesystem__create_directory", {"path": path}) for path in (first, second)]
    here.model.script(calls(opening, more[0]), calls(more[1]), text("Left."))
    ts = await here.slack.say(here.general, ruled.carol, "<@BOT> begin")
    card = await here.reply(ts, "/a.txt?")
    await here.until((here.workspace / "one").is_dir, what="what she asked for herself", poll=0.02)
    his = await here.slack.say(here.general, here.bob, "<@BOT> and another one for me", thread_ts=ts)
    await here.until(lambda: here.bot.rows("SELECT 1 FROM inbox WHERE ts = ? AND told", his), what="his words")
    await here.slack.click(card, "Deny", by=ruled.carol)
    asked = await here.reply(ts, "/two?")
    await here.slack.click(asked, "Deny", by=ruled.carol)
    await here.reply(ts, "Left.")
    assert not (here.workspace / "two").exists()


async def test_a_rule_for_a_user_group_holds_for_its_members(ruled: Ruled) -> None:
    here = ruled.here
    target = here.workspace / "daves"
    await (await begin(here, "filesystem__create_directory", {"path": str(target)}, by=ruled.dave)).ran_unasked()
    assert target.is_dir()
    await (
        await begin(here, "filesystem__create_directory", {"path": str(here.workspace / "bobs")}, by=here.bob)
    ).denied()


async def test_a_rule_for_a_tier_goes_by_what_a_trusted_server_says(ruled: Ruled) -> None:
    here = ruled.here
    target = here.workspace / "made"
    folder = await begin(here, "filesystem__create_directory", {"path": str(target)}, channel=ruled.workshop)
    await folder.ran_unasked()
    assert target.is_dir()
    destructive = {"path": str(here.workspace / "a.txt"), "content": "x"}
    await (await begin(here, "filesystem__write_file", destructive, channel=ruled.workshop)).denied()
    assert not (here.workspace / "a.txt").exists()


async def test_what_an_untrusted_server_says_of_its_tools_counts_for_nothing(ruled: Ruled) -> None:
    before = ran(ruled.here.bot.home)
    # It calls its tool read-only and harmless; in the workshop what is no more than a write runs unasked.
    for channel in (ruled.here.general, ruled.workshop):
        turn = await begin(ruled.here, "shifting__obey", {"words": "hello"}, channel=channel)
        await turn.denied()
    assert ran(ruled.here.bot.home) == before


@pytest.mark.across
async def test_warnings_about_the_rules_are_in_the_log_with_their_line(ruled: Ruled) -> None:
    warnings = [line for line in ruled.here.bot.log.splitlines() if "BOT_CONFIG" in line]
    line = RULES[: RULES.rindex("[[")].count("\n") + 1
    assert len(warnings) == 1
    assert "warning" in warnings[0].lower()
    assert f"line {line}: rule 11 never decides anything: rule 2 (line 7) covers" in warnings[0]


GROUPED = """\
[[policy.rules]]
action = "allow"
tool = "create_directory"
user = "{group}"

[[policy.rules]]
action = "deny"
tool = "list_directory"
user = "{group}"

[[policy.rules]]
action = "ask"
tool = "read_text_file"
user = "{group}"
"""


async def test_a_user_group_that_slack_does_not_tell_of_never_allows(tmp_path: Path) -> None:
    async with inside(tmp_path, start=False) as here:
        group = here.slack.add_usergroup("makers", [here.alice])
        (tmp_path / "bot.toml").write_text(GROUPED.format(group=group))
        await here.bot.start()
        await here.ready()
        made, listing = here.workspace / "made", {"path": str(here.workspace)}
        read = {"path": str(here.workspace / "a.txt")}
        (here.workspace / "a.txt").write_text("text")
        here.slack.faults.add("usergroups.users.list", "drop_before", times=None)
        await (await begin(here, "filesystem__create_directory", {"path": str(made)})).denied()
        assert not made.exists()
        here.slack.faults.clear()
        here.slack.faults.add("usergroups.users.list", "error", times=None)
        # Bob is in no group, but nobody can say so.
        turn = await begin(here, "filesystem__list_directory", listing, by=here.bob)
        await turn.ran_unasked()
        assert "does not allow" in turn.result()
        await (await begin(here, "filesystem__read_text_file", read, by=here.bob)).denied()

        # As soon as Slack tells, the rules hold as they stand.
        here.slack.faults.clear()
        await (await begin(here, "filesystem__create_directory", {"path": str(made)})).ran_unasked()
        assert made.is_dir()
        turn = await begin(here, "filesystem__list_directory", listing, by=here.bob)
        await turn.ran_unasked()
        assert "does not allow" not in turn.result()
        await (await begin(here, "filesystem__read_text_file", read, by=here.bob)).ran_unasked()


BROKEN: Mapping[str, tuple[str, str, str]] = {
    "no TOML": ('[[policy.rules]]\naction = "allow\n', "line 2", "cannot be read"),
    "an unknown key": ('[limits]\n\n[[policy.rules]]\naction = "ask"\ntol = "x"\n', "line 5", "Did you mean `tool`?"),
    "an unknown table": ("[polcy]\nrules = []\n", "line 1", "Did you mean `policy`?"),
    "no action": ('[[policy.rules]]\ntool = "x"\n', "line 1", "Write action = "),
    "an unknown action": ('[[policy.rules]]\naction = "permit"\n', "line 2", "must be one of allow, ask, deny"),
    "a rule that allows everything": (
        '\n[[policy.rules]]\naction = "allow"\n',
        "line 2",
        "name the server and the tool",
    ),
    "a bad expression": (
        '[[policy.rules]]\naction = "deny"\narguments.path.matches = "("\n',
        "line 3",
        "is not a regular expression",
    ),
    "nobody who could approve": ("[approvals]\nno_self = true\n", "line 1", "name approvers"),
    "a person that is none": ('[[policy.rules]]\naction = "ask"\nuser = "alice"\n', "line 3", "the id of a person"),
}


@pytest.mark.parametrize("mistake", some(BROKEN, across=["no TOML"]))
async def test_a_broken_bot_toml_ends_the_start_with_its_line_and_how_to_mend_it(
    worlds: Worlds, tmp_path: Path, mistake: str
) -> None:
    content, line, fix = BROKEN[mistake]
    (tmp_path / "bot.toml").write_text(content)
    async with worlds.opens(tmp_path, start=False) as here:
        await here.bot.start()
        assert await here.bot.ended(10) == 2
        said = here.bot.log.strip().splitlines()
        assert len(said) == 1, said
        assert said[0].startswith("BOT_CONFIG: ")
        assert line in said[0]
        assert fix in said[0]
        assert here.slack.calls == []


LATER = '[[policy.rules]]\naction = "deny"\ntool = "write_file"\narguments.path.inside = ["closed"]\n'


async def test_what_has_become_denied_since_it_was_asked_about_is_refused_when_it_is_approved(tmp_path: Path) -> None:
    async with inside(tmp_path) as here:
        closed = here.bot.home / "workspace" / "closed"
        closed.mkdir()
        granted = await begin(here, "filesystem__write_file", {"path": str(closed / "a.txt"), "content": "1"})
        await granted.always("folder:0", where="mine")
        assert (closed / "a.txt").read_text() == "1"
        turn = await begin(
            here, "filesystem__write_file", {"path": str(closed / "b" / ".." / "b.txt"), "content": "2"}, by=here.bob
        )
        card = await turn.asked()

        await here.bot.stop()
        (tmp_path / "bot.toml").write_text(LATER)
        await here.bot.start()
        await here.ready()
        await here.slack.click(card, "Approve", by=here.bob)
        await turn.ended()
        assert not (closed / "b.txt").exists()
        assert "does not allow" in turn.result()
        record = next(reply for reply in turn.said() if reply.ts == card.ts)
        assert f"<@{here.bob.id}> approved" in record.plain
        assert "not done: it is not allowed here" in record.plain
        assert not {"Undo", "Approve"} & set(record.buttons)

        # Nor does a standing grant from before the rule help.
        again = await begin(here, "filesystem__write_file", {"path": str(closed / "a.txt"), "content": "3"})
        await again.ran_unasked()
        assert "does not allow" in again.result()
        assert (closed / "a.txt").read_text() == "1"


@pytest.mark.across
async def test_what_was_approved_and_not_begun_is_refused_by_a_rule_that_came_in_between(tmp_path: Path) -> None:
    crashing = {"CRASH_LOG": str(tmp_path / "points"), "PYTHONPATH": f"{ROOT / 'tests' / 'crash'}:{ROOT}"}
    async with world(tmp_path, ready=False, start=False, real_files=False, **crashing) as here:
        closed = here.bot.home / "workspace" / "closed"
        closed.mkdir()
        await here.bot.start(CRASH_AT="before commit: start a call#1")
        await here.ready()
        turn = await begin(here, "filesystem__write_file", {"path": str(closed / "a.txt"), "content": "1"})
        await here.slack.click(await turn.asked(), "Approve", by=here.alice)
        await here.bot.ended()
        assert here.bot.rows("SELECT state FROM calls") == [("ready",)]
        (tmp_path / "bot.toml").write_text(LATER)
        await here.bot.start(CRASH_AT="")
        await here.ready()
        await turn.ended()
        assert "does not allow" in turn.result()
        assert os.listdir(closed) == []


async def test_a_call_of_several_runs_and_the_others_ask_or_are_refused(ruled: Ruled) -> None:
    here = ruled.here
    made = {
        "inside": call("filesystem__write_file", {"path": str(ruled.notes / "several.txt"), "content": "in"}),
        "outside": call("filesystem__write_file", {"path": str(here.workspace / "out.txt"), "content": "out"}),
        "hidden": call("filesystem__move_file", {"source": str(ruled.notes), "destination": str(here.workspace / "n")}),
    }
    here.model.script(calls(*made.values()), text("All told."))
    ts = await here.slack.say(here.general, here.alice, "<@BOT> do them")
    card = await here.reply(ts, "Waiting for you")
    await here.model.until((ruled.notes / "several.txt").exists, what="what is allowed")
    await here.slack.click(card, "Deny", by=here.alice)
    await here.reply(ts, "All told.")
    results = [message["content"] for message in here.model.requests[1].messages if message["role"] == "tool"]
    assert "Successfully wrote" in results[0]
    assert "denied" in results[1]
    assert "does not allow" in results[2]
    assert not (here.workspace / "out.txt").exists()
    assert ruled.notes.is_dir()
