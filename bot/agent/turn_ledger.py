"""Counts what a turn has changed, for the end of its message."""

from __future__ import annotations

from collections.abc import Sequence

from bot.core.calls import Call, CallOutcome
from bot.core.ledger import CHANGED, DOUBTFUL, SEVERAL, TurnLedger
from bot.core.policy.privacy import Privacy
from bot.core.policy.rules import Tier
from bot.core.ports.chat import ChatGateway
from bot.core.ports.toolset import Toolset
from bot.core.thread import ThreadState
from bot.core.untrusted import mapping, parsed
from bot.pace import offload


async def of_turn(toolset: Toolset, gateway: ChatGateway, state: ThreadState) -> TurnLedger | None:
    """Return what the open turn has changed; None if that is fewer than SEVERAL things."""
    calls = [call for call in state.calls if call.tier != Tier.READ]
    if sum(call.outcome in CHANGED for call in calls) < SEVERAL:
        return None
    size = sum(len(call.arguments) for call in calls)
    return await offload(size, counted, toolset, calls, await gateway.privacy(state.place))


def counted(toolset: Toolset, calls: Sequence[Call], privacy: Privacy) -> TurnLedger | None:
    """Return the numbers for calls in the order of the log; None if fewer than SEVERAL have changed something."""
    files: set[tuple[str, str]] = set()
    changes = others = 0
    for call in calls:
        if call.outcome not in CHANGED:
            continue
        names = toolset.guard(call.server).changed_files(call.remote_name, mapping(parsed(call.arguments)))
        if names is None:
            others += 1
        elif not names:
            continue
        else:
            now, *before = ((call.server, name) for name in names)
            files = {*files.difference(before), now}
        changes += 1
    if changes < SEVERAL:
        return None
    denied = sum(call.outcome is CallOutcome.DENIED for call in calls)
    doubtful = sum(call.outcome in DOUBTFUL for call in calls)
    return TurnLedger(changes, len(files), others, denied, doubtful, privacy)
