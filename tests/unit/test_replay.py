"""What `doctor --replay` says of recorded calls."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from bot.commands.replay import Replayed, as_json, as_text, recorded, replay
from bot.core.audit import AuditRecord
from bot.core.policy.conditions import Check, Condition
from bot.core.policy.rules import Policy, Rule, Ruling
from bot.core.tools import Tool
from bot.tools.mcp.toolset import McpToolset

pytestmark = pytest.mark.anyio


class Tools(McpToolset):
    """Tools without servers."""

    def __init__(self, *tools: Tool) -> None:
        super().__init__([])
        self._these = {tool.name: tool for tool in tools}

    def find(self, name: str) -> Tool | None:
        return self._these.get(name)

    def tools(self) -> Sequence[Tool]:
        return list(self._these.values())


def tool(name: str, *, read_only: bool = False) -> Tool:
    return Tool(f"srv__{name}", "srv", name, "", {}, {}, True, read_only, not read_only, False, "digest")


def record(kind: str, call: int = 1, *, approval: str = "", actor: str = "", **facts: Any) -> AuditRecord:
    text = json.dumps({"tool": "srv__mail", **facts})
    return AuditRecord(call, 1e9, kind, 1, call, approval, actor, text, "", "", "T1", "C1", "1.5")


def asked(to: str, call: int = 1, **more: Any) -> AuditRecord:
    return record("requested", call, approval=f"r{call}", question="may_it_run", arguments={"to": to}, **more)


MAIL = tool("mail")
RULES = Policy(
    (
        Rule(Ruling.ALLOW, 1, tools=("mail",), conditions=(Condition("to", Check.EQUALS, ("team@acme.example",)),)),
        Rule(Ruling.DENY, 2, tools=("mail",), conditions=(Condition("to", Check.EQUALS, ("all@acme.example",)),)),
    )
)


async def test_calls_are_judged_as_the_rules_are_now_and_those_that_differ_are_named() -> None:
    records = [
        asked("team@acme.example", 1),
        asked("bob@acme.example", 2),
        asked("all@acme.example", 3),
        record("started", 4, actor="UALICE", attempt=1, why="rule 1", arguments={"to": "team@acme.example"}),
        record("started", 5, actor="UALICE", attempt=1, why="rule 1", arguments={"to": "bob@acme.example"}),
        record("finished", 6, actor="UALICE", outcome="refused", arguments={"to": "team@acme.example"}),
    ]
    found = await replay(RULES, Tools(MAIL), records)
    about = found["srv__mail"]
    assert about.was == {Ruling.ASK: 3, Ruling.ALLOW: 2, Ruling.DENY: 1}
    assert about.now == {Ruling.ALLOW: 3, Ruling.ASK: 2, Ruling.DENY: 1}
    assert about.differing == {
        (Ruling.ASK, Ruling.ALLOW): 1,
        (Ruling.ASK, Ruling.DENY): 1,
        (Ruling.ALLOW, Ruling.ASK): 1,
        (Ruling.DENY, Ruling.ALLOW): 1,
    }
    text = as_text(found, 7)
    assert "6 recorded calls of the last 7 days" in text
    assert "srv__mail: 1 asked then, allowed now:" in text
    assert 'C1 1.5  UALICE  {"to": "bob@acme.example"}' in text
    assert json.loads(json.dumps(as_json(found, 7)))["tools"]["srv__mail"]["now"] == {
        "allowed": 3,
        "asked": 2,
        "denied": 1,
    }


@pytest.mark.parametrize(
    "arguments",
    [
        {"to": {"redacted": True, "characters": 5}},
        {"to": "x", "more": [{"body": {"redacted": True, "characters": 5}}]},
        {"characters": 20_000, "sha256": "0" * 64},
        {"unreadable": 7},
        {"text": "{"},
        None,
        "nothing",
    ],
)
async def test_what_was_redacted_or_is_missing_is_counted_apart(arguments: Any) -> None:
    found = await replay(RULES, Tools(MAIL), [record("requested", question="may_it_run", arguments=arguments)])
    assert found["srv__mail"].without_arguments == 1
    assert found["srv__mail"].now.total() == 0
    assert "Not judged: 1 whose arguments were redacted or are missing." in as_text(found, 1)


async def test_calls_of_a_tool_that_is_not_there_are_counted_apart() -> None:
    found = await replay(RULES, Tools(), [asked("bob@acme.example")])
    assert (found["srv__mail"].gone, found["srv__mail"].now.total()) == (1, 0)
    assert "1 of tools that are not available now" in as_text(found, 1)


async def test_a_call_under_a_grant_was_asked_about_as_far_as_the_rules_go() -> None:
    ran = record("started", actor="UA", attempt=1, why="grant 7 of UA", arguments={"to": "bob@acme.example"})
    found = await replay(RULES, Tools(MAIL), [ran])
    assert (found["srv__mail"].was, found["srv__mail"].by_grant) == ({Ruling.ASK: 1}, 1)
    assert "No decision would have been different." in as_text(found, 1)
    assert "1 that ran under a standing grant" in as_text(found, 1)


async def test_records_of_other_things_are_no_decisions_of_the_policy() -> None:
    others = [
        record("requested", question="did_it_run", arguments={}),
        record("started", approval="r1", actor="UA", attempt=1, digest="d"),
        record("started", actor="UA", attempt=2, why="rule 1", arguments={}),
        record("finished", actor="UA", outcome="ok", seconds=0.1),
        record("decided", decision="approved"),
        AuditRecord(1, 1e9, "requested", 1, 1, "", "", "{", "", ""),
        AuditRecord(1, 1e9, "started", 1, 1, "", "", "[]", "", ""),
    ]
    assert list(recorded(others)) == []
    assert as_text(await replay(RULES, Tools(MAIL), others), 2) == "There are no recorded calls of the last 2 days.\n"


async def test_a_rule_for_a_person_is_judged_for_who_had_asked_and_a_group_is_not_looked_up() -> None:
    rules = Policy(
        (Rule(Ruling.ALLOW, 1, users=("UALICE",)), Rule(Ruling.ALLOW, 2, users=("S1",)), Rule(Ruling.DENY, 3))
    )
    records = [asked("x", 1, requester="UALICE"), asked("x", 2, requester="UBOB")]
    about = (await replay(rules, Tools(MAIL), records))["srv__mail"]
    assert about.now == {Ruling.ALLOW: 1, Ruling.DENY: 1}


async def test_memory_does_not_grow_with_the_records() -> None:
    def many(count: int) -> Iterator[AuditRecord]:
        return (asked(f"p{number}@acme.example", number) for number in range(count))

    async def peak(count: int) -> int:
        tracemalloc.start()
        found: dict[str, Replayed] = await replay(RULES, Tools(MAIL), many(count))
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert found["srv__mail"].now[Ruling.ASK] == count
        return most

    few = await peak(200)
    assert await peak(3_200) < few * 1.5 + 100_000
