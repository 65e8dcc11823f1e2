"""Resolves paths exactly as the filesystem server does.

The rules are those of @modelcontextprotocol/server-filesystem: `validatePath` in dist/lib.js, `normalizePath` and
`expandHome` in dist/path-utils.js, `isPathWithinAllowedDirectories` in dist/path-validation.js, and how dist/index.js
reads its arguments. Where these let a path escape the server's folders, it is rejected here.
"""

from __future__ import annotations

import json
import os
import re
import sys
import unicodedata
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path, PurePath

from bot.tools.disk import Disk
from bot.tools.filesystem import default_server
from bot.tools.server_config import ServerConfig, StdioServer

_RUNNERS = {"node", "nodejs", "npx", "bun", "bunx"}
"""Programs that run the server on this machine; in a container or on another machine it has other files."""
_PROGRAM = "mcp-server-filesystem"
_SCRIPT = ("server-filesystem", "dist", "index.js")
_VERSION = re.compile(r"(\d+)\.(\d+)\.(\d+)")
_WINDOWS = re.compile(r"[A-Za-z]:(?:[\\/]|\Z)")
_UNPAIRED = re.compile("[\ud800-\udfff]")
_SPACE = "\t\n\v\f\r \xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000\ufeff"  # noqa: E501
"""What JavaScript's `trim` removes (ECMA-262, WhiteSpace and LineTerminator)."""


class RefusedError(Exception):
    """The server would reject this path; the text says why."""


@dataclass(frozen=True, slots=True)
class ResolvedPath:
    """The path to which a requested path leads, with all symbolic links resolved. It need not exist."""

    root: str
    """The server's folder that contains it."""
    path: str
    """The absolute path."""
    straight: bool = field(default=True, compare=False)
    """Whether it equals the requested path literally: no symbolic link and no other Unicode form was involved."""

    @property
    def parts(self) -> list[str]:
        """Return the names from the root to the path; none for the root itself."""
        return [part for part in self.path[len(self.root) :].split("/") if part]

    @property
    def parent(self) -> ResolvedPath:
        """Return the folder that contains it. Not for the root."""
        return ResolvedPath(self.root, os.path.dirname(self.path))


class Filesystem:
    """The folders of one filesystem server on this machine."""

    def __init__(self, key: str, folders: Sequence[str], cwd: str | None, env: Mapping[str, str]) -> None:
        """In: the server's key, its folder arguments, the folder in which it is started, and the variables that it gets
        in addition to ours."""
        self.key = key
        self.disk = Disk(key)
        """Runs all operations on these files."""
        self._folders = tuple(folders)
        self._cwd = cwd
        self._env = env
        self._known: dict[str, int] = {}
        """The server's folders as configured and with their links resolved, and the position of each argument."""

    @classmethod
    def of(cls, config: ServerConfig) -> Filesystem | None:
        """Return the files of a configured server; None unless it is a trusted filesystem server on this machine, in a
        version that follows these rules."""
        if not isinstance(config, StdioServer) or not config.trusted or sys.platform == "win32":
            return None
        folders = _folders(config)
        return cls(config.key, folders, str(config.cwd) if config.cwd else None, config.env) if folders else None

    def roots(self) -> list[str]:
        """Return the server's folders with all symbolic links resolved, without duplicates."""
        return _real(self._allowed())

    def shown(self, path: str) -> str:
        """Return a path as people read it: relative to the server's folder that contains it, never as a path of this
        machine. The folder itself is shown by its name, and so is the folder before the path if the server has
        several. Of a path outside of them only its last name is shown. Without disk access."""
        if not self._known:
            for index, folder in enumerate(self._folders):
                self._known.setdefault(self._literal(folder), index)
        absolute = self._expanded(path)
        if not absolute.startswith("/"):
            absolute = _resolved(absolute, list(dict.fromkeys(self._known)))
        absolute = normal(absolute)
        root = max((folder for folder in self._known if within(absolute, folder)), key=len, default=None)
        if root is None:
            name = os.path.basename(absolute)
            return f"…/{name}" if name else "…"
        inner = absolute[len(root.rstrip("/")) + 1 :]
        for folder in self._known:  # a relative path may hold one: `file:///srv/notes/a.md`
            inner = inner.replace(folder, "/…") if folder != "/" else inner
        label = self._label(self._known[root])
        return (f"{label}/{inner}" if len(set(self._known.values())) > 1 else inner) if inner else label

    def relative(self, text: str) -> str:
        """Return a text of the server in which paths in its folders are shown as `shown` does. Without disk access."""
        several = len(set(self._known.values())) > 1
        for root in sorted(self._known, key=len, reverse=True):
            if len(root) > 1:
                label = self._label(self._known[root])
                inner = f"{label}/" if several else ""
                text = re.sub(rf"(?<![\w./-]){re.escape(root)}/(?=[^\s'\",])", lambda _, shown=inner: shown, text)
                text = re.sub(rf"(?<![\w./-]){re.escape(root)}(?![\w.-])", lambda _, shown=label: shown, text)
        return text

    def usable(self, text: str) -> str:
        """Like `relative`, but with paths that the server resolves to the same files. If it has several folders, it may
        take a relative path for one in another folder, so the text stays as it is."""
        if len(set(self._known.values())) != 1:
            return text
        for root in sorted(self._known, key=len, reverse=True):
            if len(root) > 1:
                text = re.sub(rf"(?<![\w./-]){re.escape(root)}/(?=[^\s'\",])", "", text)
                text = re.sub(rf"(?<![\w./-]){re.escape(root)}(?![\w.-])", ".", text)
        return text

    def _label(self, index: int) -> str:
        names = [os.path.basename(self._literal(folder)) or "/" for folder in self._folders]
        earlier = names[:index].count(names[index])
        return f"{names[index]} ({earlier + 1})" if earlier else names[index]

    def _literal(self, folder: str) -> str:
        return _trimmed(normal(os.path.join(self._cwd or os.getcwd(), self._expanded(folder))))

    def place(self, requested: str) -> ResolvedPath:
        """Return where a path leads. Raises RefusedError if the server would reject it."""
        allowed = self._allowed()
        roots = _real(allowed)
        expanded = self._expanded(requested)
        if "\0" in expanded:
            raise RefusedError("the path holds a NUL character")
        if _WINDOWS.match(expanded):
            raise RefusedError("it is a Windows path, and this is not Windows")
        absolute = normal(expanded) if expanded.startswith("/") else _resolved(expanded, allowed)
        if not _within_any(_trimmed(absolute), allowed):
            raise RefusedError("it lies outside the folders of the tool server")
        try:
            real = os.path.realpath(absolute, strict=True)
        except FileNotFoundError:
            real = _missing(absolute, allowed, roots)
        except OSError as problem:
            raise RefusedError(f"the path cannot be followed ({problem.strerror})") from problem
        place = _rooted(real, roots)
        base = _base(absolute, allowed)
        plain = normal(f"{os.path.realpath(base)}/{os.path.relpath(absolute, base)}")
        return ResolvedPath(place.root, place.path, plain == place.path)

    def _allowed(self) -> list[str]:
        allowed: list[str] = []
        known: dict[str, int] = {}
        for index, folder in enumerate(self._folders):
            absolute = self._literal(folder)
            allowed.append(absolute)
            known.setdefault(absolute, index)
            with suppress(OSError):
                allowed.append(_trimmed(os.path.realpath(absolute, strict=True)))
                known.setdefault(allowed[-1], known[absolute])
        self._known = known
        allowed = [folder for folder in dict.fromkeys(allowed) if os.path.isdir(folder)]
        if not allowed:
            raise RefusedError("the tool server has no folder")
        return allowed

    def _expanded(self, path: str) -> str:
        if path != "~" and not path.startswith("~/"):
            return path
        home = self._env.get("HOME", os.path.expanduser("~"))
        return normal(f"{home}/{path[1:]}") if home.startswith("/") else os.path.normpath(f"{home}/{path[1:]}")


def normal(path: str) -> str:
    """Return an absolute path without `.`, `..` and double slashes, resolved literally like Node's `path.resolve`."""
    return "/" + os.path.normpath(path).lstrip("/")


def within(path: str, folder: str) -> bool:
    """Whether a normalized absolute path literally equals a folder or lies in it."""
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def _within_any(path: str, folders: list[str]) -> bool:
    return any(within(normal(path), normal(folder)) for folder in folders)


def _resolved(path: str, allowed: list[str]) -> str:
    """Resolve a relative path: in the first folder that still contains it, else in the first folder."""
    candidates = [normal(f"{folder}/{path}") for folder in allowed]
    return next((path for path in candidates if _within_any(_trimmed(path), allowed)), candidates[0])


def _missing(absolute: str, allowed: list[str], roots: list[str]) -> str:
    """Resolve a path of which a part does not exist, or exists in another Unicode form."""
    base = _base(absolute, allowed)
    try:
        current = os.path.realpath(base, strict=True)
        parts = [part for part in os.path.relpath(absolute, base).split("/") if part]
        for index, part in enumerate(parts):
            entry = _entry(current, part)
            if entry is None:
                return normal("/".join([current, *parts[index:]]))
            current = os.path.realpath(os.path.join(current, entry), strict=True)
            _rooted(current, roots)
    except FileNotFoundError as problem:
        raise RefusedError("there is a symbolic link on the path that leads nowhere") from problem
    except OSError as problem:
        raise RefusedError(f"the path cannot be followed ({problem.strerror})") from problem
    return current


def _rooted(real: str, roots: list[str]) -> ResolvedPath:
    holding = [root for root in roots if within(real, root)]
    if not holding:
        raise RefusedError("it leads out of the folders of the tool server")
    if _UNPAIRED.search(real):
        raise RefusedError("a name on it is not UTF-8")
    return ResolvedPath(max(holding, key=len), real)


def _base(absolute: str, allowed: list[str]) -> str:
    return max((folder for folder in allowed if within(_trimmed(absolute), folder)), key=len)


def _real(folders: list[str]) -> list[str]:
    return list(dict.fromkeys(os.path.realpath(folder) for folder in folders))


def _trimmed(path: str) -> str:
    """Return a path as the server compares it: without white space and a quotation mark at the end."""
    path = re.sub(r"""["']\Z""", "", path.strip(_SPACE))
    return re.sub(r"(?<!^)/\Z", "", re.sub("/+", "/", path))


def _entry(folder: str, part: str) -> str | None:
    """Return the entry of a folder to which a name refers; None if there is none.

    What the disk itself finds under that name takes precedence: on a disk that ignores case or Unicode form, the server
    would consider the name missing and still access it.
    """
    with suppress(FileNotFoundError):
        os.lstat(os.path.join(folder, part))
        return part
    wanted = unicodedata.normalize("NFC", part)
    with os.scandir(folder) as entries:
        found = [entry.name for entry in entries if unicodedata.normalize("NFC", entry.name) == wanted]
    if len(found) > 1:
        raise RefusedError(f"several files differ from the name {part} in nothing but their Unicode form")
    return found[0] if found else None


def _folders(config: StdioServer) -> tuple[str, ...]:
    """Return the folder arguments of a filesystem server; none for other servers."""
    program = PurePath(config.command)
    if program.name == _PROGRAM:
        return config.args
    if program.name not in _RUNNERS:
        return ()
    for index, argument in enumerate(config.args):
        if not argument.startswith("-"):
            # This word is the program that runs; any later one would be its argument.
            return config.args[index + 1 :] if _is_the_server(argument) else ()
        if argument in {"-p", "-c", "-r", "-e", "--package", "--call", "--require", "--eval"}:
            return ()
    return ()


def _is_the_server(argument: str) -> bool:
    """Whether a word of a command line names the server, in a version at least as new as the one known here."""
    if argument == default_server.PACKAGE:
        return True
    name, _, version = argument.rpartition("@")
    if name == default_server.PACKAGE:
        return version == "latest" or _is_new_enough(version)
    path = PurePath(argument)
    if path.parts[-3:] != _SCRIPT:
        return False
    try:
        with Path(path.parents[1], "package.json").open(encoding="utf-8") as manifest:
            content = json.load(manifest)
        return content["name"] == default_server.PACKAGE and _is_new_enough(content["version"])
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _is_new_enough(version: str) -> bool:
    found, known = _VERSION.match(version), _VERSION.match(default_server.pinned_version())
    if found is None or known is None:
        return False
    return tuple(map(int, found.groups())) >= tuple(map(int, known.groups()))
