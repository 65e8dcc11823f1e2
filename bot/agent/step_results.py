"""Gives the model the results of a step once all its calls have ended, and shows people meanwhile what was done."""

from __future__ import annotations

from collections.abc import Sequence

from bot.agent import (
    attached_results,
    follow_ups,
    loop_detection,
    prompt,
    step_titles,
    turn_parts,
    written_answers,
)
from bot.agent.cancellation import Watch
from bot.core.calls import Call, CallOutcome, CallState
from bot.core.ports.chat import ChatGateway
from bot.core.ports.store import Log
from bot.core.ports.toolset import Toolset
from bot.core.questions import ask_person, granted
from bot.core.thread import ThreadState
from bot.core.transaction import Change
from bot.pace import Pace, offload

SHOWN_ON_CARD = (
    CallOutcome.DENIED,
    CallOutcome.EXPIRED,
    CallOutcome.ASSUMED,
    CallOutcome.SKIPPED,
    CallOutcome.UNRESOLVED,
    CallOutcome.STOPPED,
)
"""Outcomes that a person decided: the card shows them, so they are no steps."""


async def conclude(
    store: Log, watch: Watch, toolset: Toolset, gateway: ChatGateway, state: ThreadState, *, pollers: Sequence[str]
) -> bool:
    """Answer the step if all its calls have ended; otherwise show what was done so far. Returns False if it waits.

    watch: calls a function whenever something has changed in the thread.
    pollers: globs over the names of tools that may be called again and again.
    """
    await written_answers.take(store, gateway, state)
    open_calls = [call for call in state.step if call.state is not CallState.FINISHED]
    # While only servers work on it, nobody is waited for: what people write is read when they are done.
    waits = any(not call.is_task for call in open_calls)
    heard = await follow_ups.listen(store, watch, gateway, state) if waits else follow_ups.Heard()
    if heard is None:
        return True
    finished = [call for call in state.step if call.state is CallState.FINISHED and not call.summarised]
    for call in finished:
        call.summarised = True
    shown = [call for call in finished if not _is_shown_elsewhere(call) or _is_broken_off(call)]
    size = sum(len(call.arguments) + len(call.result) for call in shown)
    steps = await offload(size, step_titles.finished, toolset, shown, await gateway.privacy(state.place))
    change = Change("answer the calls")
    turn_parts.add(state, change, steps, ended_early=gateway.ended_early(state.id, state.part))
    turn_parts.settle(state, change)
    if not open_calls:
        await _answer(store, state, change, pollers)
        gateway.deliver(state.id)
        return True
    if not waits:  # the message stays open
        if finished or change.drafts:
            change.name, change.calls = "show what was done", finished
            await store.commit(state, change)
        return False
    turn_parts.rest(state, change)
    heard.add_to(change)
    if finished or change.notified or change.drafts:
        # Committed even without drafts: it records that the thread has nothing left to do but wait.
        change.name, change.calls = "show what was done", finished
        await store.commit(state, change)
    return False


def _is_shown_elsewhere(call: Call) -> bool:
    """Whether a card, or the record of a call that ran under a grant, shows how a call ended."""
    if ask_person.asks(call) and call.outcome is not CallOutcome.INVALID:
        return True
    return call.outcome in SHOWN_ON_CARD or bool(call.approval) or granted.is_recorded(call)


def _is_broken_off(call: Call) -> bool:
    """Whether a call that nobody was asked about may have run when the turn was stopped."""
    return call.outcome is CallOutcome.UNRESOLVED and call.result == prompt.BROKEN_OFF and not call.approval


async def _answer(store: Log, state: ThreadState, change: Change, pollers: Sequence[str]) -> None:
    """Append one tool message per call to the log."""
    calls = state.step
    done = [other for other in state.calls if other.seq < calls[0].seq]
    turn = [*done, *calls]
    notes = await offload(loop_detection.size(turn), loop_detection.notes, turn, pollers)
    answers: list[tuple[str, str]] = []
    pace = Pace()
    for call, note in zip(calls, notes[len(done) :], strict=True):
        answers.append(attached_results.tool(call, note))
        await pace.checkpoint()
    change.messages, change.calls = answers, calls
    await store.commit(state, change)
