"""Separates the visible text of a reply from reasoning and from tool calls that are written into it. Pure.

Models send their reasoning between tags in the text when a server does not know their format, and calls end up there in
the same way. Text in code is left alone, in fences and between backticks: a person may ask about the tags.
"""

from __future__ import annotations

import re
from enum import Enum, auto
from typing import Final

from bot.model.code_tracker import CodeTracker
from bot.model.text_tokens import (
    ADDRESS,
    HEADED,
    MARKS,
    MAX_HEADER,
    MAX_PARTIAL,
    NO_WORDS,
    PARTIAL,
    REASONING_END,
    TEXT_TOKEN,
    TICKS_TOKEN,
    Token,
)

MAX_EXAMINED: Final = 1_000
"""Characters that may begin a token, and are examined in one piece: 3 ms. What comes after them is examined later."""
MAX_ALL_EXAMINED: Final = 60_000
"""The same for a whole reply. Any further text is visible as it is: no model writes like that."""
_MENTION: Final = re.compile(r"[,.;:)!?\"']|\s[a-z]|\s?\Z")
"""What follows a tag that a sentence is about."""
_ABOUT: Final = frozenset(("", "and", "or", "/", "...", "…", "und", "oder", "et", "ou", "y", "o"))
"""What is between two tags that a sentence is about."""
_JSON_CALL: Final = re.compile(r"\s*(?:\{|\[\s*\{|\[?\s*\Z)")
"""The beginning of a reply that is JSON, or may be."""


class _State(Enum):
    TEXT = auto()
    REASONING = auto()
    CALL = auto()


class TextSplitter:
    """Reads the text of a reply in pieces of any size."""

    def __init__(self, *, separate_calls: bool = True) -> None:
        """separate_calls: whether calls that are written as text are separated, too."""
        self.visible: list[str] = []
        """The text for people."""
        self.reasoning: list[str] = []
        self.call_text: list[str] = []
        """From the first call that is written as text to the end of the reply."""
        self.call_begins_line = False
        """Whether nothing but white space was before that call in its line."""
        self.withdrawn = False
        """Whether text that was returned earlier turned out not to be visible text. `feed` then returns the whole text
        again; the caller resets this."""
        self.unopened = False
        """Whether there was an end tag of reasoning without a beginning."""
        self._separate_calls = separate_calls
        self._state = _State.TEXT
        self._rest = ""
        """Text that is not examined yet."""
        self._code = CodeTracker()
        self._last = ""
        """The last character of the text."""
        self._any = False
        """Whether there is visible text that is not white space."""
        self._after = False
        """Whether white space is dropped, as reasoning was before it."""
        self._first = 0
        """The first piece of `visible` that an end tag without a beginning would turn into reasoning."""
        self._any_before = False
        self._again = False
        self._tag = ""
        self._tag_begins_line = False
        self._thought: list[str] = []
        self._stray = False
        self._left = MAX_ALL_EXAMINED
        """How many characters may still be examined."""
        self._now = 0
        """How many of them in this piece."""

    @property
    def empty(self) -> bool:
        """Whether there is no visible text."""
        return not self._any

    def feed(self, piece: str) -> str:
        """Read the next piece. Returns the visible text that has become certain."""
        if self._state is _State.CALL:
            self.call_text.append(piece)
            return ""
        if not self._rest and not MARKS.search(piece):
            if self._state is _State.REASONING:
                self._thought.append(piece)
                return ""
            if self._any:
                shown = self._emit(piece)
                return self._returned([shown]) if self._again else shown
        return self._read(self._rest + piece, last=False)

    def finish(self, limit: int = MAX_EXAMINED, *, called: bool = False) -> str:
        """Return the visible text that was held back: what is incomplete is text.

        limit: how many characters are examined; if there are more, the next call goes on.
        called: whether the reply has tool calls, so that it may be without words.
        """
        shown = self._read(self._rest, last=True, limit=limit)
        if self._rest:
            return shown
        if self._stray and called:
            self._moved()
        self._stray = False
        if self._state is _State.REASONING:
            self._state = _State.TEXT
            thought, self._thought = "".join(self._thought), []
            if self._tag_begins_line or not self._tag:
                self.reasoning.append(thought.removeprefix("thought") if self._tag in HEADED else thought)
            else:
                # A sentence about the tag, which has no end tag and is in the middle of a line.
                shown += self._emit(self._tag) + self._emit(thought)
        return shown

    def _read(self, text: str, *, last: bool, limit: int = MAX_EXAMINED) -> str:
        shown: list[str] = []
        at = 0
        self._rest, self._now = "", limit
        while at < len(text):
            if self._state is _State.CALL:
                self.call_text.append(text[at:])
                break
            if self._state is _State.REASONING:
                at = self._read_reasoning(text, at, shown, last=last)
            elif self._separate_calls and not self._any and self._is_json(text, at, last=last):
                if not self._rest:
                    begins = len(text) - len(text[at:].lstrip())
                    shown.append(self._emit(text[at:begins]))
                    self._hold_call(text, begins)
                break
            else:
                at = self._read_text(text, at, shown, last=last)
        return self._returned(shown)

    def _returned(self, shown: list[str]) -> str:
        """Return what has become certain; after a withdrawal, the whole text."""
        if not self._again:
            return "".join(shown)
        self._again = False
        self.withdrawn = True
        return "".join(self.visible)

    def _is_json(self, text: str, at: int, *, last: bool) -> bool:
        """Return whether the reply begins like JSON. If that is not certain, the text is kept for later."""
        found = _JSON_CALL.match(text, at)
        if found is None or self._code.fence or self._code.span:
            return False
        if "{" not in found[0]:
            if last or not found[0].strip():
                return False
            self._rest = text[at:]
        return True

    def _find(self, token: Token, text: str, at: int) -> tuple[re.Match[str] | None, int]:
        """Return the next token, and up to where the text was examined if there is none."""
        while (mark := token.marks.search(text, at)) is not None:
            if self._left <= 0:
                break
            if self._now <= 0:
                return None, mark.start()
            self._left -= 1
            self._now -= 1
            if (found := token.pattern.match(text, mark.start())) is not None:
                return found, found.end()
            at = mark.end()
        return None, len(text)

    def _end(self, text: str, at: int, *, last: bool) -> int:
        """Return where the end of a text begins that may be the beginning of a token."""
        partial = None if last or self._left <= 0 else PARTIAL.search(text, max(at, len(text) - MAX_PARTIAL))
        return partial.start() if partial is not None else len(text)

    def _read_text(self, text: str, at: int, shown: list[str], *, last: bool) -> int:
        """Read up to and including the next token. Returns the position behind it."""
        in_code = bool(self._code.fence)
        found, examined = self._find(TICKS_TOKEN if in_code else TEXT_TOKEN, text, at)
        kind = "" if found is None else "ticks" if in_code else found.lastgroup or ""
        if found is None or (kind == "ticks" and found.end() == len(text) and not last):
            # A run of backticks at the end may go on.
            end = self._end(text, at, last=last) if examined == len(text) else examined
            shown.append(self._emit(text[at:end]))
            self._rest = text[end:]
            return len(text)
        in_span = self._code.span and "\n" not in text[at : found.start()]
        addressed = kind == "address" and self._separate_calls and not in_span
        if addressed and self._header(text, at, found.start(), shown):
            return len(text)
        shown.append(self._emit(text[at : found.start()]))
        if kind == "ticks":
            self._code.run(found[0])
            shown.append(self._emit(found[0]))
        elif self._code.span:
            shown.append(self._emit(found[0]))
        elif kind == "end" and not last and len(text) - found.end() < 2:
            # What follows decides whether a sentence is about it.
            self._rest = text[found.start() :]
            return len(text)
        elif self._separate_calls and self._begins_call(kind, found):
            self._hold_call(text, found.start())
            return len(text)
        else:
            self._tagged(kind, found, text, shown)
        return found.end()

    def _header(self, text: str, at: int, end: int, shown: list[str]) -> bool:
        """Hold back everything from the header of a Harmony message on, if the text up to `end` ends with one. Its
        beginning may be visible already."""
        before = text[end - 1] if end > at else self._last
        if before not in ("o", "O"):  # of `to`
            return False
        tail = "".join(self.visible[-MAX_HEADER:])[-MAX_HEADER:]
        found = ADDRESS.search(tail + text[max(at, end - MAX_HEADER) : end])
        if found is None:
            return False
        length = found.end() - found.start()
        here = min(length, end - at)
        shown.append(self._emit(text[at : end - here]))
        if length > here:
            whole = "".join(self.visible)
            kept = whole[: here - length]
            self.call_text.append(whole[len(kept) :])
            self.visible, self._again = [kept], True
            self._any = not (kept == "" or kept.isspace())
            self._code.is_line_blank = NO_WORDS.fullmatch(kept[kept.rfind("\n") + 1 :]) is not None
        self._hold_call(text, end - here)
        return True

    def _begins_call(self, kind: str, found: re.Match[str]) -> bool:
        """Return whether a token outside of code begins a call."""
        return kind == "call" or (kind == "channel" and "to=" in found["head"])

    def _tagged(self, kind: str, found: re.Match[str], text: str, shown: list[str]) -> None:
        """Handle a tag outside of code."""
        if kind == "open" or (kind == "channel" and found["head"].lower().startswith("analysis")):
            self._tag, self._tag_begins_line = found[0] if kind == "open" else "", self._code.is_line_blank
            self._state = _State.REASONING
        elif kind == "end":
            if self._last == " " and not self._code.is_line_blank and _MENTION.match(text, found.end()):
                shown.append(self._emit(found[0]))
            else:
                self._stray, self.unopened = True, True
        elif kind in ("call", "address"):
            shown.append(self._emit(found[0]))
        # Everything else marks where a message begins or ends, and is dropped.

    def _hold_call(self, text: str, at: int) -> None:
        """Hold back everything from here on."""
        self._state = _State.CALL
        self.call_begins_line = self._code.is_line_blank
        self._moved()
        self.call_text.append(text[at:])

    def _read_reasoning(self, text: str, at: int, shown: list[str], *, last: bool) -> int:
        found, examined = self._find(REASONING_END, text, at)
        if found is None:
            end = self._end(text, at, last=last) if examined == len(text) else examined
            self._thought.append(text[at:end])
            self._rest = text[end:]
            return len(text)
        self._thought.append(text[at : found.start()])
        if found["token"] is not None and self._tag:
            self._thought.append(found[0])
            return found.end()
        self._state = _State.TEXT
        thought, self._thought = "".join(self._thought), []
        if self._tag and not self._tag_begins_line and thought.strip(" .,").casefold() in _ABOUT:
            shown.append(self._emit(f"{self._tag}{thought}{found[0]}"))
            return found.end()
        self.reasoning.append(thought.removeprefix("thought") if self._tag in HEADED else thought)
        self._after = True
        self._first, self._any_before = len(self.visible), self._any
        # In Harmony, the next message begins with the token that ended this one.
        goes_on = found["token"] is not None and found[0].lower() in ("<|start|>", "<|channel|>")
        return found.start() if goes_on else found.end()

    def _moved(self) -> None:
        """After an end tag without a beginning, the text before it was reasoning."""
        if not self._stray:
            return
        self._stray = False
        thought = "".join(self.visible[self._first :])
        if thought.strip():
            self.reasoning.append(thought)
        self._again = self._again or bool(thought)
        del self.visible[self._first :]
        self._any = self._any_before
        self._code.is_line_blank = self._after = True

    def _emit(self, text: str) -> str:
        """Add visible text. Returns it, without the white space between reasoning and what follows it."""
        if not text:
            return ""
        if self._stray:
            if text.isspace():
                return ""
            self._moved()
        if self._after and not self._any:
            text = text.lstrip()
            if not text:
                return ""
        self._after = False
        self._any = self._any or not text.isspace()
        self.visible.append(text)
        self._last = text[-1]
        self._code.advance(text)
        return text


def split(text: str, *, separate_calls: bool = True) -> TextSplitter:
    """Return a splitter that has read a whole text."""
    splitter = TextSplitter(separate_calls=separate_calls)
    splitter.feed(text)
    splitter.finish(len(text) + 1)
    return splitter
