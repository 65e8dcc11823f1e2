"""People's sign-ins to servers, and the calls that wait for them, in memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from bot.core.calls import CallOutcome, CallState
from bot.core.identity import OpenSignIn, SignedIn
from bot.core.questions import sign_in
from bot.core.questions.kinds import KINDS
from bot.core.questions.question import Card, Decision, Question
from bot.core.questions.sign_in import Asked
from bot.core.questions.transition import CallStep, Transition
from bot.core.sign_in_wait import SignInWait
from tests.extending.memory.tables import Disk, Tables, now


def wait(tables: Tables, thread: int, wanted: SignInWait, ask: Callable[[Card], None], *, stopped: bool) -> None:
    """Have a call wait for a sign-in."""
    call = wanted.call
    row = tables.calls[call.id]
    if stopped:
        call.state, call.outcome = CallState.FINISHED, CallOutcome.STOPPED
        tables.calls[call.id] = replace(row, call=replace(row.call, state=call.state, outcome=call.outcome))
        return
    mine = [each for each in tables.sign_ins.values() if (each.person, each.server) == (wanted.person, wanted.server)]
    if mine:
        question = mine[0].question
        asked = tables.questions[question]
        if body := sign_in.joined(asked.question, thread):
            tables.questions[question] = replace(asked, question=replace(asked.question, body=body))
    elif wanted.card is not None:
        ask(wanted.card)
        question = wanted.card.questions[0].id
        tables.sign_ins[question] = OpenSignIn(question, wanted.person, wanted.server, wanted.state, wanted.sealed)
    else:
        call.state = CallState.READY
        tables.calls[call.id] = replace(row, call=replace(row.call, state=call.state))
        return
    tables.sign_in_waits[call.id] = (question, tables.sign_in_waits.get(call.id, ("", 0))[1] + 1)


def waiting(tables: Tables, question: str) -> list[int]:
    """The calls that wait for a question."""
    if question not in tables.sign_ins:
        return []
    found = [call for call, (asked, _) in tables.sign_in_waits.items() if asked == question]
    return [call for call in found if tables.calls[call].call.state is CallState.AWAITING]


def is_asked(tables: Tables, call: int) -> bool:
    """Whether a call waits for a sign-in."""
    return call in waiting(tables, tables.sign_in_waits.get(call, ("", 0))[0])


def settle(tables: Tables, question: Question, step: CallStep) -> None:
    """Move the calls that wait for a question, which is decided."""
    for id_ in waiting(tables, question.id):
        row = tables.calls[id_]
        result = row.call.result if step.result is None else step.result
        moved = replace(row.call, state=step.state, outcome=step.outcome, result=result)
        tables.calls[id_] = replace(row, call=moved)
    tables.sign_ins.pop(question.id, None)


def leave(tables: Tables, turn: int) -> list[str]:
    """Have the calls of a turn wait no more. Out: the questions for which none waits any more."""
    mine = [id_ for id_, row in tables.calls.items() if row.turn == turn and is_asked(tables, id_)]
    questions = dict.fromkeys(tables.sign_in_waits[id_][0] for id_ in mine)
    for id_ in mine:
        tables.sign_in_waits[id_] = ("", tables.sign_in_waits[id_][1])
    return [question for question in questions if not waiting(tables, question)]


class MemoryIdentities:
    """Implements `bot.core.ports.identities.IdentityStore`."""

    def __init__(self, disk: Disk) -> None:
        self._disk = disk

    def _apply(self, tables: Tables, question: Question, transition: Transition) -> None:
        raise NotImplementedError

    async def signed_in(self, person: str, server: str) -> SignedIn | None:
        return next((each for each in await self.sign_ins_of(person) if each.server == server), None)

    async def sign_ins_of(self, person: str) -> Sequence[SignedIn]:
        mine = [each for each in self._disk.tables.identities.values() if each.person == person and not each.ended]
        return sorted(mine, key=lambda each: each.server)

    async def refreshed(self, kept: SignedIn, sealed: bytes) -> SignedIn | None:
        with self._disk.transaction() as tables:
            found = tables.identities.get(kept.id)
            if found is None or found.ended or found.version != kept.version:
                return None
            tables.identities[kept.id] = replace(found, sealed=sealed, version=found.version + 1)
            return tables.identities[kept.id]

    async def end_sign_in(self, kept: SignedIn) -> SignedIn | None:
        with self._disk.transaction() as tables:
            found = tables.identities.get(kept.id)
            if found is None or found.ended:
                return None
            tables.identities[kept.id] = replace(found, ended=True)
            return tables.identities[kept.id]

    async def ended_sign_ins(self) -> Sequence[SignedIn]:
        return [each for each in self._disk.tables.identities.values() if each.ended]

    async def forget_sign_in(self, id: int) -> None:
        with self._disk.transaction() as tables:
            if id in tables.identities and tables.identities[id].ended:
                del tables.identities[id]

    async def open_sign_in(self, person: str, server: str) -> OpenSignIn | None:
        found = self._disk.tables.sign_ins.values()
        return next((each for each in found if (each.person, each.server) == (person, server)), None)

    async def sign_in_by_state(self, state: str) -> OpenSignIn | None:
        return next((each for each in self._disk.tables.sign_ins.values() if each.state == state), None)

    async def sign_in_of(self, question: str) -> OpenSignIn | None:
        return self._disk.tables.sign_ins.get(question)

    async def receive_code(self, asked: OpenSignIn, code: bytes) -> bool:
        with self._disk.transaction() as tables:
            found = self._as_read(tables, asked)
            if found is None or found.code:
                return False
            tables.sign_ins[asked.question] = replace(found, code=code)
            return True

    async def received_codes(self) -> Sequence[OpenSignIn]:
        return [each for each in self._disk.tables.sign_ins.values() if each.code]

    async def renew_sign_in(self, asked: OpenSignIn, about: Asked, sealed: bytes) -> Sequence[int]:
        with self._disk.transaction() as tables:
            found = self._as_read(tables, asked)
            if found is None:
                return []
            tables.sign_ins[asked.question] = replace(found, state=about.state, sealed=sealed, code=b"")
            row = tables.questions[asked.question]
            body = sign_in.renewed(row.question, about)
            tables.questions[asked.question] = replace(row, question=replace(row.question, body=body))
            return [row.question.thread_id]

    async def finish_sign_in(self, asked: OpenSignIn, issuer: str, sealed: bytes) -> Sequence[int] | None:
        with self._disk.transaction() as tables:
            if self._as_read(tables, asked) is None:
                return None
            replaced = 0
            for id_, each in list(tables.identities.items()):
                if (each.person, each.server, each.ended) == (asked.person, asked.server, False):
                    tables.identities[id_] = replace(each, ended=True)
                    replaced = replaced if each.issuer != issuer else id_
            number = tables.last_numbers["identities"] = tables.last_numbers.get("identities", 0) + 1
            tables.identities.pop(replaced, None)
            tables.identities[number] = SignedIn(
                number, asked.person, asked.server, issuer, sealed, since=now(), ended=False
            )
            question = tables.questions[asked.question].question
            kind = KINDS[question.kind]
            self._apply(tables, question, kind.closed(question, sign_in.SIGNED_IN, by=asked.person))
            return list(kind.threads(question))

    def _as_read(self, tables: Tables, asked: OpenSignIn) -> OpenSignIn | None:
        """The sign-in, if it is open and was not renewed."""
        found = tables.sign_ins.get(asked.question)
        if found is None or found.state != asked.state:
            return None
        question = tables.questions[asked.question].question
        return found if question.decision == Decision.AWAITING and now() < question.expires_at else None

    async def times_asked(self, call: int) -> int:
        return self._disk.tables.sign_in_waits.get(call, ("", 0))[1]

    async def oauth_client(self, issuer: str, redirect: str) -> bytes:
        return self._disk.tables.oauth_clients.get((issuer, redirect), b"")

    async def keep_oauth_client(self, issuer: str, redirect: str, sealed: bytes) -> None:
        with self._disk.transaction() as tables:
            tables.oauth_clients[issuer, redirect] = sealed

    async def listed_tools(self, server: str, origin: str) -> str:
        return self._disk.tables.tool_lists.get((server, origin), "")

    async def keep_tools(self, server: str, origin: str, body: str) -> None:
        with self._disk.transaction() as tables:
            tables.tool_lists = {key: each for key, each in tables.tool_lists.items() if key[0] != server}
            tables.tool_lists[server, origin] = body
