"""Whatever is made to fail in a trial, the answer comes, once; asked for as the page asks, without a browser."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass

import pytest

from tests.process.test_try import Trial, asked, general, reply, tried, until
from tests.sandbox.page.client import Viewer

pytestmark = pytest.mark.anyio

FAULTS: dict[str, list[tuple[str, float | None]]] = {
    "slack": [
        ("ratelimited", 1),
        ("ratelimited_posts", 1),
        ("server_error", 2),
        ("slow", 0.3),
        ("lost_answers", 1),
        ("rate_limits", None),
    ],
    "socket": [("disconnect", None), ("drop", None), ("lost_acks", 1), ("twice", None)],
    "model": [
        ("model_slow_stream", 0.02),
        ("model_busy", 1),
        ("model_unavailable", 1),
        ("model_cut", 1),
        ("model_empty", 1),
    ],
    "processes": [("process_kill_server", None), ("process_kill_bot", None), ("process_freeze", 1)],
}


UNHEARD = ("drop", "process_kill_bot")
"""Until the bot is connected again, Slack delivers nothing of what is said."""


@dataclass
class Play:
    """The trial, and somebody who has its page open."""

    trial: Trial
    view: Viewer


@pytest.fixture(scope="module")
async def play(anyio_backend: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Play]:
    async with tried(tmp_path_factory.mktemp("try")) as trial, trial.page() as view:
        yield Play(trial, view)


def said(view: Viewer, thread: str, words: str) -> list[str]:
    """The timestamps of the replies in the thread with these words."""
    where = general(view)
    replies = view.facts[f"thread:{where}/{thread}"]["messages"][1:]
    return [ts for ts in replies if words in str(view.facts[f"message:{where}/{ts}"]["message"])]


def connected(view: Viewer) -> bool:
    """Whether the bot has a connection, without which there is none to be disturbed."""
    return not any(offer["unavailable"] for offer in view.facts["faults"]["offered"] if offer["kind"] == "drop")


@pytest.mark.parametrize("group", FAULTS)
async def test_the_answer_comes_once_whatever_is_made_to_fail(play: Play, group: str) -> None:
    view, threads = play.view, dict[str, str]()
    for kind, number in FAULTS[group]:
        (play.trial.workspace / f"{kind}.md").write_text(f"What only {kind} holds.\n")
        await view.ask("fault", kind=kind, number=number)
        if kind in UNHEARD:
            await until(lambda: not connected(view), "the end of the connection")
            await until(lambda: connected(view), "another connection")
        threads[kind] = await asked(view, f"read {kind}.md")
        try:
            await reply(view, threads[kind], f"What only {kind} holds.")
        except AssertionError as error:
            error.add_note(f"with the fault {kind!r}")
            raise
        await view.ask("clear_fault", fault=None)
        await until(lambda: not view.facts["faults"]["active"], "no fault")
    for kind, thread in threads.items():
        where = general(view)
        await view.ask("watch", person=view.person, channel=where, thread=thread, earlier=50, inspector=True)
        await reply(view, thread, f"What only {kind} holds.")
        assert len(said(view, thread, f"What only {kind} holds.")) == 1, kind
