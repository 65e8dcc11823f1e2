"""Keeps the tokens of people who have signed in to servers: encrypted, refreshed, used for the person and the server
that they are for alone, and given up at their issuer once they are not used any more."""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit
from weakref import WeakValueDictionary

from bot import failpoints
from bot.core.identity import RemoteServer, SignedIn, SignInNeed
from bot.core.ports.identities import IdentityStore
from bot.core.tool_words import one_line
from bot.errors import NotSignedInError, SignInError
from bot.identity.challenge import MAX_SCOPE, Challenge, lacking, united
from bot.identity.http_client import HttpClient
from bot.identity.sign_in_link import PendingSignIn
from bot.identity.tokens import ClientRefusedError, RefusedError, TokenPlace, Tokens, request_tokens, revoke
from bot.identity.vault import UnsealError, Vault

log = logging.getLogger(__name__)

EXPIRED = "Your sign-in has expired."
REVOKED = "Your sign-in is not accepted any more."
MOVED = "Its sign-in service has changed."
ELSEWHERE = "Its address has changed."
MORE = "It wants you to allow more for this: {}."
REFUSED_SECONDS = 60.0
"""For so long, calls that were refused find out why: several may have been at the same time."""
_PLAIN = re.compile(r"[A-Za-z0-9_.:/*+-]{1,80}", re.ASCII)
"""Names of scopes that people are shown."""


async def load() -> None:
    """Import what needs the MCP SDK, outside the event loop."""
    await asyncio.to_thread(__import__, "bot.identity.provider")


@dataclass(frozen=True, slots=True)
class _Refused:
    """What a server has refused calls for lately, although their person has signed in."""

    sign_in: int
    scope: str
    need: SignInNeed
    at: float


class Locks:
    """Locks by name, which are there as long as somebody holds or wants them."""

    def __init__(self) -> None:
        self._locks: WeakValueDictionary[tuple[str, ...], asyncio.Lock] = WeakValueDictionary()

    def of(self, *about: str) -> asyncio.Lock:
        """Return the lock of this name."""
        lock = self._locks.get(about)
        if lock is None:
            lock = self._locks[about] = asyncio.Lock()
        return lock


class UserTokens:
    """The tokens of people."""

    def __init__(self, servers: Sequence[RemoteServer], store: IdentityStore, vault: Vault, web: HttpClient) -> None:
        """In: the servers to which people sign in."""
        self.serve(servers)
        self._store, self._vault, self._web = store, vault, web
        self._locks = Locks()
        self._why: dict[tuple[str, str], str] = {}
        self._refused: dict[tuple[str, str], _Refused] = {}
        self.unknown_clients: set[tuple[str, str]] = set()
        """The issuer and the id of each client that its issuer has forgotten."""
        self.ended: Callable[[str, str], Awaitable[None]] | None = None
        """Called with the server and the person of a sign-in that has ended."""

    def serve(self, servers: Sequence[RemoteServer]) -> None:
        """Have people sign in to these servers from now on."""
        self._servers: Mapping[str, RemoteServer] = {server.key: server for server in servers}

    async def needed(self, server: str, person: str, *, refused: bool = False) -> SignInNeed | None:
        kept = await self._store.signed_in(person, server)
        if kept is None:
            return SignInNeed(self._why.get((server, person), ""))
        tokens = await self._tokens(kept)
        why = self.unusable(server, kept.issuer, tokens) if tokens else EXPIRED
        if tokens is not None and not why and (tokens.refresh or not tokens.is_old()):
            # Only calls that were refused need more: others go on with what the person has allowed.
            found = self._lately_refused(kept) if refused else None
            return found and found.need
        why = why or EXPIRED
        if not await self._end(kept, why):  # there is another one by now, or none
            return await self.needed(server, person, refused=refused)
        return SignInNeed(why)

    def lock(self, server: str, person: str) -> asyncio.Lock:
        """Return what is held while the tokens of a person are replaced."""
        return self._locks.of(server, person)

    async def header(self, server: str, person: str) -> str:
        kept, tokens = await self._kept(server, person)
        if tokens.is_old():
            async with self.lock(server, person):
                kept, tokens = await self._kept(server, person)
                if tokens.is_old():
                    tokens = await self._refresh(kept, tokens, EXPIRED)
        return tokens.header

    async def refused(self, server: str, person: str, header: str, challenge: str) -> bool:
        said = Challenge.of(challenge)
        async with self.lock(server, person):
            try:
                kept, tokens = await self._kept(server, person)
                if tokens.header != header:
                    return True
                if said.wants_more:
                    self._want_more(kept, tokens, said.scope)
                    return False
                await self._refresh(kept, tokens, REVOKED, said)
            except NotSignedInError:
                return False
            return True

    def _want_more(self, kept: SignedIn, tokens: Tokens, scope: str) -> None:
        """Take in what a call needs to be allowed besides. Nobody is asked for what they have allowed, or for what the
        configuration does not ask for: it would be refused again."""
        limits = self.server(kept.server).oauth.scopes
        before = self._lately_refused(kept)
        scope = united(before.scope if before else "", scope)
        missing = lacking(scope, tokens.scope)
        if tokens.access in scope:
            return  # a server that repeats the token: nobody is shown it, and the log does not get it
        if len(scope) > MAX_SCOPE or not missing or (limits and not set(missing) <= set(limits)):
            log.warning("%s refuses a call whose person has signed in; it wants: %s", kept.server, one_line(scope, 200))
            return
        shown = ", ".join(each for each in missing[:5] if _PLAIN.fullmatch(each)) or "another permission"
        need = SignInNeed(MORE.format(shown), united(tokens.asked or tokens.scope, scope))
        self._refused[kept.server, kept.person] = _Refused(kept.id, scope, need, time.monotonic())

    def _lately_refused(self, kept: SignedIn) -> _Refused | None:
        found = self._refused.get((kept.server, kept.person))
        is_new = found is not None and found.sign_in == kept.id and time.monotonic() - found.at < REFUSED_SECONDS
        return found if is_new else None

    async def _kept(self, server: str, person: str) -> tuple[SignedIn, Tokens]:
        kept = await self._store.signed_in(person, server)
        tokens = None if kept is None else await self._tokens(kept)
        if kept is None or tokens is None:
            raise NotSignedInError
        if why := self.unusable(server, kept.issuer, tokens):
            await self._end(kept, why)
            raise NotSignedInError
        return kept, tokens

    def unusable(self, key: str, issuer: str, known: PendingSignIn | Tokens) -> str:
        """Return why the configuration, which may have changed, does not allow to use a sign-in, as a sentence; empty
        if it does."""
        server = self.server(key)
        if not server.oauth.allows(issuer):
            return MOVED
        fits = not server.url or not known.resource or _is_for(known.resource, server.url)
        return "" if fits else ELSEWHERE

    async def _tokens(self, kept: SignedIn) -> Tokens | None:
        try:
            return Tokens.loads(self._vault.unseal(kept.sealed, "tokens", kept.person, kept.server, kept.issuer))
        except (UnsealError, ValueError):
            log.warning("a sign-in to %s cannot be decrypted: was BOT_SECRET_KEY changed?", kept.server)
            return None

    async def _refresh(self, kept: SignedIn, tokens: Tokens, why: str, challenge: Challenge | None = None) -> Tokens:
        """Return fresh tokens, which are recorded. The caller has the lock. Raises NotSignedInError if the person has
        to sign in again, and other SignInErrors if that is not known."""
        if not tokens.refresh:
            await self._end(kept, why)
            raise NotSignedInError
        await self._same_issuer(kept, challenge)
        form = {"grant_type": "refresh_token", "refresh_token": tokens.refresh}
        try:
            with failpoints.around("refresh a token"):
                fresh = await request_tokens(self._web, self.place(kept.server, tokens), form, tokens)
        except RefusedError as problem:
            self.note(problem, kept.issuer, tokens.client.id)
            await self._end(kept, why)
            raise NotSignedInError from None
        sealed = self._vault.seal(fresh.dumps(), "tokens", kept.person, kept.server, kept.issuer)
        if await self._store.refreshed(kept, sealed) is not None:
            return fresh
        now = await self._store.signed_in(kept.person, kept.server)
        if now is None or now.issuer != kept.issuer:  # the person has signed out meanwhile
            await self.revoke_at_issuer(self.place(kept.server, fresh), fresh)
        # Else they have signed in again: some issuers would end that, too (see `finish_sign_in`).
        return (await self._kept(kept.server, kept.person))[1]

    async def _same_issuer(self, kept: SignedIn, challenge: Challenge | None) -> None:
        """Check that the server still has people sign in where this one has."""
        await load()
        from bot.identity import provider  # noqa: PLC0415 - see `_load`

        found = await provider.find_provider(self._web, self.server(kept.server), challenge, known=kept.issuer)
        if found.issuer != kept.issuer:
            await self._end(kept, MOVED)
            raise NotSignedInError

    async def connected(self, person: str) -> Sequence[SignedIn]:
        return [each for each in await self._store.sign_ins_of(person) if each.server in self._servers]

    async def disconnect(self, person: str, server: str) -> None:
        kept = await self._store.signed_in(person, server)
        if kept is not None:
            await self._end(kept, "")

    async def _end(self, kept: SignedIn, why: str) -> bool:
        """Use a sign-in no more, and tell its issuer. Return whether it was in use."""
        ended = await self._store.end_sign_in(kept)
        if ended is None:
            return False
        log.info("a sign-in to %s has ended", kept.server)
        self._why[kept.server, kept.person] = why
        await self.forget(ended)
        if self.ended is not None:
            await self.ended(kept.server, kept.person)
        return True

    async def forget(self, kept: SignedIn) -> None:
        """Tell the issuer that a sign-in has ended, and delete it. If that is not possible now, the next start does."""
        tokens = await self._tokens(kept)
        if tokens is not None and not await self.revoke_at_issuer(self.place(kept.server, tokens), tokens):
            return
        await self._store.forget_sign_in(kept.id)

    async def revoke_at_issuer(self, place: TokenPlace, tokens: Tokens) -> bool:
        """Tell an issuer that tokens are not used any more. Return whether it was told."""
        try:
            with failpoints.around("revoke a token"):
                await revoke(self._web, place.server, tokens)
        except SignInError as problem:
            log.warning("%s: its issuer could not be told that a sign-in has ended: %s", place.server.key, problem)
            return False
        return True

    def server(self, key: str) -> RemoteServer:
        """Return a server; one without an address if it is no longer configured."""
        return self._servers.get(key) or RemoteServer(key, "")

    def place(self, key: str, known: PendingSignIn | Tokens) -> TokenPlace:
        """Return where the tokens of a sign-in come from."""
        endpoints = known.token_endpoint, known.revocation_endpoint
        return TokenPlace(self.server(key), known.client, *endpoints, known.resource)

    def note(self, problem: Exception, issuer: str, client: str) -> None:
        """Take note of a client that is of no use any more."""
        if isinstance(problem, ClientRefusedError):
            self.unknown_clients.add((issuer, client))

    def on_signed_in(self, server: str, person: str) -> None:
        """Take note that a person has signed in."""
        self._why.pop((server, person), None)
        self._refused.pop((server, person), None)

    async def listed_tools(self, server: str, origin: str) -> str:
        return await self._store.listed_tools(server, origin)

    async def keep_tools(self, server: str, origin: str, body: str) -> None:
        await self._store.keep_tools(server, origin, body)


def _is_for(resource: str, url: str) -> bool:
    """Return whether tokens for a resource are for a server at an address: at the same origin, and at its path or below
    (RFC 8707, section 2)."""
    there, here = urlsplit(resource), urlsplit(url)
    same = (here.scheme, here.netloc.lower()) == (there.scheme, there.netloc.lower())
    return same and f"{here.path.rstrip('/')}/".startswith(f"{there.path.rstrip('/')}/")
