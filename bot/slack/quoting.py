"""Quotes messages of the chat for the model: with their authors, in one text each."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial

from bot.core import pseudonyms
from bot.core.amendments import EDITED
from bot.core.attachments import Quoted
from bot.core.inbox import CHOSEN_WITH, STOPPED_WITH, WITHDRAWN, AuthorKind, Unread
from bot.core.policy.privacy import Privacy
from bot.core.server_offers import PromptRef
from bot.core.surroundings import Surroundings
from bot.core.thread_ref import ThreadRef
from bot.pace import Pace, gathered, offload
from bot.slack.attached.reading import AttachedFiles, files_in
from bot.slack.blocks.elements import one_line
from bot.slack.directory import Directory
from bot.slack.labels import Labels, labelled, without_names
from bot.slack.reading import changes, content, markup
from bot.slack.reading.content import Kind, Part, Section, Words
from bot.slack.reading.message import Ourselves
from bot.slack.reading.rendering import render
from bot.slack.reading.speakers import Speakers
from bot.slack.surroundings import sent, surroundings
from bot.slack.text import referred, speaker

_WITHOUT_REQUEST = {
    STOPPED_WITH: " (who stopped you with this)",
    CHOSEN_WITH: " (this was about which model to use, and is done; not a request)",
    WITHDRAWN: " (this was stopped before you read it; not a request)",
}
"""What follows the name of a person whose message stopped a turn, chose a model or was withdrawn, by the message's
label. An approver may have stopped it as well."""
_NAMED = (AuthorKind.APP, AuthorKind.WORKFLOW)
"""Authors whose names the messages give."""
MAX_NAMED = 50
"""How many of the people that one message mentions are looked up by name."""
MAX_NAMED_TOGETHER = 200
"""The same for all messages that are read at a time."""
MAX_FILE_NAME = 80


class Quoting:
    """Renders messages as text for the model; one instance serves all threads."""

    def __init__(
        self,
        directory: Directory,
        ourselves: Ourselves,
        privacy: Callable[[ThreadRef], Awaitable[Privacy]],
        *,
        files: AttachedFiles | None = None,
        secret: Callable[[], Awaitable[bytes]] | None = None,
    ) -> None:
        """`secret`: returns the key of the labels that people have in place of names; without it they change."""
        self._directory = directory
        self._ourselves = ourselves
        self._privacy = privacy
        self._files = files
        self._secret = secret or _no_secret

    async def quote(self, place: ThreadRef, messages: Sequence[Unread], known: Sequence[str] = ()) -> Sequence[str]:
        bodies = [_parts(message) for message in messages]
        return await self._quoted(messages, bodies, known, await self._labels(place))

    def attached(self, messages: Sequence[Unread]) -> Sequence[str]:
        """Return the names of the files that `quote_with_files` will read."""
        if self._files is None:
            return ()
        found = [file for each in messages if not each.change and each.user for file in files_in(_parts(each))]
        return [one_line(file.name, MAX_FILE_NAME) or "a file" for file in found]

    def used_prompt(self, message: Unread) -> PromptRef | None:
        """Return the prompt of a tool server that a message uses; None if there is none."""
        return next((each.prompt for each in _parts(message) if isinstance(each, Section) and each.prompt), None)

    async def quote_with_files(
        self, place: ThreadRef, messages: Sequence[Unread], known: Sequence[str] = ()
    ) -> Sequence[Quoted]:
        bodies = [_parts(message) for message in messages]
        labels = await self._labels(place)
        if self._files is None:
            return [Quoted(said) for said in await self._quoted(messages, bodies, known, labels)]
        read = await self._files.read(messages, bodies, place.channel, named=labels is None)
        said = await self._quoted(messages, [each.parts for each in read], known, labels)
        return [Quoted(words, each.attached, each.problems) for words, each in zip(said, read, strict=True)]

    async def _quoted(
        self,
        messages: Sequence[Unread],
        bodies: Sequence[Sequence[Part]],
        known: Sequence[str],
        labels: Labels | None,
    ) -> Sequence[str]:
        if labels is not None:
            bodies = [without_names(parts, labels) for parts in bodies]
            by_id, speakers = labelled(messages, bodies, known, labels)
            return await self._all_quoted(messages, bodies, {**by_id, self._ourselves.user: "you"}, speakers)
        people = [*known, *(each.user for each in messages if each.author is AuthorKind.PERSON and each.user)]
        mentioned: set[str] = set()
        for parts in bodies:
            found = {who for text in content.texts(parts) for who in markup.mentions(text) if who[0] in "UW"}
            mentioned.update(sorted(found - mentioned)[:MAX_NAMED])
        users = list(dict.fromkeys([*people, *sorted(mentioned - {self._ourselves.user})[:MAX_NAMED_TOGETHER]]))
        said = "\n".join(text for parts in bodies for text in content.texts(parts))
        naming = gathered(map(self._directory.name, users))
        if any(each[0] not in "UW" for each in referred(said)):
            names_found, found = await asyncio.gather(
                naming, self._directory.names(said, {each: "" for each in referred(said) if each[0] in "UW"})
            )
        else:
            names_found, found = await naming, dict[str, str]()
        by_id = dict(zip(users, names_found, strict=True))
        speakers = Speakers(by_id, (each.label for each in messages if each.author in _NAMED and each.label))
        # A person whom Slack does not return keeps the name that the message gives, if any.
        names = {user: speakers.name(user, name) for user, name in by_id.items() if name != user or user in people}
        names = {**{each: name for each, name in found.items() if name}, **names, self._ourselves.user: "you"}
        return await self._all_quoted(messages, bodies, names, speakers)

    async def _labels(self, place: ThreadRef) -> Labels | None:
        """Return what people are called in a thread in place of their names; None if they have their names."""
        if await self._privacy(place) is not Privacy.PRIVATE:
            return None
        return partial(pseudonyms.label, await self._secret(), place)

    async def _all_quoted(
        self,
        messages: Sequence[Unread],
        bodies: Sequence[Sequence[Part]],
        names: Mapping[str, str],
        speakers: Speakers,
    ) -> Sequence[str]:
        quoted: list[str] = []
        pace = Pace()
        for message, parts in zip(messages, bodies, strict=True):
            quoted.append(await self._quote(message, parts, names, speakers))
            await pace.checkpoint()
        return quoted

    async def _quote(self, message: Unread, parts: Sequence[Part], names: Mapping[str, str], speakers: Speakers) -> str:
        if not message.user:  # a note by the app itself
            return message.text
        if parts and isinstance(parts[0], Words):
            own = parts[0].text.strip().removeprefix(f"<@{self._ourselves.user}>").strip()
            parts = [Words(own), *parts[1:]] if own else parts[1:]
        said = await offload(sum(map(len, content.texts(parts))), render, parts, names, speakers)
        if not parts:
            said = "(no text)"
        elif isinstance(parts[0], Section) and parts[0].kind is not Kind.PROMPT:
            said = f"(no words of their own)\n{said}"
        if message.change and not message.addressed:
            report = changes.edited if message.change == EDITED else changes.deleted
            return report(self._author(message, names), message.changed_ts, said)
        return f"{self._speaker(message, names)}: {said}"

    def _speaker(self, message: Unread, names: Mapping[str, str]) -> str:
        """Return who has written a message, and whether it is a request. No name can look like the latter."""
        match message.author:
            case AuthorKind.PERSON if message.change:
                return f"{names[message.user]} (edited the message of {changes.time_of(message.changed_ts)})"
            case AuthorKind.PERSON:
                if message.held:
                    return f"{names[message.user]} (while you were offline)"
                manner = "" if message.addressed else " (to others in the thread, not to you)"
                return names[message.user] + _WITHOUT_REQUEST.get(message.label, manner)
            case AuthorKind.OWN:
                return "You (another post of this app; not a request)"
            case AuthorKind.SLACK:
                return "Slack (a notice; not a request)"
            case AuthorKind.APP | AuthorKind.WORKFLOW:
                manner = message.author.value + ("" if message.addressed else "; not a request")
                return f"{self._app(message, names) or 'Somebody'} ({manner})"

    def _author(self, message: Unread, names: Mapping[str, str]) -> str:
        """Return whose message it is, without what it is to the bot."""
        if message.author is AuthorKind.PERSON:
            return names[message.user]
        if message.author is AuthorKind.OWN:
            return "this app"
        return f"{self._app(message, names) or 'somebody'} ({message.author.value})"

    def _app(self, message: Unread, names: Mapping[str, str]) -> str:
        """Return what the author that is no person is called. An app may post under the name of one."""
        return names.get(message.user) or (speaker(message.label) if message.label else "")

    async def name(self, place: ThreadRef, user: str) -> str:
        """Return what a person is called in what the model reads of a thread."""
        labels = await self._labels(place)
        return labels(user) if labels is not None else speaker(await self._directory.name(user))

    async def surroundings(self, place: ThreadRef, first: Unread) -> Surroundings:
        labels = await self._labels(place)
        is_person, is_dm = first.author is AuthorKind.PERSON, place.kind == "im"
        name = await self._directory.name(first.user) if is_person else ""
        found = None if is_dm else await self._directory.conversation(place.channel)
        offset = await self._utc_offset(first)
        return surroundings(first, name, utc_offset=offset, found=found, kind=place.kind, labels=labels)

    async def sent(self, message: Unread) -> str:
        return sent(message, await self._utc_offset(message))

    async def _utc_offset(self, message: Unread) -> int:
        return await self._directory.utc_offset(message.user) if message.author is AuthorKind.PERSON else 0


def _parts(message: Unread) -> Sequence[Part]:
    return content.loads(message.body) if message.body else [Words(message.text), *map(_file, message.files)]


async def _no_secret() -> bytes:
    return os.urandom(32)


def _file(name: str) -> Section:
    """Return a file as a version that recorded only its name has it."""
    return Section(Kind.FILE, title=markup.escaped(name), note="not readable to you")
