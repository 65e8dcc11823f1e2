"""Implements the port to the models of threads on SQLite."""

from __future__ import annotations

from collections.abc import Hashable
from functools import partial

from bot.core.model_options import ThreadModel
from bot.store.sqlite import thread_models
from bot.store.sqlite.database import Database


class ThreadModelsStore:
    """Implements `bot.core.ports.thread_models.ThreadModels`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def thread_model(self, thread_id: int) -> ThreadModel:
        return await self._database.read(partial(thread_models.find, thread_id=thread_id), choosing(thread_id))


def choosing(thread_id: int) -> Hashable:
    """Return the key under which a transaction leaves the model of a thread for the request that follows it."""
    return "thread model", thread_id
