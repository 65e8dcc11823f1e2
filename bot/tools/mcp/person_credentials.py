"""The credentials of one person, for the requests of their session with a server."""

from __future__ import annotations

from collections.abc import Callable

from bot.core.ports.identities import Credentials


class PersonCredentials:
    """Implements `bot.tools.server_config.Authorization`."""

    def __init__(self, credentials: Credentials, server: str, person: str) -> None:
        self._credentials, self._server, self._person = credentials, server, person
        self.on_denied: Callable[[], None] = lambda: None
        """Called when the server has refused the credentials, and there are no others."""

    async def header(self) -> str:
        return await self._credentials.header(self._server, self._person)

    async def refused(self, header: str, challenge: str) -> bool:
        others = await self._credentials.refused(self._server, self._person, header, challenge)
        if not others:
            self.on_denied()
        return others

    async def aclose(self) -> None:
        """Do nothing: the credentials are everybody's."""
