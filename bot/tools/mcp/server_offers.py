"""The prompts and resources of all servers: who may use them, and over which session they are asked for. Implements
`bot.core.ports.prompts.Prompts`."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from bot.core import resource_tools
from bot.core.json_text import JsonObject, sha256
from bot.core.server_offers import OfferError, PromptMessage, PromptOffer, PromptRef, PromptsFound
from bot.core.tools import CallResult, DeliveryStatus, ResultText, Tool
from bot.core.untrusted import text
from bot.errors import NotSignedInError, SignInError
from bot.tools.mcp.concurrency_limit import FullError
from bot.tools.mcp.names import prefix
from bot.tools.mcp.person_server import PersonServer
from bot.tools.mcp.server import WAIT_SECONDS, Server
from bot.tools.server_config import ServerConfig
from bot.tools.text import line

if TYPE_CHECKING:
    from bot.tools.mcp.session import Session

log = logging.getLogger(__name__)

LIST_SECONDS = 8.0
"""Time for the lists of prompts of all servers together: somebody looks at a window meanwhile."""
OTHERWISE = "it is configured differently now than when this was chosen, so it was not asked"
RECONFIGURED = "it is configured differently now than when this call was made, so it was not asked"


class ServerOffers:
    """Asks over the sessions that calls use. Resources take a place among the calls, prompts do not."""

    def __init__(self, servers: Mapping[str, Server]) -> None:
        """In: the configured servers, by their keys."""
        self._servers = servers
        self.resources = False
        """Whether the model can read resources."""

    async def prompts(self, channel: str, user: str, groups: frozenset[str] | None) -> PromptsFound:
        """Return the prompts that a person may use in a conversation, in a limited time."""
        asked = [key for key in self._servers if self.admits(key, channel, user, groups)]
        tasks = [asyncio.create_task(self._prompts_of(key, user)) for key in asked]
        if tasks:
            await asyncio.wait(tasks, timeout=LIST_SECONDS)
        found: list[PromptOffer] = []
        problems: list[str] = []
        for key, task in zip(asked, tasks, strict=True):
            if not task.done():
                task.cancel()
                problems.append(f"{key} did not say in time which prompts it has.")
            elif isinstance(result := task.result(), str):
                problems.append(f"{key} cannot be asked for its prompts: {result}.")
            else:
                found += result
        return PromptsFound(found, problems)

    def admits(self, server: str, channel: str, user: str, groups: frozenset[str] | None) -> bool:
        """Return whether a person may use a server in a conversation; no for one that is not configured."""
        found = self._servers.get(server)
        return found is not None and found.config.audience.admits(channel, user, groups)

    async def messages(self, prompt: PromptRef, user: str) -> Sequence[PromptMessage]:
        """Ask a server for the messages of a prompt, with its account for this person. Raises OfferError."""
        async with self._session(prompt.server, user, origin=prompt.origin) as session:
            return await session.offers.messages(prompt.name, dict(prompt.arguments))

    async def _prompts_of(self, key: str, user: str) -> Sequence[PromptOffer] | str:
        """Return the prompts of a server, or why it cannot be asked."""
        try:
            async with self._session(key, user) as session:
                origin = self._servers[key].config.origin
                return [replace(each, origin=origin) for each in await session.offers.prompts()]
        except OfferError as problem:
            return str(problem)
        except Exception:
            log.exception("the prompts of %s could not be listed", key)
            return "something went wrong on my side"

    @asynccontextmanager
    async def _session(
        self, key: str, user: str, *, takes_place: bool | None = None, origin: str = ""
    ) -> AsyncGenerator[Session]:
        """Return a connection to a server, with its account for this person. A server that is configured differently
        meanwhile ends only afterwards. Raises OfferError.

        takes_place: whether this takes a place of a shared server; of a person's session it does in both cases, and
        with None of neither.
        origin: what this was chosen for (`ServerConfig.origin`); empty if nobody has chosen it.
        """
        server = self._servers.get(key)
        if server is None:
            raise OfferError("it is not configured any more")
        if origin not in ("", server.config.origin):
            raise OfferError(OTHERWISE)
        with server.uses.one():
            async with AsyncExitStack() as stack:
                session = await _connection(server, user, stack)
                if session is None:
                    raise OfferError("it is not running")
                own = isinstance(server, PersonServer)
                if takes_place or (own and takes_place is not None):
                    limit, seconds = server.limit_of(user) if own else server.concurrency, server.config.call_seconds
                    try:
                        await stack.enter_async_context(limit.place(seconds))
                    except FullError:
                        raise OfferError(f"it was busy for {seconds:g} s") from None
                yield session

    def meant(self, tool: Tool, arguments: JsonObject) -> Tool:
        """Return a tool as the policy judges a call of it: a resource belongs to its server, and so does the call. That
        reading changes nothing is only as sure as the server is trusted. Its digest covers the configuration of the
        server, to which approvals and grants are bound."""
        if tool.server != resource_tools.RESOURCES_SERVER:
            return tool
        server = self._servers.get(self._key(arguments))
        if server is None:
            return tool
        config = server.config
        return replace(
            tool,
            server=config.key,
            audience=config.audience,
            identity=config.account,
            trusted=config.trusted,
            digest=_digest(tool.remote_name, config),
        )

    async def call(self, tool: Tool, arguments: JsonObject, *, entered: bool = False) -> CallResult:
        """Run a call of one of our tools for resources. Raises nothing but CancelledError. entered: the caller already
        holds a place among the calls of the server."""
        began, key = time.monotonic(), self._key(arguments)
        try:
            found = await self._answer(tool, key, arguments, entered=entered)
        except OfferError as problem:
            words = f"This is not possible with the server {line(key, 100)}: {problem}."
            return CallResult(DeliveryStatus.ERROR, words, time.monotonic() - began)
        seconds = time.monotonic() - began
        return CallResult(DeliveryStatus.OK, str(found), seconds, found.media, whole=found.whole)

    async def _answer(self, tool: Tool, key: str, arguments: JsonObject, *, entered: bool) -> ResultText:
        if key not in self._servers:
            known = [each for each, server in self._servers.items() if not server.config.audience.words()]
            raise OfferError(f"there is none of this name. There are: {', '.join(known[:50]) or 'none'}")
        if tool.digest != self.meant(tool, arguments).digest:
            raise OfferError(RECONFIGURED)
        async with self._session(key, tool.person, takes_place=not entered) as session:
            if tool.remote_name == resource_tools.LIST:
                return ResultText(await session.offers.resources(text(arguments.get("cursor"))))
            return await session.offers.read(text(arguments.get("uri")))

    def noted(self, tool: Tool, text: str) -> str:
        """Return the result of a call, with how what it links to can be read."""
        return f"{text}\n{resource_tools.linked(tool.server)}" if self.resources and "[link to " in text else text

    def _key(self, arguments: JsonObject) -> str:
        """Return the key of the server that a call names: as configured, or as the names of its tools begin."""
        named = resource_tools.of_server(arguments)
        return (
            named if named in self._servers else next((each for each in self._servers if prefix(each) == named), named)
        )


def _digest(name: str, config: ServerConfig) -> str:
    """Return the digest of a tool for resources, for calls about this server."""
    [own] = [each.digest for each in resource_tools.TOOLS if each.remote_name == name]
    return sha256(config.origin, own)


async def _connection(server: Server, user: str, stack: AsyncExitStack) -> Session | None:
    """Return the connection to a server, with its account for this person, which is in use as long as the stack is.
    Raises OfferError."""
    deadline = time.monotonic() + WAIT_SECONDS
    if not isinstance(server, PersonServer):
        return await server.session_by(deadline)
    try:
        return await stack.enter_async_context(server.session_of(user, deadline))
    except NotSignedInError as problem:
        raise OfferError("connect to it with your account first") from problem
    except SignInError as problem:
        raise OfferError(f"your account there cannot be used now ({str(problem).rstrip('.')})") from problem
