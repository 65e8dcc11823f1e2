"""Python runs this at its start in bots that tests start as `python -m bot`: the callbacks of their loop are measured,
as those of forked bots are (`tests.watch`)."""

from __future__ import annotations

import os

from tests import watch

if watch.NOTED in os.environ:
    watch.record_once_open(os.environ[watch.NOTED])
