"""Questions whose answer a call waits for, with a process that is killed at each boundary that they pass: the server,
or the model, gets the answer once. In process, over the bot's own parts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from bot import failpoints
from bot.tools.mcp.transports.registry import standard
from bot.tools.toolset import make_toolset
from slack_sandbox.errors import ImpossibleAction
from slack_sandbox.openrouter import Answer, ChatRequest, call, calls, text
from tests.crash.dying import Fate, Play, near
from tests.crash.points import ASKING, WRITING
from tests.harness import World
from tests.inprocess.asking_server import Asking, AskingServer, AskingTransport
from tests.inprocess.files import near_transports
from tests.inprocess.world import inside
from tests.property.test_settling import unless_dead

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(120)]


def respond(request: ChatRequest) -> Answer:
    """Make the call that the person names; answer once it has a result."""
    if results := [each["content"] for each in request.messages if each["role"] == "tool"]:
        return text(f"It said: {results[-1]}")
    if "book" in str(request.messages[-1]["content"]):
        return calls(call("notes__book", {"day": "Friday"}))
    return calls(call("ask_person", {"question": "Which way?", "options": ["The long road", "The short cut"]}))


class Answering(Play):
    """A person who answers in the window, or in the thread."""

    def __init__(self, here: World, fate: Fate, ts: str = "") -> None:
        super().__init__(here, fate)
        self.ts = ts
        self.written = False

    async def act(self) -> None:
        alice, slack = self.here.alice, self.here.slack
        for message in [each for each in self.here.replies(self.ts) if each.buttons]:
            with suppress(ImpossibleAction, IndexError, TimeoutError):
                if "Answer…" not in message.buttons or message.plain.startswith("Which way"):
                    if not self.written:
                        self.written = True
                        await slack.say(self.here.general, alice, "Take the bridge", thread_ts=self.ts)
                    return
                async with asyncio.timeout(3):
                    await slack.click(message, "Answer…", by=alice)
                    while not slack.modals(alice):
                        await asyncio.sleep(0.002)
                    await slack.submit(alice, slack.modals(alice)[-1], {"field.f0": {"value": "3"}})


@asynccontextmanager
async def opened(folder: Path, asking: Asking, points: Sequence[str]) -> AsyncGenerator[tuple[World, Answering]]:
    """A bot that dies at these points, with a server that asks."""
    asyncio.get_running_loop().set_exception_handler(unless_dead)
    server = AskingServer("notes", asking=asking, safe_to_repeat=("*",))
    rule = '[[policy.rules]]\naction = "allow"\nserver = "notes"\n'
    (folder / "bot.toml").write_text(f"{rule}[limits]\nprogress_after_seconds = 60\ndrain_seconds = 0.1\n")
    async with inside(folder, start=False) as here:
        here.model.respond = respond
        here.errors_expected = True
        fate = Fate(points)
        play = Answering(here, fate)
        play.bot.toolset_of = lambda servers: make_toolset(
            [server], transports={**standard(), **near_transports("-"), AskingServer: AskingTransport}
        )
        play.bot.store_of = near
        await here.bot.start()
        failpoints.install(fate.reached)
        try:
            yield here, play
        finally:
            failpoints.install(lambda _: None)
        assert fate.left == [], "it died at each of them"
        assert here.bot.rows("SELECT count(*) FROM calls WHERE state <> 'finished'") == [(0,)]
        here.slack.workspace.recent.clear()


async def test_a_server_gets_the_answer_wherever_the_process_is_killed(tmp_path: Path) -> None:
    asking = Asking()
    async with opened(tmp_path, asking, ASKING) as (here, play):
        play.ts = await here.slack.say(here.general, here.alice, "<@BOT> book")
        await play.perform(lambda: any("It said: Booked" in each.plain for each in here.replies(play.ts)))
        assert [answer["action"] for answer, _ in asking.answers] == ["accept"]
        assert here.bot.rows("SELECT DISTINCT decision FROM questions WHERE kind = 'elicitation'") == [("accept",)]


async def test_the_model_gets_the_answer_wherever_the_process_is_killed(tmp_path: Path) -> None:
    async with opened(tmp_path, Asking(), WRITING) as (here, play):
        play.ts = await here.slack.say(here.general, here.alice, "<@BOT> find the way")
        await play.perform(lambda: any("It said:" in each.plain for each in here.replies(play.ts)))
        [decision] = here.bot.rows("SELECT DISTINCT decision FROM questions WHERE kind = 'ask_person'")
        assert decision == ("written",)
        said = [str(each) for each in here.model.requests[-1].messages if each["role"] == "user"]
        assert sum("Take the bridge" in each for each in said) == 1
