"""The posts of the store in memory."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from bot.core import begun_threads
from bot.core.inbox import Admission, Incoming
from bot.core.posts import Deliveries, Draft, Post, PostState
from bot.core.questions.question import Question
from bot.core.turn_message import TURN
from tests.extending.memory import amending, asking, ledgers, news, reaching
from tests.extending.memory.admitting import admit
from tests.extending.memory.tables import Disk, Tables


class MemoryPosts:
    """Implements `bot.core.ports.posts.Posts`."""

    def __init__(self, disk: Disk) -> None:
        self._disk = disk

    async def deliveries(self, thread_id: int) -> Deliveries:
        tables = self._disk.tables
        posts = [post for post in tables.posts.values() if post.thread_id == thread_id and unsettled(post)]
        drawn = [
            replace(each, about=_about(tables, each), card=_copied(tables, each), undos=ledgers.undos(tables, each))
            if each.person or each.kind == TURN or each.shown != each.revision
            else each
            for each in posts
        ]
        row = tables.threads[thread_id]
        return Deliveries(row.place, drawn, gone=bool(row.gone))

    async def last_post(self) -> int:
        return max(self._disk.tables.posts, default=0)

    async def owe(self, thread_id: int, drafts: Sequence[Draft]) -> None:
        with self._disk.transaction() as tables:
            asking.owe(tables, thread_id, drafts)

    async def posted(
        self, post: int, ts: str, revision: int, *, soon: bool = False, channel: str = "", streaming: bool = False
    ) -> int:
        with self._disk.transaction() as tables:
            if tables.posts[post].state is not PostState.OWED:
                return 0
            row = tables.posts[post].posted(ts, revision, streaming=streaming)
            tables.posts[post] = replace(row, channel=channel)
            team = tables.threads[row.thread_id].place.team
            asked = begun_threads.asked(row.payload, team, channel, ts) if row.kind == begun_threads.BEGINNING else None
            return admit(tables, asked)[1] if asked is not None else 0

    async def ask(self, asked: Incoming, notice: Draft) -> int:
        with self._disk.transaction() as tables:
            if asked.place.is_thread:
                admission, thread = admit(tables, asked)
                if admission is Admission.STARTS:
                    asking.owe(tables, thread, [notice])
                return thread
            return news.tell(tables, asked.place.team, [(asked.user, begun_threads.beginning(asked, notice))])[0]

    async def shown(self, post: int, revision: int) -> None:
        with self._disk.transaction() as tables:
            tables.posts[post] = replace(tables.posts[post], shown=revision, streaming=False)

    async def lost(self, post: int) -> bool:
        with self._disk.transaction() as tables:
            return reaching.lost(tables, post)

    async def accounted_for(self, thread_id: int, timestamps: Sequence[str]) -> Collection[str]:
        posts = self._disk.tables.posts.values()
        return {post.ts for post in posts if post.thread_id == thread_id and post.ts} & set(timestamps)

    async def post_closed(self, post: int, state: str, revision: int | None = None) -> bool:
        with self._disk.transaction() as tables:
            if revision is not None and tables.posts[post].revision > revision:
                return False
            tables.posts[post] = replace(tables.posts[post], state=PostState(state))
            return True

    async def close_thread(self, thread_id: int, at: str, outside: int = 0) -> None:
        with self._disk.transaction() as tables:
            amending.close_thread(tables, thread_id, at, outside)


def unsettled(post: Post) -> bool:
    """Whether something is to be done about a message."""
    stale = post.shown != post.revision or not post.final
    return post.state is PostState.OWED or (post.state is PostState.POSTED and stale)


def _about(tables: Tables, post: Post) -> Sequence[Question]:
    card = tables.copies.get(post.id, post.id)
    found = [asking.find(tables, id_) for id_, row in tables.questions.items() if row.post == card]
    return [each for each in found if each is not None]


def _copied(tables: Tables, post: Post) -> str:
    card = tables.copies.get(post.id)
    return tables.posts[card].payload if card else ""
