"""The folders of the tests in memory, where there is room: on a disk each commit waits some milliseconds for it.

What is tested is the death of a process, which the kernel's memory outlives as a disk does; of a power cut no test can
tell. PYTEST_DEBUG_TEMPROOT, which pytest reads, names another place.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

PLACE = "PYTEST_DEBUG_TEMPROOT"
MEMORY = Path("/dev/shm")
NEEDED = 2 << 30
"""More than a run leaves behind: in many a container there are 64 MB."""


def use() -> None:
    """Have pytest make its folders there, unless it was told where."""
    if PLACE not in os.environ and _suits():
        os.environ[PLACE] = str(MEMORY)


def _suits() -> bool:
    """Whether there is room, and programs may be run from there, which some tests write."""
    if not os.access(MEMORY, os.W_OK | os.X_OK):
        return False
    return not os.statvfs(MEMORY).f_flag & os.ST_NOEXEC and shutil.disk_usage(MEMORY).free > NEEDED
