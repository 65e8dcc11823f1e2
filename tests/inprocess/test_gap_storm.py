"""A day in simulated time in which connections are lost for seconds to hours, and events come twice, late or not at
all: whatever is addressed to the bot is answered once or offered once, and nothing else is."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from bot.core.outages import Hold
from bot.slack.blocks.missed_offer import WORDS
from slack_sandbox.model import Channel, Person
from tests.harness import World
from tests.inprocess.outages import heard, in_slacks_time, is_heard, offline, outages

pytestmark = [pytest.mark.anyio, pytest.mark.inside]
DAY = 86_400.0
MESSAGES = 110


@dataclass
class Said:
    """One message of the day."""

    channel: Channel = field(repr=False)
    ts: str
    person: Person = field(repr=False)
    is_addressed: bool
    words: str
    is_deleted: bool = False


class Storm:
    """People, and what goes wrong."""

    def __init__(self, here: World, seed: int) -> None:
        self.here, self.dice = here, random.Random(seed)
        self.said: list[Said] = []
        self.direct = {each.id: here.slack.workspace.direct([each]) for each in (here.alice, here.bob)}
        self.threads: list[tuple[Channel, str, Person]] = []
        self.offline = False
        self.app = here.slack.add_bot("Pager")

    async def begin(self) -> None:
        """Two threads in a channel and one in a direct message, each with its participant."""
        here = self.here
        for channel, person in (
            (here.general, here.alice),
            (here.general, here.bob),
            (self.dm(here.alice), here.alice),
        ):
            ts = await self.say(channel, person, mention=channel is here.general)
            self.threads.append((channel, ts, person))
        await here.quiet()

    def dm(self, person: Person) -> Channel:
        return self.direct[person.id]

    async def say(self, channel: Channel, person: Person, thread: str | None = None, *, mention: bool = False) -> str:
        """Somebody writes, and may change or delete it while nobody hears of it."""
        words = f"m{len(self.said)}."
        mine = any(thread == ts and person is who for _, ts, who in self.threads)
        prefix = "<@BOT> " if mention else ""
        ts = await self.here.slack.say(channel, person, prefix + words, thread_ts=thread)
        said = Said(channel, ts, person, mention or mine or channel.kind == "im", words)
        self.said.append(said)
        if self.offline and self.dice.random() < 0.15:
            await self.here.slack.edit(channel, ts, person, f"{prefix}{words} (corrected)")
        if self.offline and self.dice.random() < 0.1:
            await self.here.slack.delete(channel, ts, person)
            said.is_deleted = True
        return ts

    async def something_changes(self) -> bool:
        """Somebody edits or deletes a message of late, or an app mentions the bot. Return whether something did."""
        here, dice = self.here, self.dice
        left = [each for each in self.said[3:][-15:] if not each.is_deleted]
        match dice.randrange(12):
            case 0 if left:
                said = dice.choice(left)
                mention = "<@BOT> " if here.slack.bot_user_id in said.channel.messages[said.ts].text else ""
                await here.slack.edit(said.channel, said.ts, said.person, f"{mention}{said.words} (again)")
            case 1 if left:
                said = dice.choice(left)
                await here.slack.delete(said.channel, said.ts, said.person)
                said.is_deleted = True
            case 2:
                _, thread, _ = self.threads[0]
                await here.slack.app_post(here.general, self.app, "<@BOT> and me", thread_ts=thread)
            case _:
                return False
        return True

    async def somebody_writes(self) -> None:
        here, dice = self.here, self.dice
        if await self.something_changes():
            return
        person = dice.choice([here.alice, here.bob])
        channel, thread, _ = dice.choice(self.threads)
        match dice.randrange(6):
            case 0 | 1 if person.id in channel.members:
                await self.say(channel, person, thread)
            case 2:
                await self.say(self.dm(person), person)
            case 3:
                await self.say(here.general, person, mention=True)
            case 4:
                await self.say(here.general, person)
            case _:
                channel, thread, person = dice.choice(self.threads)
                await self.say(channel, person, thread)

    async def pass_time(self, seconds: float, messages: int) -> None:
        """Some of it before, between and after so many messages."""
        for _ in range(messages):
            self.here.slack.advance(seconds / (messages + 1))
            await self.somebody_writes()
            if not self.offline:  # an event arrives within seconds, or is repeated
                await heard(self.here)
        self.here.slack.advance(seconds / (messages + 1))

    async def confuse(self) -> None:
        """Deliver some events again, also such that were lost, and press a button."""
        here, dice = self.here, self.dice
        events = [sent.event_id for sent in here.slack.envelopes if sent.event_id]
        for event in dice.sample(events, min(2, len(events))):
            await here.slack.redeliver(event, times=dice.choice([1, 1, 3]))
        offers = [each for each in here.slack.all_messages() if WORDS in each.plain and "Answer" in each.buttons]
        if offers and dice.random() < 0.3:
            offer = dice.choice(offers)
            who = [
                each
                for each in (here.alice, here.bob)
                if each.id in here.slack.workspace.channels[offer.channel].members
            ]
            await here.slack.click(offer, "Answer", by=dice.choice(who))

    async def rage(self) -> None:
        here, dice = self.here, self.dice
        begun = here.slack.clock.now()
        while here.slack.clock.now() - begun < DAY or len(self.said) < MESSAGES:
            async with offline(here):
                self.offline = True
                await self.pass_time(10 ** dice.uniform(0.5, 4.2), dice.randrange(7))
                self.offline = False
            if dice.random() < 0.5:
                await here.quiet()
            await self.confuse()
            await heard(here)
            await self.pass_time(10 ** dice.uniform(0.5, 3.5), dice.randrange(5))
        await here.until(self.is_over, poll=0.002, what="the end of the storm")
        await here.quiet()

    def is_over(self) -> bool:
        """Every event was heard or is lost for good, and all conversations were read since the last outage."""
        return is_heard(self.here) and self.here.bot.rows("SELECT min(heard) FROM conversations") == [
            (outages(self.here),)
        ]


@pytest.mark.parametrize("seed", [10])
async def test_each_message_to_the_bot_is_answered_once_or_offered_once_and_nothing_else_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    async with in_slacks_time(tmp_path, monkeypatch) as here:
        here.expected_refusals += ["thread_not_found", "message_not_found"]  # its only message was deleted
        storm = Storm(here, seed)
        await storm.begin()
        await storm.rage()
        check(here, storm)


def check(here: World, storm: Storm) -> None:
    rows = here.bot.rows(
        "SELECT t.channel, i.ts, i.user, i.addressed, i.held, i.seq, t.id"
        " FROM inbox i JOIN threads t ON t.id = i.thread_id WHERE i.user <> ''"  # without notes by the bot itself
    )
    by_ts = {(row[0], row[1]): row for row in rows}
    assert len(by_ts) == len(rows), "each message is recorded once"
    # Without the reports of what was edited or deleted since it was read, which quote it.
    bodies = here.bot.rows("SELECT body FROM messages WHERE role = 'user'")
    read = [words for (body,) in bodies if not (words := json.loads(body)["content"]).startswith("⟦")]
    questions = here.bot.rows("SELECT thread_id, body FROM questions WHERE kind = 'missed'")
    offered = [thread for _, body in questions for thread in json.loads(body)["threads"]]
    outcomes = {"answered": 0, "offered": 0}
    for said in storm.said:
        row = by_ts.get((said.channel.id, said.ts))
        times = sum(f" {said.words}" in body for body in read)
        assert times <= 1, f"{said} was read {times} times"
        if row is None:
            assert not said.is_addressed or said.is_deleted, f"{said} was lost"
            continue
        _, ts, user, addressed, held, seq, thread = row
        if not said.is_addressed:
            assert (addressed, held) == (0, 0), f"{said} counts as addressed"
        elif addressed:
            outcomes["answered"] += 1
            assert seq is not None, f"{said} was not answered"
        else:
            outcomes["offered"] += 1
            again = any(row[6] == thread and row[2] == user and row[3] and row[1] > ts for row in rows)
            assert held > Hold.UNASKED, f"{said} was neither answered nor offered"
            assert thread in offered or again, f"{said} was not offered"
    assert min(outcomes.values()) > 5, outcomes
    standing = "SELECT 1 FROM questions WHERE kind = 'missed' AND decision = 'awaiting' GROUP BY thread_id"
    assert not here.bot.rows(f"{standing} HAVING count(*) > 1"), "nobody is asked twice"
    assert not here.bot.rows("SELECT 1 FROM turns WHERE ended_at IS NULL")
