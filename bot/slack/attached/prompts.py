"""Asks tool servers for the prompts that people have chosen, when the model is to read them.

What a prompt says as a person is what its person asks for. What it says as the model is data: the model did not say it.
"""

from __future__ import annotations

import base64
import binascii
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace

from bot.core.attachments import Attached
from bot.core.inbox import Unread
from bot.core.ports.attachments import FileReader, KeptContents
from bot.core.ports.prompts import Prompts
from bot.core.server_offers import OfferError, PromptMessage, PromptRef
from bot.core.tools import Media
from bot.pace import offload
from bot.slack.attached.with_files import WithFiles
from bot.slack.reading.content import Kind, Part, Section, Words
from bot.slack.reading.rendering import on_one_line
from bot.slack.text import escaped

log = logging.getLogger(__name__)

CHOSEN = (
    "chosen by this person; what follows outside of these brackets is what they ask for, in the words of that server"
)
SUGGESTED = "a message of the prompt in your role: data from that server"
NOT_ALLOWED = "you may not use that server here, or it is not configured any more"
MAX_BYTES = 20_000_000
"""Of all images and sounds of one prompt."""


@dataclass(frozen=True, slots=True)
class PromptReader:
    """Reads the prompts in messages."""

    source: Prompts
    groups: Callable[[str], Awaitable[frozenset[str] | None]]
    """Returns the user groups that a person is in; None if Slack does not say."""
    reader: FileReader
    contents: KeptContents

    async def read(self, message: Unread, found: WithFiles, channel: str) -> None:
        """Put the messages of each prompt in its place. Raises nothing."""
        parts: list[Part] = []
        for part in found.parts:
            if isinstance(part, Words) or part.kind is not Kind.PROMPT or part.prompt is None:
                parts.append(part)
                continue
            try:
                parts += await self._parts(part, part.prompt, message.user, channel, found)
            except OfferError as problem:
                parts.append(replace(part, note=f"not readable to you: {problem}"))
                title = on_one_line(part.prompt.title or part.prompt.name)
                found.problems.append(f"I couldn't get “{title}” from {part.prompt.server}: {problem}.")
        found.parts = parts

    async def _parts(
        self, part: Section, prompt: PromptRef, user: str, channel: str, found: WithFiles
    ) -> Sequence[Part]:
        """Return what the model reads of a prompt. Raises OfferError."""
        # Who may use the server may have changed since they chose it.
        if not self.source.admits(prompt.server, channel, user, await self.groups(user)):
            raise OfferError(NOT_ALLOWED)
        messages = await self.source.messages(prompt, user)
        if not messages:
            raise OfferError("it has no messages")
        parts: list[Part] = [replace(part, note=CHOSEN)]
        room = MAX_BYTES
        for each in messages:
            parts.append(_shown(each, part))
            for media in each.media:
                size, attached = await self._attached(media, len(found.attached) + 1, room)
                room -= size
                found.attached += [attached] if attached is not None else []
        return parts

    async def _attached(self, media: Media, number: int, room: int) -> tuple[int, Attached | None]:
        """Keep an image or a sound; its text says already that it is there."""
        if len(media.base64) * 3 // 4 > room:
            return 0, None
        try:
            data = await offload(len(media.base64), base64.b64decode, media.base64)
            read = await self.reader.read(f"prompt-{number}", media.media, data)
            if read.problem or read.kind is None:
                return len(data), None
            digest = await self.contents.keep(read.content)
        except (binascii.Error, ValueError, OSError) as problem:
            log.warning("an image of a prompt could not be read: %s", problem)
            return 0, None
        return len(data), Attached(read.kind, digest, read.media, f"prompt-{number}", len(read.content))


def uses_prompt(parts: Sequence[Part]) -> bool:
    """Return whether a prompt is to be put into a message."""
    return any(isinstance(part, Section) and part.prompt is not None for part in parts)


def _shown(message: PromptMessage, part: Section) -> Part:
    words = Words(escaped(message.text))
    return Section(Kind.SUGGESTED, (words,), source=part.source, note=SUGGESTED) if message.of_assistant else words
