"""Whatever a server writes, and however many tools it lists: nothing of it holds the event loop."""

from __future__ import annotations

import asyncio
import json
import random
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from bot.agent import tool_list
from bot.agent.authorization import CallAuthorizer
from bot.core import limits
from bot.core.policy.approvers import ApprovalRules
from bot.core.policy.conditions import Check, Condition, fits
from bot.core.policy.rules import Facts, Policy, Rule, Ruling
from bot.core.thread import ThreadState
from bot.core.tool_settings import ToolSettings
from bot.core.tools import CallResult, DeliveryStatus, Tool
from bot.tools.filesystem import preview
from bot.tools.filesystem.paths import Filesystem
from bot.tools.json_schema import arguments
from bot.tools.mcp.session import MAX_TOOLS
from tests.lag import watched
from tests.unit.tools import helpers
from tests.unit.tools.helpers import SERVERS
from tests.watch import apart

pytestmark = pytest.mark.anyio
arguments.load()

SERVER = """
import json, sys
sys.path.insert(0, sys.argv[1])
from raw import RawServer, text

server = RawServer()
OPEN = {"type": "object"}
RESULTS = {
    "many texts": {"content": [{"type": "text", "text": "x"}] * 9000},
    "unknown blocks": {"content": [{"type": "zzz"}] * 14_000},
    "odd blocks": {"content": [1] * 29_000},
    "structured": {"content": [], "structuredContent": {"a": [[]] * 14_000}},
    "a long text": {"content": [{"type": "text", "text": "\\u202e" * 600_000}]},
}


def result(given):
    return RESULTS[given["which"]]


def junk(given):
    lines = {"lines": b"x\\n", "blanks": b"\\n", "numbers": b"1\\n", "half": b'{"a":\\n'}
    server.write(lines[given["which"]] * 100_000)
    return text("written")


def notify(given):
    line = json.dumps({"jsonrpc": "2.0", "method": "notifications/message", "params": {"level": "info", "data": "x"}})
    server.write((line.encode() + b"\\n") * 5000)
    return text("written")


def shout(given):
    sys.stderr.write("x" * 3_000_000)
    return text("written")


def answer(given):
    server.write(b'{"jsonrpc":"2.0","id":99,"result":{}}\\n' * 20_000)
    return text("written")


def echo(given):
    return text(str(len(str(given))))


for tool in (result, junk, notify, shout, answer, echo):
    server.tool(tool, inputSchema=OPEN)
for number in range(int(sys.argv[2])):
    properties = {f"p{at}": {"type": "string", "description": "d" * 30} for at in range(3)}
    server.tool(echo, name=f"tool_{number}_" + "abcdefgh" * 6, inputSchema={"type": "object", "properties": properties})
server.tool(echo, name="n" * 1_000_000, inputSchema=OPEN)
server.serve()
"""
CALLS: dict[str, tuple[str, dict[str, Any]]] = {
    **{
        f"a result of {which}": ("result", {"which": which})
        for which in ("many texts", "unknown blocks", "odd blocks", "structured", "a long text")
    },
    **{f"junk: {which}": ("junk", {"which": which}) for which in ("lines", "blanks", "numbers", "half")},
    "notifications": ("notify", {}),
    "a long stderr": ("shout", {}),
    "answers that nobody asked for": ("answer", {}),
    "long arguments": ("echo", {"a": "\u202e" * 300_000}),
    "many arguments": ("echo", {f"k{number}": ["x"] for number in range(9000)}),
}


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "many.py"
    path.write_text(SERVER)
    return path


async def test_nothing_that_a_server_writes_holds_the_loop(script: Path) -> None:
    async with helpers.running(helpers.python_server(str(script), SERVERS, 0)) as toolset:
        await helpers.call(toolset, "odd__echo")
        for name, (tool, given) in CALLS.items():
            with watched() as lag:
                # A task of its own: what has begun already is not measured.
                outcome = await asyncio.create_task(helpers.call(toolset, f"odd__{tool}", **given))
            assert outcome.certainty in (DeliveryStatus.OK, DeliveryStatus.ERROR), name
            lag.check(name)


async def test_a_server_with_a_thousand_tools_holds_nothing_when_they_are_listed_judged_and_offered(
    script: Path,
) -> None:
    async with helpers.running(helpers.python_server(str(script), SERVERS, 0)) as toolset:
        await helpers.call(toolset, "odd__echo")  # what is imported at the first start is no matter of the server's
    rules = tuple(Rule(Ruling.ALLOW, tools=("*read*file*", "*list*")) for _ in range(50))

    async def listed() -> tuple[int, str]:
        async with helpers.running(helpers.python_server(str(script), SERVERS, 1200)) as toolset:
            unused: Any = None
            facts = [Facts("C1", "channel", "U1", frozenset())]
            offered = await tool_list.offered_functions(
                *(unused, toolset, Policy(rules), cast(ThreadState, SimpleNamespace(functions="", cut=False))),
                facts=facts,
                problems=(),
                offer=tool_list.ToolOffer(ToolSettings(search=False)),
                models=("", ""),
            )
            return len(toolset.tools()), offered[1]

    with watched() as lag:
        number, body = await asyncio.create_task(listed())
    assert number == MAX_TOOLS
    assert len(json.loads(body)) == limits.MAX_TOOLS
    lag.check()


def test_a_glob_fits_what_it_fitted_when_every_way_was_tried() -> None:
    chance = random.Random(1)
    for _ in range(20_000):
        glob = "".join(chance.choices("ab*?", k=chance.randrange(8)))
        text = "".join(chance.choices("ab", k=chance.randrange(10)))
        # With `as_glob` all ways are gone through side by side.
        assert fits(glob, text) == fits(glob, text, as_glob=True), (glob, text)


async def test_conditions_on_many_arguments_are_judged_beside_the_loop(script: Path) -> None:
    given = {"k" * 95 + str(number): ["x"] for number in range(5000)}
    conditions = (Condition("*a*b*c*", Check.EQUALS, ("x",)), Condition("*k*9.old*", Check.EQUALS, ("x",)))
    rules = tuple(Rule(Ruling.ALLOW, conditions=conditions) for _ in range(20))
    async with helpers.running(helpers.python_server(str(script), SERVERS, 0)) as toolset:
        tool = helpers.tool(toolset, "odd__echo")

        class Loaded:
            """A store with one thread."""

            async def load(self, thread_id: int) -> None:
                return None

        store: Any = Loaded()
        judge = _Anywhere(store, toolset, store, Policy(rules), ApprovalRules(), arguments.problem)
        with watched() as lag:
            assert await asyncio.create_task(judge.denies(1, tool, given)) is False
    lag.check()


class _Anywhere(CallAuthorizer):
    """Judges without asking where it is."""

    async def _facts(self, state: Any) -> list[Facts]:
        return [Facts("C1", "channel", "U1", frozenset())]


async def test_the_preview_of_an_edit_of_a_long_file_holds_nothing(tmp_path: Path) -> None:
    with apart():
        (tmp_path / "long.txt").write_text("é\n" * (preview.MAX_EDITED_CHARS // 3))
        (tmp_path / "longer.txt").write_text("é\n" * (preview.MAX_EDITED_CHARS // 3 + 10))
    files = Filesystem("files", [str(tmp_path)], None, {})
    properties = {"dryRun": {"type": "boolean"}}
    edit = Tool("f__edit_file", "f", "edit_file", "", {"properties": properties}, {}, True, False, True, False, "d")
    asked: list[object] = []

    async def dry_run(arguments: dict[str, Any]) -> CallResult:
        asked.append(arguments["path"])
        return CallResult(DeliveryStatus.ERROR, "no", 0.0)

    with watched() as lag:
        for name in ("long.txt", "longer.txt"):
            shown = await asyncio.create_task(preview.preview(files, edit, {"path": name}, dry_run))
    assert asked == ["long.txt"]
    assert "too long (8,388,636 bytes) to show what would change" in shown.words
    lag.check()
