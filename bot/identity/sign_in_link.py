"""Makes the link with which a sign-in begins, and reads what the browser brings back (RFC 6749, RFC 7636, RFC 9207)."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from bot.core.json_text import sha256
from bot.core.untrusted import text
from bot.identity.clients import Client, with_client

MAX_CODE = 4_000


@dataclass(frozen=True, slots=True)
class PendingSignIn:
    """What is needed to finish a sign-in. It is kept encrypted."""

    url: str
    """Where the person signs in."""
    verifier: str = field(repr=False)
    """Proves that whoever finishes the sign-in has begun it."""
    redirect: str
    issuer: str
    names_itself: bool
    resource: str
    token_endpoint: str
    revocation_endpoint: str
    client: Client
    asked: str = ""
    """What the person is asked to allow (`scope`)."""
    wider: str = ""
    """The same, if it is more than the server says at first (`SignInNeed.scope`)."""

    def dumps(self) -> bytes:
        """Return the form that is encrypted."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def loads(cls, body: bytes) -> PendingSignIn:
        """Return what that form holds. Raises ValueError."""
        return with_client(cls, body)


@dataclass(frozen=True, slots=True)
class CallbackParameters:
    """What the browser has brought back."""

    state: str = field(default="", repr=False)
    code: str = field(default="", repr=False)
    issuer: str = ""
    error: str = ""


def new_state() -> str:
    """Return a state that nobody can guess."""
    return secrets.token_urlsafe(32)


def digest(state: str) -> str:
    """Return what is kept of a state."""
    return sha256(state)


def new_verifier() -> str:
    """Return a code verifier."""
    return secrets.token_urlsafe(64)


def link(endpoint: str, client: Client, *, redirect: str, scope: str, state: str, verifier: str, resource: str) -> str:
    """Return the address at which a person signs in."""
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
    wanted = {
        "response_type": "code",
        "client_id": client.id,
        "redirect_uri": redirect,
        "state": state,
        "code_challenge": challenge,
        "code_challenge_method": "S256",
        **({"scope": scope} if scope else {}),
        **({"resource": resource} if resource else {}),
        **({"prompt": "consent"} if "offline_access" in scope.split() else {}),
    }
    parts = urlsplit(endpoint)
    query = urlencode([*parse_qsl(parts.query, keep_blank_values=True), *wanted.items()])
    return urlunsplit((parts.scheme, parts.netloc, parts.path, query, ""))


def parse_callback_url(address: str) -> CallbackParameters | None:
    """Return what an address holds to which a browser was sent; None if it is no such address."""
    try:
        parts = urlsplit(address.strip().strip("<>"))
        fields = dict(parse_qsl(parts.query, max_num_fields=50))
    except ValueError:
        return None
    return read(fields) if parts.scheme in ("http", "https") else None


def read(fields: Mapping[str, str]) -> CallbackParameters | None:
    """Return what the fields of such an address hold; None if there is neither a code nor an error."""
    found = CallbackParameters(*(text(fields.get(name))[:MAX_CODE] for name in ("state", "code", "iss", "error")))
    return found if found.state and (found.code or found.error) else None
