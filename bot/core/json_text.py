"""Canonical JSON and digests of texts. Pure."""

from __future__ import annotations

import hashlib
import json
from typing import Any

JsonObject = dict[str, Any]


def canonical(value: object) -> str:
    """Serialize a JSON value so that equal values have equal texts: sorted keys, no spaces, no escaped characters.

    Raises ValueError for NaN and infinities, which are not valid JSON.
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def sha256(*parts: str) -> str:
    """Return the hex digest of the parts, each preceded by its length so that different lists of parts differ."""
    digest = hashlib.sha256()
    for part in parts:
        raw = part.encode("utf-8", "surrogatepass")
        digest.update(b"%d:" % len(raw))
        digest.update(raw)
    return digest.hexdigest()
