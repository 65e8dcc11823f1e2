"""Requests to people: asked, settled once, closed. Functions over a connection, inside a transaction."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import replace

from bot.core.calls import Call, CallOutcome, CallState
from bot.core.json_text import JsonObject, canonical, sha256
from bot.core.questions import ANSWERS, Approval, Card, Click, Decision, Question, Settlement, Verdict
from bot.store.sqlite import audit, parked_threads, posts
from bot.store.sqlite.database import now
from bot.store.sqlite.question_rows import find, of_post, of_thread, place_of, preview_text
from bot.store.sqlite.unreadable import OddRows

VOTED = (Decision.APPROVED, Decision.RUN_AGAIN)
"""What lets a call run takes as many people as the configuration says."""
LONGEST_KEPT = 10_000
"""Characters of arguments in the audit."""


def ask(connection: sqlite3.Connection, thread_id: int, card: Card, redact: Sequence[str] = ()) -> None:
    """Record the requests of a card, and the card as a message to post. `redact` is what the audit leaves out."""
    *_, post = posts.owe(connection, thread_id, card.drafts)
    for place, approval in enumerate(card.approvals):
        connection.execute(
            "INSERT INTO approvals (id, thread_id, call, post, place, question, digest, requester, arguments, people,"
            " needed, no_self, grants, privacy, basis, preview, note, created_at, expires_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                approval.id,
                thread_id,
                approval.call.id,
                post,
                place,
                approval.question,
                approval.digest,
                approval.requester,
                approval.call.arguments,
                " ".join(approval.people),
                approval.needed,
                approval.no_self,
                approval.grants,
                approval.privacy,
                approval.preview.basis if approval.preview else "",
                preview_text(approval.preview),
                approval.note,
                now(),
                approval.expires_at,
            ),
        )
        asked = {"question": approval.question, "arguments": arguments(approval.call, redact)}
        _record(connection, "requested", thread_id, approval, asked)


def arguments(call: Call, redact: Sequence[str]) -> JsonObject:
    """The arguments as the audit keeps them: of very long ones the digest, since the call itself has them in full."""
    kept = audit.redacted(call.arguments, call.tool, redact)
    text = canonical(kept)
    return kept if len(text) <= LONGEST_KEPT else {"characters": len(text), "sha256": sha256(text)}


def settle(connection: sqlite3.Connection, click: Click) -> Settlement:
    """Let a click decide, if it may. The first valid click wins; whatever is checked is checked here, in the
    transaction that decides."""
    checked = check(connection, click)
    thread_id, approval = checked.thread_id, checked.approval
    if checked.verdict is not Verdict.SETTLED or approval is None:
        return checked
    if click.decision not in ANSWERS[approval.question]:
        return Settlement(Verdict.UNKNOWN)
    if click.decision in VOTED and not _enough(connection, click, approval):
        voted = click.user not in approval.votes
        verdict = Verdict.COUNTED if voted else Verdict.ALREADY
        return Settlement(verdict, thread_id, find(connection, approval.id) if voted else approval)
    close(connection, thread_id, approval, click.decision, user=click.user, reason=click.reason)
    return Settlement(Verdict.SETTLED, thread_id, find(connection, approval.id))


def _enough(connection: sqlite3.Connection, click: Click, approval: Approval) -> bool:
    """Count an approval, each person's once, and say whether there are as many as needed. Votes of people who may no
    longer are taken out."""
    for user in click.lapsed:
        connection.execute("DELETE FROM votes WHERE approval = ? AND user = ?", (approval.id, user))
    voted = connection.execute(
        "INSERT OR IGNORE INTO votes (approval, user, at) VALUES (?, ?, ?)", (approval.id, click.user, now())
    ).rowcount
    if not voted:
        return False
    counted = connection.execute("SELECT count(*) FROM votes WHERE approval = ?", (approval.id,)).fetchone()[0]
    # What the card said holds, and so does a configuration that has become stricter since.
    needed = max(approval.needed, click.needed)
    facts = {"votes": counted, "needed": needed, **({"lapsed": sorted(click.lapsed)} if click.lapsed else {})}
    _record(connection, "voted", approval.thread_id, approval, facts, actor=click.user)
    connection.execute("UPDATE approvals SET needed = ? WHERE id = ?", (needed, approval.id))
    touch(connection, approval.id)
    return counted >= needed


def check(connection: sqlite3.Connection, click: Click) -> Settlement:
    """Whether a click is about an open request, on its card, by somebody who may decide: `settled` when so. A request
    whose time is over is closed."""
    approval = find(connection, click.approval)
    if approval is None:
        return Settlement(Verdict.UNKNOWN)
    thread_id, team, ts = place_of(connection, approval.id)
    # A card that was clicked before its own timestamp was recorded (a crash in between) has none yet: the id, which
    # is only on that card, and the channel identify it.
    if (click.team, click.channel, click.digest) != (team, approval.channel, approval.digest) or (
        ts and ts != click.message_ts
    ):
        return Settlement(Verdict.UNKNOWN)
    if not click.entitled:
        return Settlement(Verdict.NOT_TOLD if click.entitled is None else Verdict.NOT_YOURS, thread_id, approval)
    if approval.decision is not Decision.AWAITING:
        return Settlement(Verdict.ALREADY, thread_id, approval)
    if now() >= approval.expires_at:
        close(connection, thread_id, approval, Decision.EXPIRED)
        return Settlement(Verdict.ALREADY, thread_id, find(connection, approval.id))
    return Settlement(Verdict.SETTLED, thread_id, approval)


def edit(connection: sqlite3.Connection, click: Click, text: str, redact: Sequence[str] = ()) -> Settlement:
    """Close a request as edited; its call waits, with other arguments (canonical JSON), for another one."""
    checked = check(connection, click)
    thread_id, approval = checked.thread_id, checked.approval
    if checked.verdict is not Verdict.SETTLED or approval is None:
        return checked
    if approval.question is not Question.MAY_IT_RUN:
        return Settlement(Verdict.UNKNOWN)
    kept = {"arguments": arguments(replace(approval.call, arguments=text), redact)}
    close(connection, thread_id, approval, Decision.EDITED, user=click.user, more=kept)
    editors = " ".join(dict.fromkeys([*approval.call.editors, click.user]))
    connection.execute(
        "UPDATE calls SET original = CASE original WHEN '' THEN arguments ELSE original END, arguments = ?, editors = ?"
        " WHERE id = ? AND state = 'awaiting'",
        (text, editors, approval.call.id),
    )
    return Settlement(Verdict.SETTLED, thread_id, find(connection, approval.id))


def stop(connection: sqlite3.Connection, click: Click) -> Settlement:
    """End the turn of an open request. What has started goes on to its end; nothing else runs."""
    checked = check(connection, click)
    thread_id, approval = checked.thread_id, checked.approval
    if checked.verdict is not Verdict.SETTLED or approval is None:
        return checked
    connection.execute(
        "UPDATE turns SET stopped_by = ? WHERE thread_id = ? AND ended_at IS NULL AND stopped_by = ''",
        (click.user, thread_id),
    )
    for open_one in of_thread(connection, thread_id):
        close(connection, thread_id, open_one, Decision.STOPPED, user=click.user)
    # Approved and not begun, or waiting for a request that is not posted yet.
    rows = connection.execute(
        "SELECT id, tool, attempts > 0 AND NOT repeatable FROM calls"
        " WHERE turn_id = (SELECT id FROM turns WHERE thread_id = ? AND ended_at IS NULL)"
        " AND state IN ('ready', 'awaiting')",
        (thread_id,),
    )
    for call, tool, cut_off in rows.fetchall():
        outcome = CallOutcome.UNRESOLVED if cut_off else CallOutcome.STOPPED
        connection.execute("UPDATE calls SET state = 'finished', outcome = ? WHERE id = ?", (outcome, call))
        facts: JsonObject = {"tool": tool, "outcome": outcome.value}
        audit.record(connection, "finished", thread_id=thread_id, call=call, actor=click.user, facts=facts)
        touch_all(connection, call)
    audit.record(connection, "stopped", thread_id=thread_id, actor=click.user, facts={})
    return Settlement(Verdict.SETTLED, thread_id, find(connection, approval.id))


_EXPIRED = {Question.MAY_IT_RUN: CallOutcome.EXPIRED, Question.DID_IT_RUN: CallOutcome.UNRESOLVED}
"""What nobody allowed has not run; what may have run may have run."""
_STOPPED = {Question.MAY_IT_RUN: CallOutcome.STOPPED, Question.DID_IT_RUN: CallOutcome.UNRESOLVED}
_WITHDRAWN = {Question.MAY_IT_RUN: CallOutcome.UNSHOWN, Question.DID_IT_RUN: CallOutcome.UNRESOLVED}


def close(
    connection: sqlite3.Connection,
    thread_id: int,
    approval: Approval,
    choice: Decision,
    *,
    user: str = "",
    reason: str = "",
    more: Mapping[str, object] | None = None,
) -> bool:
    """Decide an open request, once, and move its call to where the decision puts it. False when it is decided. `more`
    is what the audit says of it besides."""
    changed = connection.execute(
        "UPDATE approvals SET decision = ?, decided_by = ?, decided_at = ?, reason = ?"
        " WHERE id = ? AND decision = 'awaiting'",
        (choice, user, now(), reason, approval.id),
    ).rowcount
    if not changed:
        return False
    state, outcome = {
        Decision.APPROVED: (CallState.READY, None),
        Decision.RUN_AGAIN: (CallState.READY, None),
        Decision.EDITED: (CallState.AWAITING, None),
        Decision.DENIED: (CallState.FINISHED, CallOutcome.DENIED),
        Decision.EXPIRED: (CallState.FINISHED, _EXPIRED[approval.question]),
        Decision.STOPPED: (CallState.FINISHED, _STOPPED[approval.question]),
        Decision.WITHDRAWN: (CallState.FINISHED, _WITHDRAWN[approval.question]),
        Decision.IT_RAN: (CallState.FINISHED, CallOutcome.ASSUMED),
        Decision.SKIPPED: (CallState.FINISHED, CallOutcome.SKIPPED),
    }[choice]
    # The result for the model is written by the agent, but for what the person says to it.
    connection.execute(
        "UPDATE calls SET state = ?, outcome = ?, result = CASE ? WHEN 'denied' THEN ? ELSE result END"
        " WHERE id = ? AND state IN ('awaiting', 'unknown')",
        (state, outcome, choice, reason, approval.call.id),
    )
    facts = {"decision": choice, **({"reason": reason} if reason else {}), **(more or {})}
    kind = {Decision.EXPIRED: "expired", Decision.EDITED: "edited"}.get(choice, "decided")
    _record(connection, kind, thread_id, approval, facts, actor=user)
    touch(connection, approval.id)
    if user:
        parked_threads.release(connection, thread_id)
    return True


def drift(connection: sqlite3.Connection, thread_id: int, approval_id: str, words: str) -> None:
    """What was approved is not run: what its card showed is no longer true."""
    approval = find(connection, approval_id)
    changed = connection.execute(
        "UPDATE approvals SET decision = 'drifted', reason = ?, decided_at = ?"
        " WHERE id = ? AND decision IN ('approved', 'run_again')",
        (words, now(), approval_id),
    ).rowcount
    if changed and approval is not None:
        _record(connection, "drifted", thread_id, approval, {"reason": words})
        touch(connection, approval_id)


def withdraw(connection: sqlite3.Connection, approval_id: str) -> None:
    """Close every open request of a card that cannot be shown, with the card."""
    row = connection.execute("SELECT thread_id, post FROM approvals WHERE id = ?", (approval_id,)).fetchone()
    if row is None:
        return
    thread_id, post = row
    for approval in of_post(connection, post):
        close(connection, thread_id, approval, Decision.WITHDRAWN)
    connection.execute("UPDATE posts SET state = 'refused', shown = revision WHERE id = ? AND state = 'owed'", (post,))


def expire(connection: sqlite3.Connection, most: int, odd: OddRows) -> list[int]:
    """Close the requests whose time is over, so many at most; returns the thread of each that was closed."""
    rows = connection.execute(
        "SELECT id, thread_id FROM approvals WHERE decision = 'awaiting' AND expires_at <= ? LIMIT ?",
        (now(), most + odd.known),
    ).fetchall()
    closed: list[int] = []
    for approval_id, thread_id in rows:

        def one(approval_id: str = approval_id, thread_id: int = thread_id) -> bool:
            approval = find(connection, approval_id)
            return approval is not None and close(connection, thread_id, approval, Decision.EXPIRED)

        if odd.around(connection, f"request {approval_id}", one):
            closed.append(int(thread_id))
    return closed


def unreminded(connection: sqlite3.Connection, seconds: float, most: int, odd: OddRows) -> list[tuple[int, Approval]]:
    """(thread, request) for open requests that end within so many seconds, and of which nobody was reminded: those
    that end first, so many at most."""
    rows = connection.execute(
        "SELECT id, thread_id FROM approvals WHERE decision = 'awaiting' AND NOT reminded AND expires_at <= ?"
        " AND expires_at > ? ORDER BY expires_at LIMIT ?",
        (now() + seconds, now(), most + odd.known),
    ).fetchall()
    found = [
        (int(thread_id), odd.around(connection, f"request {id_}", lambda id_=id_: find(connection, str(id_))))
        for id_, thread_id in rows
    ]
    return [(thread_id, approval) for thread_id, approval in found if approval is not None]


def reminded(connection: sqlite3.Connection, thread_id: int, approval_id: str) -> bool:
    """Record that people are being reminded, of this request and of all in its message that the same people may
    decide; false when they were, or it is decided."""
    open_one = connection.execute(
        "SELECT post, people, no_self FROM approvals WHERE id = ? AND NOT reminded AND decision = 'awaiting'",
        (approval_id,),
    ).fetchone()
    if open_one is None:
        return False
    connection.execute(
        "UPDATE approvals SET reminded = 1 WHERE decision = 'awaiting' AND (post, people, no_self) = (?, ?, ?)",
        tuple(open_one),
    )
    audit.record(connection, "reminded", thread_id=thread_id, approval=approval_id, facts={})
    return True


def touch(connection: sqlite3.Connection, approval_id: str) -> None:
    """The card of this request has to be drawn again."""
    connection.execute(
        "UPDATE posts SET revision = revision + 1 WHERE id = (SELECT post FROM approvals WHERE id = ?)", (approval_id,)
    )


def touch_all(connection: sqlite3.Connection, call: int) -> None:
    """Every card about this call has to be drawn again."""
    connection.execute(
        "UPDATE posts SET revision = revision + 1 WHERE id IN (SELECT post FROM approvals WHERE call = ?)", (call,)
    )


def _record(
    connection: sqlite3.Connection,
    kind: str,
    thread_id: int,
    approval: Approval,
    facts: Mapping[str, object],
    *,
    actor: str = "",
) -> None:
    call = approval.call
    audit.record(
        connection,
        kind,
        thread_id=thread_id,
        call=call.id,
        approval=approval.id,
        actor=actor,
        facts={"tool": call.tool, "digest": approval.digest, **json.loads(json.dumps(facts))},
    )
