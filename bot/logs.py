"""Configures logging: text or one JSON object per line, on stderr, with secrets removed from every record.

The fields of `bot.log_events` records become keys of the JSON object.
"""

from __future__ import annotations

import json
import logging
import re
import sys
from collections.abc import Iterable, Mapping

QUIET = ("slack_bolt", "slack_sdk", "aiohttp", "openai", "httpx2", "httpcore2", "mcp", "asyncio", "aiosqlite")
"""Libraries that are logged from warnings on."""
_CREDENTIAL = re.compile(
    r"((?:\bbearer\s+|\b(?:access_token|refresh_token|client_secret|code_verifier|code|state)"
    r"""["']?\s*[=:]\s*["']?))[\w~+/=-][\w.~+/=-]{14,}[\w~+/=-]""",
    re.IGNORECASE,
)
"""Credentials that are not settings, such as tokens of people who have signed in, where something names them."""
LONG_SECRET = 8
"""Characters from which on a secret is removed even inside words."""


class Formatter(logging.Formatter):
    """Formats records as text or JSON lines without secrets."""

    def __init__(self, secrets: Iterable[str], *, as_json: bool) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")
        self._secrets = [_pattern(secret) for secret in secrets if secret]
        self._json = as_json

    def format(self, record: logging.LogRecord) -> str:
        return self._object(record) if self._json else self._without_secrets(super().format(record))

    def _object(self, record: logging.LogRecord) -> str:
        entry = {
            "time": self.formatTime(record, "%Y-%m-%dT%H:%M:%S") + f".{int(record.msecs):03d}",
            "level": record.levelname.lower(),
            "logger": record.name,
        }
        fields: Mapping[str, object] | None = getattr(record, "fields", None)
        message = record.getMessage() if fields is None else str(getattr(record, "event", ""))
        entry["message"] = self._without_secrets(message)
        if record.exc_info:
            entry["exception"] = self._without_secrets(self.formatException(record.exc_info))
        # Before serialization: in JSON, a secret that contains a quotation mark would look different.
        cleaned = {
            key: self._without_secrets(value) if isinstance(value, str) else value
            for key, value in (fields or {}).items()
        }
        return json.dumps({**cleaned, **entry}, ensure_ascii=False)

    def _without_secrets(self, text: str) -> str:
        for pattern in self._secrets:
            text = pattern.sub("[secret]", text)
        return _CREDENTIAL.sub(r"\1[secret]", text)


def _pattern(secret: str) -> re.Pattern[str]:
    """Return the expression that finds a secret. A short one, such as the key `test` of a local model, is only found as
    a whole word: removing it from `latest` too would make the log unreadable, and `la[secret]` would reveal it. Not
    removing it at all would be less safe, as errors quote the header that contains it."""
    escaped = re.escape(secret)
    return re.compile(escaped if len(secret) >= LONG_SECRET else rf"(?<![\w-]){escaped}(?![\w-])")


def configure(level: str, form: str, secrets: Iterable[str]) -> None:
    """Send all log records to stderr. level: debug, info, warning, error; form: text or json."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Formatter(secrets, as_json=form == "json"))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.captureWarnings(capture=True)
