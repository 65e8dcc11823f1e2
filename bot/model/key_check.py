"""Checks the OpenRouter key at startup, over the bot's own HTTP session, as openai is not loaded at that point."""

from __future__ import annotations

import logging

import aiohttp

from bot.errors import ModelUnauthorized, SettingsError

log = logging.getLogger(__name__)


async def check_key(session: aiohttp.ClientSession, base_url: str, key: str, seconds: float = 8.0) -> None:
    """Check the key with `GET {base_url}/key` (OpenRouter's API reference). Raises ModelUnauthorized if it is rejected.

    A network error is logged and any other response ignored (the gateway may not be OpenRouter): the first request
    then shows whether the key works.
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


async def require_key(session: aiohttp.ClientSession, base_url: str, key: str, seconds: float) -> None:
    """Check the key as `check_key` does. Raises SettingsError, which names the setting, if it is rejected."""
    try:
        await check_key(session, base_url, key, seconds)
    except ModelUnauthorized as error:
        raise SettingsError(
            "OPENROUTER_API_KEY",
            f"OpenRouter does not accept it ({error.detail}). Create a key at https://openrouter.ai/keys",
        ) from error
