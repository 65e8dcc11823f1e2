"""What becomes of a call that the model makes: first its arguments speak, then the policy, then standing grants."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bot.agent import prompt
from bot.core.calls import Call, CallOutcome, CallState
from bot.core.json_text import JsonObject, canonical
from bot.core.limits import MOST_CALLS
from bot.core.policy.approvers import ApprovalRules
from bot.core.policy.conditions import Inside
from bot.core.policy.rules import Facts, Judgement, Policy, Ruling, Tier, repeatable, tier
from bot.core.ports.chat import ChatGateway
from bot.core.ports.model import Reply
from bot.core.ports.store import Store
from bot.core.ports.toolset import Toolset
from bot.core.questions.grant import Grant
from bot.core.thread import ThreadState
from bot.core.tools import Tool
from bot.pace import Pace, offload

CHANGED = "The standing grant for this no longer holds: the tool's definition has changed since it was given."

MIXED = "A standing grant would cover this, but somebody else has had a say in this turn, so it is asked about."
STRICTEST = (Ruling.DENY, Ruling.ASK, Ruling.ALLOW)


@dataclass(frozen=True, slots=True)
class CallAuthorizer:
    """Judges calls; holds nothing of a thread."""

    store: Store
    toolset: Toolset
    gateway: ChatGateway
    policy: Policy
    approvals: ApprovalRules
    problem: Callable[[Tool, JsonObject], str | None]
    """What is wrong with arguments, for a tool's schema."""

    async def facts(self, state: ThreadState) -> Sequence[Facts]:
        """Where and for whom the turn's calls are made: for each person who has had a say in it."""
        turn, place = state.turn, state.place
        kind = await self.gateway.kind(place) if self.policy.depends_on_kind else place.kind
        people = (turn.requester, *turn.others) if turn else ("",)
        found: list[Facts] = []
        for user in people:
            groups = await self.gateway.groups(user) if self.policy.groups else frozenset[str]()
            found.append(Facts(place.channel, kind, user, groups))
        return found

    async def offered(self, facts: Sequence[Facts]) -> Sequence[Tool]:
        """The tools that the model may know of."""
        tools = self.toolset.tools()
        if not self.policy.rules:
            return tools

        def chosen() -> Sequence[Tool]:
            return [tool for tool in tools if not any(self.policy.denies_all(tool, each) for each in facts)]

        return await offload(len(tools) * len(facts) * self.policy.effort, chosen)

    async def evaluate(self, state: ThreadState, reply: Reply) -> tuple[list[Call], dict[int, str]]:
        """The calls of a reply, judged; and by position what those who are asked should know."""
        facts = await self.facts(state)
        seq = state.next_position
        raw_calls: list[JsonObject] = reply.message["tool_calls"]
        calls: list[Call] = []
        pace = Pace()
        for position, raw in enumerate(raw_calls):
            calls.append(await self._read(raw, seq, position, reply, facts))
            await pace.checkpoint()
        notes: dict[int, str] = {}
        for call in calls:
            if call.state is CallState.AWAITING:
                notes[call.position] = await self._look_for_grant(state, call)
        return calls, notes

    async def reevaluate(self, state: ThreadState, call: Call, tool: Tool) -> Ruling:
        """What is to become of a call that was allowed or approved before, as the policy, the grants and the paths are
        now."""
        arguments = json.loads(call.arguments)
        ruling = (await self._rule(tool, arguments, len(call.arguments), await self.facts(state))).ruling
        if ruling is not Ruling.ASK:
            return ruling
        granted, _ = await self._granted(state, call, tool)
        return Ruling.ALLOW if granted else Ruling.ASK

    async def denies(self, thread_id: int, tool: Tool, arguments: JsonObject) -> bool:
        """Whether the policy would refuse such a call in that thread now."""
        state = await self.store.load(thread_id)
        size = len(canonical(arguments))
        return (await self._rule(tool, arguments, size, await self.facts(state))).ruling is Ruling.DENY

    def renew(self, call: Call, tool: Tool) -> None:
        """Have a call be about the tool as it is defined now."""
        call.tool_digest, call.tier = tool.digest, tier(tool)

    async def _rule(self, tool: Tool, arguments: JsonObject, size: int, facts: Sequence[Facts]) -> Judgement:
        """What the policy says of arguments with so many characters; the strictest, when it says different things for
        different people."""

        def judge(inside: Inside) -> Judgement:
            judgements = [self.policy.judge(tool, arguments, each, inside) for each in facts]
            return min(judgements, key=lambda judgement: STRICTEST.index(judgement.ruling))

        # Only where paths lie is asked of a disk, which may take long; the rest is known here.
        if self.policy.checks_paths(tool):
            return await self.toolset.guard(tool.server).looking(tool, judge)
        return await offload(size * len(facts) * self.policy.effort, judge, lambda *_: None)

    async def _read(self, raw: JsonObject, seq: int, position: int, reply: Reply, facts: Sequence[Facts]) -> Call:
        """Make a call of what the model wrote, and let the arguments' schema and then the policy speak on it."""
        call_id, name = str(raw["id"]), str(raw["function"]["name"])
        call = Call(
            id=0,
            seq=seq,
            position=position,
            call_id=call_id,
            tool=name,
            server="",
            remote_name=name,
            arguments=str(raw["function"]["arguments"]),
            tool_digest="",
            repeatable=False,
            state=CallState.FINISHED,
        )
        tool = self.toolset.find(name)
        broken = reply.invalid_arguments.get(call_id)
        if broken is not None:
            call.arguments = broken[:2000]
        if position >= MOST_CALLS:
            last = position == len(reply.message["tool_calls"]) - 1
            call.outcome, call.result = CallOutcome.SURPLUS, prompt.surplus(more=last and reply.left_out)
            return call
        if tool is None:
            names = [tool.name for tool in await self.offered(facts)]
            call.outcome = CallOutcome.INVALID
            call.result = await offload(len(names) * len(name), prompt.unknown_tool, name, names)
            return call
        call.server, call.remote_name, call.tool_digest = tool.server, tool.remote_name, tool.digest
        call.tier = tier(tool)
        if broken is not None:
            call.outcome = CallOutcome.INVALID
            call.result = "the arguments are not a JSON object (cut off or malformed). Make the call again, whole."
            return call
        arguments, call.arguments, problem = await offload(len(call.arguments), self._sound, tool, call.arguments)
        if problem is not None:
            call.outcome, call.result = CallOutcome.INVALID, problem
            return call
        judgement = await self._rule(tool, arguments, len(call.arguments), facts)
        call.why = judgement.words
        if judgement.ruling is Ruling.DENY:
            refuse(call)
            return call
        call.repeatable = repeatable(tool)
        call.state = CallState.READY if judgement.ruling is Ruling.ALLOW else CallState.AWAITING
        return call

    def _sound(self, tool: Tool, text: str) -> tuple[JsonObject, str, str | None]:
        """Arguments as they are to be sent, their canonical text, and what is wrong with them."""
        try:
            arguments = scrub(json.loads(text))
            return arguments, canonical(arguments), self.problem(tool, arguments)
        except (ValueError, RecursionError, OverflowError):
            return {}, text[:2000], "the arguments hold a number that JSON has not, or are nested too deeply."

    async def _look_for_grant(self, state: ThreadState, call: Call) -> str:
        """Let the call run if a standing grant covers it. Out: a word to those who are asked, about a grant that does
        not."""
        tool = self.toolset.find(call.tool)
        if tool is None:
            return ""
        granted, note = await self._granted(state, call, tool)
        if granted:
            call.state, call.why = CallState.READY, granted
        return note

    async def _granted(self, state: ThreadState, call: Call, tool: Tool) -> tuple[str, str]:
        """Which grant covers a call, in words; and when none does, why not, if there is something to say."""
        approvers = self.approvals.of(Tier(call.tier))
        if not approvers.grants or state.turn is None:
            return "", ""
        note, requester = "", state.turn.requester
        # Each stands for a click of the person who gave it, so it covers what that person could approve now.
        for grant in await self.store.grants_for(state.place.team, call.tool, state.id, requester):
            if (grant.server, grant.remote_name) != (call.server, call.remote_name):
                continue
            if grant.tool_digest != call.tool_digest:
                await self.store.end_grant(grant.id, "void")
                note = CHANGED
                continue
            groups = await self.gateway.groups(grant.user) if approvers.groups else frozenset[str]()
            if not approvers.may(grant.user, requester, (), groups or frozenset()):
                continue
            if await self._covers(grant, call, tool) and await self.gateway.member(grant.user):
                # Nobody else's words are to be carried out on this person's authority.
                return ("", MIXED) if state.turn.others else (f"grant {grant.id} of {grant.user}", "")
        return "", note

    async def _covers(self, grant: Grant, call: Call, tool: Tool) -> bool:
        """Whether the arguments are within the grant's scope. Every path must be known, and lie in the folder."""
        if grant.scope == "any":
            return True
        if grant.scope == "same":
            return call.arguments == grant.value
        return await self.toolset.guard(tool.server).within(tool, json.loads(call.arguments), grant.value)


def refuse(call: Call) -> None:
    """The policy does not let it run. What was cut off before may have run all the same."""
    cut_off = call.attempts > 0 and not call.repeatable
    call.state, call.outcome = CallState.FINISHED, CallOutcome.UNRESOLVED if cut_off else CallOutcome.REFUSED
    call.result = "the policy of this workspace does not allow this call."


def scrub(value: object) -> JsonObject:
    """Arguments without lone surrogates, which no server can be sent: what is shown is what is sent."""

    def clean(item: object) -> object:
        if isinstance(item, str):
            return item.encode("utf-8", "surrogatepass").decode("utf-8", "replace")
        if isinstance(item, list):
            return [clean(part) for part in item]
        if isinstance(item, dict):
            return {str(clean(key)): clean(part) for key, part in item.items()}
        return item

    try:
        canonical(value).encode()
    except UnicodeEncodeError:
        cleaned = clean(value)
    else:
        cleaned = value
    return cleaned if isinstance(cleaned, dict) else {}
