"""Asks for prompts and resources over one connection. Replies are read leniently: one entry that is malformed costs
none of the others."""

from __future__ import annotations

import asyncio
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Any

import mcp_types as types
from mcp import Client, MCPError
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS
from pydantic import TypeAdapter

from bot.core.json_text import JsonObject
from bot.core.server_offers import (
    MAX_MESSAGES,
    MAX_NAME,
    MAX_PROMPTS,
    OfferError,
    PromptMessage,
    PromptOffer,
    arguments_of,
)
from bot.core.tools import ResultText
from bot.core.untrusted import items, mapping
from bot.pace import UNKNOWN_SIZE, offload
from bot.tools.mcp import content
from bot.tools.text import line, visible

MAX_PAGES = 20
SECONDS = 20.0
"""The time limit of one request."""
_ANY: TypeAdapter[Any] = TypeAdapter(dict[str, Any])
_SHOWN = 200
"""Resources of one page that are listed."""


class Offers:
    """What the server of one connection offers beside tools."""

    def __init__(self, client: Client, key: str) -> None:
        self._client, self._key = client, key
        self._prompts: Sequence[PromptOffer] | None = None
        self._version = 0
        self._listening = False

    def forget(self) -> None:
        """The prompts may have changed."""
        self._prompts = None
        self._version += 1

    @contextmanager
    def followed(self) -> Generator[None]:
        """The server of 2026-07-28 says meanwhile when its prompts change."""
        self.forget()
        self._listening = True
        try:
            yield
        finally:
            self._listening = False
            self.forget()

    @property
    def announced(self) -> bool:
        """Whether the server says when its prompts change."""
        capability = self._client.server_capabilities.prompts
        return capability is not None and bool(capability.list_changed)

    async def prompts(self) -> Sequence[PromptOffer]:
        """Return the prompts, from all pages. They are kept until the server says that they have changed. Raises
        OfferError."""
        if self._client.server_capabilities.prompts is None:
            return ()
        if self._prompts is not None:
            return self._prompts
        version = self._version
        found: dict[str, PromptOffer] = {}
        cursor: str | None = None
        for _ in range(MAX_PAGES):
            params = types.PaginatedRequestParams(cursor=cursor)
            page = await self._ask(types.ListPromptsRequest(params=params))
            for each in await offload(UNKNOWN_SIZE, _prompts_of, page.get("prompts"), self._key):
                found.setdefault(each.name, each)
            following = page.get("nextCursor")
            if len(found) >= MAX_PROMPTS or not isinstance(following, str) or following in ("", cursor):
                break
            cursor = following
        listed = tuple(found.values())[:MAX_PROMPTS]
        follows = self._listening or self._client.protocol_version in HANDSHAKE_PROTOCOL_VERSIONS
        if self.announced and follows and version == self._version:
            self._prompts = listed
        return listed

    async def messages(self, name: str, arguments: dict[str, str]) -> Sequence[PromptMessage]:
        """Return the messages of a prompt. Raises OfferError."""
        params = types.GetPromptRequestParams(name=name, arguments=arguments or None)
        reply = await self._ask(types.GetPromptRequest(params=params))
        return await offload(UNKNOWN_SIZE, _messages_of, reply)

    async def resources(self, cursor: str) -> str:
        """Return a page of the list of resources, in words; with the first one, the templates of addresses. Raises
        OfferError."""
        if self._client.server_capabilities.resources is None:
            raise OfferError("it offers no resources")
        params = types.PaginatedRequestParams(cursor=cursor or None)
        page = await self._ask(types.ListResourcesRequest(params=params))
        templates: JsonObject = {}
        if not cursor:
            try:
                templates = await self._ask(types.ListResourceTemplatesRequest())
            except OfferError:  # many servers know no templates, and say that they do not know the request
                templates = {}
        return await offload(UNKNOWN_SIZE, _listed, page, templates)

    async def read(self, uri: str) -> ResultText:
        """Return the content of a resource, with its images and sounds. Raises OfferError."""
        request = types.ReadResourceRequest(params=types.ReadResourceRequestParams(uri=uri))
        reply = await self._ask(request)
        if not isinstance(reply.get("contents"), list):
            raise OfferError("what it answered is no resource")
        return await offload(UNKNOWN_SIZE, _content_of, reply)

    async def _ask(self, request: Any) -> JsonObject:
        try:
            async with asyncio.timeout(SECONDS + 1):
                reply = await self._client.session.send_request(request, _ANY, request_read_timeout_seconds=SECONDS)
            found = mapping(reply)
        except MCPError as problem:
            if problem.code == types.REQUEST_TIMEOUT:
                raise OfferError(f"it did not answer within {SECONDS:g} seconds") from problem
            raise OfferError(f"it refused: {line(problem.message, 500)}") from problem
        except TimeoutError as problem:
            raise OfferError(f"it did not answer within {SECONDS:g} seconds") from problem
        except (ValueError, RuntimeError, RecursionError, OSError) as problem:
            raise OfferError("what it answered cannot be read") from problem
        if found.get("resultType") == "input_required":
            raise OfferError("it wants to know more first, which is not possible here")
        return found


def _prompts_of(listed: Any, key: str) -> Sequence[PromptOffer]:
    found: list[PromptOffer] = []
    for each in items(listed)[: 2 * MAX_PROMPTS]:
        given = mapping(each)
        name, arguments = given.get("name"), arguments_of(given.get("arguments"))
        if isinstance(name, str) and 0 < len(name) <= MAX_NAME and arguments is not None:
            title, about = _string(given.get("title")), _string(given.get("description"))
            found.append(PromptOffer(key, name, line(title, 100), visible(about, 500), arguments))
    return found


def _messages_of(reply: JsonObject) -> Sequence[PromptMessage]:
    found: list[PromptMessage] = []
    room = content.LIMIT
    for each in items(reply.get("messages"))[:MAX_MESSAGES]:
        message = mapping(each)
        blocks = message.get("content")
        made = content.text({"content": blocks if isinstance(blocks, list) else [blocks]}, max(room, 1_000))
        if made is not None:
            room -= len(made)
            found.append(PromptMessage(str(made), message.get("role") == "assistant", made.media))
        if room <= 0:
            break
    return found


def _listed(page: JsonObject, templates: JsonObject) -> str:
    lines = [_resource(mapping(each), "uri") for each in items(page.get("resources"))[:_SHOWN]]
    found = [_resource(mapping(each), "uriTemplate") for each in items(templates.get("resourceTemplates"))[:_SHOWN]]
    lines += ["Templates of further addresses:", *found] if found else []
    left = len(items(page.get("resources"))) - _SHOWN
    lines += [f"[{left} more on this page are left out]"] if left > 0 else []
    following = page.get("nextCursor")
    if isinstance(following, str) and following:
        lines.append(f"[There are more: list again with the cursor {following[:2000]}]")
    return content.cut("\n".join(filter(None, lines)) or "There are no resources.")


def _resource(given: JsonObject, key: str) -> str:
    uri = line(_string(given.get(key)), 2_000)
    if not uri:
        return ""
    name = line(_string(given.get("title")) or _string(given.get("name")), 200)
    kind, about = line(_string(given.get("mimeType")), 100), line(_string(given.get("description")), 300)
    said = " · ".join(part for part in (name, kind, about) if part)
    return f"- {uri} {f'({said})' if said else ''}".rstrip()


def _content_of(reply: JsonObject) -> ResultText:
    blocks = [{"type": "resource", "resource": each} for each in items(reply.get("contents"))]
    made = content.text({"content": blocks})
    assert made is not None, "there is a list of blocks"
    return content.scrubbed(made)


def _string(value: object) -> str:
    return value if isinstance(value, str) else ""
