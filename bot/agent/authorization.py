"""Decides whether a call of the model runs, is asked about or is refused: by its schema, the policy and grants."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from bot.agent import prompt
from bot.agent.policy_facts import policy_facts
from bot.agent.read_more import ReadMore
from bot.agent.tool_finder import ToolFinder
from bot.core import indirect_calls
from bot.core.calls import Call, CallOutcome, CallState
from bot.core.identity import Identity
from bot.core.json_text import JsonObject, canonical
from bot.core.limits import MAX_CALLS
from bot.core.policy.approvers import ApprovalRules
from bot.core.policy.conditions import Inside
from bot.core.policy.rules import Facts, Judgement, Policy, Ruling, Tier, repeatable, tier
from bot.core.ports.chat import ChatGateway
from bot.core.ports.grants import Grants
from bot.core.ports.model import Reply
from bot.core.ports.store import Log
from bot.core.ports.toolset import Toolset
from bot.core.questions import ask_person, granted, scope
from bot.core.questions.grant import Grant
from bot.core.resource_tools import RESOURCES_SERVER
from bot.core.thread import ThreadState
from bot.core.tools import Tool
from bot.pace import Pace, offload

CHANGED = "The standing grant for this no longer holds: the tool's definition has changed since it was given."

MIXED = "A standing grant would cover this, but somebody else has also written in this turn, so I ask."
SHARED = (
    "This would use the account of the person who asked, but somebody else has also written in this turn, so I ask."
)
STRICTEST = (Ruling.DENY, Ruling.ASK, Ruling.ALLOW)


class GrantStore(Log, Grants, Protocol):
    """The threads, and the grants that hold in them."""


@dataclass(frozen=True, slots=True)
class CallAuthorizer:
    """Evaluates calls. Keeps no state of any thread."""

    store: GrantStore
    toolset: Toolset
    gateway: ChatGateway
    policy: Policy
    approvals: ApprovalRules
    problem: Callable[[Tool, JsonObject], str | None]
    """Returns what is wrong with arguments according to the tool's schema; None if nothing is."""
    read_more: ReadMore = field(default_factory=ReadMore)
    """Answers calls that read on in results of the thread; they need no judgement."""

    async def evaluate(
        self, state: ThreadState, reply: Reply, facts: Sequence[Facts]
    ) -> tuple[list[Call], dict[int, str]]:
        """Return the calls of a reply, evaluated, and by position a note for those who are asked about them.

        facts: those by which the tools were offered (`bot.agent.policy_facts`).
        """
        seq = state.next_position
        raw_calls: list[JsonObject] = reply.message["tool_calls"]
        calls: list[Call] = []
        pace = Pace()
        for position, raw in enumerate(raw_calls):
            calls.append(call := await self._read(raw, seq, position, reply, facts))
            if call.outcome is CallOutcome.INVALID and not call.server:
                await self.read_more.answer(state.id, call)
            await pace.checkpoint()
        notes: dict[int, str] = {}
        for call in calls:
            if call.state is CallState.READY and self._is_shared(state, self._tool_of(call)):
                call.state, notes[call.position] = CallState.AWAITING, SHARED
            elif call.state is CallState.AWAITING and not call.wants_input:
                notes[call.position] = await self._look_for_grant(state, call)
        return calls, notes

    async def reevaluate(self, state: ThreadState, call: Call, tool: Tool) -> Ruling:
        """Evaluate a recorded call again, with the policy, grants and paths as they are now."""
        arguments = json.loads(call.arguments)
        ruling = (await self._rule(tool, arguments, len(call.arguments), await self._facts(state))).ruling
        if ruling is Ruling.ALLOW and self._is_shared(state, self.toolset.meant(tool, arguments)):
            return Ruling.ASK
        if ruling is not Ruling.ASK:
            return ruling
        granted_by, _ = await self._granted(state, call, tool)
        if granted_by:
            call.why = granted_by
        return Ruling.ALLOW if granted_by else Ruling.ASK

    def _tool_of(self, call: Call) -> Tool | None:
        tool = self.toolset.find(call.tool)
        return self.toolset.meant(tool, json.loads(call.arguments)) if tool is not None else None

    @staticmethod
    def _is_shared(state: ThreadState, tool: Tool | None) -> bool:
        """Return whether a call would use a person's account in a turn in which others have a say: what they have asked
        for must not be done with it unasked."""
        others = state.turn is not None and bool(state.turn.others)
        return others and tool is not None and tool.identity is Identity.PERSON

    async def denies(self, thread_id: int, tool: Tool, arguments: JsonObject) -> bool:
        """Return whether the policy would refuse a call with these arguments in that thread now."""
        state = await self.store.load(thread_id)
        size = len(canonical(arguments))
        return (await self._rule(tool, arguments, size, await self._facts(state))).ruling is Ruling.DENY

    async def _facts(self, state: ThreadState) -> Sequence[Facts]:
        return await policy_facts(self.policy, self.gateway, self.toolset, state)

    def renew(self, call: Call, tool: Tool) -> None:
        """Bind a call to the tool's present definition, and to the server that its arguments name if it reads a
        resource."""
        meant = self.toolset.meant(tool, json.loads(call.arguments))
        call.tool_digest, call.tier = meant.digest, tier(meant)
        call.repeatable = call.repeatable and repeatable(meant)

    async def _rule(self, tool: Tool, arguments: JsonObject, size: int, facts: Sequence[Facts]) -> Judgement:
        """Return the policy's judgement; the strictest one if it differs between people.

        size: the number of characters in the arguments.
        """

        tool = self.toolset.meant(tool, arguments)

        def judge(inside: Inside) -> Judgement:
            judgements = [self.policy.judge(tool, arguments, each, inside) for each in facts]
            return min(judgements, key=lambda judgement: STRICTEST.index(judgement.ruling))

        # Only the location of paths has to be looked up on a disk, which may be slow.
        if self.policy.checks_paths(tool):
            return await self.toolset.guard(tool.server).looking(tool, judge)
        return await offload(size * len(facts) * self.policy.effort, judge, lambda *_: None)

    async def _read(self, raw: JsonObject, seq: int, position: int, reply: Reply, facts: Sequence[Facts]) -> Call:
        """Parse one call of a reply, check it against the schema of its arguments and then against the policy."""
        call_id, asked, finder = str(raw["id"]), raw["function"], ToolFinder(self.toolset, self.policy, facts)
        # From here on there is only the tool that is meant: rules, cards, digests and the audit see nothing else.
        written, tool = await finder.meant(str(asked["name"]), str(asked["arguments"]))
        name = tool.name if tool is not None else indirect_calls.clean(written.name)
        call = Call(
            id=0,
            seq=seq,
            position=position,
            call_id=call_id,
            tool=name,
            server="",
            remote_name=name,
            arguments=written.arguments,
            tool_digest="",
            repeatable=False,
            state=CallState.FINISHED,
        )
        broken = reply.invalid_arguments.get(call_id)
        if broken is not None:
            call.arguments = broken[:2000]
        if position >= MAX_CALLS:
            last = position == len(reply.message["tool_calls"]) - 1
            call.outcome, call.result = CallOutcome.SURPLUS, prompt.surplus(more=last and reply.left_out)
            return call
        if tool is None and (broken is None or written.name not in indirect_calls.NAMES):
            await finder.answer(call, written)
            return call
        if tool is not None:
            call.server, call.remote_name, call.tool_digest = tool.server, tool.remote_name, tool.digest
            call.tier = tier(tool)
        if broken is not None or tool is None:
            call.outcome = CallOutcome.INVALID
            call.result = "the arguments are not a JSON object (cut off or malformed). Make the call again, whole."
            return call
        arguments, call.arguments, problem = await offload(len(call.arguments), self._sound, tool, call.arguments)
        if problem is not None:
            call.outcome, call.result = CallOutcome.INVALID, problem
            return call
        meant = self.toolset.meant(tool, arguments)
        call.tool_digest, call.tier = meant.digest, tier(meant)
        judgement = await self._rule(meant, arguments, len(call.arguments), facts)
        call.why = judgement.words
        if judgement.ruling is Ruling.DENY:
            refuse(call)
            return call
        call.repeatable = repeatable(meant)
        # The bot's own question waits for its answer, which is no approval; asking it needs none.
        free = judgement.ruling is Ruling.ALLOW and not ask_person.asks(call)
        call.state = CallState.READY if free else CallState.AWAITING
        return call

    def _sound(self, tool: Tool, text: str) -> tuple[JsonObject, str, str | None]:
        """Return the arguments to send, their canonical text, and what is wrong with them, if anything."""
        try:
            arguments = tool.own_arguments(scrub(json.loads(text)))
            problem = self.problem(tool, arguments)
            if problem is None and tool is ask_person.TOOL:
                problem = ask_person.problem(arguments)
            return arguments, canonical(arguments), problem
        except (ValueError, RecursionError, OverflowError):
            return {}, text[:2000], "the arguments hold a number that JSON has not, or are nested too deeply."

    async def _look_for_grant(self, state: ThreadState, call: Call) -> str:
        """Let the call run if a standing grant covers it. Returns a note on a grant that does not, for the card."""
        tool = self.toolset.find(call.tool)
        if tool is None:
            return ""
        granted_by, note = await self._granted(state, call, tool)
        if granted_by:
            call.state, call.why = CallState.READY, granted_by
        return note

    async def _granted(self, state: ThreadState, call: Call, tool: Tool) -> tuple[str, str]:
        """Return which grant covers a call, in words; if none does, an empty text and why not, if known."""
        approvers = self.approvals.of(Tier(call.tier))
        if not approvers.grants or state.turn is None:
            return "", ""
        note, requester = "", state.turn.requester
        # A grant is a click that its giver made in advance, so it covers only what that person could approve now.
        for grant in await self.store.grants_for(state.place.team, call.tool, state.id, requester):
            if (grant.server, grant.remote_name) != (call.server, call.remote_name):
                continue
            if grant.server == RESOURCES_SERVER and grant.value != call.arguments:
                continue  # for another resource, maybe of another server: its digest says nothing about this one
            if grant.tool_digest != call.tool_digest:
                await self.store.end_grant(grant.id, "void")
                note = CHANGED
                continue
            groups = await self.gateway.groups(grant.user) if approvers.groups else frozenset[str]()
            if not approvers.may(grant.user, requester, (), groups or frozenset()):
                continue
            if await self._covers(grant, call, tool) and await self.gateway.member(grant.user):
                # What others have asked for must not run on this person's authority.
                return ("", MIXED) if state.turn.others else (granted.why(grant), "")
        return "", note

    async def _covers(self, grant: Grant, call: Call, tool: Tool) -> bool:
        """Return whether the arguments are within the grant's scope. Every path must be known and inside the folder,
        or be the file."""
        if grant.scope == scope.SAME:
            return call.arguments == grant.value
        if grant.scope == scope.ANY or grant.server == RESOURCES_SERVER:
            # These tools are the same for all servers, so a wider grant would be for all of them.
            return grant.server != RESOURCES_SERVER
        guard, arguments = self.toolset.guard(tool.server), json.loads(call.arguments)
        match grant.scope:
            case scope.TARGET:
                return scope.has_target(grant.value, arguments)
            case scope.FILE:
                return await guard.changes_only(tool, arguments, grant.value)
            case scope.FOLDER:
                return await guard.within(tool, arguments, grant.value)
            case _:
                return False


def refuse(call: Call) -> None:
    """Refuse a call because of the policy. If it was interrupted before, its outcome stays unknown."""
    cut_off = call.attempts > 0 and not call.repeatable
    call.state, call.outcome = CallState.FINISHED, CallOutcome.UNRESOLVED if cut_off else CallOutcome.REFUSED
    call.result = "the policy of this workspace does not allow this call."


def scrub(value: object) -> JsonObject:
    """Return arguments without lone surrogates, which cannot be encoded: what people see is what is sent."""

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
