"""Accesses files in a server's folders without following links, and changes them atomically.

Each path is opened from its root, name by name, relative to the folder before and never through a symbolic link
(openat(2), O_NOFOLLOW): a link that is created after the path was checked causes an error and leads nowhere else.
Everything here runs in threads, as disks may be slow, and raises OSError.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum

from bot.core.json_text import sha256
from bot.tools.filesystem.paths import ResolvedPath

MAX_READ_BYTES = 50 * 1024 * 1024
"""Bytes. Longer files are identified by size, time and inode instead of content, as hashing them would take 0.1 s and
more."""

_FOLDER = os.O_RDONLY | os.O_CLOEXEC | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_NOFOLLOW", 0)
_READ = os.O_RDONLY | os.O_CLOEXEC | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | getattr(os, "O_NOFOLLOW", 0)
_CHUNK = 1024 * 1024


class Kind(StrEnum):
    """What is at a path."""

    ABSENT = "absent"
    FILE = "file"
    FOLDER = "folder"
    LINK = "link"
    OTHER = "other"
    """A pipe, a socket, a device."""
    UNKNOWN = "unknown"
    """It cannot be accessed."""


@dataclass(frozen=True, slots=True)
class State:
    """The current state of a path."""

    kind: Kind
    size: int = 0
    """Bytes of a file, entries of a folder."""
    mode: int = 0
    """The permission bits."""
    device: int = 0
    inode: int = 0
    content: bytes | None = None
    """The content of a file that is not too long."""
    print: str = ""
    """A digest: of the content of a file, of size, time and inode of anything else, or of the error if the kind is
    unknown."""

    @property
    def identity(self) -> str:
        """Return a text that stays the same as long as it is the same file or folder, whatever its name."""
        return f"{self.device}:{self.inode}"


def look(place: ResolvedPath, keep: int = 0) -> State:
    """Return the state of a path. Never raises.

    In: `keep`, the maximum size in bytes of the content to return.
    """
    try:
        if not place.parts:
            return _described(os.stat(place.root), len(os.listdir(place.root)))
        with _folder_of(place) as (folder, name):
            about = os.stat(name, dir_fd=folder, follow_symlinks=False)
            if stat.S_ISDIR(about.st_mode):
                return _folder(folder, name, about)
            return _file(folder, name, keep) if stat.S_ISREG(about.st_mode) else _described(about, 0)
    except FileNotFoundError:
        return State(Kind.ABSENT)
    except OSError as problem:
        return State(Kind.UNKNOWN, print=sha256("error", str(problem.errno)))


Looks = Callable[[ResolvedPath, int], State]
"""Returns the state of a path, as `look` does."""


def missing(place: ResolvedPath, looks: Looks = look) -> list[ResolvedPath]:
    """Return the folders on a path, itself included, that do not exist yet, the outermost first. Never raises."""
    way = [place]
    while way[-1].parts and looks(way[-1], 0).kind is Kind.ABSENT:
        way.append(way[-1].parent)
    return way[-2::-1]


def replace(place: ResolvedPath, content: bytes, mode: int, temporary: str) -> None:
    """Replace or create a file atomically; its content is on the disk on return.

    In: the name of a temporary file in the same folder. If an interrupted replacement has left one, it is removed.
    """
    with _folder_of(place) as (folder, name):
        with suppress(FileNotFoundError):
            os.unlink(temporary, dir_fd=folder)
        try:
            handle = os.open(temporary, _NEW, 0o600, dir_fd=folder)
            with open(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fchmod(handle, mode)
                os.fsync(handle)
            os.rename(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
        except OSError:
            with suppress(OSError):
                os.unlink(temporary, dir_fd=folder)
            raise
        os.fsync(folder)


def unlink(place: ResolvedPath) -> None:
    """Remove a file."""
    with _folder_of(place) as (folder, name):
        os.unlink(name, dir_fd=folder)
        os.fsync(folder)


def rmdir(place: ResolvedPath) -> None:
    """Remove an empty folder."""
    with _folder_of(place) as (folder, name):
        os.rmdir(name, dir_fd=folder)
        os.fsync(folder)


def rename(source: ResolvedPath, destination: ResolvedPath) -> None:
    """Move a file or a folder without overwriting anything. Raises FileExistsError if the destination exists.

    A file gets its second name before it loses the first (link(2) never overwrites), so a crash in between leaves both;
    doing it again completes the move.
    """
    with _folder_of(source) as (old_folder, old), _folder_of(destination) as (new_folder, new):
        about = os.stat(old, dir_fd=old_folder, follow_symlinks=False)
        with suppress(FileNotFoundError):
            there = os.stat(new, dir_fd=new_folder, follow_symlinks=False)
            if stat.S_ISDIR(about.st_mode) or not os.path.samestat(about, there):
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
            os.unlink(old, dir_fd=old_folder)
            return
        if stat.S_ISREG(about.st_mode) and _linked(old, new, old_folder, new_folder):
            os.unlink(old, dir_fd=old_folder)
        else:
            os.rename(old, new, src_dir_fd=old_folder, dst_dir_fd=new_folder)
        os.fsync(new_folder)
        os.fsync(old_folder)


def _linked(old: str, new: str, old_folder: int, new_folder: int) -> bool:
    """Whether the second name could be created; some disks do not support hard links."""
    try:
        os.link(old, new, src_dir_fd=old_folder, dst_dir_fd=new_folder, follow_symlinks=False)
    except FileExistsError:
        raise
    except OSError:
        return False
    return True


@contextmanager
def _folder_of(place: ResolvedPath) -> Generator[tuple[int, str]]:
    """Open the folder of a path; yield it with the last name of the path."""
    *above, name = place.parts or [""]
    if not name:
        raise PermissionError(errno.EPERM, "it is a folder of the tool server itself")
    folder = os.open(place.root, _FOLDER)
    try:
        for part in above:
            deeper = os.open(part, _FOLDER, dir_fd=folder)
            os.close(folder)
            folder = deeper
        yield folder, name
    finally:
        os.close(folder)


def _folder(parent: int, name: str, about: os.stat_result) -> State:
    folder = os.open(name, _FOLDER, dir_fd=parent)
    try:
        return _described(about, len(os.listdir(folder)))
    finally:
        os.close(folder)


def _file(parent: int, name: str, keep: int) -> State:
    with open(os.open(name, _READ, dir_fd=parent), "rb") as file:
        about = os.fstat(file.fileno())
        if about.st_size > MAX_READ_BYTES or not stat.S_ISREG(about.st_mode):
            return _described(about, about.st_size)
        digest = hashlib.sha256()
        kept: list[bytes] = []
        size = 0
        # A file that keeps growing is cut off here, and looks different the next time.
        while size <= MAX_READ_BYTES and (chunk := file.read(_CHUNK)):
            digest.update(chunk)
            size += len(chunk)
            if size <= keep:
                kept.append(chunk)
    content = b"".join(kept) if size <= keep else None
    mode = stat.S_IMODE(about.st_mode)
    return State(Kind.FILE, size, mode, about.st_dev, about.st_ino, content, digest.hexdigest())


def _described(about: os.stat_result, size: int) -> State:
    """Return the state of something that is not read."""
    kinds = {stat.S_IFREG: Kind.FILE, stat.S_IFDIR: Kind.FOLDER, stat.S_IFLNK: Kind.LINK}
    kind = kinds.get(stat.S_IFMT(about.st_mode), Kind.OTHER)
    marks = sha256(str(about.st_size), str(about.st_mtime_ns), str(about.st_ino), str(about.st_dev))
    return State(kind, size, stat.S_IMODE(about.st_mode), about.st_dev, about.st_ino, None, marks)
