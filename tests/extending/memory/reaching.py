"""Who is there to answer a question, and what becomes of messages that people delete, in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bot.core.posts import Draft, Post, PostState
from bot.core.questions.question import Decision, Question
from tests.extending.memory import asking
from tests.extending.memory.tables import Tables, now


def unchecked(tables: Tables, before: float, most: int) -> Sequence[Question]:
    """Open questions that were not looked at since then."""
    rows = sorted(tables.questions.items(), key=lambda each: each[1].checked_at)
    found = [asking.find(tables, id_) for id_, row in rows if row.checked_at <= before]
    return [each for each in found if each and each.decision == Decision.AWAITING][:most]


def checked(
    tables: Tables, question: str, copies: Sequence[tuple[str, Draft]], notes: Sequence[Draft], closed: str
) -> None:
    """Somebody has looked at one."""
    row = tables.questions[question]
    tables.questions[question] = replace(row, checked_at=now())
    if row.question.decision == Decision.AWAITING:
        asking.owe_copies(tables, row.question.thread_id, row.post, copies)
        asking.owe(tables, row.question.thread_id, notes)
        if closed:
            asking.end(tables, question, Decision.WITHDRAWN, reason=closed)


def deleted(tables: Tables, channel: str, ts: str, notice: Draft) -> int:
    """A message is gone. Out: its thread, or 0."""
    for post in list(tables.posts.values()):
        where = post.channel if post.person else tables.threads[post.thread_id].place.channel
        if not (ts and (post.ts, where, post.state) == (ts, channel, PostState.POSTED)):
            continue
        card = tables.copies.get(post.id, post.id)
        asked = [id_ for id_, row in tables.questions.items() if row.post == card]
        still = [id_ for id_ in asked if tables.questions[id_].question.decision == Decision.AWAITING]
        if not still:
            return 0
        tables.deleted[post.id] = tables.deleted.get(post.id, 0) + 1
        if tables.deleted[post.id] == 1:
            tables.posts[post.id] = _again(post)
            return post.thread_id
        tables.posts[post.id] = replace(post, state=PostState.REMOVED)
        for id_ in still:
            if post.person:
                tables.questions[id_] = replace(tables.questions[id_], checked_at=0.0)
            else:
                asking.end(tables, id_, Decision.WITHDRAWN, reason="deleted")
        if not post.person:
            asking.owe(tables, post.thread_id, [notice])
        return post.thread_id
    return 0


def lost(tables: Tables, number: int) -> bool:
    """A message is gone before it was shown as it is wanted. Out: whether it is owed once more."""
    post = tables.posts[number]
    if post.state is not PostState.POSTED:
        return False
    tables.deleted[number] = tables.deleted.get(number, 0) + 1
    once = tables.deleted[number] == 1
    tables.posts[number] = _again(post) if once else replace(post, state=PostState.REMOVED, ts="")
    return once


def _again(post: Post) -> Post:
    return replace(post, state=PostState.OWED, ts="", revision=post.revision + 1, streaming=False)
