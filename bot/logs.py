"""Logging: text or one JSON object a line, on stderr, with the secrets taken out whatever is logged.

Records of `bot.log_events` have fields, which are keys of the JSON object.
"""

from __future__ import annotations

import json
import logging
import re
import sys
from collections.abc import Iterable, Mapping

QUIET = ("slack_bolt", "slack_sdk", "aiohttp", "openai", "httpx2", "httpcore2", "mcp", "asyncio", "aiosqlite")
"""Libraries that are heard from warnings on."""
LONG_SECRET = 8
"""Characters from which on a secret is taken out wherever it stands."""


class Formatter(logging.Formatter):
    """Text or JSON lines without secrets."""

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
        # Cleaned before they are quoted: in JSON a secret with a quotation mark would look different.
        cleaned = {
            key: self._without_secrets(value) if isinstance(value, str) else value
            for key, value in (fields or {}).items()
        }
        return json.dumps({**cleaned, **entry}, ensure_ascii=False)

    def _without_secrets(self, text: str) -> str:
        for pattern in self._secrets:
            text = pattern.sub("[secret]", text)
        return text


def _pattern(secret: str) -> re.Pattern[str]:
    """Where a secret stands. A short one, such as the key `test` of a model on one's own machine, counts only as a
    whole word: taken out of `latest` as well it would make the log unreadable, and `la[secret]` would give it away.
    Not to take it out at all would be less safe, since errors quote the header that carries it."""
    escaped = re.escape(secret)
    return re.compile(escaped if len(secret) >= LONG_SECRET else rf"(?<![\w-]){escaped}(?![\w-])")


def configure(level: str, form: str, secrets: Iterable[str]) -> None:
    """Send everything to stderr. level: debug, info, warning, error; form: text or json."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Formatter(secrets, as_json=form == "json"))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.captureWarnings(capture=True)
