"""Answers the model's searches for tools, and finds the tool that a call means."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass

from bot.agent import prompt
from bot.core import indirect_calls
from bot.core.calls import Call, CallOutcome
from bot.core.indirect_calls import Written
from bot.core.own_tools import is_own
from bot.core.policy.rules import Facts, Policy, Tier
from bot.core.ports.toolset import Toolset
from bot.core.tool_index import ToolIndex
from bot.core.tools import Tool
from bot.core.untrusted import mapping, parsed
from bot.pace import offload

MAX_QUERY = 500
_WORK = 300
"""What a tool costs to index, as a size for `offload`."""

_last: dict[tuple[str, ...], ToolIndex] = {}
"""The index of the tools as they were at the last search."""


@dataclass(frozen=True, slots=True)
class ToolFinder:
    """The tools that may be used in one thread, by the people who have had a say in its turn."""

    toolset: Toolset
    policy: Policy
    facts: Sequence[Facts]

    async def names(self, *, own: bool = True) -> list[str]:
        """Return the names of the tools that the model may be offered here; with `own`, those of the bot's own, too."""
        tools = [tool for tool in self.toolset.tools() if own or not is_own(tool)]
        size = len(tools) * len(self.facts) * self.policy.effort
        return [tool.name for tool in await offload(size, self.policy.offered, tools, self.facts)]

    async def meant(self, name: str, arguments: str) -> tuple[Written, Tool | None]:
        """Return the call that the model means, which it may make through `call_tool`, and the tool that this names,
        exactly or in another spelling; None if there is none."""
        written = await offload(len(arguments), indirect_calls.unwrapped, name, arguments)
        if written.problem or written.name in indirect_calls.NAMES:
            return written, None
        if (found := self.toolset.find(written.name)) is not None:
            return written, found
        names = await self.names()
        alike = await offload(len(names) * 50, indirect_calls.meant, written.name, names)
        return written, self.toolset.find(alike) if alike else None

    async def answer(self, call: Call, written: Written) -> None:
        """End a call that is no call of a tool: a search, or one that cannot be made."""
        if written.name == indirect_calls.SEARCH:
            await self._search(call)
            return
        call.outcome, call.result = CallOutcome.INVALID, written.problem
        if not written.problem:
            names = await self.names()
            call.result = await offload(len(names) * len(written.name), prompt.unknown_tool, written.name, names)

    async def _search(self, call: Call) -> None:
        """Answer a call of `search_tools`. Nothing outside is asked, so it has ended when it is recorded."""
        query = mapping(parsed(call.arguments)).get("query")
        words = query[:MAX_QUERY] if isinstance(query, str) else ""
        # The bot's own are defined in the request beside the search.
        tools = [tool for tool in self.toolset.tools() if not is_own(tool)]
        names = await self.names(own=False)
        index = await offload(len(tools) * _WORK, _index, tools)
        found = await offload(len(tools) * (len(words) + 1), index.search, words, set(names))
        call.result = await offload(len(names) * 1_000, _answered, words, found, names)
        call.outcome, call.tier, call.repeatable = CallOutcome.OK, Tier.READ, True


def _index(tools: Sequence[Tool]) -> ToolIndex:
    key = tuple(tool.digest for tool in tools)
    if key not in _last:
        _last.clear()
        _last[key] = ToolIndex(tools)
    return _last[key]


def _answered(query: str, found: Sequence[Tool], names: Sequence[str]) -> str:
    near = [] if found else difflib.get_close_matches(query, names, n=10, cutoff=0.4)
    return indirect_calls.found(query, found, names, near)
