"""Answers, summaries and notices as Slack messages. Pure; Slack's limits are those of
https://docs.slack.dev/reference/block-kit/blocks/markdown-block."""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence

from bot.core.calls import Call, CallOutcome
from bot.core.policy.privacy import Privacy
from bot.core.posts import Draft
from bot.core.questions.question import Approval
from bot.slack.blocks.call_text import counts, ending, line
from bot.slack.blocks.elements import REQUESTER, Block, context, date, mentions
from bot.slack.blocks.split import bounded, split
from bot.slack.text import brief, code, escaped, harmless, visible

MARKDOWN_LIMIT = 10_000
"""Below Slack's 12,000 characters for all markdown blocks of a message, since it counts some characters twice."""


def draft(kind: str, blocks: Sequence[Block], fallback: str, key: str = "", *, final: bool = True) -> Draft:
    """One message. The fallback is what notifications and screen readers get."""
    payload = {"text": escaped(harmless(brief(fallback))) or "…", "blocks": list(blocks)}
    return Draft(key or uuid.uuid4().hex, kind, json.dumps(payload, ensure_ascii=False), final)


def file(name: str, content: str, comment: str, approval: str = "", key: str = "") -> Draft:
    """A file with a word about it; with the id of the request that cannot be decided without it. Its name says which
    one it is (`file_name`)."""
    key = key or uuid.uuid4().hex
    payload = {"file": file_name(name, key), "content": content, "text": comment, "approval": approval}
    return Draft(key, "file", json.dumps(payload, ensure_ascii=False))


def file_name(name: str, key: str) -> str:
    """The name under which the file with this key is posted: a part of the key makes it one of a kind."""
    stem, dot, suffix = name.rpartition(".")
    return f"{stem}-{key[:8]}{dot}{suffix}"


def markdown(text: str) -> Block:
    """A block of Markdown in which nothing can notify anybody."""
    return {"type": "markdown", "text": harmless(text)}


def answer(text: str, note: str, parts: int) -> list[Draft]:
    """The model's answer: in as many messages as it needs, or as a file when it needs more than `parts`."""
    pieces = split(harmless(bounded(text)), MARKDOWN_LIMIT)
    notes = [context(escaped(note))] if note else []
    if len(pieces) > parts:
        opening = split(harmless(text[:10_000]), 2_000)[0]
        said = draft("answer", [markdown(opening), context("The whole answer is in the file below."), *notes], opening)
        return [said, file("answer.md", text, "The whole answer")]
    last = len(pieces) - 1
    return [
        draft("answer", [markdown(piece), *(notes if index == last else [])], piece)
        for index, piece in enumerate(pieces)
    ]


def parts(text: str, key: str) -> list[Draft]:
    """A text in as many messages as it needs, with keys made from this one."""
    pieces = split(harmless(bounded(text)), MARKDOWN_LIMIT)
    return [draft("answer", [markdown(piece)], piece, f"{key}-{number}") for number, piece in enumerate(pieces)]


def summary(calls: Sequence[Call], privacy: str = Privacy.FULL) -> list[Draft]:
    """What calls did: a line each, without arguments and errors when the privacy is `summary`; one line without even
    their names when it is anything else but `full`."""
    if not calls:
        return []
    named = privacy in (Privacy.FULL, Privacy.SUMMARY)
    surplus = [call for call in calls if call.outcome is CallOutcome.SURPLUS]
    lines = (
        [line(call, privacy) for call in calls if call.outcome is not CallOutcome.SURPLUS] if named else [counts(calls)]
    )
    if named and surplus:
        lines.append(f"– {len(surplus)} more {'call' if len(surplus) == 1 else 'calls'} · {ending(surplus[0])}")
    pieces = split("\n\n".join(lines), MARKDOWN_LIMIT)
    return [draft("summary", [markdown(piece)], piece.replace("`", "")) for piece in pieces]


def reminder(approval: Approval) -> Draft:
    """A word to those who may decide and have not, in time before it is too late."""
    barred = {REQUESTER, approval.requester, *approval.call.editors} if approval.no_self else set[str]()
    asked = [who for who in approval.people if who not in barred]
    votes = {approval.requester if who == REQUESTER else who for who in asked} & set(approval.votes)
    left = [who for who in asked if who not in votes and (who != REQUESTER or approval.requester not in votes)]
    words = f"{mentions(left or asked, approval.requester)}: this still waits for a decision, until "
    words += date(approval.expires_at)
    fallback = "A request still waits for a decision"
    if approval.privacy in (Privacy.FULL, Privacy.SUMMARY):
        words += f": {escaped(code(approval.call.remote_name, 80))}"
        fallback += f": {visible(approval.call.remote_name)}"
    block = {"type": "section", "text": {"type": "mrkdwn", "text": words}}
    return draft("notice", [block], fallback, key=f"remind-{approval.id}")


def notice(text: str, key: str) -> list[Draft]:
    """A sentence of the bot's own."""
    return [draft("notice", [context(escaped(harmless(text)))], text, key)] if text else []


def progress(words: str, key: str = "") -> Draft:
    """What the turn is doing."""
    blocks = [context(f":hourglass_flowing_sand: {escaped(harmless(words))}…")]
    return draft("progress", blocks, f"{words}…", key, final=False)
