"""The list of tools that a request to the model offers, as JSON text and its digest."""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import combinations

from bot.agent.compaction_plan import tokens_of
from bot.agent.compaction_windows import ContextWindows
from bot.core import indirect_calls, long_results, own_tools, untrusted
from bot.core.json_text import JsonObject, sha256
from bot.core.limits import MAX_TOOLS
from bot.core.own_tools import is_own
from bot.core.policy.rules import Facts, Policy
from bot.core.ports.store import Log
from bot.core.ports.toolset import Toolset
from bot.core.thread import ThreadState
from bot.core.tool_settings import ToolSettings
from bot.core.tools import Tool, within_budget
from bot.core.untrusted import items, mapping, parsed, text
from bot.pace import offload

log = logging.getLogger(__name__)

NO_FUNCTIONS = "[]"
MAX_LISTS = 100
"""Lists kept in memory: the policy may offer different tools in different places."""

_lists: dict[tuple[str, ...], tuple[str, str]] = {}


@dataclass(frozen=True, slots=True)
class ToolOffer:
    """Decides whether a request contains the definitions of all tools, or two functions to find and call them."""

    settings: ToolSettings = field(default_factory=ToolSettings)
    windows: ContextWindows = field(default_factory=ContextWindows)

    def searches(self, tools: Sequence[Tool], body: str, model: str) -> bool:
        """Return whether tools are to be searched for, in requests to a model. In: the tools, and their definitions as
        JSON text."""
        if self.settings.search is not None:
            return self.settings.search and not all(is_own(tool) for tool in tools)
        return len(tools) > MAX_TOOLS or tokens_of(body) > self.settings.share * self.windows.of(model)


async def offered_functions(
    store: Log,
    toolset: Toolset,
    policy: Policy,
    state: ThreadState,
    *,
    facts: Sequence[Facts],
    problems: Sequence[str],
    offer: ToolOffer,
    models: tuple[str, str],
) -> tuple[str, str]:
    """Return the digest and the JSON text of the tools to offer in a thread.

    models: the model that was asked last in this thread, empty if none was, and the one that is asked now.

    What was offered before is in the provider's cache, so a thread that searches goes on doing so, and another one
    begins to only when its list has changed anyway, or its model has.

    While a server is unavailable (`problems` is not empty), a thread keeps the list of its last request: the calls in
    its history need their tools, and the provider's cache needs the same bytes.
    """
    every = toolset.tools()
    known = {tool.name for tool in every}
    tools = await offload(len(every) * len(facts) * policy.effort, policy.offered, every, facts)
    if state.functions in _searching():
        return searched(tools)
    if state.cut:
        known, tools = {*known, long_results.READ_MORE}, [*tools, long_results.TOOL]
    live = await functions(tools)
    found = live
    if (problems or not known) and state.functions and state.functions != live[0]:
        allowed = {tool.name for tool in tools}
        last = await store.functions(state.functions)
        found = await offload(len(last), _kept, last, known, allowed) or live
    was, now = models
    if found[0] == state.functions and was in (now, ""):
        return found
    return searched(tools) if offer.searches(tools, found[1], now) else found


def searched(tools: Sequence[Tool]) -> tuple[str, str]:
    """Return the list for a thread whose tools are found by searching: two functions, and the bot's own tools, which
    the model needs not search for. It is the same whatever the servers offer.

    `read_more` is there from the beginning, so that the first result that is cut changes nothing.
    """
    own = [tool for tool in tools if is_own(tool)]
    return _with_digest([each.function() for each in (*own, long_results.TOOL)] + list(indirect_calls.FUNCTIONS))


@cache
def _searching() -> frozenset[str]:
    """Return the digests of all lists by which a thread is known to search."""
    every = own_tools.offered(asks=True, resources=True)
    some = [chosen for many in range(len(every) + 1) for chosen in combinations(every, many)]
    return frozenset({indirect_calls.DIGEST, *(searched(each)[0] for each in some)})


async def functions(tools: Sequence[Tool]) -> tuple[str, str]:
    """Return the list of these tools. It is built again only when a definition changes."""
    key = tuple(tool.digest for tool in tools)
    found = _lists.get(key)
    if found is None:
        # A schema may have a thousand parts.
        found = await offload(len(tools) * 500, _listed, tools)
        if len(_lists) >= MAX_LISTS:
            _lists.clear()
        _lists[key] = found
    return found


def _listed(tools: Sequence[Tool]) -> tuple[str, str]:
    offered = within_budget(tools)
    if len(offered) < len(tools):
        log.warning("only %d of %d tools are offered to the model; `doctor` says which", len(offered), len(tools))
    return _with_digest([tool.function() for tool in offered])


def _kept(last: str, known: Collection[str], allowed: Collection[str]) -> tuple[str, str] | None:
    """Return the last list without the tools that are known and not allowed; None if every tool of it is known."""
    kept = [each for each in items(parsed(last)) if _name(each)]
    if all(_name(function) in known for function in kept):
        return None
    return _with_digest([each for each in kept if _name(each) not in known or _name(each) in allowed])


def _with_digest(functions: Sequence[JsonObject]) -> tuple[str, str]:
    body = untrusted.dumps(list(functions))
    return sha256(body), body


def _name(function: JsonObject) -> str:
    """Return the name of a function tool; empty if it is not one."""
    return text(mapping(mapping(function).get("function")).get("name"))
