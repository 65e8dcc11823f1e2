"""The program of the process that reads one file: confined, and ended by its parent if it takes too long.

It gets a line of JSON (name, media type) and the file on stdin, and writes a line of JSON and the bytes to send to
stdout. What it reads may be made to attack it, so it has no environment, little memory and time, and, once everything
is imported, cannot open a file or a connection or start a process.
"""

from __future__ import annotations

import codecs
import contextlib
import json
import os
import resource
import signal
import sys
from dataclasses import asdict, replace

from bot.attachments import documents, images, plain
from bot.attachments.found import Found, Unreadable, kind_of

MEMORY_BYTES = 1_500_000_000
CPU_SECONDS = 25
SOFT_SECONDS = 10.0
"""After this long the reading of a document ends, with what was read until then."""
ENCODINGS = ("utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252", "latin-1", "mac_roman", "ascii")
CJK = ("gbk", "big5", "shift_jis", "euc_kr", "cp932", "cp949")


def main() -> None:
    """Read stdin, write stdout."""
    os.nice(5)
    _limit(resource.RLIMIT_AS, MEMORY_BYTES)
    _limit(resource.RLIMIT_CPU, CPU_SECONDS)
    _limit(resource.RLIMIT_CORE, 0)
    about = json.loads(sys.stdin.buffer.readline())
    content = sys.stdin.buffer.read()
    name = str(about.get("name") or "")
    try:
        kind = kind_of(content, name)
        _load(kind)
        _confine()
        found = _read(kind, content, name)
        if found.own and kind == "pdf" and about.get("named") is False:
            found = documents.nameless(found, content)
    except Unreadable as problem:
        found = Found(problem=str(problem))
    except (Exception, RecursionError, MemoryError):  # noqa: BLE001  # whatever a library raises, it is damaged
        found = Found(problem="it is damaged, or of a kind that I cannot read")
    head = asdict(replace(found, content=b""))
    del head["content"]
    sys.stdout.buffer.write(json.dumps(head).encode() + b"\n" + found.content)
    sys.stdout.buffer.flush()


def _read(kind: str, content: bytes, name: str) -> Found:
    match kind:
        case "image":
            return images.read(content)
        case "pdf" | "docx" | "pptx" | "xlsx":
            signal.signal(signal.SIGALRM, _out_of_time)
            signal.setitimer(signal.ITIMER_REAL, SOFT_SECONDS)
            return documents.READERS[kind](content)
        case "text":
            return plain.read(content, name)
        case _:
            return Found(kind="audio", media=kind, own=True)


def _load(kind: str) -> None:
    """Import everything that reading this kind needs."""
    if kind == "image":
        images.load()
    elif kind in documents.READERS:
        documents.load(kind)
    for encoding in (*ENCODINGS, *(CJK if kind == "pdf" else ())):
        codecs.lookup(encoding)


def _confine() -> None:
    """From now on, open nothing and start nothing."""
    _limit(resource.RLIMIT_NOFILE, 3)
    _limit(resource.RLIMIT_FSIZE, 0)
    _limit(resource.RLIMIT_NPROC, 0)
    sys.addaudithook(_refuse)


def _refuse(event: str, arguments: tuple[object, ...]) -> None:
    if event.startswith(("socket.", "subprocess.", "os.system", "os.exec", "os.fork", "os.posix_spawn", "ctypes.")):
        raise PermissionError(event)


def _limit(what: int, most: int) -> None:
    # Not every system has every limit.
    with contextlib.suppress(ValueError, OSError):
        _, hard = resource.getrlimit(what)
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(what, (most, most))


def _out_of_time(number: int, frame: object) -> None:
    raise documents.OutOfTime
