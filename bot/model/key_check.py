"""Checks the OpenRouter key at startup, over the bot's own HTTP session, as openai is not loaded at that point."""

from __future__ import annotations

import logging
from urllib.parse import urlsplit

import aiohttp

from bot.core.untrusted import mapping, parsed
from bot.errors import ModelUnauthorized, SettingsError
from bot.model.error_objects import MAX_BODY_BYTES

log = logging.getLogger(__name__)


async def check_key(session: aiohttp.ClientSession, base_url: str, key: str, seconds: float = 8.0) -> None:
    """Check the key with `GET {base_url}/key` (OpenRouter's API reference). Raises ModelUnauthorized if it is rejected.

    A network error is logged and any other response ignored (the endpoint may not be OpenRouter, and some gateways
    answer unknown paths with 403): the first request then shows whether the key works.
    """
    timeout = aiohttp.ClientTimeout(total=seconds)
    try:
        async with session.get(
            f"{base_url}/key", headers={"Authorization": f"Bearer {key}"}, timeout=timeout
        ) as response:
            status = response.status
            said = await response.content.read(MAX_BODY_BYTES) if status == 403 else b""
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        log.warning("%s could not be reached (%s); the key was not checked", base_url, type(error).__name__)
        return
    if status == 401 or (status == 403 and mapping(parsed(said.decode("utf-8", "replace"))).get("error")):
        raise ModelUnauthorized(f"HTTP {status}")


async def require_key(session: aiohttp.ClientSession, base_url: str, key: str, seconds: float) -> None:
    """Check the key as `check_key` does. Raises SettingsError, which names the setting, if it is rejected."""
    try:
        await check_key(session, base_url, key, seconds)
    except ModelUnauthorized as error:
        host = urlsplit(base_url).hostname or ""
        ours = host == "openrouter.ai" or host.endswith(".openrouter.ai")
        whose, fix = ("OpenRouter", "Create a key at https://openrouter.ai/keys") if ours else (host, "Copy it again")
        raise SettingsError("OPENROUTER_API_KEY", f"{whose} does not accept it ({error.detail}). {fix}") from error
