"""The messages that Slack delivers, written into tables in memory."""

from __future__ import annotations

from dataclasses import replace
from fnmatch import fnmatchcase

from bot.core.inbox import Admission, AuthorKind, Incoming, Unread
from tests.extending.memory import asking, choosing, hearing, stopping
from tests.extending.memory.tables import Message, Tables, Thread, now


def admit(tables: Tables, incoming: Incoming) -> tuple[Admission, int]:
    """Record a message. Out: what became of it, and the number of the thread."""
    known_change = tables.amended.get((incoming.place.channel, incoming.ts))
    if known_change is not None and known_change.now is None:
        return Admission.IGNORED, 0
    if known_change is not None and known_change.now is not None and known_change.now.version > incoming.version:
        wording = known_change.now
        both = incoming.addressed and wording.addressed
        incoming = replace(
            incoming,
            version=wording.version,
            text=wording.text,
            body=wording.body,
            files=(),
            addressed=both,
            to_others=wording.to_others,
            stop=False,
            choice=None,
        )
    if incoming.stop and not incoming.earlier and stopping.by_word(tables, incoming):
        return Admission.STOPS, stopping.record(tables, incoming)
    thread = next((id_ for id_, row in tables.threads.items() if row.place == incoming.place), 0)
    if incoming.choice is not None and choosing.is_new(tables, thread, incoming):
        chosen = choosing.choose(tables, thread, incoming, incoming.choice)
        return (Admission.CHOOSES if chosen else Admission.IGNORED), chosen
    if not thread and (incoming.unclear or not incoming.addressed):
        return Admission.IGNORED, 0
    if not thread:
        thread = len(tables.threads) + 1
        tables.threads[thread] = Thread(incoming.place, heard=0 if incoming.missed else hearing.last(tables))
    row = tables.threads[thread]
    if row.gone and incoming.ts <= row.gone:
        return Admission.IGNORED, 0
    row = tables.threads[thread] = replace(row, gone="")
    if incoming.post and any(fnmatchcase(each.key, incoming.post) for each in tables.posts.values()):
        return Admission.DUPLICATE, thread
    shown = any(each.thread_id == thread and each.ts == incoming.ts for each in tables.posts.values())
    if incoming.author is AuthorKind.OWN and shown:
        return Admission.DUPLICATE, thread
    if incoming.unclear:
        shown |= any(each.thread == thread and each.unread.ts == incoming.ts for each in tables.inbox.values())
        return (Admission.DUPLICATE if shown else Admission.UNCLEAR), thread
    is_person = incoming.author is AuthorKind.PERSON
    follows = incoming.user in row.people and is_person and not (incoming.earlier or incoming.to_others)
    addressed = incoming.addressed or follows
    is_held = addressed and incoming.late and is_person
    rows = tables.inbox.items()
    same = [id_ for id_, each in rows if each.thread == thread and each.unread.ts == incoming.ts]
    if same or any(each.event == incoming.event_id for _, each in rows):
        known = tables.inbox[same[0]] if same else None
        stale = known is None or known.unread.version != incoming.version
        is_raised = incoming.addressed and not incoming.late
        if (
            known is None
            or stale
            or not is_raised
            or known.held
            or known.unread.label
            or known.unread.addressed
            or known.position is not None
        ):
            return Admission.DUPLICATE, thread
        tables.inbox[same[0]] = replace(known, unread=replace(known.unread, addressed=True))
    else:
        number = max(tables.inbox, default=0) + 1
        files = tuple(incoming.files)
        unread = Unread(
            number,
            incoming.user,
            incoming.ts,
            incoming.text,
            files,
            addressed and not incoming.late,
            body=incoming.body,
            author=incoming.author,
            label=incoming.label,
            version=incoming.version,
            held=is_held,
        )
        tables.inbox[number] = Message(thread, incoming.event_id, unread, held=int(is_held), at=now())
    if not addressed:
        return Admission.CONTEXT, thread
    if is_person:
        tables.threads[thread] = replace(row, people=row.people | {incoming.user})
    if incoming.late:
        return Admission.HELD if is_held else Admission.CONTEXT, thread
    asking.release(tables, thread)
    return Admission.STARTS, thread
