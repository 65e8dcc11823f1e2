"""A folder on a disk that really does not answer: a FUSE file system behind which nobody is. Needs Linux and root."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest


@contextmanager
def dead_folder(folder: Path) -> Generator[None]:
    """Until this ends, whatever looks into the folder waits. Skips the test where that cannot be had."""
    libc = ctypes.CDLL(None, use_errno=True)
    try:
        device = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        pytest.skip("there is no FUSE here")
    try:
        options = f"fd={device},rootmode=40000,user_id=0,group_id=0".encode()
        if not hasattr(libc, "mount") or libc.mount(b"dead", os.fsencode(folder), b"fuse", 0, options):
            pytest.skip("only root may mount")
        try:
            yield
        finally:
            _end(device)
            libc.umount2(os.fsencode(folder), 2)  # MNT_DETACH
    finally:
        with suppress(OSError):
            os.close(device)


def _end(device: int) -> None:
    """Have all that wait go on, with an error."""
    os.close(device)
