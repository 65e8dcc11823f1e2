"""The list of tools that a request to the model offers, as JSON text and its digest."""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence

from bot.core import long_results, untrusted
from bot.core.json_text import JsonObject, sha256
from bot.core.policy.rules import Facts, Policy
from bot.core.ports.store import Log
from bot.core.ports.toolset import Toolset
from bot.core.thread import ThreadState
from bot.core.tools import Tool, within_budget
from bot.core.untrusted import items, mapping, parsed, text
from bot.pace import offload

log = logging.getLogger(__name__)

NO_FUNCTIONS = "[]"
MAX_LISTS = 100
"""Lists kept in memory: the policy may offer different tools in different places."""

_lists: dict[tuple[str, ...], tuple[str, str]] = {}


async def offered_functions(
    store: Log,
    toolset: Toolset,
    policy: Policy,
    state: ThreadState,
    *,
    facts: Sequence[Facts],
    problems: Sequence[str],
) -> tuple[str, str]:
    """Return the digest and the JSON text of the tools to offer in a thread.

    While a server is unavailable (`problems` is not empty), a thread keeps the list of its last request: the calls in
    its history need their tools, and the provider's cache needs the same bytes.
    """
    every = toolset.tools()
    known = {tool.name for tool in every}
    tools = await offload(len(every) * len(facts) * policy.effort, policy.offered, every, facts)
    if state.cut:
        known, tools = {*known, long_results.READ_MORE}, [*tools, long_results.TOOL]
    live = await functions(tools)
    if (problems or not known) and state.functions and state.functions != live[0]:
        allowed = {tool.name for tool in tools}
        last = await store.functions(state.functions)
        return await offload(len(last), _kept, last, known, allowed) or live
    return live


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
