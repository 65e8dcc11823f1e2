"""Frozen settings from the environment, .env and bot.toml. An error names the setting and how to mend it."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from dotenv import dotenv_values

from bot.core.limits import Limits
from bot.errors import SettingsError

DEFAULT_MODEL = "anthropic/claude-sonnet-4.5"
REQUIRED = ("SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "OPENROUTER_API_KEY")
MOST_MODELS = 3
"""https://openrouter.ai/docs/features/model-routing: `models`."""
LEVELS = ("debug", "info", "warning", "error")
FORMATS = ("text", "json")


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything an operator can set. Secrets are not in its repr."""

    slack_bot_token: str = field(repr=False)
    slack_app_token: str = field(repr=False)
    slack_api_url: str
    openrouter_api_key: str = field(repr=False)
    openrouter_base_url: str
    models: tuple[str, ...]
    """The first is asked; the others are OpenRouter's fallbacks, in order."""
    database_url: str = field(repr=False)
    workspace: Path
    mcp_config: Path | None
    log_level: str
    log_format: str
    variables: Mapping[str, str] = field(repr=False)
    """The environment and .env together: what `${NAME}` in mcp.json may stand for."""
    limits: Limits
    instructions: str
    """Added to the bot's own instructions in new threads."""


def load(environment: Mapping[str, str] | None = None, directory: Path | None = None) -> Settings:
    """Read the settings. The environment wins over .env. Raises SettingsError for the first that is wrong."""
    directory = directory or Path.cwd()
    process = os.environ if environment is None else environment
    values = {key: value for key, value in _dotenv(directory / ".env").items() if value is not None}
    values.update({key: value for key, value in process.items() if value})
    _all_there(values)
    mcp_config = _file(values, "MCP_CONFIG", directory / "mcp.json")
    limits, instructions = _configuration(_file(values, "BOT_CONFIG", directory / "bot.toml"))
    return Settings(
        slack_bot_token=_token(values, "SLACK_BOT_TOKEN", "xoxb-"),
        slack_app_token=_token(values, "SLACK_APP_TOKEN", "xapp-"),
        slack_api_url=_url(values, "SLACK_API_URL", "https://slack.com/api/").rstrip("/") + "/",
        openrouter_api_key=_needed(values, "OPENROUTER_API_KEY", "create one at https://openrouter.ai/keys"),
        openrouter_base_url=_url(values, "OPENROUTER_BASE_URL", "https://openrouter.ai/api/v1").rstrip("/"),
        models=_models(values.get("OPENROUTER_MODEL", DEFAULT_MODEL)),
        database_url=values.get("DATABASE_URL", "sqlite:///data/bot.db"),
        workspace=Path(values.get("BOT_WORKSPACE", "workspace")).expanduser(),
        mcp_config=mcp_config,
        log_level=_one_of(values, "LOG_LEVEL", LEVELS, "info"),
        log_format=_one_of(values, "LOG_FORMAT", FORMATS, "text"),
        variables=values,
        limits=limits,
        instructions=instructions,
    )


def _dotenv(path: Path) -> Mapping[str, str | None]:
    try:
        return dotenv_values(path, encoding="utf-8") if path.exists() else {}
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(".env", f"{path} cannot be read: {error}") from error


def _all_there(values: Mapping[str, str]) -> None:
    """Name everything that is missing at once, so that a first start needs no three tries."""
    missing = [name for name in REQUIRED if not values.get(name, "").strip()]
    if len(missing) > 1:
        others = " and ".join(missing[1:])
        problem = f"it is not set, and neither is {others}; README.md says where they come from; put them into .env"
        raise SettingsError(missing[0], problem)


def _needed(values: Mapping[str, str], name: str, mend: str) -> str:
    value = values.get(name, "").strip()
    if not value:
        raise SettingsError(name, f"it is not set; {mend}, and put it into .env or the environment")
    if not value.isascii() or any(character.isspace() for character in value):
        raise SettingsError(name, "it has a space, a line break or a character that no key has; copy it again")
    return value


def _token(values: Mapping[str, str], name: str, prefix: str) -> str:
    value = _needed(values, name, f"copy it ({prefix}…) from your app's page at https://api.slack.com/apps")
    if not value.startswith(prefix):
        raise SettingsError(name, f"it must start with {prefix}; this is another kind of token")
    return value


def _url(values: Mapping[str, str], name: str, default: str) -> str:
    value = values.get(name, default).strip()
    try:
        parts = urlsplit(value)
        valid = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        valid = False
    if not valid:
        raise SettingsError(name, f"{value!r} is not an http(s) address")
    return value


def _models(value: str) -> tuple[str, ...]:
    models = tuple(part.strip() for part in value.split(",") if part.strip())
    if not models:
        raise SettingsError("OPENROUTER_MODEL", f"it names no model; write for example {DEFAULT_MODEL}")
    if len(models) > MOST_MODELS:
        problem = f"it names {len(models)} models; OpenRouter takes one and at most {MOST_MODELS - 1} fallbacks"
        raise SettingsError("OPENROUTER_MODEL", problem)
    return models


def _one_of(values: Mapping[str, str], name: str, choices: tuple[str, ...], default: str) -> str:
    value = values.get(name, default).strip().lower()
    if value not in choices:
        raise SettingsError(name, f"{value!r} is none of {', '.join(choices)}")
    return value


def _file(values: Mapping[str, str], name: str, default: Path) -> Path | None:
    """The file that a setting names, which must then be there; else the default file if it is there."""
    named = values.get(name)
    if named is None:
        return default if default.is_file() else None
    path = Path(named).expanduser()
    if not path.is_file():
        raise SettingsError(name, f"there is no file {path}")
    return path


def _configuration(path: Path | None) -> tuple[Limits, str]:
    """Limits and instructions from bot.toml."""
    if path is None:
        return Limits(), ""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError("BOT_CONFIG", f"{path} cannot be read: {error}") from error
    _known(path, "", document, {"limits", "agent"})
    table: dict[str, Any] = _table(path, document, "limits")
    agent: dict[str, Any] = _table(path, document, "agent")
    kinds: dict[str, type] = {item.name: type(item.default) for item in fields(Limits)}
    _known(path, "limits.", table, set(kinds))
    _known(path, "agent.", agent, {"instructions"})
    limits: dict[str, Any] = {}
    for name, value in table.items():
        if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
            raise SettingsError("BOT_CONFIG", f"{path}: limits.{name} must be a number above 0")
        if kinds[name] is int and not isinstance(value, int):
            raise SettingsError("BOT_CONFIG", f"{path}: limits.{name} must be a whole number")
        limits[name] = kinds[name](value)
    instructions: object = agent.get("instructions", "")
    if not isinstance(instructions, str):
        raise SettingsError("BOT_CONFIG", f"{path}: agent.instructions must be a text")
    return Limits(**limits), instructions.strip()


def _table(path: Path, document: Mapping[str, Any], name: str) -> dict[str, Any]:
    value: object = document.get(name, {})
    if not isinstance(value, dict):
        raise SettingsError("BOT_CONFIG", f"{path}: {name} must be a table, written [{name}]")
    return value


def _known(path: Path, prefix: str, table: Mapping[str, object], names: set[str]) -> None:
    for key in table:
        if key not in names:
            listed = ", ".join(sorted(names))
            raise SettingsError("BOT_CONFIG", f"{path}: unknown key {prefix}{key}; known here: {listed}")
