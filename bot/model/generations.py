"""Asks the endpoint what a request has cost that was cut off, by the id of its reply.

`GET {base}/generation?id=…` is from OpenRouter's API reference (https://openrouter.ai/docs/api/api-reference/generations/
get-generation). What a reply has cost is there a few seconds after its end; 404 until then.
"""

from __future__ import annotations

from dataclasses import dataclass

import aiohttp

from bot.core import untrusted
from bot.core.transaction import Usage
from bot.errors import ModelUnavailable

SECONDS = 5.0
MAX_BYTES = 64 * 1024
_NAME_LENGTH = 200


@dataclass(frozen=True, slots=True)
class Generation:
    """What the endpoint says about a reply."""

    model: str
    usage: Usage


async def look_up(session: aiohttp.ClientSession, base_url: str, key: str, id: str) -> Generation | None:
    """Return what a reply has cost; None if the endpoint does not know it (yet). Raises ModelUnavailable if it does not
    answer."""
    timeout = aiohttp.ClientTimeout(total=SECONDS)
    headers = {"Authorization": f"Bearer {key}"}
    try:
        async with session.get(
            f"{base_url}/generation", params={"id": id}, headers=headers, timeout=timeout
        ) as response:
            if response.status >= 500 or response.status == 429:
                raise ModelUnavailable(f"HTTP {response.status}")
            body = await _whole(response) if response.status == 200 else b""
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise ModelUnavailable(type(error).__name__) from error
    return read(body)


async def _whole(response: aiohttp.ClientResponse) -> bytes:
    """Return a body that may arrive in pieces; nothing if it is longer than MAX_BYTES."""
    body = bytearray()
    async for piece in response.content.iter_chunked(MAX_BYTES):
        body += piece
        if len(body) > MAX_BYTES:
            return b""
    return bytes(body)


def read(body: bytes) -> Generation | None:
    """Return what the endpoint has answered; None if that is no cost."""
    found = untrusted.mapping(untrusted.mapping(untrusted.parsed(body.decode("utf-8", "replace"))).get("data"))
    cost = found.get("total_cost")
    if isinstance(cost, bool) or not isinstance(cost, int | float) or not 0 <= cost <= untrusted.MAX_NUMBER:
        return None  # NaN too

    def tokens(name: str) -> int:
        return untrusted.count(found.get(f"native_{name}")) or untrusted.count(found.get(name))

    usage = Usage(
        tokens("tokens_prompt"),
        tokens("tokens_completion"),
        untrusted.count(found.get("native_tokens_cached")),
        untrusted.amount(cost),
        reported=True,
    )
    return Generation(untrusted.text(found.get("model"), _NAME_LENGTH), usage)
