"""The configuration of one MCP server: how it is reached and whether it is trusted. `bot.config.mcp_json` reads it from
a file.

The subclass determines the transport (`bot.tools.mcp.transports.registry`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Protocol
from urllib.parse import parse_qsl, urlsplit

from bot.core.identity import Identity, OAuthSettings
from bot.core.json_text import canonical, sha256
from bot.core.tools import Audience
from bot.tools import secret_values
from bot.tools.secret_values import SHORTEST

CALL_SECONDS = 60.0
"""The time limit of a call if none is configured; the MCP SDKs' own default."""
START_SECONDS = 60.0
"""For starting, negotiating and listing, if not configured. A server that npx has to download takes 7 s and more."""
CALLS_AT_ONCE = 16
"""Calls that one server handles at the same time, if not configured; more of them wait."""


@dataclass(frozen=True, slots=True)
class ServerConfig:
    """The settings that all kinds of servers have."""

    key: str
    """The name in the configuration; tools are offered as `{key}__{tool}`."""
    trusted: bool = field(default=False, kw_only=True)
    """Whether the server's annotations of its tools count (readOnlyHint and the like)."""
    call_seconds: float = field(default=CALL_SECONDS, kw_only=True)
    """How long a call may take before it counts as unanswered."""
    start_seconds: float = field(default=START_SECONDS, kw_only=True)
    """How long the server may take to start, negotiate and list its tools."""
    calls_at_once: int = field(default=CALLS_AT_ONCE, kw_only=True)
    legacy: bool = field(default=False, kw_only=True)
    """Whether the server is reached through `initialize` without asking for 2026-07-28 first."""
    include: tuple[str, ...] = field(default=(), kw_only=True)
    """Globs over the server's own names of its tools: only these are used; empty for all."""
    exclude: tuple[str, ...] = field(default=(), kw_only=True)
    """Globs over names of tools that are not used, even if they are included."""
    safe_to_repeat: tuple[str, ...] = field(default=(), kw_only=True)
    """Globs over names of tools whose calls may be sent again when it is not known whether they have run."""
    audience: Audience = field(default=Audience(), kw_only=True)
    """Where and by whom the server may be used."""
    account: Identity = field(default=Identity.NONE, kw_only=True)
    """Whose account the calls use."""

    def uses(self, remote_name: str) -> bool:
        """Return whether a tool is used, by the server's own name."""
        included = not self.include or _matches(self.include, remote_name)
        return included and not _matches(self.exclude, remote_name)

    def repeats(self, remote_name: str) -> bool:
        """Return whether calls of a tool may be sent again, by the server's own name."""
        return _matches(self.safe_to_repeat, remote_name)

    def without_secrets(self, words: str) -> str:
        """Return what the server or its transport said without the values of the configuration that may be secret."""
        return _hide(words, self.secrets())

    def secrets(self) -> Iterable[str]:
        """Return the values that may be secret."""
        return self.credentials()

    def credentials(self) -> Iterable[str]:
        """Return the values that certainly are secret: they are left out of everything that the server says, of which
        `secrets` would garble too much."""
        return ()

    def identity(self) -> Sequence[object]:
        """Return JSON values that identify the server: approvals and grants for one server do not apply to another one
        with the same key. Contains no credentials, so that they hold when a token is replaced."""
        return (self.key, self.trusted)

    def without_credentials(self, settings: Mapping[str, str]) -> tuple[object, ...]:
        """Return settings as a part of `identity`: which database, which project. Nothing if there are none."""
        hidden = self.credentials()
        found = {name: _hide(value, hidden) for name, value in settings.items()}
        return (found,) if found else ()

    @property
    def origin(self) -> str:
        """A digest of `identity`."""
        return sha256(canonical(list(self.identity())))


class Authorization(Protocol):
    """The credentials of the requests to a server."""

    async def header(self) -> str:
        """Return the value of the `Authorization` header. Raises SignInError if there is none."""
        ...

    async def refused(self, header: str, challenge: str) -> bool:
        """Take in that a server did not accept these credentials. Return whether there are others now. Raises
        SignInError if that is not known."""
        ...

    async def aclose(self) -> None:
        """Release what it holds, once the server is not used any more."""
        ...


@dataclass(frozen=True, slots=True)
class HttpServer(ServerConfig):
    """A server that somebody else runs, reached over streamable HTTP."""

    url: str = field(repr=False)
    """May contain a secret in its query."""
    headers: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    """Sent with every request; usually they contain a secret."""
    oauth: OAuthSettings | None = field(default=None, kw_only=True)
    """How the bot or people sign in; None if nobody does."""
    authorization: Authorization | None = field(default=None, repr=False, compare=False, kw_only=True)
    """Gives the credentials of each request; set when the server is started."""

    @property
    def signs_in(self) -> bool:
        """Whether the credentials come from signing in."""
        return self.account is Identity.PERSON or self.oauth is not None

    def identity(self) -> Sequence[object]:
        person = (str(self.account),) if self.account is Identity.PERSON else ()
        address, _, query = _hide(self.url, self.credentials()).partition("?")
        bot = {"client": self.oauth.client_id} if self.oauth and self.oauth.client_id and not person else {}
        more = self.without_credentials({**self.headers, **({"?": query} if query else {}), **bot})
        return (self.key, address, self.trusted, *person, *more)

    def secrets(self) -> Iterable[str]:
        values = (part for value in self.headers.values() for part in (value, *value.split()[1:]))
        values = (*values, self.oauth.client_secret) if self.oauth else values
        query = [self.url.partition("?")[2], *(value for _, value in parse_qsl(urlsplit(self.url).query))]
        return [*values, *query, *self.credentials()]

    def credentials(self) -> Iterable[str]:
        own = [self.oauth.client_secret] if self.oauth else []
        return [*own, *secret_values.of_settings(self.headers), *secret_values.of_address(self.url)]


@dataclass(frozen=True, slots=True)
class SseServer(HttpServer):
    """A server that is reached over HTTP with SSE, which the specification replaced in 2025-03-26."""


@dataclass(frozen=True, slots=True)
class StdioServer(ServerConfig):
    """A server that is a child process, reached over its stdin and stdout."""

    command: str
    args: tuple[str, ...] = field(default=(), repr=False)
    env: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    """Variables for the server in addition to HOME, LOGNAME, PATH, SHELL, TERM and USER. It gets no others of ours."""
    cwd: Path | None = None

    def identity(self) -> Sequence[object]:
        arguments = [_hide(each, self.credentials()) for each in self.args]
        return (self.key, self.command, arguments, str(self.cwd), self.trusted, *self.without_credentials(self.env))

    def secrets(self) -> Iterable[str]:
        options = (value for _, separator, value in (each.partition("=") for each in self.args) if separator)
        return [*self.env.values(), *options, *self.credentials()]

    def credentials(self) -> Iterable[str]:
        return [*secret_values.of_settings(self.env), *secret_values.of_arguments(self.args)]


def _hide(words: str, values: Iterable[str]) -> str:
    for value in sorted(values, key=len, reverse=True):
        if len(value) >= SHORTEST:
            words = words.replace(value, "***")
    return words


def _matches(globs: Iterable[str], name: str) -> bool:
    return any(fnmatchcase(name, glob) for glob in globs)
