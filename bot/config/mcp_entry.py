"""Reads one server of mcp.json. Whatever is wrong in it is collected, so that all of it can be corrected at once."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from bot.config import mcp_oauth
from bot.config.mcp_text import Object
from bot.config.mcp_variables import UnsetError, expanded
from bot.core.identity import Identity
from bot.core.tools import Audience
from bot.tools.disk import before_the_loop
from bot.tools.server_config import (
    CALL_SECONDS,
    CALLS_AT_ONCE,
    START_SECONDS,
    HttpServer,
    ServerConfig,
    SseServer,
    StdioServer,
)

MAX_SECONDS = 3600.0
MAX_CALLS_AT_ONCE = 1000
FOLDER_SECONDS = 5.0
"""Time limit for accessing a folder."""

ALIASES = {
    "httpUrl": "url",  # Gemini CLI
    "serverUrl": "url",  # Windsurf
    "includeTools": "include",  # Gemini CLI
    "excludeTools": "exclude",  # Gemini CLI
    "disabledTools": "exclude",  # Roo Code
}
"""What other hosts call a key of ours."""
GRANTS = ("alwaysAllow", "autoApprove", "trust")
"""Keys by which other hosts let tools run without asking."""
_COMMON = (
    *("channels", "disabled", "exclude", "groups", "identity", "include", "max_concurrency", "protocol"),
    *("safe_to_repeat", "startup_timeout", "timeout", "trusted", "type", "users"),
)
_STDIO_KEYS = ("args", "command", "cwd", "env")
_HTTP_KEYS = ("headers", "oauth", "url")
SERVER_KEYS = tuple(sorted((*_COMMON, *_STDIO_KEYS, *_HTTP_KEYS)))

_KINDS = {"stdio": "stdio", "http": "http", "streamablehttp": "http", "sse": "sse"}
_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_CHANNEL, _USER, _GROUP = re.compile(r"[CDG][A-Z0-9]+"), re.compile(r"[UW][A-Z0-9]+"), re.compile(r"S[A-Z0-9]+")


@dataclass(frozen=True, slots=True)
class Problem:
    """Something in an entry that is wrong, or that has no effect."""

    place: str
    """Where: `env.TOKEN`; empty for the entry as a whole."""
    problem: str
    fix: str


@dataclass(slots=True)
class Entry:
    """One server of the file."""

    key: str
    content: Any
    folder: Path
    """The folder of the file."""
    environ: Mapping[str, str]
    errors: list[Problem] = field(default_factory=list[Problem])
    """Each of them disables the server."""
    warnings: list[Problem] = field(default_factory=list[Problem])

    def server(self) -> ServerConfig | None:
        """Return the server; None if it is disabled, or if there are errors."""
        if not isinstance(self.content, Object):
            self.wrong("", "must be an object")
            return None
        if self.content.get("disabled") is True:
            return None
        content = self._own_keys(self.content)
        kind = self._kind(content)
        self._check_keys(content, kind)
        made = self._stdio(content) if kind == "stdio" else self._http(content, sse=kind == "sse")
        return None if self.errors else made

    def _own_keys(self, content: Object) -> dict[str, Any]:
        """Return the content with our names of its keys."""
        for key in content.twice:
            self.wrong(key, "is there twice", "remove one of them")
        found: dict[str, Any] = {}
        for key, value in content.items():
            own = ALIASES.get(key, key)
            if own in found:
                self.wrong(key, f"and `{own}` mean the same", "remove one of them")
            found[own] = value
        return found

    def _kind(self, content: Mapping[str, Any]) -> str:
        kind = content.get("type", "http" if "url" in content else "stdio")
        found = _KINDS.get(re.sub("[-_ ]", "", kind).lower()) if isinstance(kind, str) else None
        if found is None:
            self.wrong("type", "must be stdio, http, streamable-http or sse")
        return found or ("http" if "url" in content else "stdio")

    def _check_keys(self, content: Mapping[str, Any], kind: str) -> None:
        """Warn of keys without effect, and refuse those whose effect people rely on."""
        used = (*_COMMON, *(_STDIO_KEYS if kind == "stdio" else _HTTP_KEYS))
        for key, value in content.items():
            if key in GRANTS:
                if value:
                    problem = "grants nothing: what runs without asking is decided by the policy in bot.toml"
                    self.warnings.append(Problem(key, problem, "remove it, or write a rule"))
            elif key not in used:
                problem = "has no effect for a server of this type" if key in SERVER_KEYS else "is not known"
                self.warnings.append(Problem(key, f"{problem} and is ignored", "correct its name, or remove it"))
        identity = content.get("identity", "service")
        if identity not in ("service", "person"):
            self.wrong("identity", 'must be "service" or "person"')
        elif identity == "person" and kind == "stdio":
            self.wrong("identity", 'cannot be "person" for a program: people sign in to servers with a `url`')
        elif kind == "stdio" and "oauth" in content:
            self.wrong("oauth", "cannot be used for a program", "remove it, or use a server with a `url`")

    def _stdio(self, content: Mapping[str, Any]) -> StdioServer:
        cwd = self.text(content.get("cwd", ""), "cwd")
        return StdioServer(
            self.key,
            self._needed(content, "command", "the program to start, as a string"),
            tuple(self.text(each, f"args[{at}]") for at, each in enumerate(self._list(content, "args"))),
            self._texts(content, "env"),
            self._directory(cwd) if cwd else None,
            **self._common(content),
        )

    def _http(self, content: Mapping[str, Any], *, sse: bool) -> HttpServer:
        url = self._needed(content, "url", "the server's address, as a string")
        if url:
            self._check_address(url)
        headers = {name: value.strip() for name, value in self._texts(content, "headers").items()}
        for name, value in headers.items():
            if not _HEADER.fullmatch(name) or not value.isascii() or not (value.isprintable()):
                self.wrong(f"headers.{name}", "must be a header with printable ASCII characters")
        names = {name.lower() for name in headers}
        oauth = mcp_oauth.read(self, content)
        person = content.get("identity") == "person"
        if (person or oauth is not None) and "authorization" in names:
            fix = "remove one of them: there is no fallback from one identity to another"
            self.wrong("headers.Authorization", "and signing in exclude each other", fix)
        if not person and oauth is not None and not oauth.client_secret:
            fix = 'add both, or use the identity "person"'
            self.wrong("oauth", "needs a `client_id` and a `client_secret` for an account of the bot", fix)
        has_account = bool(oauth or headers or urlsplit(url).query)
        account = Identity.PERSON if person else Identity.SERVICE if has_account else Identity.NONE
        made = SseServer if sse else HttpServer
        return made(self.key, url, headers, oauth=oauth, account=account, **self._common(content))

    def _common(self, content: Mapping[str, Any]) -> dict[str, Any]:
        """Return the fields that all kinds of servers have."""
        self._flag(content, "disabled")
        protocol = content.get("protocol", "auto")
        if protocol not in ("auto", "legacy"):
            self.wrong("protocol", "must be auto or legacy")
        return {
            "trusted": self._flag(content, "trusted"),
            "call_seconds": self._seconds(content, "timeout", CALL_SECONDS),
            "start_seconds": self._seconds(content, "startup_timeout", START_SECONDS),
            "calls_at_once": self._places(content),
            "legacy": protocol == "legacy",
            "include": self._globs(content, "include"),
            "exclude": self._globs(content, "exclude"),
            "safe_to_repeat": self._globs(content, "safe_to_repeat"),
            "audience": Audience(
                self._ids(content, "channels", _CHANNEL, "channels, such as C0123456789"),
                self._ids(content, "users", _USER, "people, such as U0123456789"),
                self._ids(content, "groups", _GROUP, "user groups, such as S0123456789"),
            ),
        }

    def _needed(self, content: Mapping[str, Any], key: str, what: str) -> str:
        if not isinstance(value := content.get(key), str):
            self.wrong(key, f"must be {what}")
            return ""
        before = len(self.errors)
        text = self.text(value, key)
        if not text.strip() and len(self.errors) == before:
            self.wrong(key, "must not be empty")
        return text

    def text(self, value: Any, place: str) -> str:
        """Return a text with its variables replaced. Numbers and booleans count as they are written."""
        if isinstance(value, bool | int | float):
            value = json.dumps(value)
        if not isinstance(value, str):
            self.wrong(place, "must be a string")
            return ""
        try:
            text = expanded(value, self.environ)
        except UnsetError as error:
            self.wrong(place, error.problem, error.fix)
            return ""
        if "\0" in text:
            self.wrong(place, "must not contain a NUL character")
        return text

    def _texts(self, content: Mapping[str, Any], key: str) -> dict[str, str]:
        """Return an object of strings. In VS Code, null leaves a variable out."""
        value = content.get(key, Object([]))
        if not isinstance(value, Object):
            self.wrong(key, "must be an object of strings")
            return {}
        for name in value.twice:
            self.wrong(f"{key}.{name}", "is there twice", "remove one of them")
        for name in value:
            if not name or "=" in name or "\0" in name:
                self.wrong(key, "has a name that cannot be used")
        return {name: self.text(each, f"{key}.{name}") for name, each in value.items() if each is not None}

    def _list(self, content: Mapping[str, Any], key: str) -> list[Any]:
        value = content.get(key, [])
        if isinstance(value, list):
            return value
        self.wrong(key, "must be a list of strings")
        return []

    def _globs(self, content: Mapping[str, Any], key: str) -> tuple[str, ...]:
        globs = self._list(content, key)
        # An empty list would read like "none", and mean "all".
        if any(not isinstance(glob, str) or not glob for glob in globs) or (
            key == "include" and key in content and not globs
        ):
            self.wrong(key, "must be a list of names of tools, in which `*` and `?` may be used")
            return ()
        return tuple(globs)

    def _ids(self, content: Mapping[str, Any], key: str, form: re.Pattern[str], what: str) -> tuple[str, ...]:
        ids = self._list(content, key)
        if any(not isinstance(each, str) or not form.fullmatch(each) for each in ids) or (key in content and not ids):
            self.wrong(key, f"must be a list of ids of {what}")
            return ()
        return tuple(ids)

    def _flag(self, content: Mapping[str, Any], key: str) -> bool:
        value = content.get(key, False)
        if not isinstance(value, bool):
            self.wrong(key, "must be true or false")
        return value is True

    def _seconds(self, content: Mapping[str, Any], key: str, default: float) -> float:
        value = content.get(key, default)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= MAX_SECONDS:
            limits = f"above 0 and at most {MAX_SECONDS:.0f}"
            self.wrong(key, f"must be a number of seconds (not milliseconds), {limits}")
            return default
        return float(value)

    def _places(self, content: Mapping[str, Any]) -> int:
        value = content.get("max_concurrency", CALLS_AT_ONCE)
        if isinstance(value, bool) or not isinstance(value, int) or not 0 < value <= MAX_CALLS_AT_ONCE:
            self.wrong("max_concurrency", f"must be a number of calls from 1 to {MAX_CALLS_AT_ONCE}")
            return CALLS_AT_ONCE
        return value

    def _check_address(self, url: str) -> None:
        try:
            parts = urlsplit(url)
            valid = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
            named = "@" in parts.netloc
        except ValueError:
            valid = named = False
        if not valid or not url.isascii() or not url.isprintable() or " " in url:
            self.wrong("url", "must be an http or https address")
        elif named:
            self.wrong("url", "must not contain a user name or a password", "send them in `headers`")

    def _directory(self, text: str) -> Path:
        folder = self.folder / Path(text).expanduser()
        found: list[bool] = []
        before_the_loop([lambda: found.append(os.path.isdir(folder))], FOLDER_SECONDS)
        if not found:
            problem = f"names a folder whose disk does not answer ({folder})"
            self.wrong("cwd", problem, "name a folder on another one")
        elif not found[0]:
            self.wrong("cwd", f"names the folder {folder}, which does not exist")
        return folder

    def warn(self, place: str, problem: str, fix: str) -> None:
        """Report something without effect."""
        self.warnings.append(Problem(place, problem, fix))

    def wrong(self, place: str, problem: str, fix: str = "correct it") -> None:
        """Report something that disables the server."""
        self.errors.append(Problem(place, problem, fix))
