"""The agent's view of Slack: renders messages, reads threads and requests delivery. Implements `ChatGateway`."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import replace

from slack_sdk.web.async_client import AsyncWebClient

from bot.core.attachments import Attached, Quoted
from bot.core.budget import Standing
from bot.core.inbox import AuthorKind, Earlier, Incoming, Unread
from bot.core.limits import Limits
from bot.core.outages import Gap, Missed, RecordedMessage
from bot.core.policy.privacy import Privacy
from bot.core.ports.chat import Said
from bot.core.ports.model import TextListener
from bot.core.posts import Draft
from bot.core.questions.audience import Reachability
from bot.core.questions.question import Approval, Card, Question
from bot.core.server_offers import PromptRef
from bot.core.sessions import SessionStatus, title_of
from bot.core.surroundings import Surroundings
from bot.core.thread import ThreadState
from bot.core.thread_ref import ThreadRef
from bot.core.turn_message import Step, TurnMessage
from bot.pace import Pace
from bot.slack import history_gaps
from bot.slack.attached.reading import AttachedFiles
from bot.slack.authorization import Authorizer
from bot.slack.blocks import (
    budget_notice,
    cards,
    follow_up_notice,
    messages,
    question_blocks,
    retry_notice,
    sign_in_notice,
)
from bot.slack.delivery.live import Live
from bot.slack.history import ThreadReader
from bot.slack.intake.consent_words import is_consent
from bot.slack.intake.messages import incoming
from bot.slack.intake.missed_reader import MissedReader
from bot.slack.intake.model_words import NO_MODELS
from bot.slack.intake.stop_rights import with_rights
from bot.slack.quoting import Quoting
from bot.slack.reachability import reachability
from bot.slack.reading.message import Ourselves
from bot.slack.reading.rendering import note
from bot.slack.seen import Seen
from bot.slack.sessions import Sessions
from bot.slack.text import readable, referred, speaker, visible
from bot.slack.thread_privacy import ThreadPrivacy

LATE_SECONDS = 10.0
"""A first message older than this was redelivered, so later messages may have arrived before it."""
MAX_TITLED = 1_000
"""Characters of a request that its session may be named after."""


class SlackGateway:
    """Implements `bot.core.ports.chat.ChatGateway`; one instance serves all threads."""

    def __init__(
        self,
        limits: Limits,
        client: AsyncWebClient,
        live: Live,
        deliver: Callable[[int], None],
        *,
        ourselves: Ourselves,
        bots: Collection[str] = (),
        authorizer: Authorizer,
        privacy: Privacy | None,
        missed: MissedReader | None = None,
        sessions: Sessions | None = None,
        files: AttachedFiles | None = None,
        secret: Callable[[], Awaitable[bytes]] | None = None,
    ) -> None:
        """`secret`: returns the key of the labels that people have in place of names; without it they change."""
        self._limits = limits
        self._client = client
        self._authorizer = authorizer
        self._directory = authorizer.directory
        self._privacy = ThreadPrivacy(authorizer.directory, privacy)
        self._live = live
        live.prepare = self._prepared
        self.seen = Seen(client)
        self._deliver = deliver
        self._ourselves = ourselves
        self._bots = frozenset(bots)
        self._sessions = sessions
        self.model_words = NO_MODELS
        """Recognizes messages that choose a model."""
        self._quoting = Quoting(self._directory, ourselves, self._privacy.of, files=files, secret=secret)
        self._missed = missed or MissedReader(client, ourselves, bots)

    def say(self, thread_id: int, text: str, room: int) -> Said:
        return self._prepared(text, room, self._live.cuts(thread_id))

    def _prepared(self, text: str, room: int, cuts: Sequence[int], *, ends: bool = False) -> Said:
        return messages.said(text, room, self._limits.answer_parts, self._directory.known(text), cuts, ends=ends)

    def ended_early(self, thread_id: int, message: TurnMessage) -> bool:
        return self._live.ended_early(thread_id, message)

    def notice(self, text: str, key: str = "") -> Sequence[Draft]:
        return messages.notice(text, key)

    def read(self, place: ThreadRef, messages: Sequence[Unread]) -> None:
        self.seen.read(place.channel, [each.ts for each in messages if each.addressed and not each.change])

    def consents(self, message: Unread) -> bool:
        own = not message.body and not message.change and message.author is AuthorKind.PERSON
        return own and is_consent(message.text, f"<@{self._ourselves.user}>")

    def used_prompt(self, message: Unread) -> PromptRef | None:
        return self._quoting.used_prompt(message)

    def only_buttons_count(self, key: str, *, approve: bool) -> Draft:
        return follow_up_notice.in_writing(key, approve=approve)

    def parked(self) -> Draft:
        return retry_notice.parked()

    def cards(self, approvals: Sequence[Approval]) -> Sequence[Card]:
        return cards.cards(approvals)

    def budget_card(self, question: Question, standing: Standing) -> Card:
        return budget_notice.card(question, standing, question_blocks.button)

    def input_card(self, question: Question) -> Card:
        return question_blocks.input_card(question)

    def sign_in_card(self, question: Question) -> Card:
        return sign_in_notice.card(question)

    def copy(self, questions: Sequence[Question], person: str, place: ThreadRef) -> Draft:
        return cards.copy(questions, person, place)

    def asked_directly(self, people: Sequence[str], key: str) -> Sequence[Draft]:
        return messages.asked_directly(people, key)

    async def reachability(
        self, place: ThreadRef, people: Sequence[str], requester: str, *, asks: bool
    ) -> Reachability:
        return await reachability(self._authorizer, place, people, requester, asks=asks)

    def reminders(self, question: Question) -> tuple[Sequence[Draft], Sequence[tuple[str, Draft]]]:
        return question_blocks.reminders(question)

    async def privacy(self, place: ThreadRef) -> Privacy:
        return await self._privacy.of(place)

    async def kind(self, place: ThreadRef) -> str:
        # Neither a mention nor the id says what kind of conversation it is: ids of private channels begin with C or G
        # (docs.slack.dev/reference/objects/conversation-object).
        return place.kind if place.kind in ("im", "mpim") else await self._directory.kind(place.channel)

    async def groups(self, user: str) -> frozenset[str] | None:
        return await self._authorizer.groups(user)

    async def member(self, user: str) -> bool:
        return await self._authorizer.member(user) is True

    async def outsider(self, user: str) -> bool:
        return await self._authorizer.member(user) is False

    async def name(self, user: str) -> str:
        return speaker(await self._directory.name(user))

    async def name_for_model(self, place: ThreadRef, user: str) -> str:
        return await self._quoting.name(place, user)

    async def quote(self, place: ThreadRef, messages: Sequence[Unread], known: Sequence[str] = ()) -> Sequence[str]:
        return await self._quoting.quote(place, messages, known)

    def attached(self, messages: Sequence[Unread]) -> Sequence[str]:
        return self._quoting.attached(messages)

    async def quote_with_files(
        self, place: ThreadRef, messages: Sequence[Unread], known: Sequence[str] = ()
    ) -> Sequence[Quoted]:
        return await self._quoting.quote_with_files(place, messages, known)

    async def surroundings(self, place: ThreadRef, first: Unread) -> Surroundings:
        return await self._quoting.surroundings(place, first)

    async def sent(self, message: Unread) -> str:
        return await self._quoting.sent(message)

    async def earlier(self, place: ThreadRef, first: Unread) -> Earlier:
        late = time.time() - float(first.ts) > LATE_SECONDS
        # If the mention was added by an edit, others may have replied before.
        if first.ts == place.thread_ts and not late and not first.version:
            return Earlier()
        history = await ThreadReader(self._client, place, self._limits.thread_messages).read()
        found: list[Incoming] = []
        pace = Pace()
        for each in ([history.root] if history.root else []) + list(history.replies):
            event = {**each, "channel": place.channel, "channel_type": place.kind, "thread_ts": place.thread_ts}
            message = incoming({"team_id": place.team, "event": event}, self._ourselves, self._bots, history=True)
            if message is not None and message.ts != first.ts:
                if message.ts > first.ts:
                    message = await with_rights(message, self._authorizer.may_stop)
                    found.append(self.model_words.read(message))
                else:
                    found.append(replace(message, addressed=False, earlier=True))
            await pace.checkpoint()
        words = history_gaps.for_the_model(history)
        if words:
            # Its timestamp puts it behind the first message and before all others.
            ts = f"{place.thread_ts}0"
            key = f"earlier-{place.channel}-{place.thread_ts}"
            found.append(Incoming(place, key, "", ts, note(words), (), addressed=False, earlier=True))
        return Earlier(found, history_gaps.for_people(history))

    async def missed(self, place: ThreadRef, gap: Gap, known: Sequence[RecordedMessage]) -> Missed:
        return await self._missed.of_thread(place, gap, known)

    def working(self, thread_id: int, message: TurnMessage, words: str, running: Sequence[Step] = ()) -> None:
        self._live.working(thread_id, message, words, running)

    def media(self, attached: Attached, key: str) -> Draft:
        return messages.media(attached, key)

    def progress(self, thread_id: int, step: Step) -> None:
        self._live.progress(thread_id, step)

    def writing(self, thread_id: int) -> TextListener:
        return self._live.writing(thread_id)

    def resting(self, thread_id: int) -> None:
        self._live.resting(thread_id)

    def session(self, state: ThreadState, status: SessionStatus) -> None:
        if self._sessions is None or not self._sessions.enabled:
            return
        first = next((each for each in state.unread if each.addressed), None) if not state.begun else None
        if first is None:
            self._sessions.want(state.id, state.place, status)
            return
        person = first.user if first.author is AuthorKind.PERSON else ""
        title = (
            self._title(first.text) if self._privacy.setting is not Privacy.PRIVATE or state.place.kind == "im" else ""
        )
        self._sessions.want(state.id, state.place, status, title=title, requester=person)

    def _title(self, text: str) -> str:
        said = text[:MAX_TITLED].replace(f"<@{self._ourselves.user}>", " ")
        # A person whose name would have to be looked up first is not named: nothing waits for a title.
        names = {**dict.fromkeys(referred(said), "someone"), **self._directory.known(said)}
        return title_of(visible(readable(said, names)))

    def deliver(self, thread_id: int) -> None:
        self._deliver(thread_id)
