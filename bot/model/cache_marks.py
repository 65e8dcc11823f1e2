"""Marks what a provider is to keep in its prompt cache, for those that cache nothing else. Pure.

A mark is `cache_control` in a part of a message's content; the provider keeps everything up to there, for five minutes.
At the next request it looks for what it has kept from each mark backwards, over at most 20 parts: therefore the last
message from a person is marked, too, besides the first and the last of all
(https://openrouter.ai/docs/guides/best-practices/prompt-caching and
https://www.alibabacloud.com/help/en/model-studio/context-cache; at most four marks).
"""

from __future__ import annotations

import json
from typing import Any, Final

from bot.core.transcript import Transcript
from bot.core.untrusted import items, mapping

_KEPT: Final = {"type": "ephemeral"}
_LOOKED_BACK: Final = 20
"""Messages from the end in which the last one of a person is looked for."""


def marked(messages: Transcript) -> Transcript:
    """Return the messages with up to three marks; those that are not marked keep their bytes."""
    count = len(messages)
    found: dict[int, str] = {}
    for index in range(count - 1, max(-1, count - 1 - _LOOKED_BACK), -1):
        message = json.loads(messages[index])
        is_persons = message.get("role") == "user"
        if (is_persons or not found) and (text := _with_mark(message)):
            found[index] = text
        if is_persons:
            break
    if count and 0 not in found and (first := _with_mark(json.loads(messages[0]))):
        found[0] = first
    return messages.replaced(found)


def _with_mark(message: dict[str, Any]) -> str:
    """Return the JSON text of a message with a mark at its last text; empty if it has none."""
    content = message.get("content")
    parts: list[Any] = [{"type": "text", "text": content}] if isinstance(content, str) and content else items(content)
    texts = [at for at, part in enumerate(parts) if mapping(part).get("type") == "text"]
    if not texts:
        return ""
    parts[texts[-1]] = {**parts[texts[-1]], "cache_control": _KEPT}
    message["content"] = parts
    return json.dumps(message, ensure_ascii=False, separators=(",", ":"))
