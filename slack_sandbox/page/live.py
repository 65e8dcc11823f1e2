"""One page's WebSocket: its requests, each in a task of its own, and the facts it watches, kept up to date.

Nothing is queued for a page. After a change the facts are read again and only what differs from what the page knows is
sent; while a page is slow to take that, later changes wait in the facts themselves.
"""

import asyncio
import contextlib
import json
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import WSMsgType, web

from slack_sandbox.errors import ApiError, ImpossibleAction
from slack_sandbox.page.facts import Facts, Watched
from slack_sandbox.page.request_fields import RequestFields
from slack_sandbox.page.requests import Raw
from slack_sandbox.page.texts import text_of

GATHER = 0.025
"""Seconds that changes are gathered before they are sent."""
SHARE = 4
"""How many times longer than reading the facts took is waited before they are read again."""
MAX_PAUSE = 1.0
"""Seconds that a change waits at most before the page gets it."""
MAX_REQUESTS = 64
"""How many requests of one page may be under way."""
PATIENCE = 20.0
"""Seconds that a page may take to accept a frame; then its connection is given up, and it opens another."""

Serve = Callable[[RequestFields, Watched], Awaitable[Any]]

_log = logging.getLogger(__name__)


class PageConnection:
    """The server's side of one connection."""

    def __init__(self, socket: web.WebSocketResponse, facts: Facts, serve: Serve, cut: Callable[[], None]) -> None:
        self._socket = socket
        self._cut = cut
        self._facts = facts
        self._serve = serve
        self._watched = Watched()
        self._sent: dict[str, str] = {}
        self._changed = asyncio.Event()
        self._sending = asyncio.Lock()
        self._requests: set[asyncio.Task[None]] = set()
        self._cost = 0.0

    def changed(self) -> None:
        """Something that facts are read from has changed."""
        self._changed.set()

    async def run(self) -> None:
        """Serve the connection until it ends."""
        self._changed.set()
        keeping = asyncio.create_task(self._keep_up_to_date())
        try:
            async for frame in self._socket:
                if frame.type in (WSMsgType.TEXT, WSMsgType.BINARY):
                    await self._take(frame.data)
        finally:
            tasks = [keeping, *self._requests]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _keep_up_to_date(self) -> None:
        try:
            while True:
                await self._changed.wait()
                await asyncio.sleep(min(max(GATHER, self._cost * SHARE), MAX_PAUSE))
                await self._push()
        except (ConnectionError, TimeoutError):
            self._cut()
        except Exception:  # noqa: BLE001 - one page's trouble must not reach the sandbox; the page connects again
            _log.exception("the facts of a page cannot be read")
            self._cut()

    async def _push(self) -> None:
        async with self._sending:
            self._changed.clear()
            loop = asyncio.get_running_loop()
            began = loop.time()
            facts = self._facts.read(self._watched)
            news = [f"{text_of(key)}:{text}" for key, text in facts.items() if self._sent.get(key) != text]
            gone = [key for key in self._sent if key not in facts]
            self._cost = loop.time() - began
            if not news and not gone:
                return
            self._sent = facts
            parts = ['"set":{' + ",".join(news) + "}"] if news else []
            parts += [f'"drop":{text_of(gone)}'] if gone else []
            await self._send("{" + ",".join(parts) + "}")

    async def _send(self, text: str) -> None:
        async with asyncio.timeout(PATIENCE):
            await self._socket.send_str(text)

    async def _take(self, data: str | bytes) -> None:
        try:
            asked: Any = json.loads(data)
        except (ValueError, RecursionError):
            asked = None
        number: Any = asked.get("id") if isinstance(asked, dict) else None
        if isinstance(number, bool) or not isinstance(number, int):
            await self._answer(_refusal(0, "A request must be a JSON object with its number as `id`."))
        elif len(self._requests) >= MAX_REQUESTS:
            await self._answer(_refusal(number, "Too many requests are under way; wait until some are answered."))
        else:
            task = asyncio.create_task(self._handle(number, RequestFields(asked)))
            self._requests.add(task)
            task.add_done_callback(self._requests.discard)

    async def _handle(self, number: int, fields: RequestFields) -> None:
        try:
            value = await self._serve(fields, self._watched)
            text = value.text if isinstance(value, Raw) else text_of(value)
            answer = f'{{"id":{number},"ok":true,"value":{text}}}'
        except ImpossibleAction as reason:
            answer = _refusal(number, _sentence(str(reason)))
        except ApiError as refusal:
            reasons = "; ".join([refusal.code, *refusal.messages])
            answer = _refusal(number, f"Slack refuses this: {reasons}.")
        except Exception:  # noqa: BLE001 - whatever a page sends, its connection stays
            _log.exception("a request of the page failed: %s", fields.get("do"))
            answer = _refusal(number, "The sandbox could not do this; its log says why.")
        # What the request changed is known to the page before its answer.
        try:
            await self._push()
            await self._send(answer)
        except (ConnectionError, TimeoutError):
            self._cut()
        except Exception:  # noqa: BLE001 - as above
            _log.exception("the facts of a page cannot be read")
            self._cut()

    async def _answer(self, text: str) -> None:
        with contextlib.suppress(ConnectionError, TimeoutError):
            await self._send(text)


def _refusal(number: int, reason: str) -> str:
    return text_of({"id": number, "ok": False, "error": reason})


def _sentence(reason: str) -> str:
    """The reason with a capital and a full stop."""
    ended = reason if reason.endswith((".", "!", "?", ")")) else f"{reason}."
    return ended[:1].upper() + ended[1:]
