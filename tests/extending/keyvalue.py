"""A server that keeps values by their keys, on the SDK's server side, at a Unix socket of this process."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import anyio
import mcp_types as types
from mcp.server import Server, ServerRequestContext
from mcp.shared.message import SessionMessage

from tests.watch import outside

TEXT: dict[str, Any] = {"type": "string"}
TOOLS = [
    types.Tool(
        name="get",
        description="Read the value of a key.",
        input_schema={"type": "object", "properties": {"key": TEXT}, "required": ["key"]},
        annotations=types.ToolAnnotations(read_only_hint=True),
    ),
    types.Tool(
        name="set",
        description="Give a key a value.",
        input_schema={"type": "object", "properties": {"key": TEXT, "value": TEXT}, "required": ["key", "value"]},
    ),
]


class KeyValueServer:
    """The server. Its values are open to the test, and so is when it hangs up."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.values: dict[str, str] = {}
        self.sets: list[str] = []
        """The keys that were set, in the order in which that was done."""
        self.connections = 0
        """How many there were."""
        self.on_set: Callable[[str], None] = lambda key: None
        """Called before a value is answered to have been set, after it was."""
        self.answers = asyncio.Event()
        """Calls are answered only while it is set."""
        self.answers.set()
        self.begun: list[str] = []
        """The tools that were called, in order."""
        self._serving: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._sdk = Server[Any]("keyvalue", on_list_tools=self._list, on_call_tool=self._call)

    async def listen(self) -> None:
        """Take connections from now on."""
        self._serving = await asyncio.start_unix_server(self._accepted, str(self.path))

    async def stop(self) -> None:
        """Hang up, and take no more connections."""
        if self._serving is not None:
            self._serving.close()
            self._serving = None
            self.path.unlink(missing_ok=True)
        self.hang_up()
        if self._tasks:
            await asyncio.wait(self._tasks)

    def hang_up(self) -> None:
        """End the connections there are."""
        for writer in self._open:
            writer.close()

    async def __aenter__(self) -> Self:
        await self.listen()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # The server is no part of the bot, whose callbacks are measured.
        task = asyncio.get_running_loop().create_task(self._serve(reader, writer), context=outside())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._open.add(writer)
        incoming, read = anyio.create_memory_object_stream[SessionMessage | Exception](10)
        write, outgoing = anyio.create_memory_object_stream[SessionMessage](10)

        async def take_in() -> None:
            async with incoming:
                with suppress(ConnectionError):
                    async for raw in reader:
                        await incoming.send(SessionMessage(types.jsonrpc_message_adapter.validate_json(raw)))

        async def give_out() -> None:
            async with outgoing:
                async for item in outgoing:
                    if not writer.is_closing():
                        writer.write(item.message.model_dump_json(by_alias=True, exclude_unset=True).encode() + b"\n")

        try:
            async with anyio.create_task_group() as group:
                group.start_soon(take_in)
                group.start_soon(give_out)
                async with read, write:
                    await self._sdk.run(read, write, self._sdk.create_initialization_options())
        finally:
            self._open.discard(writer)
            writer.close()

    async def _list(
        self, context: ServerRequestContext[Any], params: types.PaginatedRequestParams | None
    ) -> types.ListToolsResult:
        return types.ListToolsResult(tools=TOOLS)

    async def _call(
        self, context: ServerRequestContext[Any], params: types.CallToolRequestParams
    ) -> types.CallToolResult:
        given = params.arguments or {}
        if params.name == "set":
            self.values[given["key"]] = given["value"]
            self.sets.append(given["key"])
            self.on_set(given["key"])
            said = "set"
        else:
            said = self.values.get(given["key"], "(none)")
        self.begun.append(params.name)
        await self.answers.wait()
        return types.CallToolResult(content=[types.TextContent(text=said)])
