"""A page without a browser: it speaks over the WebSocket as the page does."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import aiohttp

from slack_sandbox.model import Channel, Person
from slack_sandbox.page import Page

T = TypeVar("T")
Json = dict[str, Any]


class Refusal(Exception):
    """The server's sentence for a request that was not done."""


class Viewer:
    """One connection: the facts it was told, and its requests."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self.facts: dict[str, Any] = {}
        self.frames: list[Json] = []
        self.person = ""
        self._numbers = itertools.count(1)
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self._news = asyncio.Condition()
        self._reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        async for message in self.socket:
            frame: Json = json.loads(message.data)
            self.frames.append(frame)
            answer = self._answers.pop(frame.get("id", -1), None)
            if answer is not None and not answer.done():
                answer.set_result(frame)
            self.facts.update(frame.get("set", {}))
            for key in frame.get("drop", ()):
                del self.facts[key]
            async with self._news:
                self._news.notify_all()

    async def ended(self) -> None:
        """Wait until the server has ended the connection."""
        await asyncio.wait_for(asyncio.shield(self._reading), 5)

    async def close(self) -> None:
        await self.socket.close()
        self._reading.cancel()
        await asyncio.gather(self._reading, return_exceptions=True)

    async def send(self, request: Json) -> Json:
        """Send a request as it is; returns the frame of its answer."""
        number = request.setdefault("id", next(self._numbers))
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        await self.socket.send_json(request)
        return await asyncio.wait_for(answer, 10)

    async def ask(self, request: str, /, **fields: Any) -> Any:
        """A request as the person who is watched as; raises Refusal with the server's sentence."""
        answer = await self.send({"do": request, "as": self.person, **fields})
        if not answer["ok"]:
            raise Refusal(answer["error"])
        return answer["value"]

    async def watch(
        self,
        person: Person,
        channel: Channel | None = None,
        thread: str | None = None,
        *,
        earlier: int = 50,
        inspector: bool = False,
    ) -> None:
        """Act as the person and look at a channel and thread."""
        self.person = person.id
        where = None if channel is None else channel.id
        fields: Json = {"person": person.id, "channel": where, "thread": thread, "earlier": earlier}
        await self.ask("watch", **fields, inspector=inspector)

    async def until(self, condition: Callable[[], T], what: str = "") -> T:
        """The first true value of a condition on the facts."""
        async with asyncio.timeout(10):
            async with self._news:
                while True:
                    try:
                        value = condition()
                    except (KeyError, IndexError):
                        value = None
                    if value:
                        return value
                    await self._news.wait()
        raise AssertionError(what)

    def messages(self, channel: Channel, thread: str | None = None) -> list[Json]:
        """The facts of the messages that a channel or thread shows."""
        listed = self.facts[f"thread:{channel.id}/{thread}" if thread else f"channel:{channel.id}"]["messages"]
        return [self.facts[f"message:{channel.id}/{ts}"] for ts in listed]

    def texts(self, channel: Channel, thread: str | None = None) -> list[str]:
        """The texts of these messages."""
        return [fact["message"]["text"] for fact in self.messages(channel, thread)]

    def channel(self, channel: Channel) -> Json:
        """The channel in the key `me`."""
        return next(each for each in self.facts["me"]["channels"] if each["id"] == channel.id)


@asynccontextmanager
async def viewer(page: Page) -> AsyncGenerator[Viewer]:
    """One more page that is open in a browser."""
    address = f"{page.address}live"
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(address, origin=page.origin, max_msg_size=0) as socket,
    ):
        viewing = Viewer(socket)
        try:
            yield viewing
        finally:
            await viewing.close()
