"""Reads how a server refuses a request (RFC 6750, section 3; RFC 9728, section 5.1). Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

MAX_CHARS = 4_000
MAX_SCOPE = 1_000
INSUFFICIENT = "insufficient_scope"
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

    @property
    def wants_more(self) -> bool:
        """Whether the credentials are good, but do not allow enough."""
        return self.error == INSUFFICIENT


def lacking(wanted: str, allowed: str) -> list[str]:
    """Return what is wanted and not allowed. In: scopes, separated by spaces."""
    return [each for each in dict.fromkeys(wanted.split()) if each not in allowed.split()]


def united(before: str, more: str) -> str:
    """Return what was asked for before together with what is wanted besides (SEP-2350): a sign-in that replaces another
    one must not allow less."""
    return " ".join(dict.fromkeys([*before.split(), *more.split()]))
