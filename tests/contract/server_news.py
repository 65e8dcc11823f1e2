"""What is remembered of tool servers: operators and threads are told once, whatever is interrupted."""

from __future__ import annotations

import secrets

from bot.core.ports.store import Store
from bot.core.posts import Post, PostState
from bot.core.server_news import SeenTools
from tests.lives import ALICE, BOB, TEAM, Life, draft


class ServerNewsContract:
    """Part of the suite that every backend passes."""

    async def test_tools_are_known_until_their_server_is_reached_in_another_way(self, store: Store) -> None:
        assert await store.seen_tools("wiki") is None
        await store.see_tools(SeenTools("wiki", "here", {"read": "1", "write": "1"}, 5.0), TEAM)
        await store.see_tools(SeenTools("wiki", "here", {"read": "2", "move": "1"}, 6.0), TEAM)
        after = {"read": "2", "write": "1", "move": "1"}
        assert await store.seen_tools("wiki") == SeenTools("wiki", "here", after, 6.0)
        assert await store.seen_tools("git") is None
        await store.see_tools(SeenTools("wiki", "there", {"read": "3"}), TEAM)
        assert await store.seen_tools("wiki") == SeenTools("wiki", "there", {"read": "3"})

    async def test_operators_get_one_direct_message_each_in_a_thread_of_their_own(self, store: Store) -> None:
        seen = SeenTools("wiki", "here", {"read": "1"})
        direct = [(who, draft("notice", f"news-{who}")) for who in (ALICE, BOB)]
        threads = await store.see_tools(seen, TEAM, direct)
        assert await store.see_tools(seen, TEAM, direct) == threads
        assert len(set(threads)) == 2
        for who, thread in zip((ALICE, BOB), threads, strict=True):
            found = await store.deliveries(thread)
            assert [(post.person, post.key) for post in found.posts] == [(who, f"news-{who}")]
            assert not found.place.is_thread
        assert set(threads) <= set(await store.waiting()), "the next process sends them"

    async def test_a_thread_is_told_once_that_a_server_is_unavailable_and_once_that_it_is_back(
        self, store: Store
    ) -> None:
        server, life, other = f"wiki-{secrets.token_hex(4)}", Life(store), Life(store)
        for each in (life, other):
            await each.say()
            await each.read()
        down, back = draft("notice", f"down-{server}"), draft("notice", f"back-{server}")
        for _ in range(2):
            await life.commit("ask again", unavailable=[(server, down)])
        assert [post.key.startswith(down.key) for post in await owed(life)] == [True]
        assert await store.server_back(server, back) == [life.id]
        assert not await store.server_back(server, back)
        assert [post.key.rpartition("-")[0] for post in await owed(life)] == [down.key, back.key]
        assert not await owed(other)

        await life.commit("ask again", unavailable=[(server, down)])
        assert await store.server_back(server, back) == [life.id]
        keys = [post.key for post in await owed(life)]
        assert len(set(keys)) == 4, "another outage is told again"

    async def test_many_threads_are_told_in_several_transactions(self, store: Store) -> None:
        server = f"wiki-{secrets.token_hex(4)}"
        for _ in range(101):
            life = Life(store)
            await life.say()
            await life.commit("ask again", unavailable=[(server, draft("notice"))])
        told: list[int] = []
        while found := await store.server_back(server, draft("notice", f"back-{server}")):
            assert len(found) <= 100
            told += found
        assert len(set(told)) == len(told) == 101


async def owed(life: Life) -> list[Post]:
    return [post for post in (await life.store.deliveries(life.id)).posts if post.state is PostState.OWED]
