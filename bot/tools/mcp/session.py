"""One connection to one MCP server: lists its tools and calls them. The only module that uses the MCP SDK's client.

Importing this module imports the SDK, which takes 0.7 s; `bot.tools.mcp.server` does so in a thread.
"""

from __future__ import annotations

import asyncio
import importlib
import importlib.metadata
import logging
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

import mcp_types as types
from mcp import Client, MCPError
from mcp.client.session import IncomingMessage
from mcp.client.subscriptions import SubscriptionLost
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS
from pydantic import TypeAdapter, ValidationError

from bot.core.json_text import JsonObject, canonical, sha256
from bot.core.server_tasks import ServerTask, TaskReport, TaskStatus
from bot.core.tools import DeliveryStatus
from bot.pace import UNKNOWN_SIZE, offload
from bot.tools.mcp import content, lenient, progress, tasks
from bot.tools.mcp.delivery import Delivery, current_delivery
from bot.tools.mcp.transports.transport import Connection
from bot.tools.text import line

log = logging.getLogger(__name__)

# anyio, on which the SDK runs, imports half of itself on first use: on the event loop, unless it is done here.
with suppress(ImportError):
    importlib.import_module("anyio._backends._asyncio")

CONNECT_SECONDS = 60.0
"""For starting, negotiating and listing. A server that npx has to download takes 7 s and more."""
FIRST_SUBSCRIPTION_PAUSE, MAX_SUBSCRIPTION_PAUSE = 0.5, 60.0
"""Seconds before a subscription that was lost is made again; doubled each time."""
MAX_PAGES = 100
MAX_TOOLS = 1000
MAX_TITLE = 200
"""Characters of a tool's title."""
MAX_NAME_LENGTH = 1000
"""Characters of a tool's name. The specification recommends up to 128."""

_NEVER = (types.METHOD_NOT_FOUND, types.INVALID_PARAMS)
_VERSION = next((found.version for found in importlib.metadata.distributions(name="slack-mcp-agent")), "unknown")
_MARGIN_SECONDS = 5.0
"""The SDK's read timeout ends a call; this much later it is ended from outside in any case."""
_RESULT: TypeAdapter[types.CallToolResult | types.InputRequiredResult] = TypeAdapter(
    types.CallToolResult | types.InputRequiredResult
)
_ANY: TypeAdapter[dict[str, Any]] = TypeAdapter(dict[str, Any])


@dataclass(frozen=True, slots=True)
class Definition:
    """A tool as defined by its server."""

    name: str
    description: str
    schema: JsonObject
    read_only: bool
    destructive: bool
    idempotent: bool
    digest: str
    title: str = ""
    """The server's name of the tool for people; empty when it has none."""


class Session:
    """An open connection, made by `connect`. Any task may use it, and it never raises for what the server does."""

    def __init__(self, client: Client, connection: Connection, key: str) -> None:
        self._client = client
        self._connection = connection
        self._key = key

    @property
    def ended(self) -> bool:
        """Whether the connection has ended: nothing more will be received."""
        return self._connection.ended

    @property
    def is_legacy(self) -> bool:
        """Whether the server was reached through `initialize`, so it speaks 2025-11-25 or older."""
        return self._client.protocol_version in HANDSHAKE_PROTOCOL_VERSIONS

    async def definitions(self) -> list[Definition]:
        """Return every usable tool, from all pages. A tool with an invalid definition is logged and left out; so are
        tools that only run as tasks (2025-11-25, `execution.taskSupport`), which the SDK does not support. Raises
        MCPError, or ValueError if the answer is not a list of tools."""
        if self._client.server_capabilities.tools is None:
            return []
        found: dict[str, Definition] = {}
        cursor: str | None = None
        for _ in range(MAX_PAGES):
            page = await self._page(cursor)
            # In a thread: a page may be megabytes.
            for definition in await offload(UNKNOWN_SIZE, _definitions, page["tools"], self._key):
                if len(found) == MAX_TOOLS:
                    log.warning("%s has more than %d tools; the others are ignored", self._key, MAX_TOOLS)
                    return list(found.values())
                found.setdefault(definition.name, definition)
            following = page.get("nextCursor")
            if not isinstance(following, str) or following == cursor:
                return list(found.values())
            cursor = following
        log.warning("%s has more than %d pages of tools; the others are ignored", self._key, MAX_PAGES)
        return list(found.values())

    async def watch(self, changed: Callable[[], None]) -> None:
        """Call `changed` whenever a server of 2026-07-28 announces a change of its tools, and whenever announcements
        may have been missed: a subscription that is lost is made again, until the connection ends or the server
        refuses. (Older servers announce changes unasked, see `connect`.)"""
        capability = self._client.server_capabilities.tools
        if self.is_legacy or capability is None or not capability.list_changed:
            return
        pause = FIRST_SUBSCRIPTION_PAUSE
        again = False
        while not self.ended:
            began = time.monotonic()
            try:
                async with self._client.listen(tools_list_changed=True) as events:
                    if again:
                        changed()
                    async for _ in events:
                        changed()
            except (MCPError, SubscriptionLost, TimeoutError) as problem:
                if self.ended:
                    return
                log.warning("%s no longer announces changes of its tools: %s", self._key, line(str(problem)))
                if isinstance(problem, MCPError) and problem.code in _NEVER:
                    return
            again = True
            pause = FIRST_SUBSCRIPTION_PAUSE if time.monotonic() - began > MAX_SUBSCRIPTION_PAUSE else pause
            await asyncio.sleep(pause)
            pause = min(2 * pause, MAX_SUBSCRIPTION_PAUSE)

    async def call(
        self, name: str, arguments: JsonObject, seconds: float, *, whole: bool = False
    ) -> tuple[DeliveryStatus, str]:
        """Run a tool by the server's own name. Out: the status of the delivery, and the result as a model may read it
        (with `whole`: exactly as received) or a description of what happened."""
        delivery = Delivery({"content": []})
        request = types.CallToolRequest(params=types.CallToolRequestParams(name=name, arguments=arguments))
        trouble = ""
        try:
            # Not `client.call_tool`: it discards a result that does not match the tool's outputSchema, although the
            # tool has run and returned text.
            await self._request(request, _RESULT, delivery, seconds)
        except MCPError as problem:
            if delivery.refused:
                return DeliveryStatus.ERROR, content.cut(
                    f"The tool server refused the call: {line(problem.message, 2000)}"
                )
            timed_out = problem.code == types.REQUEST_TIMEOUT
            trouble = f"did not answer within {seconds:g} seconds" if timed_out else "went away before it answered"
        except TimeoutError:
            trouble = f"did not answer within {seconds:g} seconds"
        except (ValueError, RuntimeError, RecursionError) as problem:
            # A reply that pydantic rejects is handled below. Otherwise nothing was written: the arguments cannot be
            # serialized as JSON.
            trouble = "could not be asked, because the arguments cannot be sent"
            log.warning("%s: call of %s: %s", self._key, name, line(str(problem)))
        if delivery.reply is not None:
            if (task := tasks.handle(delivery.reply)) is not None:
                return DeliveryStatus.TASK, task.dumps()
            return await offload(delivery.size, tasks.outcome, delivery.reply, whole=whole)
        trouble = delivery.trouble or trouble
        if delivery.written:
            return DeliveryStatus.UNKNOWN, f"The tool server `{self._key}` {trouble}. The call may or may not have run."
        return DeliveryStatus.UNSENT, f"The tool server `{self._key}` {trouble}. The call was not sent."

    async def task(self, task: ServerTask, seconds: float) -> TaskReport:
        """Ask what became of a task. That its server does not know it is an answer, too."""
        if self.is_legacy:
            # A server of both eras may have been reached by the older one after a failure; it keeps its tasks.
            return TaskReport(TaskStatus.SILENT, "it was reached with an older version of MCP")
        delivery = Delivery({})
        params = tasks.TaskParams(task_id=task.id)
        trouble = ""
        try:
            await self._request(tasks.GetTask(params=params), _ANY, delivery, seconds)
        except (MCPError, TimeoutError, ValueError, RuntimeError, RecursionError) as problem:
            if delivery.refused and isinstance(problem, MCPError) and problem.code in _NEVER:
                return TaskReport(TaskStatus.GONE, line(problem.message, 200))
            trouble = line(str(problem), 200)
        if delivery.reply is None:
            return TaskReport(TaskStatus.SILENT, delivery.trouble or trouble)
        if tasks.asks_for_input(delivery.reply):
            await self.cancel_task(task, seconds)
            return tasks.no_input(task)
        return await offload(delivery.size, tasks.report, task, delivery.reply)

    async def cancel_task(self, task: ServerTask, seconds: float) -> bool:
        """Tell the server that nobody wants a task's result. Return whether it has answered."""
        delivery = Delivery({})
        with suppress(MCPError, TimeoutError, ValueError, RuntimeError):
            request = tasks.CancelTask(params=tasks.TaskParams(task_id=task.id))
            await self._request(request, _ANY, delivery, seconds)
        return delivery.reply is not None or delivery.refused

    async def _page(self, cursor: str | None) -> JsonObject:
        """Return one page of tools/list as received: one tool that the SDK cannot parse must not cost all the
        others."""
        delivery = Delivery({"tools": []})
        request = types.ListToolsRequest(params=types.PaginatedRequestParams(cursor=cursor))
        with suppress(ValidationError):
            await self._request(request, TypeAdapter(types.ListToolsResult), delivery, CONNECT_SECONDS)
        reply = delivery.reply or {}
        tools = lenient.listed(reply.get("tools", reply.get("structuredContent")))
        if tools is None:
            raise ValueError("its answer to tools/list holds no list of tools")
        return {**reply, "tools": tools}

    async def _request(self, request: Any, result: TypeAdapter[Any], delivery: Delivery, seconds: float) -> None:
        token = current_delivery.set(delivery)
        try:
            async with asyncio.timeout(seconds + _MARGIN_SECONDS):
                await self._client.session.send_request(
                    request, result, request_read_timeout_seconds=seconds, progress_callback=progress.callback()
                )
        finally:
            delivery.abandoned = True
            current_delivery.reset(token)


@asynccontextmanager
async def connect(
    connection: Connection,
    key: str,
    *,
    legacy: bool,
    on_change: Callable[[], None],
    seconds: float = CONNECT_SECONDS,
) -> AsyncGenerator[Session]:
    """Open a connection and agree on a protocol version; exit closes it. Enter and exit in the same task.

    In: `legacy` skips the probe for 2026-07-28, for servers that cannot handle it; `seconds` is the limit of each
    request; `on_change` is called when an older server announces a change of its tools. Raises the errors of opening
    the connection, MCPError, ValueError and RuntimeError, alone or in an ExceptionGroup. There are no callbacks for
    roots, sampling or elicitation, so those capabilities are not announced.
    """

    async def handle(message: IncomingMessage) -> None:
        if isinstance(message, types.ToolListChangedNotification):
            on_change()

    client = Client(
        connection,
        mode="legacy" if legacy else "auto",
        read_timeout_seconds=seconds,
        message_handler=handle,
        client_info=types.Implementation(name="slack-mcp-agent", version=_VERSION),
        cache=None,
        extensions=[tasks.Tasks()],
    )
    async with client:
        yield Session(client, connection, key)


def _definitions(page: list[Any], key: str) -> list[Definition]:
    """Return the usable tools of a page."""
    found = (_definition(raw, key) for raw in page)
    return [definition for definition in found if definition is not None]


def _definition(raw: Any, key: str) -> Definition | None:
    """Return a tool from its definition; None if it is not usable."""
    if not isinstance(raw, dict) or not isinstance(raw.get("name"), str) or not raw["name"]:
        log.warning("%s lists a tool without a name; it is ignored", key)
        return None
    name = raw["name"]
    if len(name) > MAX_NAME_LENGTH:
        log.warning("%s lists a tool with a name of %d characters; it is ignored", key, len(name))
        return None
    description, hints, execution = raw.get("description"), raw.get("annotations"), raw.get("execution")
    if isinstance(execution, dict) and execution.get("taskSupport") == "required":
        return None
    hints = hints if isinstance(hints, dict) else {}
    description = description if isinstance(description, str) else ""
    try:
        schema = lenient.schema(raw.get("inputSchema"))
        if not isinstance(schema, dict):
            raise ValueError("its inputSchema is no object")
        digest = sha256(name, description, canonical(schema), canonical(hints))
    except (ValueError, RecursionError) as problem:
        log.warning("%s: the tool %s is ignored: %s", key, line(name, 100), problem)
        return None
    return Definition(
        name,
        description,
        schema,
        read_only=hints.get("readOnlyHint") is True,
        destructive=hints.get("destructiveHint") is not False,
        idempotent=hints.get("idempotentHint") is True,
        digest=digest,
        title=_title(raw.get("title")) or _title(hints.get("title")),
    )


def _title(title: Any) -> str:
    """Return a title of `tools/list` as one visible line. MCP since 2025-06-18 has it beside the name, older versions
    have it in the annotations, and the former takes precedence (specification, schema: BaseMetadata)."""
    return line(title, MAX_TITLE) if isinstance(title, str) else ""
