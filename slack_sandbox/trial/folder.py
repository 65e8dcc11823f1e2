"""The folder of a trial: the workspace, the database, the log."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from slack_sandbox.trial import sample_workspace

_OF_ONE_TRIAL = ("bot.db", "bot.db-wal", "bot.db-shm", "bot.log", "try.log")


LOCK = "try.lock"
"""Held while a trial uses the folder, and the mark of a folder that a trial has made."""


class FolderError(Exception):
    """A folder cannot be used: the option that named it, and why."""

    def __init__(self, option: str, problem: str) -> None:
        super().__init__(option, problem)
        self.option, self.problem = option, problem


@dataclass(frozen=True, slots=True)
class TrialFolder:
    """Where a trial keeps what it needs."""

    path: Path
    workspace: Path
    """The folder that the tools may use."""
    start: Path
    """The empty folder that the bot is started in, so that no .env, bot.toml or mcp.json is there by accident."""
    temporary: bool

    @property
    def database(self) -> Path:
        """The bot's database; new in every trial, since the sandbox's Slack is."""
        return self.path / "bot.db"

    @property
    def log(self) -> Path:
        """What the bot logs."""
        return self.path / "bot.log"

    @property
    def own_log(self) -> Path:
        """What the sandbox logs; there is no such file when it has nothing to say."""
        return self.path / "try.log"


@contextmanager
def prepared(folder: Path | None, workspace: Path | None) -> Generator[TrialFolder]:
    """A folder that is ready to use; a temporary one, removed in the end, when none is named.

    A workspace of one's own stays as it is. Else the sample files are written, where there are no files yet. What an
    earlier trial left in a named folder is moved to `earlier/`; a folder with files that no trial has made is left
    alone, since a database in it may be somebody's own. Raises FolderError, also when another trial uses the folder.
    """
    if workspace is not None and not workspace.is_dir():
        raise FolderError(
            "--workspace", f"there is no folder {workspace}; name one that is there, or leave the option out"
        )
    with ExitStack() as stack:
        try:
            ready = _made(stack, folder, workspace)
        except OSError as error:
            option = "TMPDIR" if folder is None else "--folder"
            where = error.filename or folder or tempfile.gettempdir()
            problem = f"{where} cannot be used ({error.strerror}); name a folder to write in"
            raise FolderError(option, problem) from error
        yield ready


def _made(stack: ExitStack, folder: Path | None, workspace: Path | None) -> TrialFolder:
    if folder is None:
        path = Path(tempfile.mkdtemp(prefix="colleague-")).resolve()
        stack.callback(shutil.rmtree, path, ignore_errors=True)
    else:
        path = folder.resolve()
        path.mkdir(parents=True, exist_ok=True)
        if any(path.iterdir()) and not (path / LOCK).exists():
            problem = f"{folder} has files in it that no trial has made, which are left alone; name a new folder"
            raise FolderError("--folder", f"{problem} (--workspace lets the tools use one of your own)")
        stack.callback(os.close, _locked(path))
        _set_aside(path)
    start = Path(tempfile.mkdtemp(prefix=".start-", dir=path))
    stack.callback(shutil.rmtree, start, ignore_errors=True)
    where = workspace.resolve() if workspace is not None else path / "workspace"
    ready = TrialFolder(path, where, start, temporary=folder is None)
    if workspace is None and not (ready.workspace.is_dir() and any(ready.workspace.iterdir())):
        sample_workspace.write_files(ready.workspace)
    return ready


def _locked(path: Path) -> int:
    lock = os.open(path / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(lock)
        raise FolderError("--folder", f"another trial is using {path}; end it, or name another folder") from error
    return lock


def _set_aside(path: Path) -> None:
    found = [path / name for name in _OF_ONE_TRIAL if (path / name).exists()]
    if not found:
        return
    stamp = time.strftime("%Y-%m-%d %H.%M.%S")
    aside = next(
        place
        for number in range(1, 10_000)
        if not (place := path / "earlier" / (stamp if number == 1 else f"{stamp} {number}")).exists()
    )
    aside.mkdir(parents=True)
    for file in found:
        file.rename(aside / file.name)
