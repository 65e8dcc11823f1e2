"""A request as it is sent: without what the endpoint or the provider behind it has refused before.

What is learnt is kept for the life of the process, and belongs to the endpoint, except for reasoning, which only the
provider that signed it accepts: that is left out of one session.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Final

from bot.core import untrusted
from bot.core.json_text import JsonObject
from bot.core.ports.model import ModelRequest
from bot.core.transcript import Transcript
from bot.core.untrusted import items, mapping, parsed
from bot.errors import ContextTooLong, ModelRefused, ModelUnavailable, ModelUnknown
from bot.model import cache_marks
from bot.model.endpoint_dialect import EndpointDialect, model_of, says_nothing
from bot.model.failures import Failure
from bot.model.refused_tools import RefusedTools
from bot.model.tool_search import accepted_of
from bot.pace import offload

log = logging.getLogger(__name__)

_REASONING: Final = b'"reasoning_'
_REASONING_KEYS: Final = ("reasoning", "reasoning_content", "reasoning_details")
_MAX_HEALED: Final = 1_000
_MAX_CHANGES: Final = 30
"""Of one request. A strict server may name one of its fields after the other."""
_PROBE: Final = Transcript([(0, '{"role":"user","content":"Reply with the word OK."}')])
_PROBE_TOKENS: Final = 16
"""The least that OpenAI's models accept."""

Heads = Callable[[str], str]
"""Returns the JSON text of the request's fields, all but the messages, with these tools."""
Send = Callable[[bytes], Awaitable[Failure | None]]
"""Sends the body of a request whose reply does not matter. Returns how it failed."""


class SearchFailed(Exception):
    """The search for a refused tool ended for another reason."""

    def __init__(self, failure: Failure) -> None:
        self.failure = failure
        super().__init__(failure.error.detail)


class Learnt:
    """What one endpoint and the providers behind it have refused."""

    def __init__(self) -> None:
        self.tools = RefusedTools()
        self.dialect = EndpointDialect()
        self.searching = asyncio.Lock()
        self._healed: OrderedDict[str, int] = OrderedDict()
        """By session, the position up to which a provider has rejected the reasoning; the newest ones."""

    def healed(self, session_id: str) -> int:
        """Return the position up to which the reasoning is left out of a session; -1 if none is."""
        return self._healed.get(session_id, -1)

    def heal(self, session_id: str, upto: int) -> None:
        """Leave the reasoning so far out of the later requests of a session, too."""
        if session_id:
            self._healed[session_id] = upto
            self._healed.move_to_end(session_id)
        if len(self._healed) > _MAX_HEALED:
            self._healed.popitem(last=False)


class AdaptedRequest:
    """One request, which is changed after each refusal that a change may help against."""

    def __init__(self, request: ModelRequest, learnt: Learnt, heads: Heads) -> None:
        self._request, self._learnt, self._heads = request, learnt, heads
        self._healed = max(learnt.healed(request.session_id), request.others_until)
        self._plain = False
        self._searched = False
        self._changes = 0
        self._messages = request.messages
        self._tools = request.tools

    async def body(self) -> bytes:
        """Return the body to send."""
        self._tools = self._learnt.tools.without(self._request.tools)
        head = self._head()
        self._messages = await self._acceptable(head)
        return body_of(head, self._messages)

    def accepted(self) -> None:
        """The endpoint has accepted the last body."""
        if self._plain:
            self._learnt.dialect.learn_plain(self._heads(self._tools))
            log.warning("the model's endpoint accepts none of OpenRouter's own fields, which are left out from now on")
        elif self._learnt.dialect.untouched:
            self._learnt.dialect.accepted_all = True

    async def change(self, failure: Failure, send: Send) -> bool:
        """Return whether the request was changed so that it may succeed now, after a failure of the last body.

        send: for requests that find out which tool is refused. Raises SearchFailed if one of them fails otherwise.
        """
        self._changes += 1
        if self._changes > _MAX_CHANGES:
            return False
        # What is below ModelRefused is known to be about something else.
        of_request = type(failure.error) in (ModelRefused, ModelUnavailable, ModelUnknown) and bool(failure.words)
        known = (of_request and await self._learn_dialect(failure.words)) or self._heal(failure)
        if known or self._learn_tools(failure):
            return True
        return of_request and (self._make_plain(failure.words) or await self._search(failure, send))

    def _heal(self, failure: Failure) -> bool:
        if not failure.reasoning or not self._messages.has(_REASONING) or self._healed >= self._request.messages.last:
            return False
        log.warning("the model's provider rejects the reasoning in the history: %s", failure.error.detail)
        self._healed = self._request.messages.last
        self._learnt.heal(self._request.session_id, self._healed)
        return True

    def _learn_tools(self, failure: Failure) -> bool:
        if not failure.words or isinstance(failure.error, ContextTooLong):
            return False
        names = self._learnt.tools.learn(self._tools, failure.words)
        if names:
            _report(names, failure.error.detail)
        return bool(names)

    def _make_plain(self, words: str) -> bool:
        """Leave out everything optional if that was never accepted and the error does not say what is wrong."""
        self._plain = not self._plain and says_nothing(words) and not self._learnt.dialect.accepted_all
        return self._plain

    async def _learn_dialect(self, words: str) -> bool:
        dialect, head = self._learnt.dialect, self._head()
        # Searching a long history for lists of parts would block the event loop.
        found = await offload(self._messages.size, dialect.learn, head, self._messages, words)
        if found:
            log.warning(
                "the model's endpoint does not accept %s, left out from now on: %.300s", ", ".join(found), words
            )
        return bool(found)

    async def _search(self, failure: Failure, send: Send) -> bool:
        """Find the tools that are refused by sending them with a short conversation, and leave them out from now on."""
        if self._searched or not self._learnt.tools.may_be_meant(failure.words):
            return False
        self._searched = True
        async with self._learnt.searching:
            if self._learnt.tools.without(self._request.tools) != self._tools:
                return True  # found for another thread meanwhile
            tools: list[JsonObject] = [mapping(tool) for tool in items(parsed(self._tools))]

            async def accepts(some: Sequence[JsonObject]) -> bool:
                failed = await send(self._probe(some))
                if failed is not None and not failed.words:
                    raise SearchFailed(failed)
                return failed is None

            # Without tools, but with them all: else the error is about something else.
            if len(tools) < 2 or await accepts(tools) or not await accepts([]):
                return False
            kept = await accepted_of(tools, accepts)
            if not kept:
                return False
            names = self._learnt.tools.leave_out([tool for tool in tools if tool not in kept])
        _report(names, failure.error.detail)
        return True

    def _probe(self, tools: Sequence[JsonObject]) -> bytes:
        fields = mapping(parsed(self._heads(untrusted.dumps(list(tools)))))
        if "tool_choice" in fields:
            fields["tool_choice"] = "auto"
        fields["max_tokens"] = _PROBE_TOKENS
        return body_of(self._learnt.dialect.head(untrusted.dumps(fields)), _PROBE)

    def _head(self) -> str:
        return self._learnt.dialect.head(self._heads(self._tools), plain=self._plain)

    async def _acceptable(self, head: str) -> Transcript:
        messages, dialect = self._request.messages, self._learnt.dialect
        if self._healed >= 0 and messages.has(_REASONING):
            messages = await offload(messages.size, _without_reasoning, messages, self._healed)
        if self._request.cache_marks and not self._plain and not dialect.without_marks:
            messages = cache_marks.marked(messages)
        if dialect.untouched and not self._plain:
            return messages
        model = model_of(mapping(parsed(head)))
        if dialect.needs_changes(messages, model, plain=self._plain):
            changed = partial(dialect.changed, plain=self._plain)
            messages = await offload(messages.size, changed, messages, model)
        return messages


def body_of(head: str, messages: Transcript) -> bytes:
    """Return the body of a request, the messages last, as they change most.

    head: the JSON text of the other fields.
    """
    return messages.between(f'{head[:-1]},"messages":['.encode("utf-8", "replace"), b"]}")


def _report(names: Sequence[str], detail: str) -> None:
    log.error(
        "the model's provider refuses %s, which is not offered again until its definition changes: %s",
        ", ".join(names),
        detail,
    )


def _without_reasoning(messages: Transcript, upto: int) -> Transcript:
    """Return the messages, without the reasoning of those up to a position: only the provider that signed it accepts
    it, and another may answer."""
    pairs = zip(messages.positions, messages, strict=True)
    return Transcript((at, _strip_reasoning(message) if at <= upto else message) for at, message in pairs)


def _strip_reasoning(message: str) -> str:
    if _REASONING.decode() not in message:
        return message
    found: JsonObject = json.loads(message)
    if not any(key in found for key in _REASONING_KEYS):
        return message
    for key in _REASONING_KEYS:
        found.pop(key, None)
    return json.dumps(found, ensure_ascii=False, separators=(",", ":"))
