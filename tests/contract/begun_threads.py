"""Requests that somebody makes in a window: recorded once, with the message about each."""

from __future__ import annotations

import secrets

from bot.core import begun_threads
from bot.core.inbox import Incoming
from bot.core.ports.store import Store
from bot.core.thread_ref import ThreadRef
from tests.lives import ALICE, TEAM, Life, draft


def request(place: ThreadRef, event: str) -> Incoming:
    return Incoming(place, event, ALICE, "1700000000.0000001", "a title", (), addressed=True, body="[]")


class BegunThreadsContract:
    """Part of the suite that every backend passes."""

    async def test_in_a_thread_it_is_a_message_and_a_post_once(self, store: Store) -> None:
        life, event = Life(store), f"prompt-{secrets.token_hex(4)}"
        await life.say()
        await life.read()
        place = (await store.deliveries(life.id)).place
        for _ in range(2):
            assert await store.ask(request(place, event), draft("notice", event)) == life.id
        state = await store.load(life.id)
        assert [(each.text, each.addressed) for each in state.unread] == [("a title", True)]
        assert [post.key for post in (await store.deliveries(life.id)).posts] == [event]

    async def test_otherwise_its_thread_begins_with_the_post(self, store: Store) -> None:
        event, ts = f"prompt-{secrets.token_hex(4)}", f"17{secrets.randbelow(10**8):08}.000001"
        asked = request(begun_threads.in_no_thread(TEAM, ALICE), event)
        places = {await store.ask(asked, draft("notice", event)) for _ in range(2)}
        [row] = places
        [post] = [each for each in (await store.deliveries(row)).posts if each.key == event]
        assert (post.kind, post.person) == (begun_threads.BEGINNING, ALICE)
        begun = await store.posted(post.id, ts, 0, channel="D1")
        assert await store.posted(post.id, ts, 0, channel="D1") == 0, "it begins once"
        state = await store.load(begun)
        assert state.place == ThreadRef(TEAM, "D1", ts, "im")
        assert [(each.user, each.text, each.addressed) for each in state.unread] == [(ALICE, "a title", True)]
        assert begun in await store.waiting()
        await store.ask(asked, draft("notice", event))
        assert len((await store.load(begun)).unread) == 1
