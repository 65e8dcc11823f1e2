"""The first server to which people sign in comes while the bot runs."""

from __future__ import annotations

import asyncio
import socket
from types import SimpleNamespace
from typing import cast

import pytest

from bot.config.settings import Settings
from bot.core.identity import Identity
from bot.errors import SettingsError, SignInError
from bot.signing_in import SigningIn
from bot.tools.mcp.toolset import McpToolset
from bot.tools.server_config import HttpServer
from tests.extending.memory.store import MemoryStore
from tests.extending.memory.tables import Disk

pytestmark = pytest.mark.anyio


async def test_each_attempt_needs_the_address_on_which_browsers_come_back() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        settings = SimpleNamespace(
            public_url="https://bot.example.com",
            callback_listen=("127.0.0.1", port),
            variables={"BOT_SECRET_KEY": "a-key-that-is-long-enough-for-the-tests"},
        )
        used = cast(Settings, settings)
        tools = SimpleNamespace(signing_in=[], use=lambda _: None, signed_out=None)
        here = SigningIn(used, MemoryStore(Disk()), cast(McpToolset, tools), lambda _: None)
        server = HttpServer("notes", url="https://notes.example.com/mcp", account=Identity.PERSON)
        for _ in range(2):
            with pytest.raises(SettingsError, match="CALLBACK_LISTEN"):
                await here.serve(used, [server])
            with pytest.raises(SignInError, match="No server"):
                await here.accounts.header("notes", "UALICE")
    await here.serve(used, [server])
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.close()
        assert await here.accounts.needed("notes", "UALICE") is not None
    finally:
        await here.aclose()
