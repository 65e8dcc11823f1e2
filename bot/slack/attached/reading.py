"""Reads the files that people attach to messages, and what they link to in Slack, for the model.

Everything here is limited: the number of files, the time, the size of each, and the characters of all of them together.
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from bot.core.attachments import Attached, FileKind, ReadFile
from bot.core.inbox import AuthorKind, Unread
from bot.core.ports.attachments import FileReader, KeptContents
from bot.pace import gathered
from bot.slack.attached import links, people_in_files
from bot.slack.attached.access import Access
from bot.slack.attached.download import Downloads, FileProblem
from bot.slack.attached.linked import LinkReader
from bot.slack.attached.prompts import PromptReader, uses_prompt
from bot.slack.attached.with_files import WithFiles
from bot.slack.labels import file_label
from bot.slack.reading import markup
from bot.slack.reading.content import FileRef, Kind, Part, Section, Words
from bot.slack.reading.rendering import on_one_line, render

log = logging.getLogger(__name__)

MAX_FILES = 20
"""Files that are read at a time, of the newest messages first."""
MAX_CHARS = 120_000
"""Characters of all of them together: about 30,000 tokens."""
MIN_CHARS = 2_000
"""A file of which less would be shown is left out."""
TOTAL_SECONDS = 60.0
AT_ONCE = 4
"""Downloads at a time, of all threads: each is in memory until it is read."""
KNOWN_FILES, KNOWN_SECONDS = 50, 600.0
"""What was read is remembered, as a message may have to be read again at once."""
_TICKS = re.compile("`{3,}")
_BELOW = {
    FileKind.IMAGE: "shown to you below",
    FileKind.FILE: "its content follows below",
    FileKind.AUDIO: "it follows below",
}


@dataclass(frozen=True, slots=True)
class _Content:
    """What was read of a file, and under which digest its bytes are kept."""

    read: ReadFile
    """Without the bytes."""
    digest: str = ""
    size: int = 0


class AttachedFiles:
    """Reads files and links; one instance serves all threads."""

    def __init__(
        self, downloads: Downloads, link_reader: LinkReader, reader: FileReader, contents: KeptContents, host: str
    ) -> None:
        """host: where our workspace is, as in links to its messages."""
        self._downloads, self._links, self._reader, self._contents = downloads, link_reader, reader, contents
        self._access: Access = link_reader.access
        self._host = host
        self.prompts: PromptReader | None = None
        """Reads the prompts of tool servers that people have chosen; None if they cannot be had."""
        self._room = asyncio.Semaphore(AT_ONCE)
        self._known: OrderedDict[tuple[str, int, bool], tuple[float, _Content]] = OrderedDict()

    async def read(
        self,
        messages: Sequence[Unread],
        bodies: Sequence[Sequence[Part]],
        channel: str = "",
        *,
        named: bool = True,
    ) -> list[WithFiles]:
        """Return the content of messages, in which each file has its text, or a reference to its bytes is added, or the
        reason why it could not be read is noted. named: whether the references say how the files are called, and the
        files who has sent them."""
        read = [WithFiles(body) for body in bodies]
        found = [index for index, message in enumerate(messages) if not message.change and message.user]
        if self.prompts is not None:
            using = [index for index in found if uses_prompt(bodies[index])]
            await gathered(self.prompts.read(messages[index], read[index], channel) for index in using)
        linking = [index for index in found if _may_link(messages[index])]
        await gathered(self._follow(messages[index], read[index]) for index in linking)
        wanted: list[tuple[int, FileRef]] = []
        for index in reversed(found):
            wanted += [(index, file) for file in files_in(read[index].parts)]
        if not wanted:
            return read
        these = [(messages[index].user, file) for index, file in wanted[:MAX_FILES]]
        contents = await self._contents_of(these, named=named)
        left = MAX_CHARS
        for number, (index, file) in enumerate(wanted):
            content = contents[number] if number < MAX_FILES else _Content(ReadFile(problem="there are too many files"))
            if not named:
                read_of = people_in_files.without_people(content.read, file.name, file.media)
                content = replace(content, read=read_of)
            content = _within(content, left)
            left = max(left - len(content.read.text), 0)
            _put(read[index], file, content, named=named)
        return read

    async def _follow(self, message: Unread, read: WithFiles) -> None:
        """Add what the links of a message lead to."""
        for link in links.found(read.parts, self._host):
            try:
                async with asyncio.timeout(TOTAL_SECONDS / links.MAX_LINKS):
                    section = await self._links.read(link, message.user)
            except (FileProblem, TimeoutError) as problem:
                why = str(problem) or "Slack did not answer"
                kind = Kind.FILE if isinstance(link, links.FileLink) else Kind.LINKED
                section = Section(kind, note=f"not readable to you: {why}")
                what = "file" if kind is Kind.FILE else "message"
                read.problems.append(f"I couldn't read the {what} that you linked: {why}.")
            read.parts = [*read.parts, section]

    async def _contents_of(self, wanted: Sequence[tuple[str, FileRef]], *, named: bool) -> list[_Content]:
        """Read files side by side, within the time for all of them."""
        tasks = [asyncio.create_task(self._content(user, file, named=named)) for user, file in wanted]
        try:
            await asyncio.wait(tasks, timeout=TOTAL_SECONDS)
        finally:
            for task in tasks:
                task.cancel()
        late = _Content(ReadFile(problem="reading it took too long"))
        return [task.result() if task.done() and not task.cancelled() else late for task in tasks]

    async def _content(self, user: str, file: FileRef, *, named: bool) -> _Content:
        """Read one file. Raises nothing."""
        try:
            if not file.direct and not await self._access.sees_file(user, await self._downloads.info(file.id)):
                return _Content(ReadFile(problem="I can't tell whether whoever forwarded it can see it"))
            return await self._known_or_read(file, named=named)
        except FileProblem as problem:
            return _Content(ReadFile(problem=str(problem)))
        except Exception:
            log.exception("the file %s could not be read", file.id)
            return _Content(ReadFile(problem="something went wrong on my side"))

    async def _known_or_read(self, file: FileRef, *, named: bool) -> _Content:
        key = (file.id, file.size, named)
        at, known = self._known.get(key, (0.0, None))
        if known is not None and at > time.monotonic() - KNOWN_SECONDS:
            return known
        async with self._room:
            content = await self._downloads.content(file)
            read = await self._reader.read(file.name, file.media, content, named=named)
        digest = ""
        if read.kind is not None and read.content:
            try:
                digest = await self._contents.keep(read.content)
            except OSError as error:
                log.error("an attached file could not be kept: %s", error)
                if not read.text:
                    raise FileProblem("there is no room to keep it on the disk that I run on") from error
        kind = read.kind if digest else None
        result = _Content(replace(read, content=b"", kind=kind), digest, len(read.content))
        self._known[key] = (time.monotonic(), result)
        while len(self._known) > KNOWN_FILES:
            self._known.popitem(last=False)
        return result


def _within(content: _Content, left: int) -> _Content:
    """Return content of which at most so many characters are shown."""
    read = content.read
    if len(read.text) <= left:
        return content
    if left >= MIN_CHARS:
        note = _joined(read.note, "only its beginning is shown")
        return replace(content, read=replace(read, text=read.text[:left], note=note))
    if content.digest:
        return replace(content, read=replace(read, text=""))
    return _Content(ReadFile(problem="the other files are long already"))


def _may_link(message: Unread) -> bool:
    """Return whether what a message links to is read: it is a person's, and addressed to the bot."""
    return message.addressed and message.author is AuthorKind.PERSON


def files_in(parts: Sequence[Part]) -> list[FileRef]:
    """Return the files of a message, also of what it forwards."""
    found: list[FileRef] = []
    for part in parts:
        if isinstance(part, Section):
            found += [part.file] if part.file is not None else []
            found += files_in(part.parts)
    return found


def _put(read: WithFiles, file: FileRef, content: _Content, *, named: bool) -> None:
    """Put what was read of a file in the place of what Slack says about it."""
    name = on_one_line(file.name) or "unnamed"

    def changed(section: Section) -> Section:
        return _shown(section, file, content.read)

    if content.read.problem:
        read.problems.append(f"I couldn't read {name}: {content.read.problem}.")
    elif content.read.kind is not None:
        name = name if named else file_label(file.name)
        words = _as_text(name, content.read) if content.read.text else ""
        read.attached.append(Attached(content.read.kind, content.digest, content.read.media, name, content.size, words))
    read.parts = _replaced(read.parts, file, changed)


def _replaced(parts: Sequence[Part], file: FileRef, changed: Callable[[Section], Section]) -> Sequence[Part]:
    return [
        part
        if isinstance(part, Words)
        else changed(part)
        if part.file is file
        else replace(part, parts=_replaced(part.parts, file, changed))
        for part in parts
    ]


def _shown(section: Section, file: FileRef, read: ReadFile) -> Section:
    """Return the section of a file with what was read."""
    if read.problem:
        return replace(section, note=_joined(file.about, f"not readable to you: {read.problem}"), file=None)
    about = [part for part in section.parts if isinstance(part, Section) and part.kind is Kind.ABOUT]
    if read.kind is not None:
        said = [part for part in section.parts if part in about or _is_words(part)]
        note = _joined(file.about, read.note, _BELOW[read.kind])
        return replace(section, kind=Kind.CONTENT, parts=tuple(said), note=note, file=None)
    parts = (*about, _fenced(read.text))
    return replace(section, kind=Kind.CONTENT, parts=parts, note=_joined(file.about, read.note), file=None)


def _is_words(part: Part) -> bool:
    """Return whether a part of what Slack says about a file is no preview of it."""
    return isinstance(part, Words) and not part.text.startswith("```")


def _as_text(name: str, read: ReadFile) -> str:
    """Return the text of a file that is sent as it is, for models that do not take it."""
    section = Section(Kind.CONTENT, (_fenced(read.text),), title=markup.escaped(name), note=read.note)
    return render([section], {})


def _fenced(text: str) -> Words:
    longest = max((len(ticks) for ticks in _TICKS.findall(text)), default=2)
    fence = "`" * (longest + 1)
    return Words(f"{fence}\n{markup.escaped(text)}\n{fence}" if text.strip() else "(empty)")


def _joined(*notes: str) -> str:
    return ", ".join(note for note in notes if note)
