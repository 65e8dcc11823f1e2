"""The model's sandbox without a port: requests as the bot writes them go to it, and its streams come back, as bytes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Self, cast

from bot.core.json_text import JsonObject
from bot.core.ports.meter import Meter
from bot.core.ports.model import TextListener
from bot.core.transaction import Usage
from bot.errors import ModelUnavailable
from bot.model.openrouter import OpenRouter
from bot.model.sse import EventReader
from bot.model.stream_accumulator import Accumulator
from bot.pace import Pace
from slack_sandbox.openrouter import Answer, ChatRequest, Completion, ModelSandbox, wire
from tests.watch import outside

if TYPE_CHECKING:
    from bot.model.client import Client


class NearModelSandbox(ModelSandbox):
    """The sandbox, which nobody can reach but a `NearModel`."""

    async def __aenter__(self) -> Self:
        self.base_url = "http://127.0.0.1:0/api/v1"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()


class _NoNetwork:
    """The client where there is no network: what could fail in it does not."""

    network_errors: tuple[type[Exception], ...] = ()

    async def close(self) -> None:
        pass


class NearModel(OpenRouter):
    """The bot's model, whose requests lead to the sandbox inside this process."""

    def __init__(self, sandbox: ModelSandbox, *, api_key: str, base_url: str, models: tuple[str, ...]) -> None:
        super().__init__(api_key=api_key, base_url=base_url, models=models)
        self._sandbox = sandbox

    def _connect(self) -> Client:
        return cast("Client", _NoNetwork())

    async def _attempt(
        self,
        client: Client,
        body: bytes,
        on_text: TextListener | None,
        spend: Callable[[Usage], None],
        meter: Meter | None,
    ) -> Accumulator:
        got, reader, pace = Accumulator(), EventReader(), Pace()
        if meter is not None:
            await meter.sending()
            got.on_id = meter.began
        # The sandbox is no part of the bot, whose callbacks are measured.
        asked = asyncio.get_running_loop().create_task(self._sandbox.complete(body, {}, _written), context=outside())
        for data in reader.feed(await asked) + reader.finish():
            await pace.checkpoint()
            if data.strip() != b"[DONE]":
                chunk: JsonObject = json.loads(data)
                text = got.add(chunk)
                if got.withdrawn:
                    got.withdrawn = False
                    if on_text is not None:
                        on_text.restart()
                if text and on_text is not None:
                    on_text.add(text)
        got.end(done=True)
        if meter is not None:
            meter.ended(got.id, got.model, got.usage)
        return got


async def _written(chat: ChatRequest, answer: Answer) -> bytes:
    """An answer as it goes over the wire."""
    if not isinstance(answer, Completion):
        raise ModelUnavailable(f"the sandbox answers with {answer.kind}, which is told over a network only: {answer}")
    await asyncio.sleep(answer.first_token)
    return b"".join(wire.events(answer, chat.model, len(chat.body)))
