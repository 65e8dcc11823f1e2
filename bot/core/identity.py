"""Whose account a call of a remote server uses, and what is kept of people's sign-ins. Pure data."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class Identity(StrEnum):
    """Whose account the calls of a server use. There is no fallback from one to the other."""

    NONE = ""
    """The server knows no accounts, or none that the configuration names."""
    SERVICE = "service"
    """One account for everybody, with credentials from the configuration."""
    PERSON = "person"
    """The account of the person who asks, who has signed in."""


@dataclass(frozen=True, slots=True)
class OAuthSettings:
    """What the configuration says about signing in to a server."""

    client_id: str = ""
    """Of a client that was registered beforehand; empty if there is none."""
    client_secret: str = field(default="", repr=False)
    client_metadata_url: str = ""
    """Where the client's metadata document is published (CIMD)."""
    scopes: tuple[str, ...] = ()
    """What is asked for; empty for what the server says that it needs."""
    issuer: str = ""
    """The only sign-in service that is used; empty for the one that the server names."""

    def allows(self, issuer: str) -> bool:
        """Return whether a sign-in service may be used."""
        return not self.issuer or _without_root(self.issuer) == _without_root(issuer)


def _without_root(issuer: str) -> str:
    """Return an issuer in the form in which it is compared: exactly, but for the slash of an address without a path."""
    return issuer.removesuffix("/") if issuer.count("/") == 3 else issuer


@dataclass(frozen=True, slots=True)
class RemoteServer:
    """A server to which somebody signs in."""

    key: str
    url: str = field(repr=False)
    oauth: OAuthSettings = field(default=OAuthSettings())


@dataclass(frozen=True, slots=True)
class SignInNeed:
    """Why a person has to sign in to a server."""

    why: str = ""
    """A sentence of our own; empty if they have not signed in before."""
    scope: str = ""
    """What is to be asked for instead of what the server says at first: what was asked for before, and what a call
    needs besides (RFC 6750, `insufficient_scope`)."""


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A sign-in of a person to a server, as it is kept."""

    id: int
    """0 until it is recorded."""
    person: str
    server: str
    issuer: str
    """Who has issued the tokens: they are used for nothing else."""
    sealed: bytes = field(repr=False)
    """The tokens, encrypted."""
    version: int = 0
    """Counted up with each refresh, so that nobody overwrites what is newer."""
    since: float = 0.0
    """Unix time in seconds."""
    ended: bool = False
    """It is not used any more; the issuer is still to be told."""


@dataclass(frozen=True, slots=True)
class OpenSignIn:
    """A sign-in that a person was asked for, and that has not come to its end."""

    question: str
    person: str
    server: str
    state: str
    """The SHA-256 of the state in the link, in hexadecimal."""
    sealed: bytes = field(repr=False)
    """What is needed to finish it, encrypted."""
    code: bytes = field(default=b"", repr=False)
    """The authorization code, encrypted; empty until it has come back."""
