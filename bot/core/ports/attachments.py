"""The ports to the files that people attach and tools return."""

from __future__ import annotations

from typing import Protocol

from bot.core.attachments import ReadFile


class FileReader(Protocol):
    """Reads files that may be hostile."""

    async def read(self, name: str, media: str, content: bytes, *, named: bool = True) -> ReadFile:
        """Return the text of a file, and what of it can be sent to the model as it is.

        named: whether a document that is sent may say who has made it and what it is called.
        name, media: what the file is said to be; its beginning decides. Limited in time, memory and size. Raises
        nothing: why a file cannot be read is part of the answer.
        """
        ...


class KeptContents(Protocol):
    """Keeps the bytes of files as long as requests may repeat them."""

    async def keep(self, content: bytes) -> str:
        """Keep bytes durably; return their SHA-256 in hexadecimal, by which `find` returns them. Raises OSError if
        there is no room."""
        ...

    async def find(self, digest: str) -> bytes | None:
        """Return bytes; None if they are no longer kept."""
        ...
