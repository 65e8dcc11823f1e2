"""Reads what people write while a step waits for a decision: none of it runs or approves anything."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bot.agent.call_runner import WAITING, refresh
from bot.agent.cancellation import Stop, StopMonitor, Watch
from bot.core.calls import Call, CallState
from bot.core.inbox import AuthorKind, Unread
from bot.core.policy.approvers import is_user
from bot.core.ports.chat import ChatGateway
from bot.core.ports.store import Log
from bot.core.posts import Draft
from bot.core.questions import follow_up
from bot.core.questions.follow_up import FollowUp
from bot.core.questions.transition import Said
from bot.core.thread import ThreadState
from bot.core.transaction import Change

LATER = "I'll read this once the question above is answered."
MAX_MESSAGES = 20
"""Of one step's messages, as many of the newest may be done instead. Earlier ones are read after the decision."""
MAX_CHARS = 20_000
"""Characters of those messages."""
MAX_WORDS = 1_000
"""Characters of one of them that people are shown."""


@dataclass(slots=True)
class Heard:
    """What follows from messages that were written while a step waits."""

    notified: Sequence[int] = ()
    drafts: Sequence[Draft] = ()
    follow_up: FollowUp | None = None

    def add_to(self, change: Change) -> None:
        """Have it recorded with a change."""
        change.notified, change.follow_up = self.notified, self.follow_up
        change.drafts = [*change.drafts, *self.drafts]


async def listen(store: Log, watch: Watch, gateway: ChatGateway, state: ThreadState) -> Heard | None:
    """Return what follows from new messages: a question to the requester whether to do what they wrote instead, and an
    answer to consent in writing. What others write is context for later.

    Returns None, with the state as it is now, if people decide something while what they attached is read: the step is
    then looked at again.
    """
    new = [message for message in state.unread if message.addressed and not message.notified]
    gateway.read(state.place, new)
    requester = state.turn.requester if state.turn else ""
    if not any(_is_by(message, requester) for message in new):
        return Heard([message.id for message in new])
    if not any(_waits_for_a_decision(call) for call in state.step):
        # What a server needs is entered in a window; a question of the model is answered by the message itself.
        later = any(call.exchange for call in state.step)
        drafts = gateway.notice(LATER, f"input-waits-{state.step[0].id}") if later else ()
        return Heard([message.id for message in new], drafts)
    mine = [message for message in state.unread if message.addressed and _is_by(message, requester)]
    wanted = [message for message in mine if not gateway.consents(message)]
    stop = Stop()
    said: Sequence[Said] | None = None
    with StopMonitor(store, watch, state, stop, lambda fresh: _has_changed(state, fresh)), stop.scope():
        said = await _said(gateway, state, wanted)
    if said is None:
        await refresh(store, state)
        return None
    heard = Heard([message.id for message in new], (), FollowUp(state.step[0].seq, requester, said))
    if any(message not in wanted for message in mine if not message.notified):
        approve = any(call.state in (CallState.AWAITING, CallState.READY) for call in state.step)
        key = f"in-writing-{state.step[0].id}"
        heard.drafts = [gateway.only_buttons_count(key, approve=approve)]
    return heard


def _has_changed(state: ThreadState, fresh: ThreadState) -> bool:
    """Return whether a call of the step was decided, or a message that is being read was edited or withdrawn."""
    calls, there = {call.id: call.state for call in fresh.calls}, {each.id: each.version for each in fresh.unread}
    decided = any(calls.get(call.id) != call.state for call in state.step if call.state in WAITING)
    return decided or any(there.get(each.id) != each.version for each in state.unread)


def _waits_for_a_decision(call: Call) -> bool:
    return call.state not in (CallState.FINISHED, CallState.STARTED) and not call.wants_input


def _is_by(message: Unread, requester: str) -> bool:
    return message.author is AuthorKind.PERSON and message.user == requester != ""


async def _said(gateway: ChatGateway, state: ThreadState, wanted: Sequence[Unread]) -> Sequence[Said]:
    newest = wanted[-MAX_MESSAGES:]
    known = (*((state.turn.requester, *state.turn.others) if state.turn else ()), *state.people)
    people = [user for user in dict.fromkeys(known) if is_user(user)]
    quoted = await gateway.quote_with_files(state.place, newest, people)
    said: list[Said] = []
    left = MAX_CHARS
    for message, each in zip(reversed(newest), reversed(quoted), strict=True):
        words = each.text
        if len(words) > left or each.attached:  # read in full after the decision
            break
        left -= len(words)
        shown, strong = words.partition(": ")[2] or words, ()
        if (prompt := gateway.used_prompt(message)) is not None:
            shown, strong = follow_up.of_prompt(prompt)
        said.append(Said(message.id, message.version, shown[:MAX_WORDS], words, strong))
    return said[::-1]
