"""Reads how a server refuses a request (RFC 6750, section 3; RFC 9728, section 5.1). Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

MAX_CHARS = 4_000
_FIELD = re.compile(r'([A-Za-z_]{1,40})\s*=\s*(?:"([^"]{0,2000})"|([^\s,"]{1,2000}))')


@dataclass(frozen=True, slots=True)
class Challenge:
    """What a server says about a request that it refused."""

    resource_metadata: str = ""
    scope: str = ""
    error: str = ""

    @classmethod
    def of(cls, header: str) -> Challenge:
        """Return the content of a `WWW-Authenticate` header."""
        found = {name.lower(): quoted or plain for name, quoted, plain in _FIELD.findall(header[:MAX_CHARS])}
        return cls(found.get("resource_metadata", ""), found.get("scope", ""), found.get("error", ""))
