"""What a stream is to hold, and the chunks that are still to be appended. Pure.

Sources: docs.slack.dev/reference/methods/chat.appendStream and chat.startStream. Text that is appended follows what is
there; a task card stays where its first chunk put it and takes the title and status of its last one; `details` and
`output` are appended to what is there, so they are given once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from bot.core.json_text import JsonObject
from bot.slack.blocks.elements import Block

CALL_TEXT = 6_000
"""Characters of text that are given with one call: Slack takes 12,000, and counts some characters twice."""
STREAM_TEXT = 19_000
"""Characters of text in one stream: Slack takes about 39,000, and counts some characters twice."""
STREAM_TASKS = 45
TASK_TEXT = 256
"""Characters of a title, of details, of output."""
_ONCE = ("details", "output", "sources")


@dataclass(frozen=True, slots=True)
class StreamBody:
    """All that is to be in a stream."""

    chunks: Sequence[JsonObject]
    """In order, each with its latest state: `{"type": "markdown_text", "text"}`, `{"type": "task_update", "id",
    "title", "status"}` (an id once; `details`, `output` and `sources` do not change once they are given)."""
    done: bool
    """Nothing more is appended: the stream is stopped."""
    blocks: Sequence[Block] = ()
    """What the message is closed with when the stream is stopped; at most 50."""
    menu: Sequence[Block] = ()
    """The menu at its top while it is streamed, such as Stop; removed once the stream has ended."""
    person: str = ""
    """The only one who sees live text in a channel; no message is streamed in a channel without one."""
    team: str = ""
    """The workspace of that person."""

    @property
    def fits(self) -> bool:
        """Whether a stream can hold it."""
        text = sum(len(chunk["text"]) for chunk in self.chunks if chunk["type"] == "markdown_text")
        tasks = sum(chunk["type"] == "task_update" for chunk in self.chunks)
        return text <= STREAM_TEXT and tasks <= STREAM_TASKS


@dataclass(slots=True)
class Given:
    """What a stream was given so far."""

    _places: list[str] = field(default_factory=list[str])
    """For each piece of text "", for each task its id."""
    _texts: dict[int, str] = field(default_factory=dict[int, str])
    """By place."""
    _tasks: dict[str, JsonObject] = field(default_factory=dict[str, JsonObject])

    def missing(self, body: StreamBody) -> list[JsonObject] | None:
        """Return the chunks that make of what was given what is wanted; None if no chunks do, because something that
        was given is not wanted as it is."""
        if not body.fits:
            return None
        found: list[JsonObject] = []
        place, count = 0, len(self._places)
        for chunk in _joined(body.chunks):
            name = chunk["id"] if chunk["type"] == "task_update" else ""
            if place >= count:
                if name in self._tasks:
                    return None
                found.append(chunk)
            elif name != self._places[place]:
                return None
            else:
                change = self._task(chunk) if name else self._text(chunk, place)
                if change is None:
                    return None
                found += [change] if change else []
            place += 1
        return found if place >= count else None

    def _text(self, chunk: JsonObject, place: int) -> JsonObject | None:
        """What is missing of a text: {} if nothing, None if it is another one, or one that cannot grow any more."""
        text, given = str(chunk["text"]), self._texts[place]
        if len(text) == len(given):
            return {} if text == given else None
        if place + 1 < len(self._places) or not text.startswith(given):
            return None
        return {**chunk, "text": text[len(given) :]}

    def _task(self, chunk: JsonObject) -> JsonObject | None:
        """What has changed of a task: {} if nothing, None if it cannot change so."""
        given = self._tasks[chunk["id"]]
        if chunk == given:
            return {}
        new = {key: chunk.get(key) for key in _ONCE if chunk.get(key) != given.get(key)}
        if any(given.get(key) for key in new):
            return None
        return {key: value for key, value in chunk.items() if key not in _ONCE or key in new}

    def add(self, chunks: Sequence[JsonObject]) -> None:
        """Take note that chunks were appended."""
        for chunk in chunks:
            if chunk["type"] == "task_update":
                if chunk["id"] not in self._tasks:
                    self._places.append(chunk["id"])
                self._tasks[chunk["id"]] = {**self._tasks.get(chunk["id"], {}), **chunk}
            else:
                if not self._places or self._places[-1]:
                    self._places.append("")
                last = len(self._places) - 1
                self._texts[last] = self._texts.get(last, "") + str(chunk["text"])


def calls(chunks: Sequence[JsonObject], most: int = CALL_TEXT) -> list[list[JsonObject]]:
    """Return chunks in as many calls as they need, none with more than so many characters of text; one call if there
    are none."""
    found: list[list[JsonObject]] = [[]]
    room = most
    for chunk in chunks:
        if chunk["type"] != "markdown_text":
            found[-1].append(chunk)
            continue
        text = str(chunk["text"])
        while text:
            if not room:
                found.append([])
                room = most
            found[-1].append({**chunk, "text": text[:room]})
            text, room = text[room:], max(0, room - len(text))
    return found


def _joined(chunks: Sequence[JsonObject]) -> Iterator[JsonObject]:
    """Yield the chunks as a stream holds them: texts that follow each other are one, what is too long is cut."""
    texts: list[str] = []
    for chunk in chunks:
        if chunk["type"] == "markdown_text":
            if chunk["text"]:
                texts.append(chunk["text"])
            continue
        if texts:
            yield {"type": "markdown_text", "text": "".join(texts)}
            texts = []
        yield _clipped(chunk)
    if texts:
        yield {"type": "markdown_text", "text": "".join(texts)}


def _clipped(chunk: JsonObject) -> JsonObject:
    long = [key for key in ("title", "details", "output") if len(chunk.get(key) or "") > TASK_TEXT]
    return {**chunk, **{key: f"{chunk[key][: TASK_TEXT - 1]}…" for key in long}} if long else chunk
