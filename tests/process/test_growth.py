"""What the process remembers grows neither with what it has done nor with what has failed."""

from __future__ import annotations

import asyncio
import re
import sys
from collections import Counter, deque
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from bot.config import settings
from bot.service import Service
from bot.slack import app, own_posts, sessions
from bot.slack.delivery import live
from bot.store.sqlite.database import Database
from bot.store.sqlite.store import SqliteStore
from bot.tools.mcp.toolset import McpToolset
from slack_sandbox.openrouter import Answer, ChatRequest, ModelSandbox, call, calls, failure, text
from slack_sandbox.slack import SlackSandbox
from tests.harness import settings_of
from tests.stamps import unstamped

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(80)]

BOXES = (dict, set, list, deque)
THREADS = 12
BOUNDED = {
    "OwnPosts._known": own_posts.MOST,
    "Sessions._sessions": sessions.MAX_SESSIONS,
    "Live._rested": live.MAX_RESTED,
}
"""What is kept of the newest posts and threads, with its maximum; unit tests show that these hold."""


def sizes(root: object) -> Counter[str]:
    """How many things each container of the bot's own objects holds, by the class and the attribute that it is in."""
    found: Counter[str] = Counter()
    seen: set[int] = set()
    modules = [module for name, module in sys.modules.items() if ours(name)]
    waiting: list[tuple[str, object]] = [("service", root)]
    waiting += [(f"{module.__name__}.{name}", each) for module in modules for name, each in vars(module).items()]
    while waiting:
        name, thing = waiting.pop()
        if id(thing) in seen or isinstance(thing, type):
            continue
        seen.add(id(thing))
        if isinstance(thing, BOXES):
            found[name] += len(thing)
            waiting += [(f"{name}[]", each) for each in (thing.values() if isinstance(thing, dict) else thing)]
        elif callable(thing) and ours(str(getattr(thing, "__module__", ""))):
            cells: Any = getattr(thing, "__closure__", None) or ()
            waiting += [(f"{name}()", cell.cell_contents) for cell in cells if filled(cell)]
            waiting.append((name, getattr(thing, "__self__", None)))
        if ours(type(thing).__module__):
            waiting += [(f"{type(thing).__name__}.{each}", value) for each, value in attributes(thing)]
    return found


def ours(module: str) -> bool:
    return module.startswith("bot.") and not module.startswith("slack_sandbox")


def filled(cell: Any) -> bool:
    try:
        return cell.cell_contents is not None
    except ValueError:
        return False


def attributes(thing: object) -> list[tuple[str, object]]:
    names = [name for kind in type(thing).__mro__ for name in getattr(kind, "__slots__", ())]
    slots = [(name, getattr(thing, name)) for name in names if hasattr(thing, name)]
    return [*getattr(thing, "__dict__", {}).items(), *slots]


@asynccontextmanager
async def serving(home: Path, slack: SlackSandbox, model: ModelSandbox) -> AsyncGenerator[tuple[Service, Database]]:
    """The service in this process."""
    environment = settings_of(slack, model, home, home / "workspace")
    loaded = settings.load(environment, home)
    async with Database(loaded.database_url) as database:
        these = app.clients(loaded.slack_api_url, loaded.slack_bot_token, loaded.slack_app_token)
        identity, url = await app.preflight(these)
        service = Service(loaded, SqliteStore(database), these, identity, McpToolset([]))
        await service.start(url)
        try:
            yield service, database
        finally:
            await service.stop()
            await these.session.close()


def respond(request: ChatRequest) -> Answer:
    """Of four threads one fails, one calls a tool that is not there, and two are answered."""
    said = [unstamped(str(message["content"])) for message in request.messages if message["role"] == "user"]
    number = next(int(found[1]) for each in reversed(said) if (found := re.search(r" (\d+)$", each)))
    if number % 4 == 0:
        return failure(401)
    if number % 4 == 1 and request.messages[-1]["role"] == "user":
        return calls(call("nothing__here", {}))
    return text(f"Done {number}.")


async def test_all_that_is_remembered_is_as_much_after_twice_the_turns_with_failures(tmp_path: Path) -> None:
    owing = (
        "SELECT (SELECT count(*) FROM posts WHERE state = 'owed') + (SELECT count(*) FROM turns WHERE ended_at IS NULL)"
        " + (SELECT count(*) FROM inbox WHERE seq IS NULL) + (SELECT count(*) = 0 FROM inbox WHERE text LIKE ?)"
    )
    async with SlackSandbox() as slack, ModelSandbox() as model, serving(tmp_path, slack, model) as (service, database):
        alice = slack.add_person("Alice Smith")
        channel = slack.add_channel("general", members=[alice])
        model.respond = respond
        numbers = iter(range(10**6))

        async def turns() -> None:
            last = 0
            for kind, code in (("error", "not_in_channel"), ("error", "odd_error"), ("server_error_after", "")):
                slack.faults.add("chat.postMessage", kind, times=2, code=code)  # type: ignore[arg-type]
            for last in (next(numbers) for _ in range(THREADS)):
                await slack.say(channel, alice, f"<@BOT> please {last}")

            async def done() -> bool:
                query = (owing, (f"%please {last}",))
                return await database.read(lambda connection: connection.execute(*query).fetchone()) == (0,)

            async with asyncio.timeout(30):
                while not await done():
                    await asyncio.sleep(0.05)

        await turns()
        await settled(service)
        once = sizes(service)
        await turns()
        await settled(service)
        twice = sizes(service)
        assert {name for name, most in BOUNDED.items() if not 0 < twice[name] <= most} == set()
        grown = {name: (once[name], twice[name]) for name in twice if twice[name] > once[name]}
        assert {name: sizes for name, sizes in grown.items() if name not in BOUNDED} == {}
        for kind in ("Settler", "Sender", "KeyedWorker", "Live"):
            assert any(name.startswith(f"{kind}.") for name in once), f"it looks into {kind}"
        empty = (
            "Settler._known",
            "Sender._settled_at",
            "KeyedWorker._running",
            "KeyedWorker._again",
            "KeyedWorker._news",
        )
        assert {name: twice[name] for name in empty} == dict.fromkeys(empty, 0)


PERMANENT = 7
"""Tasks that run as long as a service: the sweep, the statuses of sessions, the reading of what was missed, the record
of the connection, the costs of what was cut off, the removal of old attachments, and the news of tool servers."""


WORK = ("KeyedWorker._running", "Sessions._queue", "Sessions._processing")


async def settled(service: Service) -> None:
    """Wait until nothing runs: what is written, and shown, a moment later has been, too."""

    def works() -> bool:
        found = sizes(service)
        return any(found[name] for name in WORK) or len(vars(service)["_background"].running) > PERMANENT

    async with asyncio.timeout(20):
        while works():
            await asyncio.sleep(0.05)
