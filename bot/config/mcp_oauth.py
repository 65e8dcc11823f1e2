"""Reads how people, or the bot, sign in to a server of mcp.json: its `oauth`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Protocol
from urllib.parse import urlsplit

from bot.config.mcp_text import Object
from bot.core.identity import OAuthSettings

ALIASES = {"clientId": "client_id", "clientSecret": "client_secret", "clientMetadataUrl": "client_metadata_url"}
"""What other hosts call a key of ours."""
KEYS = ("client_id", "client_metadata_url", "client_secret", "issuer", "scopes")
ISSUER = re.compile(r"https://[^\s/?#]+[^\s?#]*|http://(localhost|127\.0\.0\.1|\[::1\])(:\d+)?(/[^\s?#]*)?", re.ASCII)


class Reader(Protocol):
    """The entry that is read."""

    def text(self, value: Any, place: str) -> str:
        """Return a text with its variables replaced."""
        ...

    def wrong(self, place: str, problem: str, fix: str = "correct it") -> None:
        """Report something that disables the server."""
        ...

    def warn(self, place: str, problem: str, fix: str) -> None:
        """Report something without effect."""
        ...


def read(reader: Reader, content: Mapping[str, Any]) -> OAuthSettings | None:
    """Return the settings; None if there are none."""
    if "oauth" not in content:
        return None
    table = content["oauth"]
    if not isinstance(table, Object):
        reader.wrong("oauth", "must be an object")
        return None
    values: dict[str, str] = {}
    scopes: tuple[str, ...] = ()
    for key, value in table.items():
        name = ALIASES.get(key, key)
        place = f"oauth.{key}"
        if name in ("scopes", "scope"):
            scopes = _scopes(reader, value, place)
        elif name in KEYS:
            values[name] = reader.text(value, place)
        else:
            reader.warn(place, "is not known and is ignored", "correct its name, or remove it")
    document = values.get("client_metadata_url", "")
    parts = urlsplit(document)
    if document and (parts.scheme != "https" or parts.path in ("", "/")):
        reader.wrong("oauth.client_metadata_url", "must be an https address with a path")
    if values.get("issuer") and not ISSUER.fullmatch(values["issuer"]):
        reader.wrong("oauth.issuer", "must be an https address without a query")
    if values.get("client_secret") and not values.get("client_id"):
        reader.wrong("oauth.client_secret", "needs a `client_id`")
    return OAuthSettings(scopes=scopes, **values)


def _scopes(reader: Reader, value: Any, place: str) -> tuple[str, ...]:
    """Return scopes, from a list or from one text with spaces."""
    listed = value.split() if isinstance(value, str) else value
    if not isinstance(listed, list) or not all(isinstance(each, str) and each and " " not in each for each in listed):
        reader.wrong(place, "must be a list of scopes")
        return ()
    return tuple(listed)
