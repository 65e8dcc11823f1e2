"""Requests that somebody made in a window: no message of theirs is in Slack, so the bot posts one about it. Pure."""

from __future__ import annotations

import json
from dataclasses import replace

from bot.core.inbox import Incoming, at_slacks_time
from bot.core.posts import Draft
from bot.core.thread_ref import DIRECT, ThreadRef
from bot.core.untrusted import mapping, parsed, text

BEGINNING = "beginning"
"""The kind of the message with which a thread begins."""
_ASKED = "asked"


def beginning(asked: Incoming, notice: Draft) -> Draft:
    """Return the message with which the thread of a request begins, which carries the request until it is posted."""
    kept = {"event": asked.event_id, "user": asked.user, "ts": asked.ts, "text": asked.text, "body": asked.body}
    payload = {**json.loads(notice.payload), _ASKED: kept}
    return replace(notice, kind=BEGINNING, payload=json.dumps(payload, ensure_ascii=False))


def asked(payload: str, team: str, channel: str, ts: str) -> Incoming | None:
    """Return the request of a thread that has begun with a message, where that was posted; None if there is none."""
    kept = {key: text(value) for key, value in mapping(mapping(parsed(payload)).get(_ASKED)).items()}
    if not all(kept.get(key) for key in ("event", "user", "ts")):
        return None
    place = ThreadRef(team, channel, ts, "im")
    said, body = kept.get("text", ""), kept.get("body", "")
    # By Slack's clock: what is written from now on is later than the request.
    at = at_slacks_time(ts, float(kept["ts"]))
    return Incoming(place, kept["event"], kept["user"], at, said, (), addressed=True, body=body)


def in_no_thread(team: str, user: str) -> ThreadRef:
    """Return the place of a request to which a thread is to be begun, in a direct message."""
    return ThreadRef(team, user, DIRECT, "im")
