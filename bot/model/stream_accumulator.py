"""Assembles the chunks of a streamed chat completion into a message. Pure.

Providers split replies in different ways, and put reasoning and calls into the text. What they were seen to send is
read as it was meant (`call_assembly`, `text_splitter`, `calls_in_text`), and even the strictest provider accepts the
resulting message back.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable
from typing import Any, Final

from bot.core import untrusted
from bot.core.json_text import JsonObject
from bot.core.ports.model import Reply
from bot.core.transaction import Usage
from bot.core.untrusted import valid_unicode
from bot.model import calls_in_text, finish_reasons, python_calls
from bot.model.call_arguments import text_of
from bot.model.call_assembly import AssembledCall, CallAssembly
from bot.model.offered_tools import OfferedTools
from bot.model.reasoning import Reasoning, renamed, serializable, text_length
from bot.model.text_splitter import TextSplitter, split

MAX_CHARACTERS: Final = 2_000_000
"""Characters of text, arguments and reasoning in one reply. No model writes a quarter of that; anything beyond is
dropped, and the reply counts as truncated at its length limit."""
_NAME_LENGTH: Final = 200
_THINKS: Final = re.compile(r"\br1\b|qwq|reason|think|magistral|glm-z", re.IGNORECASE)
"""Models whose text may begin in the middle of their reasoning, because their chat template opens it."""
_REASONING_KEYS: Final = ("reasoning", "reasoning_content", "reasoning_text", "thinking")
"""The readable reasoning, as OpenRouter, DeepSeek and vLLM, and others call it."""
_WORDS: Final = frozenset(("role", "content"))
"""The fields of most pieces of a stream."""
RETURNED_KEY: Final = "reasoning_content"
"""DeepSeek and Moonshot refuse a request whose calls are without the reasoning that led to them."""


class Accumulator:
    """Collects the chunks of a reply in order; `reply` then returns the complete reply."""

    def __init__(self, unopened: Collection[str] = ()) -> None:
        """unopened: models whose text has begun in the middle of their reasoning before. Their text is returned only
        when it is certain what it is."""
        self.error: JsonObject | None = None
        """OpenRouter's error object, if a chunk contained one."""
        self.finish_reason: str | None = None
        """None until the reply is complete. The value is unreliable: some providers send tool calls with `stop`."""
        self.native_finish_reason = ""
        self.id = ""
        """OpenRouter's generation id, with which `on_id` is called once it is known."""
        self.on_id: Callable[[str], None] | None = None
        self.model = ""
        self.provider = ""
        self.reasoning: list[str] = []
        """The readable reasoning, in pieces, except what the text contained."""
        self._text = TextSplitter()
        self._refusal: list[str] = []
        self._calls = CallAssembly()
        self._details: list[Reasoning] = []
        self._returned: list[str] = []
        """The reasoning that the provider wants back as text."""
        self._usage: JsonObject = {}
        self._half = ""
        self._known_unopened = unopened
        self._holds: bool | None = None
        """Whether text is not returned yet; None until there is any."""
        self._whole = False
        self._last_usage = False
        self.size = 0
        """Approximate number of characters received."""

    @property
    def calls(self) -> bool:
        """Whether the reply has tool calls so far."""
        return bool(self._calls)

    @property
    def left_out(self) -> bool:
        """Whether calls beyond the limit were dropped."""
        return self._calls.left_out

    @property
    def usage(self) -> Usage:
        """What the reply has cost, as far as it says so."""
        return _usage(self._usage)

    @property
    def unopened(self) -> bool:
        """Whether the text began in the middle of the reasoning."""
        return self._text.unopened

    @property
    def withdrawn(self) -> bool:
        """Whether text that `add` had returned was none: what it returned last is the whole text."""
        return self._text.withdrawn

    @withdrawn.setter
    def withdrawn(self, value: bool) -> None:
        self._text.withdrawn = value

    def add(self, chunk: JsonObject) -> str | None:
        """Add a chunk of a stream, or a complete reply that is not streamed.

        Returns the visible text in it, "" if it advanced the reply in another way, or None if it added nothing.
        """
        if not self.id:
            self.id = untrusted.text(chunk.get("id"), _NAME_LENGTH)
            if self.id and self.on_id is not None:
                self.on_id(self.id)
        # Every chunk of a stream repeats them.
        if "model" in chunk and chunk["model"] != self.model:
            self.model = untrusted.text(chunk["model"], _NAME_LENGTH) or self.model
        if "provider" in chunk and chunk["provider"] != self.provider:
            self.provider = untrusted.text(chunk["provider"], _NAME_LENGTH) or self.provider
        choices = chunk.get("choices")
        if "usage" in chunk and isinstance(usage := chunk["usage"], dict):
            self._usage = usage
            self._last_usage = choices == []
        if "error" in chunk and (error := chunk["error"]):
            self.error = error if isinstance(error, dict) else {"message": text_of(error)}
        elif choices is None and (chunk.get("object") == "error" or chunk.get("detail")):
            # As vLLM's older servers and FastAPI send it.
            self.error = chunk
        choice = choices[0] if isinstance(choices, list) and choices else None
        return self._add_choice(choice) if isinstance(choice, dict) else None

    def end(self, *, done: bool) -> None:
        """End a reply that has no finish_reason: it is complete if everything else says so.

        done: whether the server has marked the end of the stream.
        """
        anything = self.calls or self._details or not self._text.empty or self._text.call_text or self._refusal
        ended = done or self._whole or self._last_usage
        if self.finish_reason is None and anything and ended and self._calls.complete:
            self.finish_reason = "tool_calls" if self.calls else "stop"

    def _add_choice(self, choice: JsonObject) -> str | None:
        delta = choice.get("delta")
        streamed = isinstance(delta, dict)
        if not streamed:
            delta = choice.get("message")
            self._whole = self._whole or isinstance(delta, dict)
        added: str | None = None
        if isinstance(delta, dict):
            added = self._add_delta(delta, streamed)
        elif isinstance(choice.get("text"), str) and choice["text"]:
            added = self._add_text(choice["text"])
        if finish := choice.get("finish_reason"):
            reason = untrusted.text(finish, _NAME_LENGTH) or "stop"
            self.finish_reason = finish_reasons.named(reason)
            self.native_finish_reason = untrusted.text(choice.get("native_finish_reason")) or reason
            added = (added or "") + self._shown(self._text.finish(called=self.calls), last=True)
            if self.finish_reason == "error" and self.error is None:
                error = choice.get("error")
                self.error = error if isinstance(error, dict) else {"message": "the provider ended with an error"}
        return added

    def _add_delta(self, delta: JsonObject, streamed: bool) -> str | None:
        content = delta.get("content")
        if isinstance(content, str) and delta.keys() <= _WORDS:
            return self._add_text(content) if content else None
        added: str | None = None
        if isinstance(details := delta.get("reasoning_details"), list) and details:
            self._add_details(details, streamed)
            added = ""
        for key in _REASONING_KEYS:
            if isinstance(reasoning := delta.get(key), str) and reasoning:
                self._add_reasoning(key, reasoning)
                added = ""
        if isinstance(tool_calls := delta.get("tool_calls"), list) and tool_calls:
            for position, entry in enumerate(tool_calls):
                if isinstance(entry, dict):
                    self._calls.add(entry, None if streamed else position, self._limited)
            added = ""
        elif isinstance(function := delta.get("function_call"), dict) and function:
            # The form before there were several calls.
            self._calls.add({"function": function}, None, self._limited)
            added = ""
        if isinstance(refusal := delta.get("refusal"), str) and refusal:
            self._refusal.append(self._limited(refusal))
            added = ""
        if isinstance(content, str):
            return self._add_text(content) if content else added
        if isinstance(content, list | dict) and content:
            return self._add_parts(content if isinstance(content, list) else [content])
        return added

    def _add_parts(self, parts: Iterable[Any]) -> str:
        """Add content that is a list of parts, as OpenAI defines it for requests and Mistral sends it."""
        shown = ""
        for part in parts:
            if isinstance(part, str):
                shown += self._add_text(part)
                continue
            if not isinstance(part, dict):
                continue
            kind = str(part.get("type", "text"))
            text = part.get("text", part.get("content", ""))
            if "think" in kind or "reason" in kind:
                thought = part.get("thinking", part.get("reasoning", text))
                for each in thought if isinstance(thought, list) else [thought]:
                    words = each.get("text") if isinstance(each, dict) else each
                    if isinstance(words, str) and words:
                        self._add_reasoning("", words)
            elif isinstance(text, str) and text:
                shown += self._add_text(text)
        return shown

    def _add_reasoning(self, key: str, reasoning: str) -> None:
        kept = self._limited(reasoning)
        if key == RETURNED_KEY:
            self._returned.append(kept)
        self.reasoning.append(kept)

    def _limited(self, text: str) -> str:
        """Count a text towards MAX_CHARACTERS and return the part of it that is within the limit."""
        before = self.size
        self.size += len(text)
        return text if self.size <= MAX_CHARACTERS else text[: max(0, MAX_CHARACTERS - before)]

    def _add_text(self, content: str) -> str:
        content = self._limited(content)
        return self._shown(self._text.feed(content)) if content else ""

    def _shown(self, content: str, *, last: bool = False) -> str:
        """Return what people may see of text that has become certain."""
        if self._holds is None and content:
            thinks = self.model in self._known_unopened or _THINKS.search(self.model) is not None
            self._holds = thinks and not (self.reasoning or self._details or self._text.reasoning)
        if self._holds:
            certain = last or self._text.reasoning or self.reasoning or self.calls
            if not certain:
                return ""
            self._holds, self._text.withdrawn = False, False
            content = "".join(self._text.visible)
        if not content:
            return ""
        if self._half or not content.isascii():
            # A surrogate pair that is split between two chunks is returned with the second.
            content = self._half + content
            self._half = content[-1] if "\ud800" <= content[-1] <= "\udbff" else ""
            content = valid_unicode(content[:-1] if self._half else content)
        return content

    def _add_details(self, details: Iterable[Any], streamed: bool) -> None:
        for entry in details:
            if not isinstance(entry, dict):
                continue
            try:
                self.size += text_length(entry)
            except RecursionError:  # nested too deeply: no provider would accept it back
                continue
            if self.size > MAX_CHARACTERS:
                continue
            last = self._details[-1] if self._details else None
            if streamed and last is not None and last.continued_by(entry):
                last.add(entry)
            else:
                self._details.append(Reasoning(entry))

    def reply(self, is_taken: Callable[[str], bool] = lambda _: False, tools: OfferedTools | None = None) -> Reply:
        """Return the complete reply. A call whose id is missing, unusable or not unique gets a new one, also where
        reasoning details refer to it.

        Args:
            is_taken: returns whether the conversation already has a call with this id. Some providers number their
                calls from 0 in every reply, and others require ids that are unique in the whole conversation.
            tools: the request's tools, by which calls are recognised that are named or written in an unusual way.
        """
        tools = tools or OfferedTools()
        finish = "length" if self.size > MAX_CHARACTERS else self.finish_reason or ""
        self._text.finish(MAX_CHARACTERS, called=self.calls)
        unreadable = self._read_calls_in_text(tools)
        if self.finish_reason in ("length", "content_filter"):
            self._calls.cut_off()
        content = valid_unicode("".join(self._text.visible)) or valid_unicode("".join(self._refusal))
        message: JsonObject = {"role": "assistant", "content": content}
        calls = self._calls.finished(is_taken, tools)
        if calls:
            message["content"] = content if content.strip() else None
            message["tool_calls"] = [call.entry for call in calls]
            if self._returned:
                message[RETURNED_KEY] = valid_unicode("".join(self._returned))
        if self._details:
            details = serializable(detail.finished() for detail in self._details)
            message["reasoning_details"] = renamed(details, _new_ids(calls))
        invalid = {call.id: call.invalid for call in calls if call.invalid is not None}
        usage = self.usage
        about = (finish, self.model, self.provider, usage, invalid, self.left_out, unreadable)
        return Reply(message, *about, context_tokens=usage.prompt_tokens + usage.completion_tokens)

    def _read_calls_in_text(self, tools: OfferedTools) -> bool:
        """Turn calls that were written as text into calls. Returns whether there is one that cannot be read."""
        visible = "".join(self._text.visible)
        written = "".join(self._text.call_text)
        begins_line = self._text.call_begins_line
        if not written and not self.calls and (bare := _BARE.fullmatch(visible)):
            # All of the reply is a code block, or looks like a call: only what is certainly one is taken out of it.
            text = bare[1] or bare[2]
            json_like = bare[1] is not None or bare[2].startswith("[")
            found = calls_in_text.read(text, tools, begins_line=True, called=False).calls if json_like else ()
            if found := found or [calls_in_text.WrittenCall(*each) for each in python_calls.read(text, tools)]:
                self._text.visible = []
                self._add_written(found)
            return False
        if not written:
            return False
        found = calls_in_text.read(written, tools, begins_line=begins_line, called=self.calls)
        if found.text:
            again = split(found.text, separate_calls=False)
            self._text.visible = [visible, *again.visible]
        self._add_written(found.calls)
        return found.unreadable

    def _add_written(self, calls: Iterable[calls_in_text.WrittenCall]) -> None:
        for number, call in enumerate(calls):
            function = {"name": call.name, "arguments": call.arguments}
            self._calls.add({"function": function}, number, lambda text: text)


_BARE: Final = re.compile(
    r"\s*```(?:json|tool_call|tool_code|python)?\s*\n(\s*[\[{<a-z_].*)\n\s*```\s*|\s*(?:functools(?=\[))?([\[a-z_].*)",
    re.DOTALL | re.IGNORECASE,
)


def _new_ids(calls: Iterable[AssembledCall]) -> dict[str, list[str]]:
    """Return the ids of the calls in the message, by the model's own ids, if any was replaced."""
    found: dict[str, list[str]] = {}
    for call in calls:
        found.setdefault(call.replaced or call.id, []).append(call.id)
    return {old: new for old, new in found.items() if new != [old]}


def _usage(usage: JsonObject) -> Usage:
    return Usage(
        prompt_tokens=untrusted.count(usage.get("prompt_tokens")),
        completion_tokens=untrusted.count(usage.get("completion_tokens")),
        cached_tokens=untrusted.count(untrusted.mapping(usage.get("prompt_tokens_details")).get("cached_tokens")),
        cost=untrusted.amount(usage.get("cost")),
        reported=isinstance(usage.get("cost"), int | float),
    )
