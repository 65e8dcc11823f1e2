"""JSON as text that is the same for the same value, and digests of texts. Pure."""

from __future__ import annotations

import hashlib
import json
from typing import Any

JsonObject = dict[str, Any]


def canonical(value: object) -> str:
    """One text for equal JSON values: sorted keys, no spaces, every character as it is.

    In: any JSON value. Out: its canonical text. Raises ValueError for NaN and infinities, which JSON has not.
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def sha256(*parts: str) -> str:
    """The hex digest over the parts, each preceded by its length so that no two lists of parts collide."""
    digest = hashlib.sha256()
    for part in parts:
        raw = part.encode("utf-8", "surrogatepass")
        digest.update(b"%d:" % len(raw))
        digest.update(raw)
    return digest.hexdigest()
