"""Implements the port to people's sign-ins on SQLite. Each method is one transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from bot.core.identity import OpenSignIn, SignedIn
from bot.core.questions.sign_in import Asked
from bot.store.sqlite import identities
from bot.store.sqlite.database import Database


class IdentitiesStore:
    """Implements `bot.core.ports.identities.IdentityStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def signed_in(self, person: str, server: str) -> SignedIn | None:
        return await self._database.read(lambda connection: identities.signed_in(connection, person, server))

    async def sign_ins_of(self, person: str) -> Sequence[SignedIn]:
        return await self._database.read(lambda connection: identities.of_person(connection, person))

    async def refreshed(self, kept: SignedIn, sealed: bytes) -> SignedIn | None:
        def refreshed(connection: sqlite3.Connection) -> SignedIn | None:
            return identities.refreshed(connection, kept, sealed)

        return await self._database.write(refreshed)

    async def end_sign_in(self, kept: SignedIn) -> SignedIn | None:
        def end_sign_in(connection: sqlite3.Connection) -> SignedIn | None:
            return identities.end(connection, kept)

        return await self._database.write(end_sign_in)

    async def ended_sign_ins(self) -> Sequence[SignedIn]:
        return await self._database.read(identities.ended)

    async def forget_sign_in(self, id: int) -> None:
        def forget_sign_in(connection: sqlite3.Connection) -> None:
            connection.execute("DELETE FROM identities WHERE id = ? AND ended", (id,))

        await self._database.write(forget_sign_in)

    async def open_sign_in(self, person: str, server: str) -> OpenSignIn | None:
        return await self._database.read(lambda connection: identities.open_for(connection, person, server))

    async def sign_in_by_state(self, state: str) -> OpenSignIn | None:
        return await self._database.read(lambda connection: identities.by_state(connection, state))

    async def sign_in_of(self, question: str) -> OpenSignIn | None:
        return await self._database.read(lambda connection: identities.of_question(connection, question))

    async def receive_code(self, asked: OpenSignIn, code: bytes) -> bool:
        def receive_code(connection: sqlite3.Connection) -> bool:
            return identities.receive(connection, asked, code)

        return await self._database.write(receive_code)

    async def received_codes(self) -> Sequence[OpenSignIn]:
        return await self._database.read(identities.received)

    async def renew_sign_in(self, asked: OpenSignIn, about: Asked, sealed: bytes) -> Sequence[int]:
        def renew_sign_in(connection: sqlite3.Connection) -> Sequence[int]:
            return identities.renew(connection, asked, about, sealed)

        return await self._database.write(renew_sign_in)

    async def finish_sign_in(self, asked: OpenSignIn, issuer: str, sealed: bytes) -> Sequence[int] | None:
        def finish_sign_in(connection: sqlite3.Connection) -> Sequence[int] | None:
            return identities.finish(connection, asked, issuer, sealed)

        return await self._database.write(finish_sign_in)

    async def times_asked(self, call: int) -> int:
        def times(connection: sqlite3.Connection) -> int:
            row = connection.execute("SELECT times FROM sign_in_waits WHERE call = ?", (call,)).fetchone()
            return 0 if row is None else int(row[0])

        return await self._database.read(times)

    async def oauth_client(self, issuer: str, redirect: str) -> bytes:
        def client(connection: sqlite3.Connection) -> bytes:
            row = connection.execute(
                "SELECT sealed FROM oauth_clients WHERE issuer = ? AND redirect = ?", (issuer, redirect)
            ).fetchone()
            return b"" if row is None else bytes(row[0])

        return await self._database.read(client)

    async def keep_oauth_client(self, issuer: str, redirect: str, sealed: bytes) -> None:
        def keep_oauth_client(connection: sqlite3.Connection) -> None:
            if sealed:
                connection.execute(
                    "INSERT OR REPLACE INTO oauth_clients (issuer, redirect, sealed) VALUES (?, ?, ?)",
                    (issuer, redirect, sealed),
                )
            else:
                connection.execute("DELETE FROM oauth_clients WHERE issuer = ? AND redirect = ?", (issuer, redirect))

        await self._database.write(keep_oauth_client)

    async def listed_tools(self, server: str, origin: str) -> str:
        def listed(connection: sqlite3.Connection) -> str:
            row = connection.execute(
                "SELECT body FROM tool_lists WHERE server = ? AND origin = ?", (server, origin)
            ).fetchone()
            return "" if row is None else str(row[0])

        return await self._database.read(listed)

    async def keep_tools(self, server: str, origin: str, body: str) -> None:
        def keep_tools(connection: sqlite3.Connection) -> None:
            connection.execute(
                "INSERT OR REPLACE INTO tool_lists (server, origin, body) VALUES (?, ?, ?)", (server, origin, body)
            )

        await self._database.write(keep_tools)
