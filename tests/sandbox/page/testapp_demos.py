"""What the test app shows for each word after `/demo`: a function from the app and the command."""

from __future__ import annotations

import asyncio
import struct
import zlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from slack_sdk.models.messages.chunk import Chunk, MarkdownTextChunk, PlanUpdateChunk, TaskUpdateChunk
from slack_sdk.web.async_client import AsyncWebClient

from tests.sandbox.page import testapp_blocks as show

Json = dict[str, Any]

PROMPTS = [
    {"title": "Say hello", "message": "Hello, demo"},
    {"title": "Count to three", "message": "Count: one, two, three"},
    {"title": "Ask for help", "message": "What can you do?"},
]
LOADING = ["Reading the files…", "Comparing them…", "Nearly there…"]
SOURCE = {"type": "url", "text": "The manual", "url": "https://example.com/manual"}


@dataclass(slots=True, eq=False)
class Demo:
    """The running app. With `paused` a stream waits before each step until `go_on` lets it."""

    client: AsyncWebClient
    session: aiohttp.ClientSession
    token: str
    paused: bool
    got: list[Json] = field(default_factory=list[Json])
    counts: dict[str, int] = field(default_factory=dict[str, int])
    refused: set[str] = field(default_factory=set[str])
    _steps: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(0))

    def go_on(self, steps: int = 1) -> None:
        """Let a paused stream take this many steps."""
        for _ in range(steps):
            self._steps.release()

    async def step(self) -> None:
        """Wait for `go_on`, when paused."""
        if self.paused:
            await self._steps.acquire()

    async def root(self, command: Json, text: str) -> str:
        """Post a message that the demonstration answers in a thread; returns its ts."""
        return str((await self.client.chat_postMessage(channel=command["channel_id"], text=text))["ts"])

    async def stream(self, command: Json, title: str, mode: str, steps: list[list[Chunk]]) -> None:
        """Stream these steps into a thread of their own."""
        stream = await self.client.chat_stream(
            channel=command["channel_id"],
            thread_ts=await self.root(command, title),
            recipient_user_id=command["user_id"],
            recipient_team_id=command["team_id"],
            task_display_mode=mode,
            buffer_size=1,
        )
        for chunks in steps:
            await stream.append(chunks=chunks)
            await self.step()
        await stream.stop(blocks=[{"type": "context", "elements": [show.mrkdwn("Streamed by the demo")]}])


def picture() -> bytes:
    """A PNG file of 32 by 32 pixels in one colour."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    rows = b"".join(b"\0" + b"\x20\x80\x60" * 32 for _ in range(32))
    header = struct.pack(">IIBBBBB", 32, 32, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


async def stream(app: Demo, command: Json) -> None:
    """Text with task cards between it, one of them failing."""
    read, write = "Read release.md", "Write notes.md"
    steps: list[list[Chunk]] = [
        [MarkdownTextChunk(text="I look at the **files** first.\n")],
        [TaskUpdateChunk(id="read", title=read, status="in_progress", details="4 lines")],
        [TaskUpdateChunk(id="read", title=read, status="complete", output="Two are open", sources=[SOURCE])],
        [MarkdownTextChunk(text="Now I write them down.\n")],
        [TaskUpdateChunk(id="write", title=write, status="error", output="The disk is full")],
        [MarkdownTextChunk(text="- `tag` is open\n- `notes` are done\n")],
    ]
    await app.stream(command, "A stream with tasks", "timeline", steps)


async def plan(app: Demo, command: Json) -> None:
    """A plan of three tasks whose title changes."""
    names = {"a": "Find the tests", "b": "Run them", "c": "Tell the result"}

    def tasks(*states: str) -> list[Chunk]:
        pairs = zip(names.items(), states, strict=True)
        return [TaskUpdateChunk(id=key, title=title, status=state) for (key, title), state in pairs]

    steps: list[list[Chunk]] = [
        [PlanUpdateChunk(title="Getting ready"), *tasks("in_progress", "pending", "pending")],
        [PlanUpdateChunk(title="Running the tests"), *tasks("complete", "in_progress", "pending")],
        [PlanUpdateChunk(title="All is well"), *tasks("complete", "complete", "complete")],
        [MarkdownTextChunk(text="All **12** tests passed.")],
    ]
    await app.stream(command, "A plan", "plan", steps)


async def ask(app: Demo, command: Json) -> None:
    """A modal with one of every input element."""
    await app.client.views_open(trigger_id=command["trigger_id"], view=show.form())


async def ephemeral(app: Demo, command: Json) -> None:
    """A message for one person, which two buttons change and remove."""
    blocks = [
        show.section("Only you see this."),
        {"type": "actions", "elements": [show.button("change", "Change it"), show.button("remove", "Remove it")]},
    ]
    channel, user = command["channel_id"], command["user_id"]
    await app.client.chat_postEphemeral(channel=channel, user=user, text="Only you see this.", blocks=blocks)


async def files(app: Demo, command: Json) -> None:
    """Two files in a thread; a file sent back is answered with its size."""
    await app.client.files_upload_v2(
        channel=command["channel_id"],
        thread_ts=await app.root(command, "Files: send me one here, and I tell its size"),
        initial_comment="A report and a picture",
        file_uploads=[
            {"filename": "report.txt", "title": "Report", "content": "one\ntwo\nthree\n"},
            {"filename": "picture.png", "title": "Picture", "content": picture(), "alt_txt": "A green square"},
        ],
    )


async def status(app: Demo, command: Json) -> None:
    """An agent session that works until somebody presses Stop."""
    place: Any = {"channel_id": command["channel_id"], "thread_ts": await app.root(command, "A session at work")}
    await app.client.agents_sessions_setStatus(**place, status="processing", title="Compare the files")
    await app.client.assistant_threads_setStatus(**place, status="is thinking…", loading_messages=LOADING)


async def stopped(app: Demo, event: Json) -> None:
    """Somebody pressed Stop: the session rests until the button wakes it."""
    place: Any = {"channel_id": event["channel"], "thread_ts": event["thread_ts"]}
    await app.client.agents_sessions_setStatus(**place, status="suspended")
    blocks = [
        show.section(f"<@{event['user']}> stopped me."),
        {"type": "actions", "elements": [show.button("wake", "Go on")]},
    ]
    await app.client.chat_postMessage(
        channel=event["channel"], thread_ts=event["thread_ts"], text="I was stopped.", blocks=blocks
    )


async def prompts(app: Demo, command: Json) -> None:
    """Suggested prompts in the direct message."""
    opened: Json = (await app.client.conversations_open(users=command["user_id"]))["channel"] or {}
    await suggest(app, str(opened["id"]))


async def suggest(app: Demo, channel: str) -> None:
    """Offer the prompts in a direct message."""
    await app.client.assistant_threads_setSuggestedPrompts(
        channel_id=channel, title="Try one of these", prompts=PROMPTS
    )


async def menus(app: Demo, command: Json) -> None:
    """Every menu and button; each is answered in the thread with what was picked."""
    await app.client.chat_postMessage(channel=command["channel_id"], text="Menus", blocks=show.menus())


async def home(app: Demo, command: Json) -> None:
    """The Home tab."""
    await publish(app, command["user_id"])


async def publish(app: Demo, user: str) -> None:
    """Publish the Home tab with the person's count."""
    await app.client.views_publish(user_id=user, view=show.home(app.counts.get(user, 0)))


async def all_blocks(app: Demo, command: Json) -> None:
    """One message of every kind of block, and one of those that go with others in no message."""
    await app.client.chat_postMessage(channel=command["channel_id"], text="Every block", blocks=show.every_block())
    await app.client.chat_postMessage(
        channel=command["channel_id"], text="A data table", blocks=[*show.data_table(), show.plan()]
    )


DEMOS: dict[str, Callable[[Demo, Json], Awaitable[None]]] = {
    "stream": stream,
    "plan": plan,
    "ask": ask,
    "ephemeral": ephemeral,
    "files": files,
    "status": status,
    "prompts": prompts,
    "menus": menus,
    "home": home,
    "all blocks": all_blocks,
}
"""What comes after `/demo`."""
