"""One connection to one MCP server: lists its tools and calls them. The only module that opens a client of the MCP SDK.

Importing this module imports the SDK, which takes 0.7 s; `bot.tools.mcp.server` does so in a thread.
"""

from __future__ import annotations

import asyncio
import importlib
import importlib.metadata
import logging
import secrets
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from typing import Any

import mcp_types as types
from mcp import Client, MCPError
from mcp.client.session import IncomingMessage
from mcp.client.subscriptions import PromptsListChanged, SubscriptionLost
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS
from pydantic import TypeAdapter, ValidationError

from bot.core.json_text import JsonObject
from bot.core.server_tasks import ServerTask, TaskReport, TaskStatus
from bot.core.tools import DeliveryStatus, Dialogue, ResultText
from bot.pace import UNKNOWN_SIZE, offload
from bot.tools.mcp import content, definitions, elicitation, lenient_json, parameter_headers, progress, tasks
from bot.tools.mcp.definitions import Definition
from bot.tools.mcp.delivery import Delivery, current_delivery
from bot.tools.mcp.elicitation import LiveRequests, RunningCall
from bot.tools.mcp.offers import Offers
from bot.tools.mcp.parameter_headers import ParameterHeaders
from bot.tools.mcp.server_info import About, about
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
LEG_SECONDS, MAX_LEGS = 0.25, 20
"""Before a call is made again that its server has put off, and how often it is."""
LONGEST_SECONDS = 30 * 86_400.0
"""The SDK's own time limit where ours counts."""
REFRESH_SECONDS, MAX_REFRESH_SECONDS = 300.0, 86400.0
"""The least and the most seconds between two lists of tools that were only fresh for a time."""
MAX_PAGES = 100
MAX_TOOLS = 1000

_NEVER = (types.METHOD_NOT_FOUND, types.INVALID_PARAMS)
_VERSION = next((found.version for found in importlib.metadata.distributions(name="slack-mcp-agent")), "unknown")
_MARGIN_SECONDS = 5.0
"""The SDK's read timeout ends a call; this much later it is ended from outside in any case."""
_RESULT: TypeAdapter[types.CallToolResult | types.InputRequiredResult] = TypeAdapter(
    types.CallToolResult | types.InputRequiredResult
)
_ANY: TypeAdapter[dict[str, Any]] = TypeAdapter(dict[str, Any])


class Session:
    """An open connection, made by `connect`. Any task may use it, and it never raises for what the server does."""

    def __init__(self, client: Client, connection: Connection, key: str, live: LiveRequests) -> None:
        self._client = client
        self._live = live
        self.offers = Offers(client, key)
        """Its prompts and resources."""
        self._connection = connection
        self._key = key
        self._headers: dict[str, ParameterHeaders] = {}
        self.refresh_seconds: float | None = None
        """After how long the tools are to be listed again, if the server says how long a list is fresh (2026-07-28,
        `ttlMs`)."""
        self.unanswered = 0
        """Calls since one was answered last that were not answered in time."""

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
        self.refresh_seconds = None
        found = await self._all_pages()
        self._headers = {each.name: each.headers for each in found if each.headers}
        return found

    async def _all_pages(self) -> list[Definition]:
        if self._client.server_capabilities.tools is None:
            return []
        found: dict[str, Definition] = {}
        cursor: str | None = None
        for _ in range(MAX_PAGES):
            page = await self._page(cursor)
            # In a thread: a page may be megabytes.
            for definition in await offload(
                UNKNOWN_SIZE, definitions.of_page, page["tools"], self._key, self.is_legacy
            ):
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
        refuses. What it says of its prompts is followed, too. (Older servers announce changes unasked, see
        `connect`.)"""
        capability = self._client.server_capabilities.tools
        tools, prompts = capability is not None and bool(capability.list_changed), self.offers.announced
        if self.is_legacy or not (tools or prompts):
            return
        pause = FIRST_SUBSCRIPTION_PAUSE
        again = False
        while not self.ended:
            began = time.monotonic()
            try:
                async with self._client.listen(tools_list_changed=tools, prompts_list_changed=prompts) as events:
                    if again:
                        changed()
                    with self.offers.followed():
                        async for event in events:
                            self.offers.forget() if isinstance(event, PromptsListChanged) else changed()
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

    async def about(self) -> About:
        """Return what the server says of itself, and its prompts and resources."""
        return await about(self._client)

    async def call(
        self,
        name: str,
        arguments: JsonObject,
        seconds: float,
        *,
        whole: bool = False,
        dialogue: Dialogue | None = None,
    ) -> tuple[DeliveryStatus, str]:
        """Run a tool by the server's own name. Out: the status of the delivery, and the result as a model may read it
        (with `whole`: exactly as received) or a description of what happened."""
        dialogue = dialogue or Dialogue()
        legs = 0
        while True:
            status, words = await self._call(name, arguments, seconds, dialogue, whole=whole)
            asked = words.exchange if isinstance(words, ResultText) else None
            if asked is None or asked.requests:
                return status, words
            # A server that asks for nothing wants the call to be made again a little later.
            if legs == MAX_LEGS:
                return DeliveryStatus.ERROR, "The tool server kept putting the call off."
            legs += 1
            dialogue = replace(dialogue, exchange=asked)
            await asyncio.sleep(LEG_SECONDS)

    async def _call(
        self, name: str, arguments: JsonObject, seconds: float, dialogue: Dialogue, *, whole: bool
    ) -> tuple[DeliveryStatus, str]:
        headers = parameter_headers.of_call(self._headers.get(name, {}), arguments)
        delivery = Delivery({"content": []}, headers=headers, token=secrets.token_hex(16))
        answers = elicitation.answers(dialogue.exchange)
        request = types.CallToolRequest(params=types.CallToolRequestParams(name=name, arguments=arguments, **answers))
        running = RunningCall(dialogue.ask, seconds)
        trouble = ""
        try:
            # Not `client.call_tool`: it discards a result that does not match the tool's outputSchema, although the
            # tool has run and returned text.
            self._live.calls[delivery.token] = running
            await self._request(request, _RESULT, delivery, seconds, running)
        except MCPError as problem:
            if delivery.refused:
                self.unanswered = 0
                refused = content.cut(f"The tool server refused the call: {line(problem.message, 2000)}")
                return elicitation.of_error(problem.error, dialogue.exchange) or (DeliveryStatus.ERROR, refused)
            timed_out = problem.code == types.REQUEST_TIMEOUT
            self.unanswered += timed_out
            trouble = f"did not answer within {seconds:g} seconds" if timed_out else "went away before it answered"
        except TimeoutError:
            self.unanswered += 1
            trouble = f"did not answer within {seconds:g} seconds"
        except (ValueError, RuntimeError, RecursionError) as problem:
            # A reply that pydantic rejects is handled below. Otherwise nothing was written: the arguments cannot be
            # serialized as JSON.
            trouble = "could not be asked, because the arguments cannot be sent"
            if delivery.reply is None:
                log.warning("%s: call of %s: %s", self._key, name, line(str(problem)))
        finally:
            del self._live.calls[delivery.token]
            running.end()
        if delivery.reply is not None:
            self.unanswered = 0
            return await _answer(delivery.reply, delivery.size, dialogue, whole=whole)
        trouble = delivery.trouble or trouble
        if delivery.written:
            return DeliveryStatus.UNKNOWN, f"The tool server `{self._key}` {trouble}. The call may or may not have run."
        unsent = f"The tool server `{self._key}` {trouble}. The call was not sent."
        return DeliveryStatus.UNSENT, ResultText(unsent, denied=delivery.denied)

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
        tools = lenient_json.listed(reply.get("tools", reply.get("structuredContent")))
        if tools is None:
            raise ValueError("its answer to tools/list holds no list of tools")
        lasting = reply.get("ttlMs")
        if isinstance(lasting, int) and not self.is_legacy:
            self.refresh_seconds = min(max(lasting / 1000, REFRESH_SECONDS), MAX_REFRESH_SECONDS)
        return {**reply, "tools": tools}

    async def _request(
        self,
        request: Any,
        result: TypeAdapter[Any],
        delivery: Delivery,
        seconds: float,
        running: RunningCall | None = None,
    ) -> None:
        # During a call of an older server a person may be asked, whose time does not count: the SDK cannot know.
        paused = running is not None and self.is_legacy
        token = current_delivery.set(delivery)
        try:
            async with asyncio.timeout(seconds if paused else seconds + _MARGIN_SECONDS) as limit:
                if running is not None and paused:
                    running.limit = limit
                await self._client.session.send_request(
                    request,
                    result,
                    request_read_timeout_seconds=LONGEST_SECONDS if paused else seconds,
                    progress_callback=progress.callback(),
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
    with_tasks: bool = True,
) -> AsyncGenerator[Session]:
    """Open a connection and agree on a protocol version; exit closes it. Enter and exit in the same task.

    In: `legacy` skips the probe for 2026-07-28, for servers that cannot handle it; `seconds` is the limit of each
    request; `on_change` is called when an older server announces a change of its tools; `with_tasks`: the server may
    make tasks of calls. Raises the errors of opening the connection, MCPError, ValueError and RuntimeError, alone or in
    an ExceptionGroup. There are no callbacks for roots and sampling, so those capabilities are not announced.
    """
    live = LiveRequests(key)
    opened: list[Session] = []

    async def handle(message: IncomingMessage) -> None:
        if isinstance(message, types.ToolListChangedNotification):
            on_change()
        elif isinstance(message, types.PromptListChangedNotification) and opened:
            opened[0].offers.forget()

    client = Client(
        connection,
        mode="legacy" if legacy else "auto",
        read_timeout_seconds=seconds,
        message_handler=handle,
        elicitation_callback=live.elicit,
        client_info=types.Implementation(name="slack-mcp-agent", version=_VERSION),
        cache=None,
        extensions=[tasks.Tasks()] if with_tasks else [],
    )
    async with client:
        opened.append(Session(client, connection, key, live))
        yield opened[0]


async def _answer(reply: JsonObject, size: int, dialogue: Dialogue, *, whole: bool) -> tuple[DeliveryStatus, str]:
    """Return what a reply of tools/call means, as received: the SDK would reject some that can be read."""
    if reply.get("resultType") == elicitation.INPUT_REQUIRED:
        return elicitation.of_result(reply, dialogue.exchange)
    if (task := tasks.handle(reply)) is not None:
        return DeliveryStatus.TASK, task.dumps()
    return await offload(size, tasks.outcome, reply, whole=whole)
