"""JSON text, as it goes to the page."""

import json
from typing import Any


def text_of(value: Any) -> str:
    """The JSON text of a fact or an answer; what JSON does not know stands there as its text."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, default=str)
