"""One line of the inspector for each call, envelope and request to the model: `Entry` of `web/src/types.ts`."""

import re
from typing import Any

from slack_sandbox import text as texts
from slack_sandbox.journal import ApiCall, Envelope
from slack_sandbox.model import Json
from slack_sandbox.page.controls import ModelCall
from slack_sandbox.slack import SlackSandbox

WORDS = 140
"""Characters of a summary."""

_TICKET = re.compile(r"ticket=[0-9a-f]+")
_MENTION = re.compile(r"<@(\w+)(?:\|[^<>]*)?>")
_HARMLESS = ("slow",)
"""Faults that change when a call is answered, not what."""


def refused(call: ApiCall) -> bool:
    """Whether Slack's own rules said no."""
    return call.error is not None and call.fault in (None, *_HARMLESS)


def without_secrets(text: str, slack: SlackSandbox) -> str:
    """The text without the app's tokens and the tickets of its sockets."""
    for token in (slack.bot_token, slack.app_token):
        text = text.replace(token, f"{token[:5]}…")
    return _TICKET.sub("ticket=…", text)


def of_call(slack: SlackSandbox, call: ApiCall, wall: float, answered: float | None) -> Json:
    """A Web API call. `wall` is what makes a wall time of `time.monotonic()`."""
    if refused(call):
        outcome = "refused"
    elif call.fault is not None:
        outcome = "fault"
    else:
        outcome = "open" if answered is None else "ok"
    if answered is None and outcome == "fault":
        outcome = "open" if call.fault in ("slow", "hang") else outcome
    return {
        "at": wall + call.at,
        "kind": "call",
        "title": call.method,
        "summary": _call_words(slack, call),
        "outcome": outcome,
        "error": (call.error or "") if outcome == "refused" else (call.fault or ""),
        "ms": None if answered is None else round((answered - call.at) * 1000, 1),
        "attempts": 1,
    }


def of_envelope(slack: SlackSandbox, sent: Envelope, wall: float) -> Json:
    """A Socket Mode envelope."""
    if sent.acked_at is not None:
        outcome, error = "ok", ""
    elif sent.lost:
        outcome, error = "fault", "never delivered: no connection was open"
    elif sent.given_up:
        outcome, error = "fault", "not acknowledged in time"
    else:
        outcome, error = "open", ""
    title, words = _envelope_words(slack, sent)
    return {
        "at": wall + sent.created_at,
        "kind": "envelope",
        "title": title,
        "summary": words,
        "outcome": outcome,
        "error": error,
        "ms": None if sent.acked_at is None else round((sent.acked_at - sent.created_at) * 1000, 1),
        "attempts": sent.attempts,
    }


def of_model(call: ModelCall) -> Json:
    """A request to the model."""
    if call.fault:
        outcome = "fault"
    elif call.status == 0 and call.seconds is None:
        outcome = "open"
    else:
        outcome = "refused" if call.error or call.status >= 400 else "ok"
    return {
        "at": call.at,
        "kind": "model",
        "title": call.model,
        "summary": f"{_counted(call.messages, 'message')}, {_counted(call.tools, 'tool')}",
        "outcome": outcome,
        "error": call.error or call.fault,
        "ms": None if call.seconds is None else round(call.seconds * 1000, 1),
        "attempts": 1,
    }


def _counted(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _call_words(slack: SlackSandbox, call: ApiCall) -> str:
    args = call.args
    where = args.get("channel") or args.get("channel_id")
    who = args.get("user") or args.get("user_id")
    content = args.get("text") or args.get("markdown_text") or args.get("status") or args.get("title") or ""
    content = content or _chunk_words(args.get("chunks"))
    view = args.get("view")
    if not content and isinstance(view, dict):
        content = _title(view)
    return _line(slack, _channel(slack, where), _person(slack, who), content)


def _chunk_words(chunks: Any) -> str:
    """What the chunks of a stream say: their texts, and the titles of tasks and plans."""
    found: list[str] = []
    length = 0
    for chunk in chunks if isinstance(chunks, list) else ():
        if not isinstance(chunk, dict) or length > WORDS:
            continue
        words = str(chunk.get("text") or chunk.get("title") or "")[: WORDS * 2]
        if words and chunk.get("type") == "task_update" and chunk.get("status"):
            words = f"{words} ({str(chunk['status']).replace('_', ' ')})"
        found += [words] if words else []
        length += len(words)
    return " · ".join(found)


def _envelope_words(slack: SlackSandbox, sent: Envelope) -> tuple[str, str]:
    payload = sent.payload
    if sent.type == "events_api":
        event: Json = payload.get("event") or {}
        inner: Json = event.get("message") or event.get("previous_message") or event
        title = str(event.get("subtype") if event.get("hidden") else event.get("type"))
        who = inner.get("user") or event.get("user")
        where = event.get("channel") or (event.get("item") or {}).get("channel")
        content = inner.get("text") or event.get("reaction") or event.get("tab") or ""
        return title, _line(slack, _channel(slack, where), _person(slack, who), content)
    if sent.type == "slash_commands":
        where, who = payload.get("channel_id"), payload.get("user_id")
        content = f"{payload.get('command')} {payload.get('text', '')}".strip()
        return str(payload.get("command")), _line(slack, _channel(slack, where), _person(slack, who), content)
    actions = payload.get("actions") or []
    view: Json = payload.get("view") or {}
    named = actions[0].get("action_id") if actions else payload.get("action_id") or view.get("callback_id") or ""
    title = f"{payload.get('type')} {named}".strip()
    content = _title(view) if view else ""
    if actions:
        content = str((actions[0].get("text") or {}).get("text") or actions[0].get("value") or "")
    where = (payload.get("channel") or {}).get("id")
    return title, _line(slack, _channel(slack, where), _person(slack, (payload.get("user") or {}).get("id")), content)


def _title(view: Json) -> str:
    title: Any = view.get("title")
    return str(title.get("text", "")) if isinstance(title, dict) else str(view.get("type", ""))


def _channel(slack: SlackSandbox, channel_id: Any) -> str:
    channel = slack.workspace.channels.get(channel_id) if isinstance(channel_id, str) else None
    if channel is None:
        return str(channel_id or "")
    return "direct message" if channel.kind == "im" else f"#{channel.name}"


def _person(slack: SlackSandbox, person_id: Any) -> str:
    person = slack.workspace.people.get(person_id) if isinstance(person_id, str) else None
    return person.name if person is not None else ""


def _line(slack: SlackSandbox, where: str, who: str, content: Any) -> str:
    place = ", ".join(part for part in (where, who) if part)
    named = _MENTION.sub(lambda found: f"@{_person(slack, found[1]) or found[1]}", str(content)[: WORDS * 4])
    words = " ".join(texts.unescape(named).split())
    if len(words) > WORDS:
        words = words[: WORDS - 1] + "…"
    return ": ".join(part for part in (place, words) if part)
