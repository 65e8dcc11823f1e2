"""Adds to the message of the open turn what was done and said, within the change that records it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

from bot.core import turn_message
from bot.core.ledger import TurnLedger
from bot.core.policy.approvers import is_user
from bot.core.ports.chat import ChatGateway
from bot.core.questions.question import Approval, Card
from bot.core.questions.retry import turn_question as retry_question
from bot.core.thread import ThreadState, Turn
from bot.core.transaction import Change
from bot.core.turn_message import End, Step, TurnMessage
from bot.pace import offload


def add(state: ThreadState, change: Change, parts: Sequence[Step], *, ended_early: bool) -> None:
    """Add steps. ended_early: see `ChatGateway.ended_early`."""
    if parts:
        _follow(state, change, ended_early=ended_early)
        _put(state, change, turn_message.grown(state.part, parts))


def _follow(state: ThreadState, change: Change, *, ended_early: bool) -> None:
    """Close the newest part if nothing can be added to it any more in Slack: what follows is in the next one."""
    if ended_early:
        _put(state, change, turn_message.continued(state.part)[:1])


async def say(state: ThreadState, change: Change, gateway: ChatGateway, text: str) -> None:
    """Add what the model says; nothing if that is empty."""
    _follow(state, change, ended_early=gateway.ended_early(state.id, state.part))
    if not text.strip():
        return
    said = await offload(len(text), gateway.say, state.id, text, state.part.room)
    _put(state, change, turn_message.spoken(state.part, said.pieces))
    change.drafts = [*change.drafts, *said.files]


def end(
    state: ThreadState,
    change: Change,
    gateway: ChatGateway,
    how: End,
    note: str = "",
    *,
    ledger: TurnLedger | None = None,
) -> None:
    """End the message, with a sentence of the bot's own."""
    _follow(state, change, ended_early=gateway.ended_early(state.id, state.part))
    _put(state, change, turn_message.ended(state.part, how, note, ledger))


def fail(
    state: ThreadState,
    turn: Turn,
    change: Change,
    gateway: ChatGateway,
    note: str,
    *,
    ledger: TurnLedger | None,
    retry: bool,
) -> None:
    """End the message of a turn without an answer. `retry`: the people who take part in it are offered another try."""
    end(state, change, gateway, End.FAILED, note, ledger=ledger)
    people = [each for each in (turn.requester, *turn.others) if is_user(each)]
    if not retry or not people:
        return
    key = state.part.key
    asked = retry_question(key, state.id, turn.id, people, time.time())
    change.drafts = [draft for draft in change.drafts if draft.key != key]
    change.cards = [*change.cards, Card([asked], [state.part.draft()])]


def answered(state: ThreadState, change: Change, note: str, ledger: TurnLedger | None) -> None:
    """End the message after an answer, which is in its newest part."""
    _put(state, change, [replace(state.part, end=End.ANSWERED, note=note, ledger=ledger)])


def asks(state: ThreadState, card: Card, *, final: bool) -> Card:
    """Return a card with the message that it is in. `final`: no other call of the step runs meanwhile."""
    parts = turn_message.asking(state.part, card.size, final=final)
    state.message = parts[-1]
    return replace(card, drafts=[*card.drafts, *(part.draft() for part in parts)])


def record(state: ThreadState, change: Change, record: Approval) -> None:
    """Add the record of a call that ran under a grant."""
    parts = turn_message.recorded(state.part)
    state.message = parts[-1]
    change.cards = [*change.cards, Card([record], [part.draft() for part in parts])]


def settle(state: ThreadState, change: Change) -> None:
    """Close a part that ends with questions, once no call beside them runs."""
    if state.part.end is End.ASKING:
        _put(state, change, [replace(state.part, end=End.ASKS)])


def rest(state: ThreadState, change: Change) -> None:
    """Close an open part while the turn waits for people: nothing is added to it, and a stream would stay open."""
    if state.part.end is End.OPEN and not state.part.empty:
        _put(state, change, [replace(state.part, end=End.CONTINUED)])


def _put(state: ThreadState, change: Change, changed: Sequence[TurnMessage]) -> None:
    state.message = changed[-1]
    drafts = {part.key: part.draft() for part in changed}
    # Each stays in its place: a file of the answer is below it.
    change.drafts = [*(drafts.pop(draft.key, draft) for draft in change.drafts), *drafts.values()]
