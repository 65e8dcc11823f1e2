"""Decides which part of a conversation is shortened, and how. Pure.

Sizes are estimates in tokens. They only have to be roughly right: what was really used is measured with each reply.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from bot.agent import prompt
from bot.core.attachments import MARK
from bot.core.json_text import JsonObject

BYTES_PER_TOKEN: Final = 3
"""Fewer than in English prose (4), so that code, numbers and other languages are not underestimated."""
PART_TOKENS: Final = 1_500
"""What an image or a document counts that is sent as base64; providers count by its size in pixels or pages."""
KEPT_STEPS: Final = 3
"""The newest steps, whose results are kept whole."""
LONG_RESULT: Final = 1_500
HEAD, TAIL = 700, 300
"""Characters that are kept of an old result that is longer than `LONG_RESULT`."""
RESULT_CHARS, WORDS_CHARS, ARGUMENTS_CHARS = 1_000, 6_000, 300
"""How much of a tool result, of what somebody says, and of a call's arguments goes into the text to summarise."""
_REFERENCE: Final = MARK.decode()
_BINARY: Final = re.compile(r'(?:;base64,|"(?:data|file_data)":")[A-Za-z0-9+/=_-]{2000,}')


@dataclass(frozen=True, slots=True)
class Entry:
    """A message of a conversation."""

    position: int
    body: str
    message: JsonObject
    tokens: int

    @property
    def role(self) -> str:
        """The role; that of a person if there is none."""
        return str(self.message.get("role") or "user")

    @property
    def calls(self) -> frozenset[str]:
        """The ids of the calls that it makes."""
        made: Any = self.message.get("tool_calls")
        return frozenset(str(call.get("id")) for call in made or () if isinstance(call, dict))


def tokens_of(text: str) -> int:
    """Estimate the tokens of a text, or of a message as JSON text."""
    parts = 0
    if len(text) > 2_000 and ("base64," in text or 'data":"' in text):
        text, parts = _BINARY.subn("", text)
    parts += text.count(_REFERENCE)
    return len(text.encode("utf-8", "replace")) // BYTES_PER_TOKEN + 1 + parts * PART_TOKENS


def entries(messages: Iterable[tuple[int, str]]) -> list[Entry]:
    """Parse (position, JSON text) pairs."""
    found: list[Entry] = []
    for position, body in messages:
        parsed: object = json.loads(body)
        message: JsonObject = parsed if isinstance(parsed, dict) else {}
        found.append(Entry(position, body, message, tokens_of(body)))
    return found


def cuts(conversation: Sequence[Entry]) -> list[int]:
    """Return before which entries the conversation may be cut: no call before the cut lacks its result there, and the
    newest group (a message, or calls with their results) stays."""
    waiting: set[str] = set()
    found: list[int] = []
    for index, entry in enumerate(conversation[:-1], start=1):
        waiting |= entry.calls
        waiting.discard(str(entry.message.get("tool_call_id")))
        if not waiting and conversation[index].role != "tool":
            found.append(index)
    return found


def cut_for(conversation: Sequence[Entry], budget: float) -> int:
    """Return before which entry to cut so that what follows has at most so many tokens, and as many as possible.

    If even the newest group is larger, everything before it. 0 if nothing can be cut off.
    """
    possible = cuts(conversation)
    left = sum(entry.tokens for entry in conversation)
    place = 0
    for index in possible:
        left -= sum(entry.tokens for entry in conversation[place:index])
        place = index
        if left <= budget:
            return index
    return place


def pinned(asked: Sequence[Entry], budget: float) -> list[int]:
    """Return the positions of the requests of the open turn that are kept as they are: the last one always, the first
    and further ones, the newest first, as long as there is room."""
    kept = list(asked[-1:])
    for entry in [*asked[:1], *reversed(asked[1:-1])] if len(asked) > 1 else []:
        if sum(other.tokens for other in kept) + entry.tokens <= budget:
            kept.append(entry)
    return sorted(entry.position for entry in kept)


def old_results(conversation: Sequence[Entry], kept: Sequence[int], steps: int = KEPT_STEPS) -> dict[int, str]:
    """Return shorter forms, by position, of the long results and of the images before the newest steps.

    kept: positions of messages that stay as they are.
    """
    began = [index for index, entry in enumerate(conversation) if entry.calls]
    newest = began[-steps] if len(began) >= steps else 0
    return _shorter(conversation[:newest], kept, LONG_RESULT, HEAD, TAIL)


def all_results(conversation: Sequence[Entry], budget: float) -> dict[int, str]:
    """Return shorter forms, by position, of all results, so that they share so many tokens: for a step that is larger
    than what the model can read."""
    results = [entry for entry in conversation if entry.role == "tool"]
    each = max(200, int(budget * BYTES_PER_TOKEN / max(1, len(results))) - 200)
    return _shorter(results, (), each, each * 2 // 3, each // 3)


def _shorter(conversation: Iterable[Entry], kept: Sequence[int], longest: int, head: int, tail: int) -> dict[int, str]:
    found: dict[int, str] = {}
    for entry in conversation:
        content: object = entry.message.get("content")
        if entry.position in kept or entry.role not in ("tool", "user"):
            continue
        if entry.role == "user" and not isinstance(content, list):
            continue
        shorter = shortened(text_of(content), longest, head, tail) if entry.role == "tool" else text_of(content)
        if len(prompt.dumps({"content": shorter})) < len(prompt.dumps({"content": content})):
            found[entry.position] = prompt.dumps({**entry.message, "content": shorter})
    return found


def shortened(text: str, longest: int, head: int, tail: int) -> str:
    """Return a text of at most `longest` characters unchanged; of a longer one, its beginning and its end."""
    if len(text) <= max(longest, head + tail):
        return text
    left_out = len(text) - head - tail
    return f"{text[:head]}\n[… {left_out:,} characters are left out here …]\n{text[len(text) - tail :]}"


def text_of(content: object) -> str:
    """Return the text of a message's content; other parts are named, with their text if they have any."""
    if isinstance(content, str):
        return content
    parts: list[Any] = content if isinstance(content, list) else []
    found: list[str] = []
    for part in parts:
        kind = str(part.get("type", "")) if isinstance(part, dict) else ""
        if kind == "text":
            found.append(str(part.get("text", "")))
        elif kind:
            image = "image" in kind or part.get("kind") == "image"
            name = str(part.get("name") or "") or ("an image" if image else "an attachment")
            words = shortened(str(part.get("words") or ""), WORDS_CHARS, WORDS_CHARS * 2 // 3, WORDS_CHARS // 3)
            found.append(f"[{name}, no longer shown]" + (f"\n{words}" if words else ""))
    return "\n".join(found)


def rendered(entry: Entry) -> str:
    """Return a message as a part of the text to summarise."""
    said = text_of(entry.message.get("content")).strip()
    if entry.role == "tool":
        return f"[result] {shortened(said, RESULT_CHARS, RESULT_CHARS * 2 // 3, RESULT_CHARS // 3)}"
    lines = [f"[{entry.role}] {shortened(said, WORDS_CHARS, WORDS_CHARS * 2 // 3, WORDS_CHARS // 3)}"] if said else []
    for call in entry.message.get("tool_calls") or ():
        function: Any = call.get("function") if isinstance(call, dict) else None
        if isinstance(function, dict):
            arguments = shortened(str(function.get("arguments", "")), ARGUMENTS_CHARS, 200, 60)
            lines.append(f"[assistant calls {function.get('name')}] {arguments}")
    return "\n".join(lines)


def piece(conversation: Sequence[Entry], upto: int, budget: float) -> int:
    """Return before which entry, at most `upto`, the text to summarise has to end to have at most so many tokens; at
    least one group is in it."""
    possible = [index for index in cuts(conversation) if index <= upto]
    size, place, found = 0.0, 0, 0
    for index in possible:
        size += sum(tokens_of(rendered(entry)) for entry in conversation[place:index])
        place = index
        if found and size > budget:
            break
        found = index
    return found


def overflow(conversation: Sequence[Entry], upto: int, budget: float) -> int:
    """Return before which entry the older part has to end that is not summarised, so that the rest before `upto` has at
    most so many tokens; 0 if all of it has."""
    possible = [index for index in cuts(conversation) if index <= upto]
    left = sum(tokens_of(rendered(entry)) for entry in conversation[:upto])
    place = 0
    for index in [0, *possible]:
        left -= sum(tokens_of(rendered(entry)) for entry in conversation[place:index])
        place = index
        if left <= budget:
            return index
    return place
