"""The accounts of people on servers, for a bot that may come to have such servers while it runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from bot.core.identity import SignedIn, SignInNeed
from bot.core.ports.identities import PreparedSignIn
from bot.errors import SignInError

if TYPE_CHECKING:
    from bot.identity.accounts import Accounts

NOWHERE = "No server has people sign in."


class LateAccounts:
    """Implements `SignIns`, `Credentials` and `Connections` of `bot.core.ports.identities`: with nobody signed in
    anywhere until there are accounts."""

    def __init__(self) -> None:
        self.accounts: Accounts | None = None

    def _there(self) -> Accounts:
        if self.accounts is None:
            raise SignInError(NOWHERE)
        return self.accounts

    async def needed(self, server: str, person: str, *, refused: bool = False) -> SignInNeed | None:
        return await self.accounts.needed(server, person, refused=refused) if self.accounts else SignInNeed("")

    async def prepare(self, server: str, person: str, need: SignInNeed) -> PreparedSignIn:
        return await self._there().prepare(server, person, need)

    async def header(self, server: str, person: str) -> str:
        return await self._there().header(server, person)

    async def refused(self, server: str, person: str, header: str, challenge: str) -> bool:
        return await self._there().refused(server, person, header, challenge)

    async def listed_tools(self, server: str, origin: str) -> str:
        return await self.accounts.listed_tools(server, origin) if self.accounts else ""

    async def keep_tools(self, server: str, origin: str, body: str) -> None:
        if self.accounts:
            await self.accounts.keep_tools(server, origin, body)

    async def pasted(self, question: str, person: str, address: str) -> str:
        return await self.accounts.pasted(question, person, address) if self.accounts else NOWHERE

    async def finish(self, question: str) -> bool:
        return await self.accounts.finish(question) if self.accounts else False

    async def connected(self, person: str) -> Sequence[SignedIn]:
        return await self.accounts.connected(person) if self.accounts else ()

    async def disconnect(self, person: str, server: str) -> None:
        if self.accounts:
            await self.accounts.disconnect(person, server)
