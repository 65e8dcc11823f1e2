"""Whatever people write, edit and delete in a thread, and however Slack delivers it (at once, late, twice, or not at
all while no connection is open): what the model has read in the end is what Slack shows."""

from __future__ import annotations

import random
import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from slack_sandbox.model import Channel, Person
from tests.harness import World
from tests.inprocess.outages import heard, in_slacks_time, offline

pytestmark = [pytest.mark.anyio, pytest.mark.inside]
STEPS = 45
TOKEN = re.compile(r"(m\d+)v(\d+)")
SUBTYPES = (None, None, None, "thread_broadcast", "me_message")


@dataclass
class Written:
    """One message."""

    name: str
    ts: str
    author: Person
    version: int = 0
    is_deleted: bool = False


@dataclass
class Stream:
    """One thread, in which several people and apps write."""

    here: World
    dice: random.Random
    channel: Channel = field(repr=False)
    apps: list[Person]
    ts: str = ""
    messages: list[Written] = field(default_factory=list[Written])

    async def begin(self) -> None:
        self.ts = await self.here.slack.say(self.channel, self.here.alice, "<@BOT> m0v0")
        self.messages.append(Written("m0", self.ts, self.here.alice))
        await self.here.reply(self.ts, "Noted.", self.channel)

    async def write(self) -> None:
        here, dice = self.here, self.dice
        name = f"m{len(self.messages)}"
        author = dice.choice([here.alice, here.bob, *self.apps])
        words = f"{dice.choice(['', '', '<@BOT> ']) if author in (here.alice, here.bob) else ''}{name}v0"
        if author in self.apps:
            form = dice.choice(["plain", "broadcast", "username", "file"])
            ts = await here.slack.app_post(
                self.channel,
                author,
                words,
                thread_ts=self.ts,
                broadcast=form == "broadcast",
                username="Someone" if form == "username" else "",
                files=[("a.txt", b"x")] if form == "file" else (),
            )
        else:
            files = [("a.txt", b"x")] if dice.random() < 0.15 else []
            subtype = None if files else dice.choice(SUBTYPES)
            ts = await here.slack.say(self.channel, author, words, thread_ts=self.ts, files=files, subtype=subtype)
        self.messages.append(Written(name, ts, author))

    def one(self) -> Written | None:
        there = [each for each in self.messages[-8:] + self.messages[:1] if not each.is_deleted]
        return self.dice.choice(there) if there else None

    async def edit(self) -> None:
        if (one := self.one()) is not None:
            one.version += 1
            mention = "<@BOT> " if one.name == "m0" else ""
            await self.here.slack.edit(self.channel, one.ts, one.author, f"{mention}{one.name}v{one.version}")

    async def delete(self) -> None:
        if (one := self.one()) is not None:
            one.is_deleted = True
            await self.here.slack.delete(self.channel, one.ts, one.author)

    async def step(self) -> None:
        match self.dice.randrange(10):
            case 0 | 1 | 2 | 3 | 4:
                await self.write()
            case 5 | 6 | 7:
                await self.edit()
            case 8:
                await self.delete()
            case _:
                self.here.slack.advance(self.dice.choice([0.0, 2.0, 40.0, 900.0]))

    def check(self) -> None:
        """What the model knows last of each message is what Slack shows."""
        messages = self.here.model.requests[-1].messages
        said = [str(each["content"]) for each in messages if each["role"] == "user"]
        known: dict[str, int | None] = {}
        times = Counter[str]()
        for content in said:
            is_gone = content.startswith("⟦the message of") and "was deleted" in content.partition("\n")[0]
            is_edit = content.startswith("⟦") or "(edited the message of" in content.partition(":")[0]
            for name, version in TOKEN.findall(content):
                known[name] = None if is_gone else int(version)
                times[name] += not (is_gone or is_edit)
        for each in self.messages:
            is_known = known.get(each.name)
            assert times[each.name] <= 1, f"{each} was read {times[each.name]} times"
            if each.is_deleted:
                assert is_known is None, f"{each} was deleted"
            else:
                assert is_known == each.version, f"{each}: the model knows {is_known}"


async def trouble(here: World, dice: random.Random, stream: Stream) -> None:
    """Events come again, or the connection is lost for a while, or the bot ends."""
    match dice.randrange(6):
        case 0 | 1:
            events = [sent.event_id for sent in here.slack.envelopes if sent.event_id]
            for event in dice.sample(events, min(4, len(events))):
                await here.slack.redeliver(event)
        case 2 | 3 | 4:
            async with offline(here):
                for _ in range(dice.randrange(1, 6)):
                    await stream.step()
        case _:
            await here.bot.stop()
            for _ in range(dice.randrange(1, 4)):
                await stream.step()
            await here.bot.start()
            await here.slack.connected()


@pytest.mark.parametrize("seed", range(5))
async def test_what_the_model_knows_in_the_end_is_what_slack_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    async with in_slacks_time(tmp_path, monkeypatch) as here:
        dice = random.Random(seed)
        apps = [here.slack.add_bot("Deploys"), here.slack.workspace.bot]
        stream = Stream(here, dice, here.general, apps)
        await stream.begin()
        for _ in range(STEPS):
            await (trouble(here, dice, stream) if dice.random() < 0.2 else stream.step())
            if dice.random() < 0.3:
                await here.quiet()
        # Everything has been delivered or read before the last question is asked.
        async with here.slack.offline(hold=True):
            pass
        await here.slack.connected()
        await here.quiet()
        await heard(here)
        await here.quiet()
        before = len(here.model.requests)
        last = Written(f"m{len(stream.messages)}", "", here.bob)
        stream.messages.append(last)
        await here.slack.say(here.general, here.bob, f"<@BOT> {last.name}v0", thread_ts=stream.ts)
        await here.until(lambda: len(here.model.requests) > before, poll=0.001)
        await here.quiet()
        stream.check()
