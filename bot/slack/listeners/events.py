"""What people say: committed before Slack gets its ack, then the thread is woken. Nothing else happens here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from slack_bolt.async_app import AsyncApp

from bot.core.ports import Store
from bot.core.thread import Admission
from bot.slack.incoming import incoming


def register(app: AsyncApp, store: Store, wake: Callable[[int], None], bot_user: str) -> None:
    """Listen to mentions and messages."""

    async def on_message(body: dict[str, Any]) -> None:
        message = incoming(body, bot_user)
        if message is None:
            return
        admission, thread_id = await store.admit(message)
        if admission is Admission.STARTS:
            wake(thread_id)

    app.event("app_mention")(on_message)
    app.event("message")(on_message)
