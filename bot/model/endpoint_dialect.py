"""Leaves out of requests what an OpenAI-compatible endpoint does not accept, as learnt from its errors. Pure.

OpenRouter's own fields are ignored by most servers and refused by strict ones (FastAPI with `extra: forbid`, Mistral,
Groq, OpenAI, gateways), and so are some that newer versions of OpenAI's API have. The words are those of vLLM, Ollama,
llama.cpp's server, LM Studio, Groq, Mistral, Fireworks, NVIDIA NIM and OpenAI.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Sequence
from typing import Any, Final

from bot.core import untrusted
from bot.core.json_text import JsonObject
from bot.core.transcript import Transcript
from bot.core.untrusted import items, mapping, parsed

LEFT_OUT: Final = "[left out: the model can only read text]"
"""Takes the place of an image or another file that the model's server refuses."""
_NEEDED: Final = frozenset({"model", "messages", "stream", "tools"})
_OF_MESSAGES: Final = ("reasoning_details", "reasoning_content", "reasoning", "cache_control", "name", "refusal")
"""Fields of messages that can be left out."""
_COMMON: Final = frozenset({"models", "usage", "user", "provider", "reasoning", "name", "refusal", "route"})
"""Fields whose names are also words of prose: they count only where the error marks them as names."""
_REFUSES: Final = re.compile(
    r"extra (inputs?|fields?|parameters?|propert\w+|keys?)|extra_forbidden|additional ?propert|forbidden"
    r"|un(recogni[sz]ed|known|expected|supported)|(not|n't|no longer) (be )?(a )?(recogni[sz]ed?|known|expect\w*"
    r"|support\w*|permit\w*|allow\w*|accept\w*|exist|valid|available|specified|used)|invalid"
    r"|requires? (the )?--|should not|must not|no such",
    re.IGNORECASE,
)
_NO_MODEL: Final = re.compile(
    r"model\b['\"`\])}]*.{0,40}(required|missing|must (be|not)|empty)"
    r"|(provide|specify|missing) (a |the )?['\"`]?model\b|model ['\"`]{2} not found"
    r"|required.{0,20}['\"`]model['\"`]",
    re.IGNORECASE,
)
_ONE_TEXT: Final = re.compile(
    r"expected a string|(must|should|has to|needs to) be a (valid )?string|must contain string|str type expected"
    r"|cannot unmarshal array|string_type|not a (valid )?string|unsupported content part|content part type"
    r"|invalid message content type|invalid content type|invalid type: sequence|got an? (array|list)",
    re.IGNORECASE,
)
_NO_FILES: Final = re.compile(
    r"(image|vision|multi-?modal|audio|video|input_audio|image_url|file)[\w\s'\"`-]{0,60}(not|n't|un)[ -]?(be )?"
    r"(support|accept|allow|available|process|read)|(not|n't) (support|accept|allow|have)[\w\s'\"`-]{0,40}"
    r"(image|vision|multi-?modal|audio|video|file)|not a multi-?modal|text-only|mmproj|no vision|without vision"
    r"|allowed values: \[.text|unknown variant ['\"`]?(image|input_audio|file)|missing data required for image"
    r"|at most 0 (image|audio|video)|unsupported content part|no endpoints found that support (image|file|audio|video)",
    re.IGNORECASE,
)
_NO_NULL: Final = re.compile(
    r"content.{0,80}(\bnull\b|\bnone\b|<?nil>?)|(\bnull\b|\bnone\b|<nil>).{0,40}content|content.{0,20}(is )?required"
    r"|missing ['\"`]?content",
    re.IGNORECASE,
)
_OF_A_MESSAGE: Final = re.compile(r"messages?\W{1,6}\d+[^{}\n;]{0,100}\Z|role\W{1,4}assistant[^\n;]{0,120}\Z")
_SAYS_NOTHING: Final = re.compile(
    r"\W*((bad|invalid|malformed)[ _]request([ _]?(error|format|body|payload))?|unprocessable( (entity|content))?"
    r"|validation (error|failed)|invalid (json )?(body|payload|parameters?|arguments?|input))?\W*\Z"
    r"|.{0,200}(extra (inputs|fields)|additional ?propert|unknown (field|parameter|argument|propert)"
    r"|un(recogni[sz]ed|expected|supported) (request )?(field|parameter|argument|propert|key|keyword)).{0,200}\Z",
    re.IGNORECASE | re.DOTALL,
)
_WANTED: Final = re.compile(
    r"signature|encrypt|verif|thinking.{0,3} block|reasoning\w*\W.{0,60}(missing|required|must be|passed back)"
    r"|missing.{0,20}reasoning",
    re.IGNORECASE,
)
"""An error about reasoning that is wrong or missing, which is not one about a field that is unknown."""
_PARTS: Final = (b'"content":[', b'"content": [')
_NULLS: Final = (b'"content":null', b'"content": null')
_FILES: Final = (b'"image_url"', b'"input_audio"', b'"file_data"', b'"video_url"')
_MAX_HEADS: Final = 20
_SHORT: Final = 500
"""Characters of an error that gives no reason, at most."""


class EndpointDialect:
    """What one endpoint accepts, for the life of the process."""

    def __init__(self) -> None:
        self._without: set[str] = set()
        """Fields of the request."""
        self._renamed: dict[str, str] = {}
        self._without_in_messages: set[str] = set()
        self._tool_texts = False
        """Whether the content of tool messages has to be a text."""
        self._texts: set[str] = set()
        """Models of which all content has to be text."""
        self._no_nulls = False
        self._heads: dict[tuple[str, bool], str] = {}
        self.accepted_all = False
        """Whether the endpoint has accepted a request from which nothing was left out."""

    @property
    def untouched(self) -> bool:
        """Whether requests are sent as they are."""
        fields = self._without or self._renamed or self._without_in_messages
        return not (fields or self._tool_texts or self._texts or self._no_nulls)

    @property
    def without_marks(self) -> bool:
        """Whether nothing may be marked for the prompt cache."""
        return "cache_control" in self._without_in_messages

    def head(self, head: str, *, plain: bool = False) -> str:
        """Return the JSON text of a request's fields, all but the messages, as the endpoint accepts them.

        plain: leave out everything that a request can do without.
        """
        if not plain and not self._without and not self._renamed:
            return head
        if (found := self._heads.get((head, plain))) is None:
            if len(self._heads) >= _MAX_HEADS:
                self._heads.clear()
            fields = mapping(parsed(head))
            without = fields.keys() - _NEEDED if plain else self._without
            if "models" in without and "model" not in fields:
                fields = {"model": next(iter(items(fields.get("models"))), ""), **fields}
            kept = {self._renamed.get(key, key): value for key, value in fields.items() if key not in without}
            found = self._heads[head, plain] = untrusted.dumps(kept)
        return found

    def learn_plain(self, head: str) -> None:
        """Remember that a request was accepted without what it can do without."""
        self._without |= mapping(parsed(head)).keys() - _NEEDED
        self._without_in_messages.update(_OF_MESSAGES)
        self._heads.clear()

    def needs_changes(self, messages: Transcript, model: str, *, plain: bool = False) -> bool:
        """Return whether `changed` would change these messages."""
        fields = any(_has(messages, key) for key in self._unwanted(plain=plain))
        parts = (self._tool_texts or model in self._texts) and _any(messages, _PARTS)
        return fields or parts or (self._no_nulls and _any(messages, _NULLS))

    def changed(self, messages: Transcript, model: str, *, plain: bool = False) -> Transcript:
        """Return the messages as the endpoint accepts them.

        model: the first that the request names. plain: as for `head`.
        """
        unwanted, all_texts = self._unwanted(plain=plain), model in self._texts
        pairs = zip(messages.positions, messages, strict=True)
        return Transcript((at, self._changed(message, unwanted, all_texts=all_texts)) for at, message in pairs)

    def _unwanted(self, *, plain: bool) -> Collection[str]:
        return _OF_MESSAGES if plain else self._without_in_messages

    def _changed(self, message: str, unwanted: Collection[str], *, all_texts: bool) -> str:
        found: JsonObject = json.loads(message)
        before = dict(found)
        for key in unwanted:
            found.pop(key, None)
        content = found.get("content")
        if isinstance(content, list):
            if "cache_control" in unwanted:
                content = found["content"] = [_without(part, "cache_control") for part in content]
            if all_texts or (self._tool_texts and found.get("role") == "tool"):
                found["content"] = as_text(content)
        elif content is None and self._no_nulls and "content" in found:
            found["content"] = ""
        return message if found == before else json.dumps(found, ensure_ascii=False, separators=(",", ":"))

    def learn(self, head: str, messages: Transcript, words: str) -> Sequence[str]:
        """Find what an error is about, and leave it out from now on.

        head, messages: of the request that was refused, as they were sent. words: the endpoint's error message.

        Returns what is left out from now on, described for the log; nothing if the error is about something else.
        """
        fields = mapping(parsed(head))
        return [*self._learn_fields(fields, messages, words), *self._learn_contents(fields, messages, words)]

    def _learn_fields(self, fields: JsonObject, messages: Transcript, words: str) -> Iterator[str]:
        if "models" in fields and "model" not in fields and "models" not in self._without and _NO_MODEL.search(words):
            self._leave_out("models")
            yield "models"
        if not _REFUSES.search(words):
            return
        if "max_tokens" in fields and "max_completion_tokens" in words:
            self._renamed["max_tokens"] = "max_completion_tokens"
            self._heads.clear()
            yield "max_tokens"
            return
        of_messages = [key for key in _OF_MESSAGES if "reasoning" not in key or not _WANTED.search(words)]
        for key in (*(fields.keys() - _NEEDED), *of_messages):
            in_messages = key in of_messages and key not in self._without_in_messages and _has(messages, key)
            for place in _places(key, words):
                of_message = _OF_A_MESSAGE.search(words[max(0, place - 200) : place]) is not None
                if in_messages and (of_message or key not in fields):
                    self._without_in_messages.add(key)
                    yield f"{key} of messages"
                    break
                if not of_message and key in fields and key not in self._without:
                    self._leave_out(key)
                    yield key
                    break

    def _learn_contents(self, fields: JsonObject, messages: Transcript, words: str) -> Iterator[str]:
        model = model_of(fields)
        if model not in self._texts and _any(messages, _PARTS):
            of_tools = not self._tool_texts and any('"tool_call_id"' in text and _has_parts(text) for text in messages)
            if _any(messages, _FILES) and _NO_FILES.search(words):
                self._texts.add(model)
                yield "everything but text"
            elif _ONE_TEXT.search(words):
                if of_tools:
                    self._tool_texts = True
                else:
                    self._texts.add(model)
                yield "lists of parts in tool results" if of_tools else "lists of parts"
        if not self._no_nulls and _any(messages, _NULLS) and _NO_NULL.search(words):
            self._no_nulls = True
            yield "null as content"

    def _leave_out(self, key: str) -> None:
        self._without.add(key)
        self._heads.clear()


def says_nothing(words: str) -> bool:
    """Return whether an error does not say what is wrong with a request, or which of its fields is unknown."""
    return len(words) <= _SHORT and _SAYS_NOTHING.match(words) is not None


def model_of(fields: JsonObject) -> str:
    """Return the first model that a request names."""
    return str(fields.get("model") or next(iter(items(fields.get("models"))), ""))


def as_text(parts: Sequence[Any]) -> str:
    """Return content that is a list of parts as one text."""
    found: list[str] = []
    for part in parts:
        text = part if isinstance(part, str) else mapping(part).get("text")
        said = text if isinstance(text, str) else LEFT_OUT
        if said != LEFT_OUT or found[-1:] != [LEFT_OUT]:
            found.append(said)
    return "\n".join(found)


def _places(key: str, words: str) -> Iterator[int]:
    """Yield where an error names a field."""
    name = re.escape(key)
    if key in _COMMON:
        pattern = (
            rf"['\"`]{name}['\"`]|\bbody\W{{1,8}}{name}\b|\b(argument|parameter|field|property|key|input|keyword)s?"
            rf"( supplied| name)?\W{{1,4}}{name}\b"
            rf"|(^|[\n;.\]])\W{{0,3}}{name}\W{{1,4}}(extra|is not|not|unknown|un\w+ed)"
        )
    else:
        pattern = rf"(?<![\w-]){name}(?![\w-])"
    yield from (match.start() for match in re.finditer(pattern, words, re.IGNORECASE))


def _has(messages: Transcript, key: str) -> bool:
    """Return whether a message may have a field. It may also be one within a field."""
    return messages.has(f'"{key}"'.encode())


def _any(messages: Transcript, texts: Sequence[bytes]) -> bool:
    return any(messages.has(text) for text in texts)


def _has_parts(message: str) -> bool:
    return any(text.decode() in message for text in _PARTS)


def _without(part: Any, key: str) -> Any:
    return {name: value for name, value in part.items() if name != key} if isinstance(part, dict) else part
