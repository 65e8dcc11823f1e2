"""Delivers messages that grow by streams of Slack, as far as the workspace's budget allows.

A stream is begun at the first delivery of a message that is not done. What is wanted later is compared with what the
stream was given: if it continues that, the rest is appended; if it does not, when the stream is four minutes old, and
when the outcome of a call is unknown, the stream is stopped and the message is updated, which the budget has room for;
its kind may put what follows into another message. Whether a message may change yet is also decided here, for messages
that are updated.

"The chunks parameter can include markdown text chunk objects, task update chunk objects, plan update chunks, or blocks
chunks" (docs.slack.dev/reference/methods/chat.appendStream): so a stream begins with the menu by which a turn is
stopped. It cannot be removed from a stream, so an update removes it once the stream has ended.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from enum import StrEnum

from bot.core.posts import Action, Post, PostState
from bot.core.thread_ref import ThreadRef
from bot.slack.blocks.elements import Block
from bot.slack.delivery.errors import LIMITED, SLACK_ERRORS, Next, code_of, retry_after, what_follows
from bot.slack.delivery.kinds import Kind
from bot.slack.delivery.known import KnownPost, Stream
from bot.slack.delivery.rate import UpdateRate
from bot.slack.delivery.sender import Sender
from bot.slack.delivery.stream_body import StreamBody, calls
from bot.slack.delivery.stream_budget import StreamBudget
from bot.slack.delivery.stream_calls import Closing
from bot.slack.error_kinds import needs_operator

log = logging.getLogger(__name__)

STREAM_SECONDS = 240.0
"""Seconds after which a stream is stopped: Slack ends streams after about five minutes, even with traffic."""
MAX_STOPS = 3
"""Attempts to stop a stream of which the outcome is unknown. After that an update shows whether it is still open."""
NO_MENU = frozenset({"invalid_chunks", "invalid_blocks", "invalid_blocks_format", "invalid_arguments"})
"""Codes by which Slack would refuse a stream because of its menu."""
MIN_WAIT = 0.05
"""Seconds before a message that has to wait is looked at again."""


class Ended(StrEnum):
    """What Slack shows of a message whose stream has ended."""

    COMPLETE = "complete"
    """All that is wanted."""
    INCOMPLETE = "incomplete"
    """Something else: it is to be updated."""
    GONE = "gone"
    """Nothing: somebody has deleted it."""


class Streams:
    """The streams of all threads."""

    def __init__(
        self,
        sender: Sender,
        budget: StreamBudget,
        rate: UpdateRate,
        *,
        session: Callable[[int], str] = lambda thread_id: "",
        session_given: Callable[[int, str], None] = lambda thread_id, status: None,
        session_settles: Callable[[int], None] = lambda thread_id: None,
    ) -> None:
        """`session` returns the status that the session of a thread should show, empty if there are no sessions;
        `session_given` is called with a thread and the status that its session was given with the end of a stream;
        `session_settles` is called when a message is posted that no stream follows."""
        self._session, self._session_given, self._session_settles = session, session_given, session_settles
        self._menus = True
        """Whether streams begin with a menu: Slack has not refused one."""
        self._sender = sender
        self._budget = budget
        self._rate = rate

    def look(self, place: ThreadRef, post: Post, known: KnownPost, kind: Kind, *, gone: bool) -> bool:
        """Set what is to be known about a message besides its body. Return whether that is enough to go on, so that it
        need not be rendered. gone: nothing is to be shown of it."""
        known.live = known.streams = known.unready = known.held = known.complete = False
        known.early = self._rate.held(post.thread_id, post.kind)
        if kind.streamed is None or gone:
            return post.streaming
        body = kind.streamed(post)
        known.complete = post.final or (body is not None and body.done)
        if post.state is PostState.OWED:
            known.stream = None
            self._begin(place, post, known, body)
            known.wanted |= known.streams
            return known.streams or (known.unready and not post.final)
        if known.stream is not None and post.streaming:
            known.wanted = True
            self._go_on(post, known, known.stream, body)
            return True
        wait = self._budget.update_wait(post.id, final=known.complete)
        known.held = self._rate.held(post.thread_id, post.key) or (known.complete and wait > 0)
        known.early = not known.complete and (known.early or wait > 0)
        return post.streaming

    def _begin(self, place: ThreadRef, post: Post, known: KnownPost, body: StreamBody | None) -> None:
        """Find out how a message begins that is not in Slack: as a stream, as a post, or not yet."""
        known.early = False
        if post.final:
            return
        if self._rate.held(post.thread_id, post.kind):
            known.early = known.unready = True
            return
        if body is not None and not body.done:
            if not any(chunk.get("text") or chunk.get("title") for chunk in body.chunks):
                known.unready = True  # there is nothing to show
                return
            named = place.kind == "im" or bool(body.person and body.team)
            menu = bool(self._menu(body))
            if named and body.fits and not known.unstreamed and self._budget.may_start(place.channel, kept=menu):
                known.streams = True
                return
        known.early = known.unready = self._budget.post_wait(place.channel) > 0 or not self._budget.may_keep()

    def _go_on(self, post: Post, known: KnownPost, stream: Stream, body: StreamBody | None) -> None:
        """Find out whether a stream can go on as it is wanted, and what is missing."""
        missing = stream.given.missing(body) if body is not None else None
        stream.replaced |= missing is None
        stream.broken |= stream.replaced
        stream.body, stream.missing = body, missing or []
        ends = stream.broken or post.final or time.monotonic() >= stream.until or (body is not None and body.done)
        known.live, known.differs = not ends, bool(missing)
        known.early = known.early or self._budget.append_wait(post.id) > 0

    def _menu(self, body: StreamBody) -> Sequence[Block]:
        """Return the menu with which a stream of this begins."""
        return body.menu if self._menus else ()

    async def start(self, place: ThreadRef, post: Post, known: KnownPost, kind: Kind) -> str:
        """Begin a stream. Return its timestamp; empty if Slack does not start it. Raises SLACK_ERRORS if nobody knows
        whether it was begun."""
        body = kind.streamed(post) if kind.streamed is not None else None
        assert body is not None, "it was there when it was looked at"
        menu = self._menu(body)
        stream = Stream(time.monotonic() + STREAM_SECONDS, menu=bool(menu))
        first = calls(stream.given.missing(body) or [])[0]
        given = [{"type": "blocks", "blocks": list(menu)}, *first] if menu else first
        self._budget.started(post.id, kept=bool(menu))
        try:
            ts = await self._sender.start_stream(place, post, body, given)
        except SLACK_ERRORS as error:
            self._budget.forget(post.id)
            known.unstreamed = True
            if menu and code_of(error) in NO_MENU:
                log.warning("Slack does not accept a menu in a stream (%s)", code_of(error))
                # Where Slack's own Stop is shown, the stream is started without; elsewhere the message is posted.
                self._menus, known.unstreamed = False, not self._session(post.thread_id)
                return ""
            self._refused(error, Action.START, place)
            if what_follows(error, Action.START) is Next.UNKNOWN:
                raise
            return ""
        stream.given.add(first)
        known.stream = stream
        # It is stopped in time also when nothing changes.
        self._rate.hold(post.thread_id, _end(post), STREAM_SECONDS)
        self._rate.changed(post.thread_id, _end(post))
        self._rate.hold(post.thread_id, post.kind, self._budget.append_interval())
        return ts

    async def append(self, place: ThreadRef, post: Post, known: KnownPost) -> bool:
        """Append to a stream what is missing, or a part of it. Return False if the message is gone."""
        stream = known.stream
        assert stream is not None, "there is a stream"
        batch = calls(stream.missing)[0]
        self._budget.appended(post.id)
        try:
            await self._sender.append_stream(place.channel, post.ts, batch)
        except SLACK_ERRORS as error:
            self._refused(error, Action.APPEND, place)
            follows = what_follows(error, Action.APPEND)
            # If the outcome is unknown, what is appended next could be there twice, or after a gap.
            stream.broken = follows is not Next.LATER
            self._rate.hold(post.thread_id, post.kind, max(self._budget.append_interval(), retry_after(error)))
            return follows is not Next.GONE
        stream.given.add(batch)
        self._rate.hold(post.thread_id, post.kind, self._budget.append_interval())
        return True

    async def stop(self, place: ThreadRef, post: Post, known: KnownPost) -> Ended:
        """End the stream of a message: with all that is missing if it goes on as it is wanted, else as it is. Raises
        SLACK_ERRORS when it is to be tried again."""
        stream = known.stream
        sound = stream is not None and stream.body is not None and not stream.broken
        try:
            if stream is not None and sound:
                await self._finish(place, post, stream)
            else:
                await self._stop(place, post, Closing())
        except SLACK_ERRORS as error:
            self._refused(error, Action.STOP, place)
            follows = what_follows(error, Action.STOP)
            if stream is not None:
                stream.broken |= follows is not Next.LATER
            if follows is Next.GONE:
                return Ended.GONE
            known.tries += follows is Next.UNKNOWN
            if follows is not Next.NO_STREAM and known.tries < MAX_STOPS:
                raise
            sound = False
        known.stream, known.tries = None, 0
        known.broken_off = stream is not None and not stream.replaced and not known.complete
        self._rate.release(post.thread_id, _end(post))
        shows_all = sound and not (stream is not None and stream.menu)
        if not (shows_all and post.final):
            self._budget.keep(post.id)
        return Ended.COMPLETE if shows_all else Ended.INCOMPLETE

    async def _finish(self, place: ThreadRef, post: Post, stream: Stream) -> None:
        *before, last = calls(stream.missing)
        for batch in before:
            self._budget.appended(post.id)
            await self._sender.append_stream(place.channel, post.ts, batch)
            stream.given.add(batch)
        body = stream.body if stream.body is not None and (stream.body.done or post.final) else None
        await self._stop(place, post, Closing(last, body.blocks if body else ()))

    async def _stop(self, place: ThreadRef, post: Post, last: Closing) -> None:
        # "session_status: the session status to set after stopping the stream. Default: active"
        # (docs.slack.dev/reference/methods/chat.stopStream)
        session = self._session(post.thread_id)
        self._budget.stopped(post.id)
        await self._sender.stop_stream(place.channel, post, replace(last, session=session))
        if session:
            self._session_given(post.thread_id, session)

    def wait(self, place: ThreadRef, post: Post, known: KnownPost) -> None:
        """Wake the thread when a message may change that is to change. One of which there is nothing to show yet is
        delivered once that changes."""
        if post.state is PostState.OWED and not known.early:
            return
        key = post.key if known.held else post.kind
        if not self._rate.held(post.thread_id, key):
            self._rate.hold(post.thread_id, key, max(MIN_WAIT, self._seconds(place, post, known)))
        self._rate.changed(post.thread_id, key)

    def _seconds(self, place: ThreadRef, post: Post, known: KnownPost) -> float:
        if post.state is PostState.OWED:
            return max(1.0, self._budget.post_wait(place.channel))
        if known.stream is not None:
            return self._budget.append_wait(post.id)
        return self._budget.update_wait(post.id, final=known.complete)

    def posted(self, place: ThreadRef, post: Post, known: KnownPost, kind: Kind) -> None:
        """A message was posted, not streamed."""
        self._budget.posted(place.channel)
        if kind.streamed is not None and post.final:
            self._session_settles(post.thread_id)
        if kind.streamed is not None and not known.complete:
            self._budget.keep(post.id)
            self._rate.hold(post.thread_id, post.kind, self._budget.update_interval(self._rate.seconds))

    def updating(self, post: Post, known: KnownPost, kind: Kind) -> None:
        """A message is about to be updated."""
        self._budget.updated(post.id, final=known.complete)
        if kind.streamed is not None:
            self._rate.hold(post.thread_id, post.key)
            if not known.complete:
                self._rate.hold(post.thread_id, post.kind, self._budget.update_interval(self._rate.seconds))

    def limited(self, error: BaseException) -> bool:
        """Take note of an error of an update. Return whether Slack says that there were too many."""
        if code_of(error) not in LIMITED:
            return False
        self._budget.limited("update", retry_after(error))
        return True

    def forget(self, post: int) -> None:
        """Pause the work on a message."""
        self._budget.forget(post)

    def _refused(self, error: BaseException, action: Action, place: ThreadRef) -> None:
        code = code_of(error)
        if code in LIMITED:
            self._budget.limited(action, retry_after(error))
        elif action is Action.START and what_follows(error, action) is Next.NO_STREAM:
            self._budget.refused(place.channel, everywhere=needs_operator(code))
        log.info("could not %s a stream in %s (%s)", action, place.channel, code)


def _end(post: Post) -> str:
    """The name of the time at which the stream of a message is stopped."""
    return f"the end of the stream of {post.key}"
