"""Each worker of pytest-xdist begins with another part of the tests' modules, so that it finds the others compiled.

All of them import all test modules. In a fresh clone none of these are compiled yet, and rewriting their asserts takes
as long as all the rest of the collection: each would do it for all modules at the same time as the others.
"""

from __future__ import annotations

import contextlib
import importlib
import os
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent


def import_from_another_place(config: pytest.Config) -> None:
    """Import all test modules, from a place on that is this worker's; does nothing unless all are collected."""
    worker, workers = os.environ.get("PYTEST_XDIST_WORKER", ""), os.environ.get("PYTEST_XDIST_WORKER_COUNT", "0")
    if not worker or config.args_source is not pytest.Config.ArgsSource.TESTPATHS:
        return
    paths = sorted(FOLDER.rglob("test_*.py"))
    first = len(paths) * int(worker.removeprefix("gw")) // int(workers)
    for path in paths[first:] + paths[:first]:
        # What goes wrong is told when the module is collected.
        with contextlib.suppress(Exception, pytest.skip.Exception):
            importlib.import_module(".".join(path.relative_to(FOLDER.parent).with_suffix("").parts))
