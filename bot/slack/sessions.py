"""Keeps the status that Slack shows of each agent session true: `processing`, `suspended` or `active`.

The agent says what is wanted, and goes on at once; the status is sent to Slack in the background, within its limits. Of
changes that come faster than that, only the last is sent. Sessions exist only where the app is declared an agent;
elsewhere nothing of this is called.

Source: docs.slack.dev/reference/methods/agents.sessions.setStatus.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Collection, Coroutine
from dataclasses import dataclass
from typing import Any

from slack_sdk.web.async_client import AsyncWebClient

from bot import failpoints
from bot.core.ports.sessions import SessionStore
from bot.core.sessions import SessionStatus
from bot.core.thread_ref import ThreadRef
from bot.errors import StoreError
from bot.slack.call_budget import CallBudget
from bot.slack.delivery.errors import SLACK_ERRORS, code_of, retry_after
from bot.slack.error_kinds import ErrorKind, kind_of

log = logging.getLogger(__name__)

_KINDS = {
    True: "the Slack app is declared an agent: threads show a status and Stop, and guests cannot use it",
    False: "the Slack app is not declared an agent: threads show no status and no Stop, and guests can use it",
}
NOT_AN_AGENT = frozenset({"not_authorized", "not_agent_app", "missing_scope", "unknown_method", "feature_disabled"})
"""Codes by which Slack says that the app is not declared an agent."""
BURST, PER_MINUTE = 10, 38
"""Slack allows 50 calls a minute (Tier 3, docs.slack.dev/apis/web-api/rate-limits)."""
RESERVED = 5
"""Calls that are left for the end of work, one for each session that shows `processing`, and so many at most: a session
that shows Stop to no purpose is worse than one that does not show it yet."""
SETTLE_SECONDS = 0.3
"""How long the end of the work waits: the message that ends may carry the status (chat.stopStream), or it may go on."""
REFRESH_SECONDS = 3_000.0
"""Slack shows `processing` for an hour (docs.slack.dev/ai/agent-sessions)."""
PAUSES = (1.0, 5.0, 20.0, 60.0)
"""Seconds before each retry of a call that failed; after the last one it is given up."""
OPERATOR_SECONDS = 60.0
"""The same if somebody has to fix something first."""
MAX_SESSIONS = 10_000
"""Threads that are remembered."""


def kind_of_app(*, agent: bool) -> str:
    """Return in words for an operator what is possible with the app as it is declared."""
    return _KINDS[agent]


@dataclass(slots=True, eq=False)
class _Session:
    place: ThreadRef
    wanted: SessionStatus | None = None
    given: SessionStatus | None = None
    """The status that Slack was given last; None if this process does not know."""
    uncertain: bool = False
    """Slack may show another status than the one that it should, and the store may have noted that."""
    title: str = ""
    requester: str = ""
    due: float = 0.0
    """When it may be sent."""
    tries: int = 0
    sending: bool = False


class Sessions:
    """The sessions of all threads, in memory. One instance serves all of them."""

    def __init__(
        self,
        client: AsyncWebClient,
        store: SessionStore,
        background: Callable[[Coroutine[Any, Any, object]], None],
        *,
        enabled: bool,
        budget: CallBudget | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`client` must not retry: what was refused may be out of date by then. `background` runs what nobody waits
        for. `enabled`: the app is declared an agent."""
        self.enabled = enabled
        self._client, self._store, self._background, self._clock = client, store, background, clock
        self._budget = budget or CallBudget(BURST, PER_MINUTE)
        self._sessions: dict[int, _Session] = {}
        self._uncertain: set[int] = set()
        self._queue: dict[int, None] = {}
        """Threads whose status is to be sent, in the order in which they came."""
        self._processing: dict[int, float] = {}
        """Threads that show `processing`, with the time since when, in that order."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._news = asyncio.Event()
        self._settle_seconds = SETTLE_SECONDS

    async def start(self, waiting: Collection[int]) -> Collection[int]:
        """Return the threads whose sessions an earlier process may have left with an untrue status: somebody has to
        look at them and call `want`. `waiting` are those with something to do, where it was at work."""
        log.info("%s", kind_of_app(agent=self.enabled))
        found = await self._store.follow_sessions(self.enabled)
        if self.enabled:
            self._uncertain = {*found, *waiting}
        return {*found, *waiting}

    def want(
        self, thread_id: int, place: ThreadRef, status: SessionStatus, *, title: str = "", requester: str = ""
    ) -> None:
        """Say what the session of a thread should show from now on. `title` and `requester` count if it is new."""
        if not self.enabled or not place.is_thread:
            return
        session = self._session(thread_id, place)
        session.title, session.requester = title or session.title, requester or session.requester
        works = status is SessionStatus.PROCESSING
        if session.wanted is not status or not (works or thread_id in self._queue):
            session.wanted, session.tries = status, 0
            self._consider(thread_id, session)

    def wanted(self, thread_id: int) -> SessionStatus | None:
        """Return what the session of a thread should show; None if there are no sessions, or nothing is known."""
        session = self._sessions.get(thread_id)
        return session.wanted if session is not None and self.enabled else None

    def given(self, thread_id: int, status: SessionStatus) -> None:
        """Take note that another call has given Slack this status."""
        session = self._sessions.get(thread_id)
        if session is not None and self.enabled:
            self._now_shows(thread_id, session, status)
            self._consider(thread_id, session)

    def settles(self, thread_id: int) -> None:
        """Take note that no message is coming any more that could carry the end of the work."""
        session = self._sessions.get(thread_id)
        rests = session is not None and session.wanted is not SessionStatus.PROCESSING and not session.tries
        if session is not None and rests and thread_id in self._queue:
            session.due = min(session.due, self._clock())
            self._news.set()

    def doubt(self, thread_id: int, place: ThreadRef) -> None:
        """Take note that Slack may show another status than what an earlier process has left."""
        if self.enabled:
            self._session(thread_id, place).uncertain = True

    def again(self, thread_id: int, place: ThreadRef) -> None:
        """Have the status sent once more, whatever was sent before; if none is known, with the next `want`."""
        if self.enabled:
            session = self._session(thread_id, place)
            session.given, session.uncertain, session.tries = None, True, 0
            self._consider(thread_id, session)

    async def run(self) -> None:
        """Send what is to be sent, until cancelled."""
        while True:
            self._news.clear()
            seconds = self._send_due(self._clock())
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait(), seconds)

    async def close(self, seconds: float) -> None:
        """Send the statuses of ended work at once, as far as Slack's limits and these seconds allow. What is not sent
        now is noted in the store for the next start."""
        self._settle_seconds, now = 0.0, self._clock()
        for thread_id in self._queue:
            self._sessions[thread_id].due = min(self._sessions[thread_id].due, now)
        self._send_due(now)
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=seconds)
        for task in self._tasks:
            task.cancel()

    def _session(self, thread_id: int, place: ThreadRef) -> _Session:
        session = self._sessions.get(thread_id)
        if session is None:
            if len(self._sessions) >= MAX_SESSIONS:
                self._forget_one()
            session = self._sessions[thread_id] = _Session(place, uncertain=thread_id in self._uncertain)
            self._uncertain.discard(thread_id)
        return session

    def _forget_one(self) -> None:
        for thread_id, session in self._sessions.items():
            rests = session.wanted is not SessionStatus.PROCESSING and not session.uncertain and not session.sending
            if rests and thread_id not in self._queue:
                del self._sessions[thread_id]
                return

    def _consider(self, thread_id: int, session: _Session) -> None:
        """Queue a session if its status has to be sent; else confirm that it shows what it should."""
        if session.sending or session.wanted is None or not self.enabled:
            return
        works = session.wanted is SessionStatus.PROCESSING
        # What another process has left at rest shows that, unless the store has noted otherwise.
        known = session.given if session.given or works or session.uncertain else session.wanted
        if known is session.wanted:
            self._queue.pop(thread_id, None)
            if not works:
                session.uncertain = False
                self._background(self._confirm(thread_id, session))
            return
        session.due = self._clock() + (0.0 if works else self._settle_seconds)
        self._queue[thread_id] = None
        self._news.set()

    async def _confirm(self, thread_id: int, session: _Session) -> None:
        if session.wanted is not SessionStatus.PROCESSING:
            with contextlib.suppress(StoreError):  # then it is given once more at the next start
                await self._store.session_shown(thread_id)

    def _send_due(self, now: float) -> float | None:
        """Send what is due and Slack's limits allow. Return the seconds until there may be more; None if only news can
        change that."""
        self._refresh(now)
        while self._queue:
            wait = self._budget.seconds_until(1.0, now)
            if wait > 0.0:
                return wait
            waits = {thread_id: max(0.0, self._sessions[thread_id].due - now) for thread_id in self._queue}
            chosen = next((each for each, wait in waits.items() if not wait and not self._begins(each)), None)
            if chosen is None:
                reserve = self._budget.seconds_until(1 + min(len(self._processing), RESERVED), now)
                waits = {each: max(wait, reserve if self._begins(each) else 0.0) for each, wait in waits.items()}
                chosen = min(waits, key=lambda each: waits[each])
                if waits[chosen]:
                    return waits[chosen]
            del self._queue[chosen]
            self._budget.take(now)
            session = self._sessions[chosen]
            session.sending = session.uncertain = True
            if self._begins(chosen):
                self._processing[chosen] = now
            task = asyncio.create_task(self._send(chosen, session))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return next((since + REFRESH_SECONDS - now for since in self._processing.values()), None)

    def _begins(self, thread_id: int) -> bool:
        return self._sessions[thread_id].wanted is SessionStatus.PROCESSING

    def _refresh(self, now: float) -> None:
        """Queue what has shown `processing` for so long that Slack will soon show it no more."""
        for thread_id, since in list(self._processing.items())[:1]:
            if now - since >= REFRESH_SECONDS:
                session, _ = self._sessions[thread_id], self._processing.pop(thread_id)
                session.given = None
                self._consider(thread_id, session)

    async def _send(self, thread_id: int, session: _Session) -> None:
        """Give Slack the status that is wanted now."""
        status = session.wanted or SessionStatus.ACTIVE
        try:
            with failpoints.around("session status"):
                await self._client.agents_sessions_setStatus(
                    channel_id=session.place.channel,
                    thread_ts=session.place.thread_ts,
                    status=status.value,
                    title=session.title or None,
                    initiator_user_id=session.requester or None,
                )
        except SLACK_ERRORS as error:
            session.sending = False
            if session.given is not SessionStatus.PROCESSING:
                self._processing.pop(thread_id, None)
            await self._failed(thread_id, session, status, error)
        else:
            session.sending, session.tries = False, 0
            session.title = session.requester = ""
            self._now_shows(thread_id, session, status)
            self._consider(thread_id, session)

    def _now_shows(self, thread_id: int, session: _Session, status: SessionStatus) -> None:
        session.given = status
        self._processing.pop(thread_id, None)
        if status is SessionStatus.PROCESSING:
            self._processing[thread_id] = self._clock()

    async def _failed(self, thread_id: int, session: _Session, status: SessionStatus, error: Exception) -> None:
        code, now = code_of(error), self._clock()
        kind = kind_of(code)
        if code in NOT_AN_AGENT:
            await self._disable(code)
        elif (seconds := retry_after(error)) > 0.0:
            self._budget.pause(seconds, now)
            self._retry(thread_id, session, seconds)
        elif code == "invalid_arguments" and (session.title or session.requester):
            session.title = session.requester = ""  # whatever is wrong with them
            self._retry(thread_id, session, 0.0)
        elif kind is ErrorKind.PERMANENT:
            log.debug("thread %s: Slack does not take its status (%s)", thread_id, code)
            self._now_shows(thread_id, session, status)
            self._consider(thread_id, session)
        elif session.tries < len(PAUSES):
            pause = OPERATOR_SECONDS if kind is ErrorKind.OPERATOR else PAUSES[session.tries]
            session.tries += 1
            self._retry(thread_id, session, pause)
        else:
            log.warning("thread %s: its status %s could not be sent to Slack (%s)", thread_id, status, code)

    def _retry(self, thread_id: int, session: _Session, seconds: float) -> None:
        self._consider(thread_id, session)
        session.due = self._clock() + seconds
        self._news.set()

    async def _disable(self, code: str) -> None:
        """The app turns out to have no sessions."""
        if self.enabled:
            log.info("Slack says that the app is not declared an agent (%s): it shows no status and no Stop", code)
            self.enabled = False
            for each in (self._sessions, self._queue, self._processing, self._uncertain):
                each.clear()
            await self._store.follow_sessions(False)
