"""Whatever happens to a message that changes live, in the end Slack shows its last body once, or nothing when a person
has deleted it."""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from unittest import mock

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core.posts import Draft
from bot.slack.delivery import outbox, sender
from bot.slack.delivery.kinds import Kind
from slack_sandbox.faults import FaultKind
from tests.property.test_settling import FOLDER
from tests.unit.slack.delivering import Process, Slack, body, process

KINDS = {"sign": Kind(lambda post: body(json.loads(post.payload)["words"]))}
FAULTS: tuple[FaultKind, ...] = ("server_error", "server_error_after", "drop_after", "drop_before", "error")
METHODS = ("chat.postMessage", "chat.update", "conversations.replies")

steps = st.one_of(
    st.just(("change", "")),
    st.just(("restart", "")),
    st.just(("wait", "")),
    st.tuples(st.sampled_from(METHODS), st.sampled_from(FAULTS)),
)


async def begin(lives: AsyncExitStack, folder: str, slack: Slack) -> Process:
    """A process in which only the outbox tries again."""
    here = await lives.enter_async_context(process(Path(folder), slack, KINDS))
    here.clients.repeatable.retry_handlers.clear()
    return here


async def owe(here: Process, words: str, *, final: bool = False) -> None:
    await here.owe(Draft("sign", "sign", json.dumps({"words": words}), final=final))


async def play(folder: str, plan: Sequence[tuple[str, str]], *, deleted: bool) -> None:
    """Take these steps, then show a last body."""
    async with Slack.open() as slack, AsyncExitStack() as lives:
        here = await begin(lives, folder, slack)
        for number, (step, fault) in enumerate(plan):
            if step == "change":
                await owe(here, f"body {number}")
            elif step == "restart":
                await lives.aclose()
                here = await begin(lives, folder, slack)
            elif step == "wait":
                await here.in_step()
            else:
                slack.near.faults.add(step, fault, times=1, code="internal_error")  # type: ignore[arg-type]
        if deleted:
            await owe(here, "to be deleted")
            # Before that is known, a message that is not there is one that has not arrived.
            await here.posted()
            await here.clients.best_effort.chat_delete(channel=slack.channel.id, ts=slack.messages()[0].ts)
        await owe(here, "the last", final=True)
        await here.settled()
        assert slack.shown() == ([] if deleted else ["the last"])
        await lives.aclose()


@settings(max_examples=40, deadline=None)
@given(plan=st.lists(steps, max_size=12), deleted=st.booleans())
def test_in_the_end_slack_shows_the_last_body_once(plan: Sequence[tuple[str, str]], deleted: bool) -> None:
    with (
        mock.patch.object(outbox, "MAX_PAUSE", 0.001),
        mock.patch.object(sender, "SETTLE_SECONDS", 0.0),
        tempfile.TemporaryDirectory(dir=FOLDER) as folder,
    ):
        asyncio.run(play(folder, plan, deleted=deleted))
