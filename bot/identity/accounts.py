"""The accounts of people on servers, as the agent, the tools and the chat see them: implements their ports."""

from __future__ import annotations

from collections.abc import Sequence

from bot.core.identity import SignedIn, SignInNeed
from bot.core.ports.identities import PreparedSignIn
from bot.identity.sign_ins import SignIns
from bot.identity.user_tokens import UserTokens


class Accounts:
    """Implements `SignIns`, `Credentials` and `Connections` of `bot.core.ports.identities`."""

    def __init__(self, people: UserTokens, sign_ins: SignIns) -> None:
        self._people, self._sign_ins = people, sign_ins

    async def needed(self, server: str, person: str, *, refused: bool = False) -> SignInNeed | None:
        return await self._people.needed(server, person, refused=refused)

    async def prepare(self, server: str, person: str, need: SignInNeed) -> PreparedSignIn:
        return await self._sign_ins.prepare(server, person, need)

    async def header(self, server: str, person: str) -> str:
        return await self._people.header(server, person)

    async def refused(self, server: str, person: str, header: str, challenge: str) -> bool:
        return await self._people.refused(server, person, header, challenge)

    async def listed_tools(self, server: str, origin: str) -> str:
        return await self._people.listed_tools(server, origin)

    async def keep_tools(self, server: str, origin: str, body: str) -> None:
        await self._people.keep_tools(server, origin, body)

    async def pasted(self, question: str, person: str, address: str) -> str:
        return await self._sign_ins.pasted(question, person, address)

    async def finish(self, question: str) -> bool:
        return await self._sign_ins.finish(question)

    async def connected(self, person: str) -> Sequence[SignedIn]:
        return await self._people.connected(person)

    async def disconnect(self, person: str, server: str) -> None:
        await self._people.disconnect(person, server)
