"""Logging: text or one JSON object a line, on stderr, with the secrets taken out whatever is logged."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterable

QUIET = ("slack_bolt", "slack_sdk", "aiohttp", "openai", "httpx2", "httpcore2", "mcp", "asyncio", "aiosqlite")
"""Libraries that are heard from warnings on."""


class _Formatter(logging.Formatter):
    def __init__(self, secrets: Iterable[str], as_json: bool) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")
        self._secrets = [secret for secret in secrets if secret]
        self._json = as_json

    def format(self, record: logging.LogRecord) -> str:
        line = self._object(record) if self._json else super().format(record)
        for secret in self._secrets:
            line = line.replace(secret, "[secret]")
        return line

    def _object(self, record: logging.LogRecord) -> str:
        entry = {
            "time": self.formatTime(record, "%Y-%m-%dT%H:%M:%S") + f".{int(record.msecs):03d}",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        return json.dumps(entry, ensure_ascii=False)


def configure(level: str, form: str, secrets: Iterable[str]) -> None:
    """Send everything to stderr. level: debug, info, warning, error; form: text or json."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Formatter(secrets, form == "json"))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.captureWarnings(capture=True)
