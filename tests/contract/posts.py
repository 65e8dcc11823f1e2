"""What every store of posts does: a key is recorded once, and what Slack does not show as it is wanted is found."""

from __future__ import annotations

from dataclasses import replace

from bot.core.ports.store import Store
from bot.core.posts import INCOMPLETE, Draft, PostState
from bot.core.turn_message import End, Text, TurnMessage
from tests.contract.backend import Backend
from tests.lives import Life, draft


async def owing(store: Store, *drafts: Draft) -> Life:
    """A thread that owes Slack these."""
    life = Life(store)
    await life.say()
    await store.owe(life.id, drafts)
    return life


class PostsContract:
    async def test_what_is_owed_is_there_in_its_order_in_the_next_process(self, backend: Backend) -> None:
        async with backend.open() as store:
            life = await owing(store, draft("summary", "a"), draft("answer", "b"))
            await life.commit("say more", drafts=[draft("notice", "c")])
        async with backend.open() as store:
            there = await store.deliveries(life.id)
            assert [post.key for post in there.posts] == ["a", "b", "c"]
            assert {post.state for post in there.posts} == {PostState.OWED}
            assert there.place == (await store.load(life.id)).place
            assert await store.last_post() == there.posts[-1].id

    async def test_a_key_is_recorded_once_and_a_final_message_stays(self, store: Store) -> None:
        life = await owing(store, Draft("k", "notice", "1"))
        await store.owe(life.id, [Draft("k", "notice", "2")])
        await life.commit("again", drafts=[Draft("k", "notice", "3")])
        [post] = (await store.deliveries(life.id)).posts
        assert (post.payload, post.revision) == ("1", 0)

    async def test_a_message_that_is_not_final_gets_another_body_and_revision(self, store: Store) -> None:
        life = await owing(store, Draft("k", "live", "1", final=False))
        [first] = (await store.deliveries(life.id)).posts
        await store.posted(first.id, "1.1", first.revision)
        await store.owe(life.id, [Draft("k", "live", "2", final=False)])
        [post] = (await store.deliveries(life.id)).posts
        assert (post.id, post.payload, post.state, post.ts) == (first.id, "2", PostState.POSTED, "1.1")
        assert post.revision > post.shown
        await store.shown(post.id, post.revision)
        assert len((await store.deliveries(life.id)).posts) == 1, "it may change at any time"
        await store.owe(life.id, [Draft("k", "live", "3")])
        [post] = (await store.deliveries(life.id)).posts
        assert (post.payload, post.final) == ("3", True)
        await store.shown(post.id, post.revision)
        await store.owe(life.id, [Draft("k", "live", "4")])
        assert list((await store.deliveries(life.id)).posts) == []

    async def test_a_message_is_posted_once(self, store: Store) -> None:
        life = await owing(store, Draft("k", "live", "1", final=False))
        [post] = (await store.deliveries(life.id)).posts
        await store.posted(post.id, "1.1", 0)
        await store.posted(post.id, "2.2", 0, soon=True)
        [kept] = (await store.deliveries(life.id)).posts
        assert (kept.ts, kept.state) == ("1.1", PostState.POSTED)

    async def test_a_revision_that_came_meanwhile_stays_to_be_shown(self, store: Store) -> None:
        life = await owing(store, Draft("k", "live", "1", final=False))
        [before] = (await store.deliveries(life.id)).posts
        await store.owe(life.id, [Draft("k", "live", "2")])
        await store.posted(before.id, "1.1", before.revision)
        [post] = (await store.deliveries(life.id)).posts
        assert (post.payload, post.revision > post.shown) == ("2", True)

    async def test_nothing_is_done_about_a_message_that_was_refused_or_removed(self, store: Store) -> None:
        life = await owing(store, draft("notice"), draft("progress"))
        refused, removed = (await store.deliveries(life.id)).posts
        await store.post_closed(refused.id, PostState.REFUSED)
        await store.post_closed(removed.id, PostState.REMOVED)
        assert list((await store.deliveries(life.id)).posts) == []
        await store.posted(refused.id, "1.1", 0)
        assert list((await store.deliveries(life.id)).posts) == []

    async def test_a_message_that_has_grown_meanwhile_is_not_closed(self, store: Store) -> None:
        life = await owing(store, Draft("k", "live", "1", final=False), Draft("l", "live", "1", final=False))
        first, second = (await store.deliveries(life.id)).posts
        await store.owe(life.id, [Draft("k", "live", "2", final=False)])
        assert not await store.post_closed(first.id, PostState.REMOVED, first.revision)
        assert await store.post_closed(second.id, PostState.REMOVED, second.revision)
        [left] = (await store.deliveries(life.id)).posts
        assert (left.id, left.payload, left.state) == (first.id, "2", PostState.OWED)
        assert await store.post_closed(first.id, PostState.REMOVED)
        assert list((await store.deliveries(life.id)).posts) == []

    async def test_of_the_parts_that_are_not_final_the_first_goes_on(self, store: Store) -> None:
        life = Life(store)
        await life.say()
        await life.read()
        part = (await store.load(life.id)).part
        shown = replace(TurnMessage(part.turn, part.number + 1).draft(), offered=True)
        await store.owe(life.id, [replace(part, parts=(Text("a"),)).draft(), shown])
        assert (await store.load(life.id)).part == replace(part, parts=(Text("a"),))
        await store.owe(life.id, [replace(part, parts=(Text("a"),), end=End.CONTINUED).draft()])
        assert (await store.load(life.id)).part == part.following(), "who has asked is known of it, too"

    async def test_a_message_is_streamed_until_a_revision_of_it_is_shown(self, backend: Backend) -> None:
        async with backend.open() as store:
            life = await owing(store, Draft("k", "live", "1", final=False))
            [post] = (await store.deliveries(life.id)).posts
            assert not post.streaming
            await store.posted(post.id, "1.1", INCOMPLETE, streaming=True)
            await store.owe(life.id, [Draft("k", "live", "2")])
        async with backend.open() as store:
            [post] = (await store.deliveries(life.id)).posts
            assert (post.streaming, post.shown, post.ts) == (True, INCOMPLETE, "1.1")
            await store.shown(post.id, INCOMPLETE)
            [post] = (await store.deliveries(life.id)).posts
            assert not post.streaming, "it has ended, and what is wanted is not shown"
            await store.shown(post.id, post.revision)
            assert list((await store.deliveries(life.id)).posts) == []

    async def test_a_message_that_was_deleted_before_it_was_complete_is_owed_once_more(self, store: Store) -> None:
        life = await owing(store, Draft("k", "live", "1", final=False))
        [post] = (await store.deliveries(life.id)).posts
        assert not await store.lost(post.id), "it was not in Slack yet"
        await store.posted(post.id, "1.1", INCOMPLETE, streaming=True)
        assert await store.lost(post.id)
        [again] = (await store.deliveries(life.id)).posts
        assert (again.id, again.state, again.ts, again.streaming) == (post.id, PostState.OWED, "", False)
        assert again.revision > post.revision
        await store.posted(again.id, "2.2", again.revision)
        assert not await store.lost(again.id)
        assert list((await store.deliveries(life.id)).posts) == []
        await store.owe(life.id, [Draft("k", "live", "2")])
        assert list((await store.deliveries(life.id)).posts) == [], "it was closed"

    async def test_it_is_known_which_timestamps_are_those_of_recorded_messages(self, store: Store) -> None:
        life = await owing(store, draft("notice", "a"), draft("notice", "b"))
        first, second = (await store.deliveries(life.id)).posts
        await store.posted(first.id, "1.1", 0)
        await store.posted(second.id, "2.2", 0)
        await store.post_closed(second.id, PostState.REMOVED)
        assert set(await store.accounted_for(life.id, ["1.1", "2.2", "3.3", ""])) == {"1.1", "2.2"}
        assert list(await store.accounted_for(life.id + 1, ["1.1"])) == []
