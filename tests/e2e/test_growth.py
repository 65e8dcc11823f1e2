"""What the process remembers does not grow with what it has done, nor with what has failed."""

from __future__ import annotations

import asyncio
import gc
import types
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bot import settings
from bot.sandbox.openrouter import ChatRequest, ModelSandbox, Reply, call, calls, text
from bot.sandbox.slack import SlackSandbox
from bot.service import Service
from bot.slack import app
from bot.store.database import Database
from bot.store.sqlite import SqliteStore
from bot.tools.toolset import McpToolset

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(90)]
