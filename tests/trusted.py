"""The certificates that the machine trusts, read once for a test worker and all the bots that are forked from it.

To read them takes the CPU of a whole turn, and each client of a model's or a server's endpoint does it. The tests speak
TLS to nobody but themselves, and name the certificate for that in the environment.
"""

from __future__ import annotations

import importlib
import os
import ssl
from functools import cache
from typing import Any

NAMED = ("SSL_CERT_FILE", "SSL_CERT_DIR")
"""Variables that name other certificates."""


@cache
def share() -> None:
    """From here on, the clients of this process and of those forked from it have the same ones."""
    library: Any = importlib.import_module("httpcore2")
    read = library.default_ssl_context
    machines: ssl.SSLContext = read(_trust_env=False)

    def shared(*, _trust_env: bool = True) -> ssl.SSLContext:
        named = _trust_env and any(os.environ.get(name) for name in NAMED)
        return read(_trust_env=_trust_env) if named else machines

    library.default_ssl_context = shared
