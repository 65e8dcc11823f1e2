"""The port to the models of threads. Messages that choose one come in through `Inbox.admit`."""

from __future__ import annotations

from typing import Protocol

from bot.core.model_options import ThreadModel


class ThreadModels(Protocol):
    """What is recorded of the model of each thread."""

    async def thread_model(self, thread_id: int) -> ThreadModel:
        """Return what people have chosen for a thread, and which model its last request was made to.

        The choice is the one of the message that was written last (`Incoming.choice`); `Change.asked` records the
        rest.
        """
        ...
