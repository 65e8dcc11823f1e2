"""The messages of a request, read: what people want of this turn, and what has been called for it so far."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from slack_sandbox.offline import results
from slack_sandbox.offline.results import Result

Json = dict[str, Any]

_NAMES_COME_FIRST: Final = "begins with its speaker's name"
_SPEAKER: Final = re.compile(r"[^:\n]{1,60}?(?P<others> \(to others in the thread, not to you\))?: ")
_APP: Final = "(From the app:"
_SENT: Final = re.compile(r"\n⟦sent [^⟧\n]*⟧\Z")
_ATTACHED: Final = re.compile(
    r"\n?⟦file[^\"\n]* \"(?P<name>[^\"\n]*)\" \((?P<about>[^\n]*)\)⟧(?:(?:\n>[^\n]*)*\n⟦end of file[^\n]*⟧)?"
)
_NOT_SHOWN: Final = re.compile(r"\n?⟦\"[^\n]*⟧")
_NO_WORDS: Final = "(no words of their own)"


@dataclass(frozen=True, slots=True)
class Utterance:
    """What a person said to the bot."""

    text: str
    attached: tuple[str, ...] = ()
    """Each file that came with it, with what the app says about it."""


@dataclass(frozen=True, slots=True)
class ToolRound:
    """One reply of the model that made calls, with what came of them."""

    calls: tuple[tuple[str, str], ...]
    """The tool and the arguments of each."""
    results: tuple[Result, ...]


@dataclass(slots=True)
class Turn:
    """Everything since the last answer in words."""

    said: list[Utterance] = field(default_factory=list[Utterance])
    rounds: list[ToolRound] = field(default_factory=list[ToolRound])
    first: bool = True
    """Nothing has been answered in this conversation before."""


def read(messages: Sequence[Json]) -> Turn:
    """The turn that the last message belongs to. What it cannot read it leaves out."""
    turn = Turn()
    named = False
    open_calls: list[tuple[str, str, str]] = []
    got: dict[str, Result] = {}

    def close() -> None:
        if open_calls:
            ended = tuple(got.get(call[0], Result("unresolved", "")) for call in open_calls)
            turn.rounds.append(ToolRound(tuple(call[1:] for call in open_calls), ended))
            if any(result.ending == "stopped" for result in ended):
                # A person has pressed Stop: what was asked for before has ended there.
                turn.said, turn.rounds = [], []
        open_calls.clear()
        got.clear()

    for message in messages:
        role, content = message.get("role"), _text(message.get("content"))
        if role == "tool":
            got[str(message.get("tool_call_id"))] = results.read(content)
            continue
        close()
        if role in ("system", "developer"):
            named = named or _NAMES_COME_FIRST in content
        elif role == "assistant":
            open_calls = _calls(message.get("tool_calls"))
            if not open_calls:
                turn = Turn(first=False)
        elif role == "user":
            said = _said(content, named)
            if said is not None:
                turn.said.append(said)
    close()
    return turn


def _said(content: str, named: bool) -> Utterance | None:
    """What a user message says to the bot; None for what is said to others, and for notes of the app."""
    if content.startswith(_APP):
        return None
    content = _SENT.sub("", content)
    if named:
        speaker = _SPEAKER.match(content)
        if speaker is not None:
            if speaker["others"]:
                return None
            content = content[speaker.end() :]
    attached = tuple(f"{found['name']} ({found['about']})" for found in _ATTACHED.finditer(content))
    if attached:
        content = _NOT_SHOWN.sub("", _ATTACHED.sub("", content)).removeprefix(_NO_WORDS)
    return Utterance(content.strip(), attached)


def _calls(value: Any) -> list[tuple[str, str, str]]:
    found: list[tuple[str, str, str]] = []
    for call in value if isinstance(value, list) else ():
        function = call.get("function") if isinstance(call, Mapping) else None
        if isinstance(call, Mapping) and isinstance(function, Mapping):
            found.append((str(call.get("id")), str(function.get("name")), str(function.get("arguments"))))
    return found


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    return "".join(str(part.get("text", "")) for part in parts if isinstance(part, Mapping))
