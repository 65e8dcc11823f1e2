"""What a stream's chunks become in the stored message.

"timeline task updates render as individual task cards interleaved with streamed text. plan task updates render
together in a plan block" (chat.startStream reference), "with the first task's placement determining the placement of
the rest". What else the stored message looks like is not documented. Chosen here: text gathers in markdown blocks; a
plan without a plan_update is called as the task that changed last; plan_update changes nothing in a timeline.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from slack_sandbox.model import Json, Stream


@dataclass(slots=True, eq=False)
class TaskStream(Stream):
    """A stream with its way to show tasks; `ids` keeps the block ids stable while it grows."""

    mode: str = "timeline"
    ids: dict[str, str] = field(default_factory=dict[str, str])


def text_of(chunks: Sequence[Json]) -> str:
    """All text of the chunks."""
    return "".join(chunk["text"] for chunk in chunks if chunk["type"] == "markdown_text")


def render(stream: TaskStream, new_id: Callable[[], str]) -> list[Json]:
    """The blocks of a stream as far as it has come; new objects each time."""
    shown = _Rendering(stream, new_id)
    for chunk in stream.chunks:
        match chunk["type"]:
            case "markdown_text":
                shown.write(chunk["text"])
            case "task_update":
                shown.update(chunk)
            case "plan_update":
                shown.name(chunk["title"])
            case _:
                shown.parts.extend(chunk["blocks"])
    return shown.parts


class _Rendering:
    def __init__(self, stream: TaskStream, new_id: Callable[[], str]) -> None:
        self.parts: list[Json] = []
        self._stream = stream
        self._new_id = new_id
        self._tasks: dict[str, Json] = {}
        self._plan: Json | None = None
        self._named = False

    def _id(self, key: str) -> str:
        if key not in self._stream.ids:
            self._stream.ids[key] = self._new_id()
        return self._stream.ids[key]

    def write(self, text: str) -> None:
        if not text:
            return
        if not self.parts or self.parts[-1]["type"] != "markdown":
            block_id = self._id(f"text {len(self.parts)}")
            self.parts.append({"type": "markdown", "text": "", "block_id": block_id})
        self.parts[-1] = {**self.parts[-1], "text": self.parts[-1]["text"] + text}

    def update(self, chunk: Json) -> None:
        card = self._tasks.get(chunk["id"])
        if card is None:
            card = self._tasks[chunk["id"]] = self._card(chunk["id"])
            (self._planned()["tasks"] if self._stream.mode == "plan" else self.parts).append(card)
        card.update(title=chunk["title"], status=chunk.get("status", card["status"]))
        for key in ("details", "output"):
            if chunk.get(key):  # "repeated details are appended, not replaced"
                _add_text(card, key, chunk[key])
        if "sources" in chunk:
            card["sources"] = chunk["sources"]
        if self._plan is not None and not self._named:
            self._plan["title"] = chunk["title"]

    def name(self, title: str) -> None:
        if self._stream.mode == "plan":
            self._planned()["title"] = title
            self._named = True

    def _card(self, task: str) -> Json:
        status = "pending" if self._stream.mode == "plan" else "in_progress"  # "pending" is a state within a plan
        return {"type": "task_card", "task_id": task, "status": status, "block_id": self._id(f"task {task}")}

    def _planned(self) -> Json:
        if self._plan is None:
            self._plan = {"type": "plan", "title": "", "tasks": [], "block_id": self._id("plan")}
            self.parts.append(self._plan)
        return self._plan


def _add_text(card: Json, key: str, text: str) -> None:
    """Add to a card's rich text, which in the finished block is "a single rich_text entity" (task card reference)."""
    if key not in card:
        section: Json = {"type": "rich_text_section", "elements": [{"type": "text", "text": ""}]}
        card[key] = {"type": "rich_text", "elements": [section]}
    card[key]["elements"][0]["elements"][0]["text"] += text
