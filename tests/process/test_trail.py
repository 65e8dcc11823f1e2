"""A whole story as the audit tells it: who asked, decided, ran and took back what, in order, without what is secret."""

from __future__ import annotations

import asyncio
import json
import shutil
import sqlite3
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from slack_sandbox.model import Message, Person
from slack_sandbox.openrouter import Answer, ChatRequest, call, calls, text
from tests.forking import nursery
from tests.harness import ROOT, World, world

pytestmark = pytest.mark.anyio

SECRET = "swordfish-7319"
CONFIGURATION = """
[approvals]
approvers = ["requester", "{bob}"]

[approvals.destructive]
needed = 2

[audit]
redact = [
    "filesystem__write_file.content", "filesystem__edit_file.edits.*", "*.destination", "*__create_directory.path",
]
"""


@dataclass
class Story:
    """One thread, and what is done in it."""

    here: World
    ts: str = ""
    cards: list[Message] = field(default_factory=list[Message])
    answers: int = 0

    async def wants(self, tool: str, **arguments: Any) -> Message:
        """Say something upon which the model wants this call; out: the card."""
        await self._say(tool, arguments)
        return await self.next_card()

    async def _say(self, tool: str, arguments: dict[str, Any]) -> None:
        self.answers += 1

        def respond(request: ChatRequest) -> Answer:
            if request.messages[-1]["role"] == "tool":
                return text(f"Answer {self.answers}.")
            return calls(call(f"filesystem__{tool}", arguments))

        self.here.model.respond = respond
        said = await self.here.slack.say(self.here.general, self.here.alice, "<@BOT> do it", thread_ts=self.ts or None)
        self.ts = self.ts or said

    async def runs(self, tool: str, **arguments: Any) -> None:
        """Say something upon which the model makes a call that nobody is asked about."""
        await self._say(tool, arguments)
        await self.answered()

    async def next_card(self) -> Message:
        """Wait for a request that was not there before."""
        known = {card.ts for card in self.cards}

        def found() -> list[Message]:
            return [each for each in self.here.replies(self.ts) if "Deny" in each.buttons and each.ts not in known]

        [card] = await self.here.until(found, what="another card")
        self.cards.append(card)
        return card

    async def approved_by_both(self, card: Message) -> None:
        for person in (self.here.alice, self.here.bob):
            await self.here.slack.click(card, "approval.approved", by=person)

    async def fills_in(self, person: Person, value: str, containing: str = "") -> None:
        """Send the window that is open, with a value in the field that now holds some text."""
        [view] = await self.here.until(lambda: self.here.slack.modals(person), what="the window")
        inputs = [block for block in view.blocks if block["type"] == "input" and containing in json.dumps(block)]
        field = inputs[0]
        assert (
            await self.here.slack.submit(person, view, {field["block_id"]: {field["element"]["action_id"]: value}})
            == {}
        )

    async def answered(self) -> None:
        await self.here.reply(self.ts, f"Answer {self.answers}.")
        await self.here.quiet()


def audit(here: World, *words: str, code: int = 0, database: str = "") -> str:
    """`python -m bot audit` as a process of its own; out: what it wrote."""
    environment = {key: here.bot.environment[key] for key in ("PATH", "HOME", "PYTHONPATH", "DATABASE_URL")}
    environment["DATABASE_URL"] = database or environment["DATABASE_URL"]
    ran = nursery().run(here.bot.home, environment, "audit", *words)
    said = (ran.stdout + ran.stderr).decode()
    assert ran.returncode == code, said
    return said


def records(here: World, ts: str) -> list[dict[str, Any]]:
    """The records of a thread."""
    return [json.loads(line) for line in audit(here, "--json", "--thread", ts).splitlines()]


@pytest.fixture(scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[World]:
    home = tmp_path_factory.mktemp("bot")
    path = f"{ROOT / 'tests' / 'crash'}:{ROOT}"
    async with world(home, start=False, CRASH_LOG=str(home / "points"), PYTHONPATH=path) as this:
        (home / "bot.toml").write_text(CONFIGURATION.format(bob=this.bob.id))
        await this.bot.start()
        await this.ready()
        yield this


@pytest.fixture
async def here(running: World) -> AsyncGenerator[World]:
    """The same people for all tests: the configuration names one of them."""
    alice, bob = running.alice, running.bob
    running.fresh()
    running.alice, running.bob = alice, bob
    for person in (alice, bob):
        running.general.members[person.id] = None
    yield running
    await running.quiet()
    running.check()


async def test_the_audit_tells_the_whole_story_while_the_bot_runs(here: World) -> None:
    story = Story(here)
    path = here.workspace / "a.txt"
    path.write_text("old\n")
    told = await end_undo(story, path) + await edited(story, path) + await denied(story, path)
    told += await drifted(story, path) + await granted(story) + await stopped(story, path)

    found = records(here, story.ts)
    names = {here.alice.id: "alice", here.bob.id: "bob", "": ""}
    assert [(record["kind"], names[record["actor"]]) for record in found] == told
    assert [record["seq"] for record in found] == list(range(1, len(found) + 1))
    assert {record["thread_ts"] for record in found} == {story.ts}
    assert {(record["team"], record["channel"]) for record in found} == {(here.slack.team_id, here.general.id)}

    of = {kind: [record["facts"] for record in found if record["kind"] == kind] for kind, _ in told}
    assert [facts["decision"] for facts in of["decided"]] == [
        *("approved", "approved", "denied", "approved", "denied", "approved", "stopped")
    ]
    assert of["decided"][2]["reason"] == "Not on a Friday."
    assert [(facts["votes"], facts["needed"]) for facts in of["voted"]] == [(1, 2), (2, 2)] * 3 + [(1, 1)]
    assert [facts["outcome"] for facts in of["finished"]] == ["ok"] * 4
    assert "why" not in of["started"][0]
    assert of["started"][-1]["why"].startswith("grant ")
    assert of["undone"] == [{"done": True}]
    assert "has changed since" in of["drifted"][0]["reason"]
    assert of["granted"][0]["scope"] == "folder"
    # A request and what came of it name each other.
    for kind in ("decided", "edited", "drifted", "started"):
        asked = {record["approval"] for record in found if record["kind"] == "requested"}
        assert {record["approval"] for record in found if record["kind"] == kind} <= asked | {""}
    digests = {record["approval"]: record["facts"]["digest"] for record in found if record["kind"] == "requested"}
    bound = [record for record in found if "digest" in record["facts"]]
    assert all(record["facts"]["digest"] == digests[record["approval"]] for record in bound)

    everything = audit(here, "--json") + audit(here)
    everything += json.dumps(here.bot.rows("SELECT facts FROM audit"))
    assert SECRET not in everything
    assert of["requested"][0]["arguments"]["content"] == {"redacted": True, "characters": len(SECRET)}
    assert of["requested"][0]["arguments"]["path"] == str(path)
    said = audit(here, "verify")
    assert "nothing was changed, removed or re-ordered" in said


Told = list[tuple[str, str]]
APPROVED: Told = [("requested", ""), ("voted", "alice"), ("voted", "bob"), ("decided", "bob")]
RAN: Told = [("started", "alice"), ("finished", "alice")]


async def end_undo(story: Story, path: Path) -> Told:
    card = await story.wants("write_file", path=str(path), content=SECRET)
    await story.approved_by_both(card)
    await story.answered()
    await story.here.until(lambda: "Undo" in card.buttons, what="the offer to undo")
    await story.here.slack.click(card, "Undo", by=story.here.bob)
    await story.here.until(lambda: "undone by" in card.plain, what="the record of the undo")
    assert path.read_text() == "old\n"
    return [*APPROVED, *RAN, ("undo", "bob"), ("undone", "bob")]


async def edited(story: Story, path: Path) -> Told:
    card = await story.wants("write_file", path=str(path), content="harmless")
    await story.here.slack.click(card, "Edit…", by=story.here.alice)
    await story.fills_in(story.here.alice, SECRET, containing="harmless")
    await story.here.until(
        lambda: " edited this" in card.plain and "Deny" in card.buttons, what="the changed version in its place"
    )
    await story.approved_by_both(card)
    await story.answered()
    assert path.read_text() == SECRET
    return [("requested", ""), ("edited", "alice"), *APPROVED, *RAN]


async def denied(story: Story, path: Path) -> Told:
    edits = [{"oldText": SECRET, "newText": f"{SECRET}!"}]
    card = await story.wants("edit_file", path=str(path), edits=edits)
    await story.here.slack.click(card, "approval.more", by=story.here.bob, option="Deny with a reason…")
    await story.fills_in(story.here.bob, "Not on a Friday.")
    await story.answered()
    return [("requested", ""), ("decided", "bob")]


async def drifted(story: Story, path: Path) -> Told:
    card = await story.wants("write_file", path=str(path), content="never")
    path.write_text(f"{SECRET} changed")
    await story.approved_by_both(card)
    await story.here.slack.click(await story.next_card(), "Deny", by=story.here.alice)
    await story.answered()
    return [*APPROVED, ("started", "alice"), ("drifted", ""), ("requested", ""), ("decided", "alice")]


async def granted(story: Story) -> Told:
    here = story.here
    (here.workspace / SECRET).mkdir()
    card = await story.wants("create_directory", path=str(here.workspace / SECRET / "new"))
    await here.slack.click(card, "Always…", by=here.alice)
    [view] = await here.until(lambda: here.slack.modals(here.alice), what="the window")
    await here.slack.submit(here.alice, view)
    await story.answered()
    await story.runs("create_directory", path=str(here.workspace / SECRET / "other"))
    await here.slack.open_home(here.alice)
    home = await here.until(lambda: here.slack.home(here.alice), what="the Home")
    assert home is not None
    await here.slack.click(home, "Revoke", by=here.alice)
    first = [("requested", ""), ("voted", "alice"), ("decided", "alice"), ("granted", "alice")]
    return [*first, *RAN, *RAN, ("revoked", "alice")]


async def stopped(story: Story, path: Path) -> Told:
    destination = str(story.here.workspace / f"{SECRET}.txt")
    card = await story.wants("move_file", source=str(path), destination=destination)
    await story.here.slack.click(card, "approval.more", by=story.here.alice, option="Stop")
    await story.here.until(lambda: "stopped this" in card.plain, what="the record of the stop")
    await story.here.quiet()
    return [("requested", ""), ("decided", "alice"), ("stopped", "alice")]


async def test_a_path_that_is_left_out_does_not_come_back_with_the_words_of_an_undo(here: World) -> None:
    story = Story(here)
    (here.workspace / "a.txt").write_text("old\n")
    source, destination = str(here.workspace / "a.txt"), str(here.workspace / SECRET)
    card = await story.wants("move_file", source=source, destination=destination)
    await story.approved_by_both(card)
    await story.answered()
    await here.until(lambda: "Undo" in card.buttons, what="the offer to undo")
    await here.slack.click(card, "Undo", by=here.alice)
    await here.until(lambda: "undone by" in card.plain, what="the record of the undo")
    await here.quiet()
    assert [record["kind"] for record in records(here, story.ts)][-2:] == ["undo", "undone"]
    assert SECRET not in audit(here, "--json")


async def test_an_approval_whose_call_never_ran_can_be_told_from_one_that_did(here: World) -> None:
    story = Story(here)
    await here.bot.kill()
    await here.bot.start(CRASH_AT="after commit: decide approved#2")
    await here.ready()
    path = here.workspace / "a.txt"
    card = await story.wants("write_file", path=str(path), content="once")
    await here.slack.click(card, "approval.approved", by=here.alice)
    click = asyncio.create_task(here.slack.click(card, "approval.approved", by=here.bob))
    await here.bot.ended()
    # The bot is down, and killed at that: the audit is read all the same.
    kinds = [record["kind"] for record in records(here, story.ts)]
    assert kinds == ["requested", "voted", "voted", "decided"]
    assert not path.exists()
    assert "nothing was changed" in audit(here, "verify")
    await here.bot.start(CRASH_AT="")
    await story.answered()
    click.cancel()
    kinds = [record["kind"] for record in records(here, story.ts)]
    assert kinds == ["requested", "voted", "voted", "decided", "started", "finished"]
    assert path.read_text() == "once"


@pytest.mark.parametrize(
    ("statements", "finding"),
    [
        (["UPDATE audit SET actor = 'U0NOBODY' WHERE seq = 3"], "Record 3 was changed."),
        (["DELETE FROM audit WHERE seq = 3"], "Record 3 is missing."),
        (
            [
                "UPDATE audit SET seq = -1 WHERE seq = 2",
                "UPDATE audit SET seq = 2 WHERE seq = 3",
                "UPDATE audit SET seq = 3 WHERE seq = -1",
            ],
            "Record 2 was written as record 3",
        ),
    ],
    ids=["changed", "deleted", "swapped"],
)
async def test_what_somebody_does_to_the_records_of_a_real_story_is_found(
    here: World, tmp_path: Path, statements: list[str], finding: str
) -> None:
    story = Story(here)
    card = await story.wants("write_file", path=str(here.workspace / "a.txt"), content="x")
    await story.approved_by_both(card)
    await story.answered()
    for path in here.bot.home.glob("bot.db*"):
        shutil.copy(path, tmp_path / path.name)
    copy = f"sqlite:///{tmp_path}/bot.db"
    noted = records(here, story.ts)[-1]["hash"]
    assert "nothing was changed" in audit(here, "verify", "--head", noted, database=copy)
    connection = sqlite3.connect(tmp_path / "bot.db")
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()
    assert finding in audit(here, "verify", database=copy, code=1)
    assert "nothing was changed" in audit(here, "verify")
