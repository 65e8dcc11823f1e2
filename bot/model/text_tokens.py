"""The tokens that divide the text of a reply: tags of reasoning, of calls and of messages, and marks of code.

They are those of the models' chat templates: `<think>` and its relatives, Mistral's `[THINK]`, Kimi's `◁think▷`, the
special tokens of Cohere and OpenThinker, and the channels of OpenAI's Harmony.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

_NAMES: Final = (
    r"(?:[a-z0-9]{1,12}[:_-])?(?:think(?:ing)?|thoughts?|reason(?:ing)?|analysis|reflection|scratchpad|antthinking"
    r"|(?:inner|internal)[_-]?(?:monologue|thoughts?|reasoning)|chain[_-]?of[_-]?thoughts?)"
)
_SPECIAL_NAMES: Final = r"(?:of_)?(?:thinking|thoughts?|reasoning)"
_OPEN: Final = (
    rf"<{_NAMES}\s?>|\[think\]|◁think▷|<\|(?:thinking|think|(?:begin_|start_){_SPECIAL_NAMES})\|>|<unused94>"
    r"|<\|channel>"
)
_END: Final = (
    rf"</{_NAMES}\s?>|\[/think\]|◁/think▷|<\|(?:/thinking|/think|end_{_SPECIAL_NAMES})\|>|<unused95>|<channel\|>"
)
_CHANNEL: Final = r"<\|channel\|>(?P<head>[^<]{0,200}(?:<\|constrain\|>[^<]{0,80})?)<\|message\|>"
_DROP: Final = (
    r"<\|start\|>[a-z]{0,12}(?=<)|<\|(?:end|return|call|message|im_end|im_start|eot_id|eom_id|endoftext"
    r"|(?:begin|end)_of_solution|(?:start|end)_(?:response|text))\|>|<｜(?:end|begin)▁of▁sentence｜>"
)
_CALL: Final = (
    r"<(?:[a-z]{1,12}:|[|｜]dsml[|｜])?(?:tool_?calls?|function_?calls?|tool_use|tool_code|start_function_call)>"
    r"|<(?:[a-z]{1,12}:|[|｜]dsml[|｜])?invoke\s|<function=|<[|｜]tool[▁_ ]calls?(?:[▁_ ]section)?[▁_ ]begin[|｜]>"
    r"|<\|tool_call\|?>|\[tool_calls\]|<\|python_tag\|>|<\|start_action\|>"
)
MARKS: Final = re.compile(r"[<\[◁`~=]")
"""Every token begins with one of these."""


class Token(NamedTuple):
    """A pattern, and the characters with which it begins: looking for them first takes a tenth of the time."""

    marks: re.Pattern[str]
    pattern: re.Pattern[str]


_TICKS: Final = r"`+|~{3,}"
TEXT_TOKEN: Final = Token(
    MARKS,
    re.compile(
        rf"(?P<ticks>{_TICKS})|(?P<channel>{_CHANNEL})|(?P<open>{_OPEN})|(?P<end>{_END})|(?P<call>{_CALL})"
        rf"|(?P<drop>{_DROP})|(?P<address>=functions\.)",
        re.IGNORECASE,
    ),
)
TICKS_TOKEN: Final = Token(re.compile(r"[`~]"), re.compile(_TICKS))
REASONING_END: Final = Token(
    re.compile(r"[<\[◁]"), re.compile(rf"{_END}|(?P<token><\|(?:end|return|start|channel)\|>)", re.IGNORECASE)
)
PARTIAL: Final = re.compile(
    r"(?:<[/|｜]?[\w:=|｜▁/-]{0,40}\s?|\[/?[a-z_]{0,12}|◁/?[a-z]{0,8}|`+|~+|=[a-z]{0,9}"
    r"|<\|(?:start|channel)\|>[^<]{0,200}(?:<\|constrain\|>[^<]{0,80})?(?:<[|a-z]{0,12})?)\Z",
    re.IGNORECASE,
)
"""The end of a piece that may be the beginning of a token."""
MAX_PARTIAL: Final = 400
NO_WORDS: Final = re.compile(r"[\s>*+\-#\d.)]*")
"""What may be before a code fence in its line."""
ADDRESS: Final = re.compile(
    r"(?:<\|start\|>)?(?:assistant)?(?:<\|channel\|>)?(?:commentary|analysis)?[ \t]*\bto\Z", re.IGNORECASE
)
"""The header of a Harmony message before `=functions.`, with or without its special tokens."""
MAX_HEADER: Final = 60
HEADED: Final = ("<|channel>", "<unused94>")
"""Tags behind which Gemma writes the word `thought`."""
