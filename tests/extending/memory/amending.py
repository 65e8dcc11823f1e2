"""Edits and deletions of messages, written into tables in memory."""

from __future__ import annotations

from dataclasses import replace

from bot.core.amendments import (
    ADMITTED,
    DELETED,
    EDITED,
    Amendment,
    AmendmentOutcome,
    edit_adds_request,
    is_request_after_edit,
)
from bot.core.inbox import SETTLED, Admission, AuthorKind, Incoming
from bot.core.outages import Hold
from bot.core.posts import PostState
from bot.core.thread import QUESTION_DELETED
from tests.extending.memory import asking, compacting, hearing
from tests.extending.memory.admitting import admit
from tests.extending.memory.tables import Message, Tables


def amend(tables: Tables, change: Amendment) -> tuple[AmendmentOutcome, int]:
    """Write a change of a message. Out: what follows, and the number of the thread."""
    thread = next((id_ for id_, row in tables.threads.items() if row.place == change.place), 0)
    rows = [id_ for id_, row in tables.inbox.items() if row.thread == thread and row.unread.ts == change.ts]
    number = rows[0] if thread and rows else 0
    if change.now is None:
        return _delete(tables, thread, number, change), thread
    if not number:
        return _edit_unknown(tables, thread, change, change.now)
    return _edit(tables, thread, number, change, change.now), thread


def _edit(tables: Tables, thread: int, number: int, change: Amendment, said: Incoming) -> AmendmentOutcome:
    row, before = tables.inbox[number], tables.inbox[number].unread
    if row.gone or said.version <= before.version:
        return AmendmentOutcome.IGNORED
    now = replace(before, text=said.text, body=said.body, files=(), version=said.version)
    report = _report_of(tables, number)
    reported = bool(report and tables.inbox[report].unread.addressed)
    tables.inbox[number] = replace(row, unread=now)
    if row.position is None:
        return _edit_unread(tables, thread, number, change, said)
    if (said.text, said.body) == (before.text, before.body):
        return AmendmentOutcome.IGNORED
    counted = before.addressed or bool(row.held)
    addressed = edit_adds_request(change, said, counted=counted, reported=reported) and not _is_settled(row)
    is_late = addressed and said.late
    addressed = addressed and not is_late
    _report(tables, number, EDITED, change, addressed=addressed)
    if addressed != reported:
        tables.inbox[number] = replace(row, unread=replace(now, addressed=addressed))
    if reported and not addressed:
        _leave(tables, thread, before.user)
    if is_late and not row.held:
        _hold(tables, thread, number)
    return _start(tables, thread, number) if addressed else AmendmentOutcome.REPORTED


def _edit_unread(tables: Tables, thread: int, number: int, change: Amendment, said: Incoming) -> AmendmentOutcome:
    row, before = tables.inbox[number], tables.inbox[number].unread
    follows = before.author is AuthorKind.PERSON and _follows(tables, thread, number)
    counted = before.addressed or bool(row.held)
    asks = not _is_settled(row) and is_request_after_edit(change, said, counted=counted, follows=follows)
    if asks and not before.addressed and (row.held or said.late):
        if not row.held:
            _hold(tables, thread, number)
        return AmendmentOutcome.UPDATED
    held = row.held if _is_settled(row) else Hold.NONE
    tables.inbox[number] = replace(row, held=held, unread=replace(before, addressed=asks, held=False))
    if asks:
        return _start(tables, thread, number)
    if counted:
        _leave(tables, thread, before.user)
    is_emptied = row.held and hearing.taken_back(tables, thread, before.user)
    return AmendmentOutcome.TAKEN_BACK if is_emptied else AmendmentOutcome.UPDATED


def _hold(tables: Tables, thread: int, number: int) -> None:
    row = tables.inbox[number]
    if row.unread.author is AuthorKind.PERSON:
        tables.inbox[number] = replace(row, held=1, unread=replace(row.unread, held=True))
        people = tables.threads[thread].people | {row.unread.user}
        tables.threads[thread] = replace(tables.threads[thread], people=people)


def _is_settled(row: Message) -> bool:
    return row.unread.label in SETTLED if row.unread.author is AuthorKind.PERSON else row.held == Hold.DONE


def _edit_unknown(tables: Tables, thread: int, change: Amendment, said: Incoming) -> tuple[AmendmentOutcome, int]:
    if change.is_own:
        return AmendmentOutcome.IGNORED, thread
    known = tables.amended.get((change.place.channel, change.ts))
    if known is not None and (known.now is None or known.now.version >= said.version):
        return AmendmentOutcome.IGNORED, thread
    if change.in_time:
        said = replace(said, earlier=bool(thread) and _is_earlier(tables, thread, change.ts))
        admission, thread = admit(tables, said)
        if admission is not Admission.IGNORED:
            return ADMITTED[admission], thread
    if known is None and not thread and not change.concerns_us:
        return AmendmentOutcome.IGNORED, 0
    tables.amended[change.place.channel, change.ts] = change
    return AmendmentOutcome.REMEMBERED, thread


def _start(tables: Tables, thread: int, number: int) -> AmendmentOutcome:
    said, row = tables.inbox[number].unread, tables.threads[thread]
    if said.author is AuthorKind.PERSON:
        tables.threads[thread] = replace(row, people=row.people | {said.user})
    asking.release(tables, thread)
    return AmendmentOutcome.STARTS


def _requests(tables: Tables, thread: int) -> list[tuple[int, Message]]:
    rows = tables.inbox.items()
    return [(id_, row) for id_, row in rows if row.thread == thread and row.unread.addressed]


def _follows(tables: Tables, thread: int, number: int) -> bool:
    said = tables.inbox[number].unread
    others = [row for id_, row in _requests(tables, thread) if id_ != number and not row.about]
    return any(row.unread.user == said.user for row in others) and not _is_earlier(tables, thread, said.ts)


def _is_earlier(tables: Tables, thread: int, ts: str) -> bool:
    return all(row.unread.ts >= ts for _, row in _requests(tables, thread))


def _leave(tables: Tables, thread: int, user: str) -> None:
    rows = [row for row in tables.inbox.values() if row.thread == thread and (row.unread.addressed or row.held)]
    if all(row.unread.user != user for row in rows):
        row = tables.threads[thread]
        tables.threads[thread] = replace(row, people=row.people - {user})


def _report_of(tables: Tables, number: int) -> int:
    rows = tables.inbox.items()
    return next((id_ for id_, row in rows if row.about == number and row.position is None), 0)


def _report(tables: Tables, number: int, what: str, change: Amendment, *, addressed: bool) -> None:
    row = tables.inbox[number]
    version = change.now.version if change.now else change.at
    place = _report_of(tables, number) or max(tables.inbox) + 1
    told = replace(row.unread, id=place, ts=f"{change.at}{number:07}", addressed=addressed, notified=False)
    told = replace(told, version=version, change=what, changed_ts=change.ts)
    tables.inbox[place] = Message(row.thread, f"change-{number}-{version}", told, about=number)


def _delete(tables: Tables, thread: int, number: int, change: Amendment) -> AmendmentOutcome:
    key, done = (change.place.channel, change.ts), AmendmentOutcome.IGNORED
    known, row = tables.amended.get(key), tables.inbox.get(number)
    if row is None and not (known and known.now is None) and not change.is_own and (thread or change.concerns_us):
        tables.amended[key], done = change, AmendmentOutcome.REMEMBERED
    elif row is not None and row.position is None:
        del tables.inbox[number]
        tables.amended[key], done = change, AmendmentOutcome.REMOVED
        _leave(tables, thread, row.unread.user)
    elif row is not None and not row.gone:
        tables.inbox[number] = replace(row, gone=True, held=Hold.DONE if row.held == Hold.UNASKED else row.held)
        compacting.deleted(tables, thread, row.position)
        _report(tables, number, DELETED, change, addressed=False)
        done = _stop_if_last(tables, thread, number)
    if row is not None and row.held and hearing.taken_back(tables, thread, row.unread.user):
        done = AmendmentOutcome.TAKEN_BACK if done is not AmendmentOutcome.STOPPED else done
    if change.ends_thread and thread:
        is_there = not tables.threads[thread].gone
        close_thread(tables, thread, change.at)
        return AmendmentOutcome.CLOSED if is_there else done
    return done


def _stop_if_last(tables: Tables, thread: int, number: int) -> AmendmentOutcome:
    latest = max((id_ for id_, row in tables.turns.items() if row.thread == thread), default=0)
    first = tables.turns[latest].first if latest else 0
    asked = [
        tables.inbox[row.about] if row.about else row
        for _, row in _requests(tables, thread)
        if row.position is not None and row.position >= first
    ]
    message = tables.inbox[number]
    is_last = bool(latest) and message in asked and all(row.gone for row in asked)
    is_open, dropped = tables.open_turn(thread), False
    for post in [each for each in tables.posts.values() if each.thread_id == thread and each.kind == "answer"]:
        if is_last and not is_open and post.state is PostState.OWED:
            tables.posts[post.id], dropped = replace(post, state=PostState.REMOVED), True
    if message.unread.addressed:
        unanswered = dropped or (is_open and message in asked)
        hearing.uncovered(tables, thread, message.unread.user, answered=not unanswered)
    if is_last and is_open:
        _stop(tables, thread)
        return AmendmentOutcome.STOPPED
    return AmendmentOutcome.REPORTED


def _stop(tables: Tables, thread: int) -> None:
    if tables.open_turn(thread):
        asking.stop(tables, thread, QUESTION_DELETED)
        tables.record(thread, "stopped", facts={"why": QUESTION_DELETED})
        asking.release(tables, thread)


def close_thread(tables: Tables, thread: int, at: str, outside: int = 0) -> None:
    """Give up a thread that is not in Slack any more."""
    row = tables.threads[thread]
    tables.threads[thread] = replace(row, gone=max(row.gone, at))
    held = {each.unread.user for each in tables.inbox.values() if each.thread == thread and each.held}
    for id_, each in list(tables.inbox.items()):
        if each.thread == thread and each.position is None:
            del tables.inbox[id_]
    for user in sorted(held) or [""]:
        hearing.taken_back(tables, thread, user, gone=thread)
    for id_, each in list(tables.inbox.items()):
        if each.thread == thread and each.held:
            tables.inbox[id_] = replace(each, held=Hold.DONE)
    _stop(tables, thread)
    asking.release(tables, thread)
    if outside:
        posted = tables.posts[outside]
        tables.posts[outside] = replace(posted, state=PostState.POSTED, ts=at, revision=posted.revision + 1)
