"""Reads tool calls that a model has written as text, in the formats of the models' chat templates. Pure.

Read are Hermes and Qwen (`<tool_call>{…}`), Qwen Coder and Llama (`<function=…>`), GLM (`<arg_key>`), Anthropic,
MiniMax and DeepSeek 3.2 (`<invoke name=…>`), DeepSeek 3 (`<｜tool▁call▁begin｜>`), Kimi (`<|tool_call_begin|>`),
Mistral (`[TOOL_CALLS]`), Gemma 4 (`call:name{…}`), Harmony (`to=functions.…`), and JSON by itself.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from bot.core.json_text import JsonObject
from bot.model.call_arguments import MAX_REPAIRED_CHARS, repaired, text_of
from bot.model.call_assembly import MAX_ACCEPTED_CALLS
from bot.model.offered_tools import OfferedTools

_SPACE_NAME: Final = r"(?:[a-z]{1,12}:|[|｜]dsml[|｜])?"
_BETWEEN: Final = re.compile(
    rf"\s+|[;,]|</?{_SPACE_NAME}(?:tool_?calls?|function_?calls?|tool_use|tool_code|start_function_call)>"
    r"|</?tools?>|```(?:json)?|\[/?TOOL_CALLS\]|<\|(?:start|channel)\|>(?:assistant)?"
    r"|<[|｜](?!tool[▁_ ]call[▁_ ]begin)[^<>|｜]{0,12}tool[^<>|｜]{1,40}[|｜]>|<\|tool_call>|<tool_call\|>"
    r"|<\|(?:call|end|im_end|eot_id|eom_id|return|python_tag|start_action|end_action)\|>|<｜end▁of▁sentence｜>",
    re.IGNORECASE,
)
"""Marks around calls, without a meaning of their own."""
_INVOKE: Final = re.compile(
    rf"<{_SPACE_NAME}invoke\s+name=[\"']?([^\"'<>]{{1,200}})[\"']?\s*>(.*?)</{_SPACE_NAME}invoke>",
    re.IGNORECASE | re.DOTALL,
)
_PARAMETER: Final = re.compile(
    rf"<{_SPACE_NAME}parameter\s+name=[\"']?([^\"'<>]{{1,200}}?)[\"']?(\s[^<>]{{0,100}})?>(.*?)</{_SPACE_NAME}parameter>",
    re.IGNORECASE | re.DOTALL,
)
_FUNCTION: Final = re.compile(r"<function=([^<>]{1,200})>(.*?)</function>", re.IGNORECASE | re.DOTALL)
_FUNCTION_PARAMETER: Final = re.compile(r"<parameter=([^<>]{1,200})>(.*?)</parameter>", re.IGNORECASE | re.DOTALL)
_DEEPSEEK: Final = re.compile(
    r"<[|｜]tool[▁_ ]call[▁_ ]begin[|｜]>(?:function<[|｜]tool[▁_ ]sep[|｜]>)?([^<>\n]{1,200}?)"
    r"(?:<[|｜]tool[▁_ ]sep[|｜]>|\s*\n)(.*?)<[|｜]tool[▁_ ]call[▁_ ]end[|｜]>",
    re.IGNORECASE | re.DOTALL,
)
_KIMI: Final = re.compile(
    r"<\|tool_call_begin\|>([^<>]{1,200})<\|tool_call_argument_begin\|>(.*?)<\|tool_call_end\|>",
    re.IGNORECASE | re.DOTALL,
)
_HARMONY: Final = re.compile(
    r"(?:assistant)?(?:commentary|analysis)?\s*to=functions\.([\w.-]{1,200})"
    r"(?:\s*<\|channel\|>\s*(?:commentary|analysis))?\s*(?:<\|constrain\|>)?\s*(?:json|code)?\s*(?:<\|message\|>)?\s*(?=\{)",
    re.IGNORECASE,
)
_MISTRAL: Final = re.compile(
    r"(?:\[TOOL_CALLS\])\s*([\w.-]{1,200})\s*(?:\[CALL_ID\]\w{1,40})?\s*(?:\[ARGS\])?\s*(?=\{)", re.IGNORECASE
)
_GEMMA: Final = re.compile(r"call:([\w.-]{1,200})(?=\{)", re.IGNORECASE)
_GEMMA_END: Final = "<tool_call|>"
_GEMMA_QUOTE: Final = '<|"|>'
_GEMMA_KEY: Final = re.compile(r"([{,]\s*)([\w.-]{1,200})(?=\s*:)")
_GLM: Final = re.compile(r"<tool_call>\s*([\w.-]{1,200})\s*(?=<arg_key>|</tool_call>)", re.IGNORECASE)
_GLM_END: Final = "</tool_call>"
_GLM_PARAMETER: Final = re.compile(r"<arg_key>(.*?)</arg_key>\s*<arg_value>(.*?)</arg_value>", re.DOTALL)
_JSON: Final = json.JSONDecoder(strict=False)
_NAME_KEYS: Final = ("name", "tool_name", "tool", "function_name", "recipient_name")
_ARGUMENT_KEYS: Final = ("arguments", "parameters", "args", "input", "params", "tool_input")
_OTHER_KEYS: Final = frozenset(("id", "type", "tool_call_id", "call_id", "index"))
_RESULTS: Final = re.compile(
    r"<[^<>]{0,20}(?:tool_(?:response|result|output)|function_result|tool▁output)", re.IGNORECASE
)
"""A result that a model has invented after its call."""
_MAX_PROSE: Final = 200
"""Characters after a call: with more than that, the reply is taken for a text about calls."""
_OPENER: Final = re.compile(
    r"(?:<[^<>]{0,60}>|\[TOOL_CALLS\])\s*(?:[\[{<]|[\w.-]*\s*\Z|[\w.:-]+\s*[<{])|<function=|<[^<>]{0,20}invoke\s+name="
    r"|<[^<>]{0,200}\Z|<\|channel\|>|(?:assistant)?(?:commentary|analysis)?\s*to=functions",
    re.IGNORECASE,
)
"""The beginning of a text that is more than the mention of a tag."""


@dataclass(frozen=True, slots=True)
class WrittenCall:
    """A call that was written as text."""

    name: str
    arguments: str
    """As the model wrote them, or as JSON text made of its parameters."""


@dataclass(frozen=True, slots=True)
class CallsInText:
    """The content of a text that begins like a call."""

    calls: tuple[WrittenCall, ...] = ()
    """The calls, if they can be read in one way only and nothing follows them."""
    text: str = ""
    """The text, if it is not a call but about one."""
    unreadable: bool = False
    """It is a call that cannot be read, or that should not be."""


def read(text: str, tools: OfferedTools, *, begins_line: bool, called: bool) -> CallsInText:
    """Return the content of a text that begins like a call.

    begins_line: whether the text begins a line. called: whether the reply has calls besides; what is written is then
    dropped if it looks like a call.
    """
    found, rest = _calls(text[:MAX_REPAIRED_CHARS], tools)
    rest += text[MAX_REPAIRED_CHARS:]
    is_json = text.lstrip()[:1] in ("{", "[") and not text.lstrip()[:12].upper().startswith("[TOOL_CALLS]")
    names = [tools.resolve(call.name) for call in found]
    if not found:
        looks = _OPENER.match(text.lstrip()) is not None and not is_json
        return CallsInText(unreadable=not called) if looks and (begins_line or called) else CallsInText(text=text)
    if is_json and not all(names):
        return CallsInText(text=text)
    hallucinated = _RESULTS.search(rest) is not None
    if rest.strip() and not hallucinated and (not all(names) or len(rest) > _MAX_PROSE or is_json):
        return CallsInText(text=text)
    if called:
        return CallsInText()
    valid = all(names) and not rest.strip() and all(repaired(call.arguments, call.name) for call in found)
    if not valid or (not begins_line and not is_json):
        return CallsInText(unreadable=True)
    return CallsInText(
        calls=tuple(WrittenCall(name or "", call.arguments) for name, call in zip(names, found, strict=True))
    )


def _calls(text: str, tools: OfferedTools) -> tuple[list[WrittenCall], str]:
    """Return the calls at the beginning of a text, and what follows them."""
    found: list[WrittenCall] = []
    at = 0
    while at < len(text) and len(found) <= MAX_ACCEPTED_CALLS:
        for form in _FORMS:
            if (read := form(text, at, tools)) is not None:
                calls, at = read
                found += calls
                break
        else:
            between = _BETWEEN.match(text, at)
            if between is None:
                break
            at = between.end()
    return found, text[at:]


Read = tuple[list[WrittenCall], int]


def _invoke(text: str, at: int, tools: OfferedTools) -> Read | None:
    found = _INVOKE.match(text, at)
    if found is None:
        return None
    name, body = found[1].strip(), found[2]
    values: JsonObject = {}
    schema = tools.parameters(tools.resolve(name) or "")
    for each in _PARAMETER.finditer(body):
        is_text = 'string="true"' in (each[2] or "")
        values[each[1]] = each[3] if is_text else _value(each[3], schema.get(each[1]))
    if not values and body.strip():
        return [WrittenCall(name, body.strip())], found.end()
    return [WrittenCall(name, text_of(values))], found.end()


def _function(text: str, at: int, tools: OfferedTools) -> Read | None:
    found = _FUNCTION.match(text, at)
    if found is None:
        return None
    name, body = found[1].strip(), found[2]
    schema = tools.parameters(tools.resolve(name) or "")
    pairs = _FUNCTION_PARAMETER.findall(body)
    values = {key.strip(): _value(_one_line_less(value), schema.get(key.strip())) for key, value in pairs}
    return [WrittenCall(name, text_of(values) if values or not body.strip() else body.strip())], found.end()


def _one_line_less(value: str) -> str:
    """Return a value without the line break that the template puts before and after it."""
    return value.removeprefix("\n").removesuffix("\n")


def _glm(text: str, at: int, tools: OfferedTools) -> Read | None:
    found = _GLM.match(text, at)
    end = -1 if found is None else text.find(_GLM_END, found.end())
    if found is None or end < 0:
        return None
    schema = tools.parameters(tools.resolve(found[1]) or "")
    pairs = _GLM_PARAMETER.findall(text, found.end(), end)
    values = {key.strip(): _value(value, schema.get(key.strip())) for key, value in pairs}
    return [WrittenCall(found[1], text_of(values))], end + len(_GLM_END)


def _gemma(text: str, at: int, tools: OfferedTools) -> Read | None:
    """Read Gemma 4's form, in which keys have no quotation marks and texts have special tokens around them."""
    found = _GEMMA.match(text, at)
    if found is None:
        return None
    end = text.find(_GEMMA_END, found.end())
    pieces = text[found.end() : end if end >= 0 else len(text)].split(_GEMMA_QUOTE)
    written = "".join(
        json.dumps(piece) if number % 2 else _GEMMA_KEY.sub(r'\1"\2"', piece) for number, piece in enumerate(pieces)
    )
    decoded = _decoded(written, 0)
    if end < 0 or decoded is None or not isinstance(decoded[0], dict) or written[decoded[1] :].strip():
        return None
    return [WrittenCall(found[1], text_of(decoded[0]))], end


def _marked(pattern: re.Pattern[str]) -> Callable[[str, int, OfferedTools], Read | None]:
    """Return the reader of a form with a name and JSON between marks."""

    def form(text: str, at: int, tools: OfferedTools) -> Read | None:
        found = pattern.match(text, at)
        return None if found is None else ([WrittenCall(found[1].strip(), found[2].strip())], found.end())

    return form


def _headed(pattern: re.Pattern[str]) -> Callable[[str, int, OfferedTools], Read | None]:
    """Return the reader of a form with a name before a JSON object."""

    def form(text: str, at: int, tools: OfferedTools) -> Read | None:
        found = pattern.match(text, at)
        decoded = None if found is None else _decoded(text, found.end())
        if found is None or decoded is None:
            return None
        return [WrittenCall(found[1], text[found.end() : decoded[1]])], decoded[1]

    return form


def _json(text: str, at: int, tools: OfferedTools) -> Read | None:
    decoded = _decoded(text, at) if text[at] in "{[" else None
    if decoded is None:
        return None
    value, end = decoded
    if isinstance(value, dict) and isinstance(value.get("tool_calls"), list) and len(value) == 1:
        value = value["tool_calls"]
    found = [_written(each) for each in (value if isinstance(value, list) else [value])]
    return ([each for each in found if each is not None], end) if found and all(found) else None


def _written(value: Any) -> WrittenCall | None:
    """Return the call that a JSON value is; None if it is not one."""
    if not isinstance(value, dict):
        return None
    if isinstance(inner := value.get("function"), dict) and value.keys() - {"function"} <= _OTHER_KEYS:
        return _written(inner)
    name_key = next((key for key in (*_NAME_KEYS, "function") if isinstance(value.get(key), str)), None)
    argument_key = next((key for key in _ARGUMENT_KEYS if key in value), None)
    if name_key is None or argument_key is None or value.keys() - {name_key, argument_key} - _OTHER_KEYS:
        return None
    arguments = value[argument_key]
    return WrittenCall(value[name_key], arguments if isinstance(arguments, str) else text_of(arguments))


def _decoded(text: str, at: int) -> tuple[Any, int] | None:
    try:
        return _JSON.raw_decode(text, at)
    except (ValueError, RecursionError):
        return None


def _value(raw: str, schema: object) -> Any:
    """Return a parameter that was written without quotation marks as a value of the type that the schema wants."""
    wanted = schema.get("type") if isinstance(schema, Mapping) else None
    if wanted == "string":
        return raw
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        return raw


_FORMS: Final[tuple[Callable[[str, int, OfferedTools], Read | None], ...]] = (
    _invoke,
    _function,
    _glm,
    _gemma,
    _marked(_DEEPSEEK),
    _marked(_KIMI),
    _headed(_HARMONY),
    _headed(_MISTRAL),
    _json,
)
