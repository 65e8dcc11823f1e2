"""The ports to people's identities: what is kept of sign-ins, and what the agent, the tools and the chat need of them.

The rules of `bot.core.ports.store` hold for `IdentityStore`, too. It never sees a token that is not encrypted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from bot.core.identity import OpenSignIn, SignedIn, SignInNeed
from bot.core.questions.sign_in import Asked


class IdentityStore(Protocol):
    """What is kept of people's sign-ins."""

    async def signed_in(self, person: str, server: str) -> SignedIn | None:
        """Return the sign-in of a person to a server that is in use; None if there is none."""
        ...

    async def sign_ins_of(self, person: str) -> Sequence[SignedIn]:
        """Return all sign-ins of a person that are in use, by server."""
        ...

    async def refreshed(self, kept: SignedIn, sealed: bytes) -> SignedIn | None:
        """Replace the tokens of a sign-in. Return it as it is now; None, with nothing written, if it has ended or was
        replaced since it was read."""
        ...

    async def end_sign_in(self, kept: SignedIn) -> SignedIn | None:
        """Use a sign-in no more. It is kept until the issuer was told (`forget_sign_in`). Return it as it is now,
        maybe with newer tokens than were read; None, with nothing written, if it was not in use."""
        ...

    async def ended_sign_ins(self) -> Sequence[SignedIn]:
        """Return the sign-ins that have ended and whose issuers were not told."""
        ...

    async def forget_sign_in(self, id: int) -> None:
        """Delete a sign-in that has ended."""
        ...

    async def open_sign_in(self, person: str, server: str) -> OpenSignIn | None:
        """Return the sign-in to a server that a person is being asked for; None if there is none."""
        ...

    async def sign_in_by_state(self, state: str) -> OpenSignIn | None:
        """Return the open sign-in with this state (`OpenSignIn.state`)."""
        ...

    async def sign_in_of(self, question: str) -> OpenSignIn | None:
        """Return the open sign-in that a question asks for."""
        ...

    async def receive_code(self, asked: OpenSignIn, code: bytes) -> bool:
        """Record the authorization code that has come back. Return False, with nothing written, if there is one, or if
        the sign-in was renewed or is not open any more."""
        ...

    async def received_codes(self) -> Sequence[OpenSignIn]:
        """Return the open sign-ins whose code has come back."""
        ...

    async def renew_sign_in(self, asked: OpenSignIn, about: Asked, sealed: bytes) -> Sequence[int]:
        """Ask for a sign-in once more, with another link and no code. Return the thread of its question; nothing is
        written if it is not open, or was renewed already."""
        ...

    async def finish_sign_in(self, asked: OpenSignIn, issuer: str, sealed: bytes) -> Sequence[int] | None:
        """Keep the tokens of a sign-in and answer its question. The calls that waited may run. Return the threads to
        wake; None, with nothing written, if it is not open any more.

        One that was in use until now has ended. If it is of the same issuer, it is deleted at once: the issuer is not
        told, as some take that as the end of everything that the person has allowed.
        """
        ...

    async def times_asked(self, call: int) -> int:
        """Return how often a person was asked to sign in for a call."""
        ...

    async def oauth_client(self, issuer: str, redirect: str) -> bytes:
        """Return the client that is registered with an issuer for a redirect address, encrypted; empty if none is."""
        ...

    async def keep_oauth_client(self, issuer: str, redirect: str, sealed: bytes) -> None:
        """Keep a client that was registered with an issuer; nothing kept removes it."""
        ...

    async def listed_tools(self, server: str, origin: str) -> str:
        """Return the definitions of a server's tools that were listed last, as JSON text; empty if there are none for
        a server of this origin."""
        ...

    async def keep_tools(self, server: str, origin: str, body: str) -> None:
        """Keep the definitions of a server's tools."""
        ...


@dataclass(frozen=True, slots=True)
class PreparedSignIn:
    """A sign-in that can be asked for."""

    about: Asked
    sealed: bytes = field(repr=False)


class SignIns(Protocol):
    """What the agent needs: whether a call can use the account of its person."""

    async def needed(self, server: str, person: str, *, refused: bool = False) -> SignInNeed | None:
        """Return why a person has to sign in to a server; None if they have. refused: a call was about to be sent, and
        was not, so that the person may have to allow more than they have."""
        ...

    async def prepare(self, server: str, person: str, need: SignInNeed) -> PreparedSignIn:
        """Return what is needed to ask a person to sign in. Raises SignInError with a sentence if they cannot."""
        ...


class Credentials(Protocol):
    """What the tools need: the credentials of requests."""

    async def header(self, server: str, person: str) -> str:
        """Return the value of the `Authorization` header. Raises SignInError if there is none."""
        ...

    async def refused(self, server: str, person: str, header: str, challenge: str) -> bool:
        """Take in that a server did not accept these credentials. Return whether there are others now.

        challenge: its `WWW-Authenticate` header.
        """
        ...

    async def listed_tools(self, server: str, origin: str) -> str:
        """`IdentityStore.listed_tools`."""
        ...

    async def keep_tools(self, server: str, origin: str, body: str) -> None:
        """`IdentityStore.keep_tools`."""
        ...


class Connections(Protocol):
    """What the chat needs: people answer that they have signed in, see where, and sign out."""

    async def pasted(self, question: str, person: str, address: str) -> str:
        """Take in the address to which a person's browser was sent. Return what is wrong with it, as a sentence; empty
        if the sign-in goes on."""
        ...

    async def finish(self, question: str) -> bool:
        """Finish a sign-in whose address was taken in. Return whether the person is signed in now."""
        ...

    async def connected(self, person: str) -> Sequence[SignedIn]:
        """Return where a person is signed in."""
        ...

    async def disconnect(self, person: str, server: str) -> None:
        """Sign a person out of a server, also at the issuer."""
        ...
