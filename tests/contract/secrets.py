"""What every backend promises of the values that only it knows."""

from __future__ import annotations

from bot.core.ports.store import Store
from tests.contract.backend import Backend


class SecretsContract:
    """The key of pseudonyms."""

    async def test_the_secret_is_made_once_and_stays_the_same(self, backend: Backend, store: Store) -> None:
        first = await store.secret()
        assert (len(first), len(set(first)) > 5) == (32, True)
        assert await store.secret() == first

    async def test_another_process_reads_the_same_secret(self, backend: Backend) -> None:
        found: list[bytes] = []
        for _ in range(2):
            async with backend.open() as store:
                found.append(await store.secret())
        assert found[0] == found[1]
