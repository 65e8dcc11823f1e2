"""What a server says of itself, and what it offers beside tools: for operators."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from mcp import Client, MCPError

from bot.tools.text import line

MAX_PAGES = 20
LIST_SECONDS = 10.0
"""The time limit of one list."""


@dataclass(frozen=True, slots=True)
class Item:
    """A prompt or a resource."""

    name: str
    """As the server knows it: a prompt's name, a resource's address."""
    title: str = ""
    arguments: tuple[str, ...] = ()
    """The names of a prompt's arguments; one that may be left out ends with `?`."""


@dataclass(frozen=True, slots=True)
class About:
    """What a connected server has said."""

    name: str
    version: str
    protocol: str
    """The version of MCP that is spoken."""
    instructions: str
    prompts: tuple[Item, ...] = ()
    resources: tuple[Item, ...] = ()
    """Resources, and the templates of their addresses."""
    troubles: tuple[str, ...] = ()
    """A sentence for each list that was declared and not given."""


async def about(client: Client) -> About:
    """Ask a server. Never raises for what it does."""
    capabilities, info = client.server_capabilities, client.session.server_info
    troubles: list[str] = []
    lists: dict[str, list[Any]] = {}
    wanted: list[tuple[str, Callable[[str | None], Awaitable[Any]]]] = []
    if capabilities.prompts is not None:
        wanted.append(("prompts", lambda cursor: client.list_prompts(cursor=cursor)))
    if capabilities.resources is not None:
        wanted.append(("resources", lambda cursor: client.list_resources(cursor=cursor)))
        wanted.append(("resource_templates", lambda cursor: client.list_resource_templates(cursor=cursor)))
    for what, ask in wanted:
        try:
            async with asyncio.timeout(LIST_SECONDS):
                lists[what] = await _all(what, ask)
        except TimeoutError:
            troubles.append(f"The list of {_plain(what)} did not come within {LIST_SECONDS:g} seconds.")
        except (MCPError, ValueError, RuntimeError) as problem:
            troubles.append(f"The list of {_plain(what)} cannot be used: {line(str(problem))}.")
    return About(
        name=line(info.name, 100) if info is not None else "",
        version=line(info.version, 100) if info is not None else "",
        protocol=line(client.protocol_version, 100),
        instructions=client.session.instructions or "",
        prompts=tuple(
            Item(line(each.name), line(each.title or ""), _arguments(each)) for each in lists.get("prompts", ())
        ),
        resources=(
            *(Item(line(str(each.uri)), line(each.title or each.name)) for each in lists.get("resources", ())),
            *(
                Item(line(each.uri_template), line(each.title or each.name))
                for each in lists.get("resource_templates", ())
            ),
        ),
        troubles=tuple(troubles),
    )


async def _all(what: str, ask: Callable[[str | None], Awaitable[Any]]) -> list[Any]:
    """Return the entries of all pages."""
    found: list[Any] = []
    cursor: str | None = None
    for _ in range(MAX_PAGES):
        page = await ask(cursor)
        found += getattr(page, what)
        if not page.next_cursor or page.next_cursor == cursor:
            break
        cursor = page.next_cursor
    return found


def _arguments(prompt: Any) -> tuple[str, ...]:
    return tuple(f"{line(each.name)}{'' if each.required else '?'}" for each in prompt.arguments or ())


def _plain(what: str) -> str:
    return what.replace("_", " ")
