"""Reads which MCP servers to run from mcp.json, in the format of Claude, Cursor and Gemini CLI (`mcpServers`).

A server is a program that is started (stdio), or an address (streamable HTTP, or the older SSE). `${VAR}`,
`${VAR:-default}` and `${env:VAR}` are replaced in command, args, env, cwd, url and headers. Two keys are our own:
`trusted` (the server's annotations count: read-only tools run without asking) and `timeout`, in seconds.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from bot.errors import SettingsError
from bot.tools.disk import before_the_loop
from bot.tools.filesystem import default_server
from bot.tools.mcp import names
from bot.tools.server_config import CALL_SECONDS, HttpServer, ServerConfig, SseServer, StdioServer

FOLDER_SECONDS = 5.0
"""Time limit for accessing the workspace."""
MAX_CALL_SECONDS = 3600.0
DEFAULT_WORKSPACE = Path("workspace")

SERVER_KEYS = ("args", "command", "cwd", "disabled", "env", "headers", "timeout", "trusted", "type", "url")
_HTTP_KEYS = ("disabled", "headers", "timeout", "trusted", "type", "url")
_STDIO_KEYS = tuple(key for key in SERVER_KEYS if key not in ("headers", "url"))
_HTTP_TYPES = ("http", "streamable-http", "sse")
_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_FILE_KEYS = ("$schema", "mcpServers")
_REFERENCE = re.compile(r"\$\{([^}]*)\}")
_VARIABLE = re.compile(r"(?:env:)?([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?", re.DOTALL)


def load(
    path: Path | None, workspace: Path | None, environ: Mapping[str, str] | None = None
) -> tuple[ServerConfig, ...]:
    """Return the servers to run, in the order of the file.

    In: the file, or None for the filesystem server over the workspace; the folder that BOT_WORKSPACE names, which must
    exist in either case, or None for `./workspace`, which is created when needed; the variables for `${…}`, by default
    those of the process. Raises SettingsError, which names the file, the place in it and how to fix it, and never
    quotes a value that may be secret.
    """
    root = _answering(workspace) if workspace is not None or path is None else None
    if path is None and root is not None:
        command, args = default_server.command(root)
        # Started in the workspace, the server accepts relative paths. But npx also looks for programs in its current
        # folder, and a model has written what is in the workspace.
        cwd = None if command == default_server.NPX else root
        return (StdioServer(default_server.KEY, command, args, cwd=cwd, trusted=True),)
    return _File(path or Path(), os.environ if environ is None else environ).servers()


def _answering(workspace: Path | None) -> Path:
    """Return the workspace. Raises SettingsError if it cannot be used, also if its disk does not answer."""
    found: list[Path | SettingsError] = []

    def look() -> None:
        try:
            found.append(default_server.folder(workspace or DEFAULT_WORKSPACE, create=workspace is None))
        except SettingsError as problem:
            found.append(problem)

    before_the_loop([look], FOLDER_SECONDS)
    match found:
        case [Path() as folder]:
            return folder
        case [SettingsError() as problem]:
            raise problem
        case _:
            words = f"the disk with the folder {workspace or DEFAULT_WORKSPACE} does not answer."
            raise SettingsError("BOT_WORKSPACE", f"{words} Name a folder on another one.")


class _File:
    """One mcp.json that is being read."""

    def __init__(self, path: Path, environ: Mapping[str, str]) -> None:
        self._path = path
        self._environ = environ

    def servers(self) -> tuple[ServerConfig, ...]:
        content = self._content()
        self._known(content, _FILE_KEYS, "")
        if "mcpServers" not in content:
            raise self._wrong("", "has no `mcpServers`. The servers belong under that key.")
        entries = self._typed(content["mcpServers"], dict, "mcpServers", "an object")
        servers: list[ServerConfig] = []
        prefixes: dict[str, str] = {}
        for key, entry in entries.items():
            prefix = names.prefix(key)
            if not prefix or len(prefix) > names.MAX_PREFIX_LENGTH:
                raise self._wrong(
                    f"mcpServers.{key}",
                    "has a name that cannot be used, because tools are named after it. Use 1 to "
                    f"{names.MAX_PREFIX_LENGTH} letters, digits, `_` or `-`.",
                )
            if prefix in prefixes:
                raise self._wrong(
                    f"mcpServers.{key}",
                    f"and `{prefixes[prefix]}` both become `{prefix}` in the names of tools. Rename one of them.",
                )
            prefixes[prefix] = key
            server = self._server(key, self._typed(entry, dict, f"mcpServers.{key}", "an object"))
            if server is not None:
                servers.append(server)
        return tuple(servers)

    def _server(self, key: str, entry: dict[str, Any]) -> ServerConfig | None:
        """Return the server of an entry; None if it is disabled (its content is validated all the same, its variables
        are not)."""
        place = f"mcpServers.{key}"
        kind = entry.get("type", "http" if "url" in entry else "stdio")
        if kind in _HTTP_TYPES:
            return self._http_server(key, entry, place, sse=kind == "sse")
        if kind != "stdio":
            raise self._wrong(f"{place}.type", f"must be stdio, {' or '.join((', '.join(_HTTP_TYPES[:-1]), 'sse'))}.")
        self._known(entry, _STDIO_KEYS, place)
        command = self._typed(entry.get("command"), str, f"{place}.command", "the program to start, as a string")
        args = self._typed(entry.get("args", []), list, f"{place}.args", "a list of strings")
        env = self._typed(entry.get("env", {}), dict, f"{place}.env", "an object of strings")
        cwd = self._typed(entry.get("cwd", ""), str, f"{place}.cwd", "a folder, as a string")
        trusted = self._typed(entry.get("trusted", False), bool, f"{place}.trusted", "true or false")
        disabled = self._typed(entry.get("disabled", False), bool, f"{place}.disabled", "true or false")
        seconds = self._seconds(entry.get("timeout", CALL_SECONDS), f"{place}.timeout")
        if disabled:
            return None
        return StdioServer(
            key,
            self._expanded(command, f"{place}.command", may_be_empty=False),
            tuple(self._expanded(argument, f"{place}.args[{index}]") for index, argument in enumerate(args)),
            {name: self._expanded(value, f"{place}.env.{name}") for name, value in env.items()},
            self._folder(self._expanded(cwd, f"{place}.cwd"), f"{place}.cwd") if cwd else None,
            trusted=trusted,
            call_seconds=seconds,
        )

    def _http_server(self, key: str, entry: dict[str, Any], place: str, *, sse: bool) -> ServerConfig | None:
        """Return the server of an entry with an address; None if it is disabled."""
        self._known(entry, _HTTP_KEYS, place)
        url = self._typed(entry.get("url"), str, f"{place}.url", "the server's address, as a string")
        headers = self._typed(entry.get("headers", {}), dict, f"{place}.headers", "an object of strings")
        trusted = self._typed(entry.get("trusted", False), bool, f"{place}.trusted", "true or false")
        disabled = self._typed(entry.get("disabled", False), bool, f"{place}.disabled", "true or false")
        seconds = self._seconds(entry.get("timeout", CALL_SECONDS), f"{place}.timeout")
        if disabled:
            return None
        return (SseServer if sse else HttpServer)(
            key,
            self._address(self._expanded(url, f"{place}.url", may_be_empty=False), f"{place}.url"),
            {name: self._header(name, value, f"{place}.headers.{name}") for name, value in headers.items()},
            trusted=trusted,
            call_seconds=seconds,
        )

    def _address(self, url: str, place: str) -> str:
        try:
            parts = urlsplit(url)
            valid = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
        except ValueError as problem:
            raise self._wrong(place, "must be an http or https address.") from problem
        if not valid or not url.isascii() or not url.isprintable() or " " in url:
            raise self._wrong(place, "must be an http or https address.")
        if "@" in parts.netloc:
            raise self._wrong(place, "must not contain a user name or a password. Send them in `headers`.")
        return url

    def _header(self, name: str, value: Any, place: str) -> str:
        text = self._expanded(value, place).strip()
        if not _HEADER.fullmatch(name) or not text.isascii() or not text.isprintable():
            raise self._wrong(place, "must be a header with printable ASCII characters.")
        return text

    def _content(self) -> dict[str, Any]:
        try:
            text = self._path.read_text("utf-8-sig")
        except OSError as problem:
            raise self._wrong("", f"cannot be read ({problem.strerror}).") from problem
        except UnicodeDecodeError as problem:
            raise self._wrong("", "is not UTF-8 text.") from problem
        try:
            content = json.loads(text, object_pairs_hook=self._without_duplicates)
        except json.JSONDecodeError as problem:
            raise self._wrong("", f"is not valid JSON: {problem.msg} in line {problem.lineno}.") from problem
        except RecursionError as problem:
            raise self._wrong("", "is nested too deeply.") from problem
        return self._typed(content, dict, "", "an object with `mcpServers`")

    def _without_duplicates(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        content: dict[str, Any] = {}
        for key, value in pairs:
            if key in content:
                raise self._wrong("", f"has the key `{key}` twice in one object. Remove one of them.")
            content[key] = value
        return content

    def _expanded(self, text: Any, place: str, *, may_be_empty: bool = True) -> str:
        def value(reference: re.Match[str]) -> str:
            variable = _VARIABLE.fullmatch(reference[1])
            if variable is None:
                raise self._wrong(
                    place,
                    f"contains `{reference[0]}`, which cannot be replaced. "
                    "Use ${VAR}, ${VAR:-default} or ${env:VAR}.",
                )
            name, fallback = variable.groups()
            # As in a shell, `:-` also applies to a variable that is set but empty.
            if found := self._environ.get(name):
                return found
            if fallback is not None:
                return fallback
            if name in self._environ:
                return ""
            raise self._wrong(
                place,
                f"needs the environment variable {name}, which is not set. Set it, or write ${{{name}:-default}}.",
            )

        expanded = _REFERENCE.sub(value, self._typed(text, str, place, "a string"))
        if "\0" in expanded or not (expanded or may_be_empty):
            raise self._wrong(place, "must not be empty or contain a NUL character.")
        return expanded

    def _folder(self, text: str, place: str) -> Path:
        folder = self._path.absolute().parent / Path(text).expanduser()
        found: list[bool] = []
        before_the_loop([lambda: found.append(os.path.isdir(folder))], FOLDER_SECONDS)
        if not found:
            raise self._wrong(
                place, f"names a folder whose disk does not answer ({folder}). Name a folder on another one."
            )
        if not found[0]:
            raise self._wrong(place, f"names the folder {folder}, which does not exist.")
        return folder

    def _seconds(self, value: Any, place: str) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= MAX_CALL_SECONDS:
            raise self._wrong(
                place,
                f"must be a number of seconds (not milliseconds), above 0 and at most {MAX_CALL_SECONDS:.0f}.",
            )
        return float(value)

    def _known(self, content: dict[str, Any], known: tuple[str, ...], place: str) -> None:
        for key in content:
            if key not in known:
                raise self._wrong(
                    place, f"has an unknown key `{key}`. The keys that are known here are {', '.join(known)}."
                )

    def _typed(self, value: Any, kind: type, place: str, wanted: str) -> Any:
        if not isinstance(value, kind):
            raise self._wrong(place, f"must be {wanted}.")
        return value

    def _wrong(self, place: str, problem: str) -> SettingsError:
        return SettingsError("MCP_CONFIG", f"{self._path}{f': `{place}`' if place else ''} {problem}")
