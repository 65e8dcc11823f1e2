"""Makes sure that those who may answer a question can see it, and closes it when nobody is left who may."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from bot.core.ports.chat import ChatGateway
from bot.core.ports.store import Questions
from bot.core.questions.audience import Audience, audience
from bot.core.questions.kinds import KINDS
from bot.core.questions.question import Approval, Card, Question
from bot.core.questions.unanswerable import GONE
from bot.core.thread_ref import ThreadRef

CHECKED_SECONDS = 900.0
"""Seconds between two checks of who can answer an open request."""
AT_ONCE = 20
"""Requests that are checked per sweep."""
NOBODY_LEFT = "Nobody who may approve this is left, so I closed the request above. Nothing was run."
"""For people."""
NOBODY_ANSWERS = "Nobody who may answer this is left, so I closed the question above."
"""The same for a question that is not about a call."""


async def audience_of(gateway: ChatGateway, place: ThreadRef, question: Question, *, asks: bool = False) -> Audience:
    """Return who has to be asked directly. `asks`: the requester is writing just now."""
    kind = KINDS[question.kind]
    people = kind.people(question)
    where = await gateway.reachability(place, people, question.requester, asks=asks)
    return audience(
        people,
        question.needed,
        question.requester,
        where,
        barred=kind.barred(question),
        asked={copy.person for copy in question.copies},
        unreachable={copy.person for copy in question.copies if copy.refused},
    )


def with_copies(gateway: ChatGateway, place: ThreadRef, card: Card, ask: Mapping[str, Sequence[str]]) -> Card:
    """Return a card with copies for those who are asked directly. ask: their ids, by the id of the request."""
    people = list(dict.fromkeys(who for each in card.questions for who in ask.get(each.id, ())))
    if not people:
        return card
    copies = [
        (who, gateway.copy([each for each in card.questions if who in ask.get(each.id, ())], who, place))
        for who in people
    ]
    return replace(card, copies=copies, notes=gateway.asked_directly(people, f"directly-{card.drafts[-1].key}"))


@dataclass(frozen=True, slots=True)
class AudienceCheck:
    """Checks periodically who can answer open questions."""

    store: Questions
    gateway: ChatGateway
    seconds: float = CHECKED_SECONDS

    async def check(self) -> set[int]:
        """Check the questions that were not checked for a while. Return the ids of the threads to wake."""
        changed: set[int] = set()
        for question in await self.store.unchecked(time.time() - self.seconds, AT_ONCE):
            # Kind and timestamp of the thread make no difference here, except for direct messages.
            kind = "im" if question.channel.startswith("D") else ""
            place = ThreadRef(question.team, question.channel, "", kind)
            found = await audience_of(self.gateway, place, question)
            if found.nobody and KINDS[question.kind].people(question):
                words = NOBODY_LEFT if isinstance(question, Approval) else NOBODY_ANSWERS
                notes = self.gateway.notice(words, key=f"nobody-{question.id}")
                await self.store.checked(question.id, notes=notes, closed=GONE)
            elif found.ask:
                copies = [(who, self.gateway.copy([question], who, place)) for who in found.ask]
                key = f"directly-{question.id}-{'-'.join(found.ask)}"
                await self.store.checked(question.id, copies, self.gateway.asked_directly(found.ask, key))
            else:
                await self.store.checked(question.id)
                continue
            changed.add(question.thread_id)
        return changed
