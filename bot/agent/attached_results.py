"""Images and sounds in the results of calls: read like attached files, kept, and referred to in the tool message."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import dataclass, field

from bot.agent import prompt
from bot.agent.attached_files import FilesInRequests
from bot.core.attachments import Attached, content, packed, unpacked
from bot.core.calls import Call, CallOutcome
from bot.core.ports.attachments import FileReader, KeptContents
from bot.core.tools import CallResult, Media
from bot.pace import offload

MAX_BYTES = 20_000_000
"""Of all images and sounds of one result."""


@dataclass(frozen=True, slots=True)
class FilesInResults:
    """Keeps what comes with results. Without its parts, it is only described in words."""

    reader: FileReader | None = None
    contents: KeptContents | None = None

    async def kept(self, outcome: CallResult) -> tuple[str, str]:
        """Return the references to what came with a result, as the store has them, and its text with a line about each
        one that could not be read."""
        if self.reader is None or self.contents is None:
            return "", outcome.text
        attached: list[Attached] = []
        problems: list[str] = []
        room = MAX_BYTES
        for number, each in enumerate(outcome.media, start=1):
            size, found = await self._read(number, each, room)
            room -= size
            if isinstance(found, Attached):
                attached.append(found)
            else:
                problems.append(f"[the {each.media or 'file'} number {number} could not be read: {found}]")
        return packed(attached), "\n".join([outcome.text, *problems])

    async def _read(self, number: int, each: Media, room: int) -> tuple[int, Attached | str]:
        """Return the size of an image or a sound, and its reference or why it cannot be read."""
        assert self.reader is not None
        assert self.contents is not None
        if len(each.base64) * 3 // 4 > room:
            return 0, "there is too much in this result"
        try:
            data = await offload(len(each.base64), base64.b64decode, each.base64)
        except (binascii.Error, ValueError):
            return 0, "it is damaged"
        name = f"{each.media.partition('/')[0] or 'file'}-{number}"
        read = await self.reader.read(name, each.media, data)
        if read.problem or read.kind is None:
            return len(data), read.problem or "it is neither an image nor a sound"
        try:
            digest = await self.contents.keep(read.content)
        except OSError:
            return len(data), "there is no room to keep it"
        return len(data), Attached(read.kind, digest, read.media, name, len(read.content))


@dataclass(frozen=True, slots=True)
class ModelFiles:
    """What the model is given besides text."""

    requests: FilesInRequests = field(default_factory=FilesInRequests)
    results: FilesInResults = field(default_factory=FilesInResults)


def tool(call: Call, note: str) -> tuple[str, str]:
    """Return a log entry with the result of a call and what came with it."""
    attached: Sequence[Attached] = unpacked(call.attached) if call.outcome in _WITH_OUTPUT else ()
    role, message = prompt.tool(call, note)
    if not attached:
        return role, message
    parsed = json.loads(message)
    return role, prompt.dumps({**parsed, "content": content(str(parsed["content"]), attached)})


_WITH_OUTPUT = (CallOutcome.OK, CallOutcome.ERROR)
