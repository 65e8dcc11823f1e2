"""Log lines of recurring events: a turn begins, a turn ends, somebody clicks.

Each is a name with fields. As text that is `turn ended thread=7 channel=C0123ABCD …`; with `LOG_FORMAT=json` the fields
are keys of the object. Fields are ids, names of tools and models, and numbers: never the text of a message, or an
argument or the result of a tool.
"""

from __future__ import annotations

import json
import logging
import re
from collections import Counter
from collections.abc import Mapping, Sequence

from bot.core.amendments import Amendment, AmendmentOutcome
from bot.core.questions.click import Settlement
from bot.core.questions.question import Approval
from bot.core.sessions import Stopped
from bot.core.thread import QUESTION_DELETED, ThreadState, Turn

log = logging.getLogger(__name__)

Field = str | int | float
PLAIN = re.compile(r"[\w.,:/@+-]+", re.ASCII)
"""Values that need no quotes in text."""


def turn_began(turn: Turn, state: ThreadState) -> None:
    """Log that the bot begins to work on a request."""
    _event("turn began", _place(turn, state))


def turn_ended(turn: Turn, state: ThreadState, calls: int, outcome: str) -> None:
    """Log that a turn is over: `answered`, `failed` or `stopped`, with the reason if the question was deleted.
    `seconds` is the time in the model and in tools, without the time that people took to decide; `model` is missing if
    none has answered, and `fallback` if none has answered in place of the model that was asked."""
    usage = turn.usage
    figures: dict[str, Field] = {
        "outcome": outcome,
        "reason": QUESTION_DELETED if outcome == "stopped" and turn.stopped_by == QUESTION_DELETED else "",
        "model": turn.model,
        "fallback": turn.fallback,
        "steps": turn.steps,
        "calls": calls,
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "cached_tokens": usage.cached_tokens,
        "cost": round(usage.cost, 6),
        "seconds": round(turn.seconds, 1),
    }
    _event("turn ended", _place(turn, state) | figures)


def clicked(user: str, button: str, settlements: Sequence[Settlement]) -> None:
    """Log that somebody pressed a button about one or more questions, and the result."""
    questions = [each.question for each in settlements if each.question is not None]
    calls = [each.call.tool for each in questions if isinstance(each, Approval)]
    verdicts = Counter(str(each.verdict) for each in settlements)
    fields: dict[str, Field] = {
        "button": button,
        "user": user,
        "verdict": ",".join(verdicts) if len(settlements) == 1 else _counted(verdicts),
        "thread": settlements[0].thread_id or "",
        "channel": questions[0].channel if questions else "",
        "questions": ",".join(each.id for each in questions),
        "tools": ",".join(dict.fromkeys(calls)),
    }
    _event("click", fields)


def amended(change: Amendment, done: AmendmentOutcome, thread: int) -> None:
    """Log that a message was edited or deleted, if anything follows from that."""
    if done is not AmendmentOutcome.IGNORED:
        place = {"thread": thread or "", "channel": change.place.channel, "ts": change.ts}
        _event("message edited" if change.now else "message deleted", {**place, "outcome": str(done)})


def undo_ended(thread: int, call: int, outcome: str) -> None:
    """Log that a call was undone, or could not be."""
    _event("undo ended", {"thread": thread, "call": call, "outcome": outcome})


def turn_stopped(user: str, turn: int, where: str) -> None:
    """Log that somebody has stopped a turn with a button: in the `home` of the app, or in the `menu` of its message."""
    _event("turn stopped", {"user": user, "turn": turn, "where": where})


def rated(user: str, turn: int, opinion: str) -> None:
    """Log that somebody has said what they think of an answer: `good` or `bad`."""
    _event("feedback", {"user": user, "turn": turn, "opinion": opinion})


def session_stopped(user: str, stopped: Stopped) -> None:
    """Somebody has pressed Slack's own Stop."""
    fields: dict[str, Field] = {"user": user, "thread": stopped.thread_id or "", "turn": stopped.turn or ""}
    _event("stop pressed", {**fields, "outcome": str(stopped.verdict).replace(" ", "_")})


def grant_revoked(user: str, grant: int, *, ended: bool) -> None:
    """Log that somebody pressed Revoke; `not_found` if the grant is not theirs or had already ended."""
    _event("grant revoked", {"user": user, "grant": grant, "outcome": "revoked" if ended else "not_found"})


def _place(turn: Turn, state: ThreadState) -> dict[str, Field]:
    place = state.place
    people = (turn.requester, *turn.others)
    return {
        "turn": turn.id,
        "thread": state.id,
        "team": place.team,
        "channel": place.channel,
        "thread_ts": place.thread_ts,
        "people": ",".join(people),
    }


def _counted(verdicts: Counter[str]) -> str:
    return ",".join(f"{verdict}:{count}" for verdict, count in verdicts.items())


def _event(name: str, fields: Mapping[str, Field]) -> None:
    """Log one line. Empty fields are left out."""
    given = {key: value for key, value in fields.items() if value != ""}
    text = " ".join((name, *(f"{key}={_shown(value)}" for key, value in given.items())))
    log.info("%s", text, extra={"event": name, "fields": given})


def _shown(value: Field) -> str:
    # The provider chooses a model's name; as quoted ASCII it can neither end the line nor hide anything.
    text = str(value)
    return text if PLAIN.fullmatch(text) else json.dumps(text)
