"""What the sandbox's servers have in common."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from aiohttp import web

MAX_BODY_BYTES = 100_000_000
"""Bytes of one request: Slack takes files of up to a gigabyte, and models a conversation of millions of characters."""


def requests_up_to(most: int) -> Callable[..., web.BaseRequest]:
    """A request factory for `web.Server`; aiohttp's own takes a megabyte."""

    def make(message: Any, payload: Any, protocol: Any, writer: Any, task: Any) -> web.BaseRequest:
        loop = asyncio.get_running_loop()
        return web.BaseRequest(message, payload, protocol, writer, task, loop, client_max_size=most)

    return make
