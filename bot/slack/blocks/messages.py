"""Builds texts of the model, notices and reminders as Slack messages. Pure. Slack's limits:
https://docs.slack.dev/reference/block-kit/blocks/markdown-block."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from itertools import islice

from bot.core.attachments import Attached
from bot.core.policy.privacy import Privacy
from bot.core.ports.chat import Said
from bot.core.posts import Draft
from bot.core.questions.question import PARTICIPANTS, Approval, Question
from bot.slack.blocks import split
from bot.slack.blocks.call_text import generic, heading
from bot.slack.blocks.elements import REQUESTER, Block, bold, context, date, mentions, one_line, rich, section
from bot.slack.blocks.outgoing import outgoing
from bot.slack.text import brief, escaped, harmless, visible

NAME = 200
"""Characters of what a request is about."""
MARKDOWN_LIMIT = 10_000
"""Below Slack's 12,000 characters for all markdown blocks of a message, as Slack counts some characters twice."""


DELETED = (
    "The message with my question was deleted twice, so I closed the question. Nothing was run because of it; "
    "write here to go on."
)


def draft(kind: str, blocks: Sequence[Block], fallback: str, key: str = "", *, final: bool = True) -> Draft:
    """Return a message. The fallback is shown in notifications and read by screen readers."""
    payload = {"text": escaped(harmless(brief(fallback))) or "…", "blocks": list(blocks)}
    return Draft(key or uuid.uuid4().hex, kind, json.dumps(payload, ensure_ascii=False), final)


def file(name: str, content: str, comment: str, approval: str = "", key: str = "") -> Draft:
    """Return a file with a comment. `approval` is the id of the request that cannot be decided without it. The file's
    name is unique (`file_name`)."""
    key = key or uuid.uuid4().hex
    payload = {"file": file_name(name, key), "content": content, "text": comment, "approval": approval}
    return Draft(key, "file", json.dumps(payload, ensure_ascii=False))


_SUFFIXES = {"jpeg": "jpg", "mpeg": "mp3", "x-wav": "wav", "mp4": "m4a"}


def media(attached: Attached, key: str) -> Draft:
    """Return an image or a sound from a tool's result, as a file. Its bytes are kept elsewhere until it is posted."""
    kind = attached.media.partition("/")[2]
    suffix = _SUFFIXES.get(kind, kind if kind.isalnum() else "bin")
    name = file_name(f"{attached.name}.{suffix}", key)
    return Draft(key, "file", json.dumps({"file": name, "kept": attached.digest, "text": ""}))


def file_name(name: str, key: str) -> str:
    """Return the name under which the file with this key is posted, made unique by a part of the key."""
    stem, dot, suffix = name.rpartition(".")
    return f"{stem}-{key[:8]}{dot}{suffix}"


def markdown(text: str) -> Block:
    """Return a block of Markdown that cannot notify anybody."""
    return {"type": "markdown", "text": harmless(text)}


def said(
    text: str,
    room: int,
    parts: int,
    names: Mapping[str, str] | None = None,
    cuts: Sequence[int] = (),
    *,
    ends: bool = False,
) -> Said:
    """Return what the model says, in as many pieces as it needs, or as a file when it needs more than `parts`.

    room: how many characters the first piece may have; 0 for as many as the others.
    names: of people and user groups by id, for those whom the model mentions.
    cuts: where pieces end that people have seen. They stay there, also if the whole turns out to need a file.
    ends: the last piece ends at its best place, so that what follows begins another.
    """
    most = (parts + 1) * MARKDOWN_LIMIT
    shown = outgoing(split.bounded(text)[:most], names)
    pieces = list(islice(split.parts(shown, MARKDOWN_LIMIT, room, cuts), parts + 1))
    if ends and pieces:
        cuts = [*(piece.end for piece in pieces[:-1]), split.last_place(shown, pieces[-2].end if pieces[1:] else 0)]
        pieces = list(islice(split.parts(shown, MARKDOWN_LIMIT, room, cuts), parts + 1))
    if len(pieces) <= parts + (0 < room < MARKDOWN_LIMIT) and len(text.strip()) <= most:
        return Said([piece.text for piece in pieces], cuts=sorted({*cuts, *(piece.end for piece in pieces[:-1])}))
    if cuts:
        opening, ends_at = [piece.text for piece in pieces[:parts]], [piece.end for piece in pieces[: parts - 1]]
    else:
        opening, ends_at = [next(iter(split.split(shown[:10_000], 2_000)), "…")], []
    opening[-1] = f"{opening[-1]}\n\n*The whole answer is in the file below.*"
    return Said(opening, [file("answer.md", text, "The whole answer")], ends_at)


def parts(text: str, key: str) -> list[Draft]:
    """Return a text in as many messages as it needs, with keys made from this one."""
    pieces = split.split(outgoing(split.bounded(text)), MARKDOWN_LIMIT)
    return [draft("answer", [markdown(piece)], piece, f"{key}-{number}") for number, piece in enumerate(pieces)]


def reminder(question: Question, said: str = "") -> Draft:
    """The reminder of a question to those who may answer it and have not, before it expires.

    said: what it says between their names and the time, such as "this still waits for an answer".
    """
    approval = question if isinstance(question, Approval) else None
    said = said or f"this still waits for {'a decision' if approval else 'an answer'}"
    asked, votes = _asked(question), set(question.votes)
    left = [who for who in asked if (question.requester if who == REQUESTER else who) not in votes]
    alone = f"{said[:1].upper()}{said[1:]}"
    names = mentions(left or asked, question.requester)
    words = f"{names}: {escaped(harmless(said))}" if names else escaped(harmless(alone))
    words += f", until {date(question.expires_at)}"
    fallback = "A request still waits for a decision" if approval else alone
    what = ""
    if approval and approval.privacy in (Privacy.FULL, Privacy.SUMMARY):
        what = one_line(heading(approval) if approval.privacy == Privacy.FULL else generic(approval), NAME)
        fallback += f": {visible(what)}"
    blocks: list[Block] = [{"type": "section", "text": {"type": "mrkdwn", "text": f"{words}:" if what else words}}]
    if what:
        blocks.append(rich(section(bold(what))))
    return draft("notice", blocks, fallback, key=f"remind-{question.id}")


def _asked(question: Question) -> list[str]:
    """Whom a reminder is for, whether or not they have answered: without those who may not approve."""
    barred = set[str]()
    if isinstance(question, Approval) and question.no_self:
        barred = {REQUESTER, question.requester, *question.call.editors}
    people = [each for who in question.people for each in _each(who, question)]
    return [who for who in people if who not in barred]


def _each(who: str, question: Question) -> Sequence[str]:
    return sorted(question.participants) if who == PARTICIPANTS else [who]


def notice(text: str, key: str) -> list[Draft]:
    """Return a message with a sentence of the bot's own, in which every character of a name is visible."""
    words = visible(text)
    return [draft("notice", [context(escaped(harmless(words)))], words, key)] if words else []


def asked_directly(people: Sequence[str], key: str) -> list[Draft]:
    """Return who is waited for that does not see the thread."""
    words = f"Waiting for {mentions(people, last=' or ')}, whom I asked by direct message."
    return [draft("notice", [context(words)], "Waiting for people whom I asked by direct message.", key)]


def deletion_notice(channel: str, ts: str) -> Draft:
    """Return what is said when a message with a question was deleted twice."""
    return notice(DELETED, f"deleted-{channel}-{ts}")[0]
