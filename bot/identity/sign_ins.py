"""The sign-ins of people to servers, from the link to the tokens. What the browser brings back is recorded before it is
used, so a restart goes on where it was; what cannot go on is asked once more, with another link."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from bot import failpoints
from bot.core.identity import OpenSignIn, RemoteServer, SignInNeed
from bot.core.ports.identities import IdentityStore, PreparedSignIn
from bot.core.questions.sign_in import Asked
from bot.errors import SignInError
from bot.identity import clients, sign_in_link, tokens
from bot.identity.clients import Client
from bot.identity.http_client import HttpClient
from bot.identity.sign_in_link import CallbackParameters, PendingSignIn
from bot.identity.user_tokens import Locks, UserTokens, load
from bot.identity.vault import UnsealError, Vault

if TYPE_CHECKING:
    from bot.identity.provider import Provider

log = logging.getLogger(__name__)

ANOTHER = "This address belongs to another sign-in. Press Connect, and paste the address to which that leads."
NOT_ONE = "This is not the address to which signing in leads: it contains `state=` and `code=`."
OVER = "This sign-in is not open any more. Nothing was changed."
REFUSED_THERE = "You were not signed in there."
TRIED_ALREADY = "I have this address already and am signing you in."
ISSUER = "The answer did not come from the service where you were to sign in, so I did not use it."
NOT_FINISHED = "The last attempt did not finish."
FIRST_PAUSE, MAX_PAUSE = 5.0, 300.0
"""Seconds until a sign-in is tried again whose service cannot be reached; doubled each time."""


class SignIns:
    """Signs people in."""

    def __init__(
        self,
        people: UserTokens,
        store: IdentityStore,
        vault: Vault,
        web: HttpClient,
        *,
        redirect: str,
        public: str = "",
        wake: Callable[[int], None] = lambda thread_id: None,
    ) -> None:
        """In: where browsers are sent at the end; the public address of the callback server, if there is one; what
        wakes a thread."""
        self._people, self._store, self._vault, self._web = people, store, vault, web
        self.redirect, self._public, self._wake = redirect, public, wake
        self._locks = Locks()
        self._retries: dict[str, asyncio.Task[None]] = {}
        """By the question."""

    async def aclose(self) -> None:
        """Try nothing again: the next start does."""
        for task in (*self._retries.values(),):
            task.cancel()
        if self._retries:
            await asyncio.wait([*self._retries.values()])

    @property
    def document(self) -> str:
        """Where the bot describes itself as a client; empty if it cannot."""
        return f"{self._public}/oauth/client.json" if self._public.startswith("https://") else ""

    async def prepare(self, server: str, person: str, need: SignInNeed) -> PreparedSignIn:
        found = self._people.server(server)
        if not found.url:
            raise SignInError("It is no longer configured.")
        await load()
        from bot.identity.provider import find_provider  # noqa: PLC0415 - see `_load`

        provider = await find_provider(self._web, found)
        client = await self._client(found, provider)
        state, verifier = sign_in_link.new_state(), sign_in_link.new_verifier()
        scope = need.scope or provider.scope
        url = sign_in_link.link(
            provider.authorization_endpoint,
            client,
            redirect=self.redirect,
            scope=scope,
            state=state,
            verifier=verifier,
            resource=provider.resource,
        )
        begun = sign_in_link.PendingSignIn(
            url,
            verifier,
            self.redirect,
            provider.issuer,
            provider.names_itself,
            provider.resource,
            provider.token_endpoint,
            provider.revocation_endpoint,
            client,
            scope,
            need.scope,
        )
        shown = f"{self._public}/oauth/start?state={state}" if self._public else url
        host = urlsplit(provider.authorization_endpoint).netloc
        mark = sign_in_link.digest(state)
        about = Asked(server, host, shown, mark, paste=not self._public, problem=need.why)
        return PreparedSignIn(about, self._vault.seal(begun.dumps(), "sign-in", person, server, mark))

    async def _client(self, server: RemoteServer, provider: Provider) -> Client:
        """Return the client as which people are signed in; register it if that was not done before."""
        known = clients.known_client(server, provider, self.document)
        if known is not None:
            return known
        purpose = ("client", provider.issuer, self.redirect)
        async with self._locks.of(*purpose):
            sealed = await self._store.oauth_client(provider.issuer, self.redirect)
            if sealed:
                try:
                    found = clients.loads(self._vault.unseal(sealed, *purpose))
                    if (provider.issuer, found.id) not in self._people.unknown_clients:
                        return found
                    log.warning("%s has forgotten the bot, which is registered again", server.key)
                except (UnsealError, ValueError):
                    log.warning("the client of %s cannot be read; another one is registered", server.key)
            with failpoints.around("register a client"):
                client = await clients.register(self._web, server, provider, self.redirect)
            kept = self._vault.seal(clients.dumps(client), *purpose)
            await self._store.keep_oauth_client(provider.issuer, self.redirect, kept)
        return client

    async def pasted(self, question: str, person: str, address: str) -> str:
        found = sign_in_link.parse_callback_url(address)
        if found is None:
            return NOT_ONE
        asked = await self._store.sign_in_of(question)
        if asked is None or asked.person != person:
            return OVER
        if asked.state != sign_in_link.digest(found.state):
            return ANOTHER
        return await self.take(asked, found)

    async def begun(self, state: str) -> tuple[OpenSignIn, PendingSignIn] | None:
        """Return the open sign-in with this state; None if there is none."""
        asked = await self._store.sign_in_by_state(sign_in_link.digest(state))
        try:
            begun = None if asked is None else self._begun(asked)
        except (UnsealError, ValueError):
            return None
        if asked is None or begun is None:
            return None
        if why := self._people.unusable(asked.server, begun.issuer, begun):
            await self._again(asked, why)
            return None
        return asked, begun

    async def take(self, asked: OpenSignIn, found: CallbackParameters) -> str:
        """Take in what the browser has brought back for an open sign-in. Return what is wrong with it, as a sentence;
        empty if the sign-in goes on."""
        try:
            begun = self._begun(asked)
        except (UnsealError, ValueError):
            await self._again(asked, NOT_FINISHED)
            return OVER
        if found.issuer != begun.issuer and (found.issuer or begun.names_itself):
            return ISSUER
        if not found.code:
            await self._again(asked, REFUSED_THERE)
            return REFUSED_THERE
        code = self._vault.seal(found.code.encode(), "code", asked.person, asked.server, asked.state)
        if not await self._store.receive_code(asked, code):
            return TRIED_ALREADY if asked.code else OVER
        return ""

    async def finish(self, question: str) -> bool:
        """Exchange the code that has come back for a question. Return whether the person is signed in now."""
        async with self._locks.of("finish", question):
            asked = await self._store.sign_in_of(question)
            if asked is None or not asked.code:
                return False
            begun: PendingSignIn | None = None
            try:
                begun = self._begun(asked)
                code = self._vault.unseal(asked.code, "code", asked.person, asked.server, asked.state).decode()
                async with self._people.lock(asked.server, asked.person):
                    # The configuration may have changed since: nothing is sent where it sends nobody any more.
                    why = self._people.unusable(asked.server, begun.issuer, begun)
                    woken = None if why else await self._exchange(asked, begun, code)
            except (UnsealError, ValueError, SignInError) as problem:
                log.warning("a sign-in to %s did not finish: %s", asked.server, type(problem).__name__)
                if begun is not None:
                    self._people.note(problem, begun.issuer, begun.client.id)
                await self._again(asked, NOT_FINISHED)
                return False
            if why:
                await self._again(asked, why)
            for thread_id in woken or ():
                self._wake(thread_id)
            return woken is not None

    async def _exchange(self, asked: OpenSignIn, begun: PendingSignIn, code: str) -> Sequence[int] | None:
        """Exchange a code, and use the tokens from now on. The caller has the lock of the person's tokens: those until
        now are not refreshed meanwhile, so that their end is not taken for the end of these. Return the threads to
        wake; None if the sign-in was not open any more. Raises SignInError."""
        place = self._people.place(asked.server, begun)
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": begun.redirect,
            "code_verifier": begun.verifier,
        }
        with failpoints.around("exchange a code"):
            found = await tokens.request_tokens(self._web, place, form)
        # What is not named was allowed as it was asked for (RFC 6749, section 5.1).
        found = replace(found, scope=found.scope or begun.asked, asked=begun.asked)
        sealed = self._vault.seal(found.dumps(), "tokens", asked.person, asked.server, begun.issuer)
        before = await self._store.signed_in(asked.person, asked.server)
        woken = await self._store.finish_sign_in(asked, begun.issuer, sealed)
        if woken is None:
            await self._people.revoke_at_issuer(place, found)
            return None
        if before is not None and before.issuer != begun.issuer:
            await self._people.forget(before)
        self._people.on_signed_in(asked.server, asked.person)
        if before is not None and self._people.ended is not None:
            # What is open was opened with the tokens before, maybe of another account.
            await self._people.ended(asked.server, asked.person)
        return woken

    async def _again(self, asked: OpenSignIn, why: str) -> None:
        """Ask for a sign-in once more, as it cannot be finished as it was begun."""
        try:
            fresh = await self.prepare(asked.server, asked.person, SignInNeed(why, self._wider(asked)))
        except SignInError as problem:
            log.warning("%s: %s", asked.server, problem)
            self._try_again(asked.question)
            return
        for thread_id in await self._store.renew_sign_in(asked, fresh.about, fresh.sealed):
            self._wake(thread_id)

    def _try_again(self, question: str) -> None:
        """Finish a sign-in later whose code is there: until then nobody can do anything about it."""
        if question not in self._retries:
            task = self._retries[question] = asyncio.create_task(self._finish_later(question))
            task.add_done_callback(lambda _: self._retries.pop(question, None))

    async def _finish_later(self, question: str) -> None:
        pause = FIRST_PAUSE
        while True:
            await asyncio.sleep(pause)
            pause = min(2 * pause, MAX_PAUSE)
            try:
                asked = await self._store.sign_in_of(question)
                if asked is None or not asked.code:
                    return
                await self.finish(question)
            except Exception:  # nobody else would try it again before the next start
                log.exception("a sign-in could not be finished; it is tried again")

    def _wider(self, asked: OpenSignIn) -> str:
        try:
            return self._begun(asked).wider
        except (UnsealError, ValueError):
            return ""

    def _begun(self, asked: OpenSignIn) -> PendingSignIn:
        return PendingSignIn.loads(self._vault.unseal(asked.sealed, "sign-in", asked.person, asked.server, asked.state))

    async def resume(self) -> None:
        """Go on with what the last process has left: codes to exchange, issuers to tell."""
        for asked in await self._store.received_codes():
            await self.finish(asked.question)
        for kept in await self._store.ended_sign_ins():
            await self._people.forget(kept)
