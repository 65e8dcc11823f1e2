"""What the server of a call asks for before it can go on, and what was answered so far. Pure data.

Source: https://modelcontextprotocol.io/specification/2026-07-28/client/elicitation
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from bot.core.json_text import JsonObject
from bot.core.untrusted import items, mapping, parsed, text

FORM, URL = "form", "url"
ACCEPT, DECLINE, CANCEL = "accept", "decline", "cancel"
_ADDRESS = re.compile(r"(https?)://([^/?#@\\]+?)(:\d{1,5})?([/?#].*)?", re.IGNORECASE)
_LOCAL = ("localhost", "127.0.0.1", "[::1]")
MAX_ROUNDS = 10
"""How often one call may ask. The SDKs' own loops end there, too."""


@dataclass(frozen=True, slots=True)
class InputRequest:
    """One thing that a server asks a person for."""

    key: str
    """The server's own name of the request."""
    message: str
    mode: str = FORM
    schema: JsonObject = field(default_factory=dict[str, object])
    """Of a form: the fields, as JSON Schema."""
    url: str = ""
    """Of `url`: the page that the person is to open."""

    @property
    def host(self) -> str:
        """The host of the page as it is sent over the network, so that letters of other alphabets do not look like
        another host; empty if the address is none that a person may be sent to."""
        return host_of(self.url)

    def dumps(self) -> JsonObject:
        """Return it as JSON."""
        return {"key": self.key, "message": self.message, "mode": self.mode, "schema": self.schema, "url": self.url}


def request_of(value: object) -> InputRequest:
    """Return a request from its JSON."""
    found = mapping(value)
    words = {name: text(found.get(name)) for name in ("key", "message", "mode", "url")}
    return InputRequest(**words, schema=mapping(found.get("schema")))


@dataclass(frozen=True, slots=True)
class Exchange:
    """The requests of one round of a call, and their answers."""

    requests: Sequence[InputRequest] = ()
    state: str | None = None
    """What the server wants to be sent back with the answers, unchanged."""
    answers: Mapping[str, JsonObject] = field(default_factory=dict[str, JsonObject])
    """By the key of the request."""
    rounds: int = 1
    repeats: bool = False
    """Whether the call is made again without answers: a server of 2025-11-25 that only wants pages to be opened."""
    live: str = ""
    """The id of a question that a server asks over an open connection, while the call runs: it ends with that."""

    @property
    def open(self) -> InputRequest | None:
        """The next request to ask a person about; None if all are answered."""
        return next((each for each in self.requests if each.key not in self.answers), None)

    def answered(self, key: str, answer: JsonObject) -> Exchange:
        """Return it with one answer more. One that is not an acceptance is the last: the server gets `cancel` for what
        was not asked."""
        answers = {**self.answers, key: answer}
        if answer.get("action") != ACCEPT:
            answers |= {each.key: {"action": CANCEL} for each in self.requests if each.key not in answers}
        return replace(self, answers=answers)

    @property
    def refused(self) -> bool:
        """Whether somebody has declined or cancelled."""
        return any(answer.get("action") != ACCEPT for answer in self.answers.values())

    def dumps(self) -> str:
        """Return it as JSON text."""
        return json.dumps(
            {
                "requests": [each.dumps() for each in self.requests],
                "state": self.state,
                "answers": dict(self.answers),
                "rounds": self.rounds,
                "repeats": self.repeats,
                "live": self.live,
            },
            ensure_ascii=False,
        )


def loads(kept: str) -> Exchange:
    """Return an exchange from its text; an empty one if there is none."""
    found = mapping(parsed(kept)) if kept else {}
    state, rounds = found.get("state"), found.get("rounds")
    return Exchange(
        requests=tuple(request_of(each) for each in items(found.get("requests"))),
        state=state if isinstance(state, str) else None,
        answers={key: mapping(answer) for key, answer in mapping(found.get("answers")).items()},
        rounds=rounds if isinstance(rounds, int) else 1,
        repeats=found.get("repeats") is True,
        live=text(found.get("live")),
    )


def host_of(url: str) -> str:
    """Return the host of an address that a person may be sent to; empty for any other: it must be HTTPS, or HTTP on the
    person's own machine, and must not hide its host behind a user name."""
    if any(character.isspace() or not character.isprintable() or character in '<>|"\\`' for character in url):
        return ""
    found = _ADDRESS.fullmatch(url)
    if found is None:
        return ""
    try:
        host = found[2].lower() if found[2].startswith("[") else found[2].encode("idna").decode("ascii").lower()
    except ValueError:
        return ""
    safe = found[1].lower() == "https" or host in _LOCAL
    return f"{host}{found[3] or ''}" if safe and host else ""
