"""Names for people and threads that are always the same and reveal nothing to a provider of models. Pure.

They are keyed hashes: without the database's secret, nobody can find out whose they are by trying all ids.
"""

from __future__ import annotations

import hashlib

from bot.core.json_text import sha256
from bot.core.thread_ref import ThreadRef

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_LABEL_LETTERS = 5
_NOUNS = {"C": "Channel", "G": "Channel", "D": "Channel", "S": "Group", "A": "App", "B": "App"}
"""By the first letter of an id of Slack's."""


def of_person(secret: bytes, team: str, user: str) -> str:
    """Return the pseudonym of a person, the same in all threads: 32 hexadecimal digits."""
    return _keyed(secret, "person", team, user).hex()[:32]


def of_thread(secret: bytes, place: ThreadRef) -> str:
    """Return the pseudonym of a thread: 64 hexadecimal digits."""
    return _keyed(secret, "thread", place.team, place.channel, place.thread_ts).hex()


def label(secret: bytes, place: ThreadRef, who: str) -> str:
    """Return what a person, a channel, a user group or an app is called in a thread in place of the name, such as
    `Person KQXTM`. In another thread the same one is called something else.

    who: an id of Slack, or an email address in small letters.
    """
    digest = _keyed(secret, "label", place.team, place.channel, place.thread_ts, who)
    noun = "Workflow" if who.startswith("Wf") else _NOUNS.get(who[:1], "Person")
    return f"{noun} {''.join(_LETTERS[byte % len(_LETTERS)] for byte in digest[:_LABEL_LETTERS])}"


def _keyed(secret: bytes, *parts: str) -> bytes:
    return hashlib.blake2b(sha256(*parts).encode(), key=secret, digest_size=32).digest()
