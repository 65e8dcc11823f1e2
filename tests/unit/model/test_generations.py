"""The endpoint is asked what a request has cost that was cut off, whatever it answers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web

from bot.errors import ModelUnavailable
from bot.model import generations
from bot.model.generations import MAX_BYTES, Generation, look_up, read

pytestmark = pytest.mark.anyio

KNOWN = b'{"data": {"model": "a/b", "total_cost": 0.25, "native_tokens_prompt": 7}}'


@asynccontextmanager
async def asked(status: int, pieces: Sequence[bytes], *, ends: bool = True) -> AsyncGenerator[Generation | None]:
    """Ask an endpoint that answers with these pieces, one after another, and never ends if so wished."""

    async def answer(request: web.Request) -> web.StreamResponse:
        assert (request.query["id"], request.headers["Authorization"]) == ("gen-1", "Bearer key")
        response = web.StreamResponse(status=status)
        await response.prepare(request)
        for piece in pieces:
            await response.write(piece)
            await asyncio.sleep(0.01)
        if not ends:
            await asyncio.Event().wait()
        return response

    app = web.Application()
    app.router.add_get("/generation", answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        port = runner.addresses[0][1]
        async with aiohttp.ClientSession() as session:
            yield await look_up(session, f"http://127.0.0.1:{port}", "key", "gen-1")
    finally:
        await runner.cleanup()


@pytest.mark.parametrize("pieces", [[KNOWN], [KNOWN[:20], KNOWN[20:]]])
async def test_a_cost_is_read_in_one_piece_or_several(pieces: Sequence[bytes]) -> None:
    async with asked(200, pieces) as found:
        assert found is not None
        assert (found.model, found.usage.cost, found.usage.prompt_tokens) == ("a/b", 0.25, 7)


@pytest.mark.parametrize(
    ("status", "pieces"),
    [
        (404, [KNOWN]),
        (401, [b"{}"]),
        (200, [b"<html>Sign in</html>"]),
        (200, [b""]),
        (200, [KNOWN, b" " * MAX_BYTES]),
    ],
)
async def test_what_is_no_cost_is_not_known(status: int, pieces: Sequence[bytes]) -> None:
    async with asked(status, pieces) as found:
        assert found is None


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_an_endpoint_in_trouble_does_not_answer(status: int) -> None:
    with pytest.raises(ModelUnavailable):
        async with asked(status, [KNOWN]):
            pass


async def test_a_slow_endpoint_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generations, "SECONDS", 0.2)
    with pytest.raises(ModelUnavailable):
        async with asked(200, [KNOWN], ends=False):
            pass


@pytest.mark.parametrize("cost", ["NaN", "Infinity", "-1", "1e300", "true", '"0.25"', "null", "[]"])
def test_what_is_no_amount_is_not_read_as_free(cost: str) -> None:
    assert read(b'{"data": {"total_cost": %s}}' % cost.encode()) is None
