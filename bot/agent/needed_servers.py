"""Finds the tool servers that a thread needs and that do not run, so that people are told."""

from __future__ import annotations

from collections.abc import Sequence

from bot.core.calls import CallOutcome
from bot.core.policy.rules import Facts
from bot.core.ports.chat import ChatGateway
from bot.core.ports.toolset import Toolset
from bot.core.posts import Draft
from bot.core.server_news import Unavailable, unavailable
from bot.core.thread import ThreadState


def notices(
    toolset: Toolset, gateway: ChatGateway, state: ThreadState, facts: Sequence[Facts]
) -> Sequence[tuple[str, Draft]]:
    """Return the key of each such server, and what people read about it.

    A thread needs a server if a call of its turn has failed there; and also if nobody knows the server's tools yet,
    since the model cannot call what it does not know.
    """
    failed = {call.server for call in state.calls if call.outcome is CallOutcome.ERROR}
    return [
        (each.key, draft)
        for each in toolset.unavailable()
        if each.key in failed or (not each.known and _admits(each, facts))
        for draft in gateway.notice(unavailable(each.key), key=f"unavailable-{each.key}")
    ]


def _admits(server: Unavailable, facts: Sequence[Facts]) -> bool:
    return all(server.audience.admits(each.channel, each.user, each.groups) for each in facts)
