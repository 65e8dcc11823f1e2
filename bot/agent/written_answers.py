"""Takes what the requester writes in the thread as the answer to the model's own questions (`ask_person`).

Only such questions are answered like this: nothing is approved in writing. The message is read as any other, right
after the results of the step, so that files and edits of it count, too.
"""

from __future__ import annotations

from bot.core.calls import CallState
from bot.core.inbox import AuthorKind
from bot.core.ports.chat import ChatGateway
from bot.core.ports.store import Log
from bot.core.questions import ask_person
from bot.core.thread import ThreadState
from bot.core.transaction import Change, Written


async def take(store: Log, gateway: ChatGateway, state: ThreadState) -> None:
    """Close the questions of a step if nothing else of it waits for people and its requester has written since."""
    waiting = [call for call in state.step if call.state in (CallState.AWAITING, CallState.UNKNOWN)]
    requester = state.turn.requester if state.turn else ""
    if not requester or not waiting or not all(call.asked and ask_person.asks(call) for call in waiting):
        return
    newest = max(
        (
            message.id
            for message in state.unread
            if message.addressed and message.author is AuthorKind.PERSON and message.user == requester
        ),
        default=0,
    )
    if not newest:
        return
    written = Written(requester, newest, tuple(call.id for call in waiting))
    await store.commit(state, Change("answer in writing", written=written))
    fresh = {call.id: call for call in (await store.load(state.id)).calls}
    for call in waiting:
        if call.id in fresh:
            call.refresh(fresh[call.id])
    gateway.deliver(state.id)
