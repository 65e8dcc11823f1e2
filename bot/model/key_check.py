"""Whether OpenRouter knows the key, asked at the start, over the bot's own HTTP session: the openai package is not
loaded yet then."""

from __future__ import annotations

import logging

import aiohttp

from bot.errors import ModelUnauthorized

log = logging.getLogger(__name__)


async def check_key(session: aiohttp.ClientSession, base_url: str, key: str, seconds: float = 8.0) -> None:
    """Ask `GET {base_url}/key` (OpenRouter's API reference). Raises ModelUnauthorized when the answer is no.

    Anything else (another gateway, no network) is for the first request to find out, and for the log.
    """
    timeout = aiohttp.ClientTimeout(total=seconds)
    try:
        async with session.get(
            f"{base_url}/key", headers={"Authorization": f"Bearer {key}"}, timeout=timeout
        ) as response:
            status = response.status
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        log.warning("%s could not be reached (%s); the key was not checked", base_url, type(error).__name__)
        return
    if status in (401, 403):
        raise ModelUnauthorized(f"HTTP {status}")
