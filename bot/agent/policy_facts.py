"""The facts that the policy looks at besides a call: where the thread is, and who has had a say in its turn."""

from __future__ import annotations

from collections.abc import Sequence

from bot.core.policy.rules import Facts, Policy
from bot.core.ports.chat import ChatGateway
from bot.core.ports.toolset import Toolset
from bot.core.thread import ThreadState


async def policy_facts(policy: Policy, gateway: ChatGateway, toolset: Toolset, state: ThreadState) -> Sequence[Facts]:
    """Return the facts once for each person who has had a say. Slack is asked only for what the
    policy or the audience of a tool server depends on."""
    turn, place = state.turn, state.place
    kind = await gateway.kind(place) if policy.depends_on_kind else place.kind
    people = (turn.requester, *turn.others) if turn else ("",)
    found: list[Facts] = []
    ask = bool(policy.groups) or any(tool.audience.groups for tool in toolset.tools())
    for user in people:
        groups = await gateway.groups(user) if ask else frozenset[str]()
        found.append(Facts(place.channel, kind, user, groups))
    return found
