"""The reasons that providers give for the end of a reply, under OpenAI's names. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_NAMES: Final[Mapping[str, frozenset[str]]] = {
    "length": frozenset(
        {
            *("max_tokens", "max_output_tokens", "max_completion_tokens", "max_length", "model_length", "incomplete"),
            "model_context_window_exceeded",
        }
    ),
    "content_filter": frozenset(
        {
            *("safety", "content-filter", "content_filtered", "recitation", "prohibited_content", "blocklist", "spii"),
            *("refusal", "sensitive", "image_safety", "guardrail_intervened", "language", "image_prohibited_content"),
        }
    ),
    "stop": frozenset(
        {"end_turn", "stop_sequence", "eos", "eos_token", "end", "completed", "<|eot_id|>", "<|im_end|>", "</s>"}
    ),
    "tool_calls": frozenset({"tool_use", "function_call", "tool_call"}),
}
_BY_NAME: Final = {name: openai for openai, names in _NAMES.items() for name in names}
BROKEN: Final = frozenset(
    {
        *("insufficient_system_resource", "abort", "aborted", "cancelled", "canceled", "timeout", "network_error"),
    }
)
"""The reply is not whole, and another one may be: DeepSeek, vLLM and SGLang."""


def named(reason: str) -> str:
    """Return OpenAI's name of a reason; the reason in lower case if it has none."""
    return _BY_NAME.get(reason.lower(), reason.lower())
