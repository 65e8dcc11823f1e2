"""The settings, from the environment, .env and bot.toml. Errors name the setting and how to fix it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import urlsplit

from dotenv import dotenv_values

from bot.config import bot_toml
from bot.config.lint import Finding
from bot.config.models_table import ModelsTable
from bot.core.attachments import AttachmentLimits
from bot.core.budget import Caps
from bot.core.compaction import CompactionSettings
from bot.core.limits import Limits
from bot.core.model_options import MAX_MODELS, ModelOptions
from bot.core.policy.approvers import ApprovalRules
from bot.core.policy.privacy import Privacy
from bot.core.policy.rules import Policy
from bot.core.prompt_template import Prompts
from bot.core.tool_settings import ToolSettings
from bot.errors import SettingsError

DEFAULT_MODEL = "anthropic/claude-sonnet-4.5"
REQUIRED = ("SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "OPENROUTER_API_KEY")
NAMES = (
    *REQUIRED,
    *("SLACK_API_URL", "OPENROUTER_BASE_URL", "OPENROUTER_MODEL", "DATABASE_URL", "BOT_WORKSPACE"),
    *("MCP_CONFIG", "BOT_CONFIG", "LOG_LEVEL", "LOG_FORMAT", "PUBLIC_URL", "CALLBACK_LISTEN", "BOT_SECRET_KEY"),
)
"""All settings in the environment."""
_KEY_FIX = "Create a key at https://openrouter.ai/keys (for a server without keys, write any word)"
LEVELS = ("debug", "info", "warning", "error")
FORMATS = ("text", "json")


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings of the bot. Its repr contains no secrets."""

    slack_bot_token: str = field(repr=False)
    slack_app_token: str = field(repr=False)
    slack_api_url: str
    openrouter_api_key: str = field(repr=False)
    openrouter_base_url: str
    models: tuple[str, ...]
    """The model, followed by OpenRouter's fallbacks in order."""
    database_url: str = field(repr=False)
    workspace: Path | None
    """The folder that BOT_WORKSPACE names, which must exist; None if it is not set."""
    mcp_config: Path | None
    log_level: str
    log_format: str
    variables: Mapping[str, str] = field(repr=False)
    """The environment and .env together, for `${NAME}` in mcp.json."""
    public_url: str
    """The address at which people's browsers reach the callback server; empty if there is none."""
    callback_listen: tuple[str, int]
    """The host and the port where that listens."""
    limits: Limits
    instructions: str
    """Appended to the bot's own instructions in new threads."""
    policy: Policy
    approvals: ApprovalRules
    privacy: Privacy | None
    """None for the default, which depends on the channel."""
    answer_missed_minutes: float
    ask_person: bool
    """Whether the model may ask the requester questions."""
    bots: tuple[str, ...]
    """Ids of apps and workflows that may address the bot."""
    redact: tuple[str, ...]
    """Globs over `{tool name}.{argument}`."""
    findings: tuple[Finding, ...]
    """Likely mistakes in the policy."""
    budgets: Caps
    operators: tuple[str, ...]
    """Ids of people and user groups who may allow more than a budget says."""
    prompts: Prompts
    """The operator's system prompts."""
    attachments: AttachmentLimits
    model_table: ModelsTable
    """`[models]` of bot.toml."""

    @property
    def model_options(self) -> ModelOptions:
        """Return which models there are to choose from."""
        table = self.model_table
        return ModelOptions(self.models, table.allowed, table.effort, table.channels)

    compaction: CompactionSettings = field(default_factory=CompactionSettings)
    tools: ToolSettings = field(default_factory=ToolSettings)

    @property
    def missing(self) -> tuple[str, ...]:
        """Return the tokens and keys that are not set; empty if the bot could start."""
        return tuple(name for name in REQUIRED if not self.variables.get(name, "").strip())


def load(
    environment: Mapping[str, str] | None = None, directory: Path | None = None, *, needed: bool = True
) -> Settings:
    """Read the settings. The environment takes precedence over .env. Raises SettingsError for the first that is wrong.

    Without `needed`, tokens and keys may be missing; they are then empty.
    """
    directory = directory or Path.cwd()
    variables, values = _variables(environment, directory)
    if needed:
        _all_there(values)
    mcp_config = _file(values, "MCP_CONFIG", directory / "mcp.json")
    configured = bot_toml.load(_file(values, "BOT_CONFIG", directory / "bot.toml"))
    return Settings(
        slack_bot_token=_token(values, "SLACK_BOT_TOKEN", "xoxb-", needed),
        slack_app_token=_token(values, "SLACK_APP_TOKEN", "xapp-", needed),
        slack_api_url=_url(values, "SLACK_API_URL", "https://slack.com/api/").rstrip("/") + "/",
        openrouter_api_key=_secret(values, "OPENROUTER_API_KEY", _KEY_FIX, needed),
        openrouter_base_url=_url(values, "OPENROUTER_BASE_URL", "https://openrouter.ai/api/v1").rstrip("/"),
        models=_models(values.get("OPENROUTER_MODEL", DEFAULT_MODEL)),
        database_url=values.get("DATABASE_URL", "sqlite:///data/bot.db"),
        workspace=Path(values["BOT_WORKSPACE"]).expanduser() if "BOT_WORKSPACE" in values else None,
        mcp_config=mcp_config,
        log_level=_one_of(values, "LOG_LEVEL", LEVELS, "info"),
        log_format=_one_of(values, "LOG_FORMAT", FORMATS, "text"),
        variables=variables,
        public_url=_public(values),
        callback_listen=_listen(values),
        limits=configured.limits,
        instructions=configured.instructions,
        policy=configured.policy,
        approvals=configured.approvals,
        privacy=configured.privacy,
        answer_missed_minutes=configured.answer_missed_minutes,
        ask_person=configured.ask_person,
        bots=configured.bots,
        redact=configured.redact,
        findings=configured.findings,
        model_table=configured.models,
        compaction=configured.compaction,
        attachments=configured.attachments,
        prompts=configured.prompts,
        budgets=configured.budgets,
        operators=configured.operators,
        tools=configured.tools,
    )


def reread(settings: Settings, environment: Mapping[str, str] | None, directory: Path | None) -> Settings:
    """Return settings with what the tool servers depend on as it is now: which file, and the variables for it. Raises
    SettingsError."""
    directory = directory or Path.cwd()
    variables, values = _variables(environment, directory)
    return replace(settings, mcp_config=_file(values, "MCP_CONFIG", directory / "mcp.json"), variables=variables)


def _variables(environment: Mapping[str, str] | None, directory: Path) -> tuple[dict[str, str], dict[str, str]]:
    """Return the environment and .env together, and the settings among them."""
    process = os.environ if environment is None else environment
    variables = {key: value for key, value in _dotenv(directory / ".env").items() if value is not None}
    variables.update({key: value for key, value in process.items() if value})
    # `NAME=` without a value is how a line is left in .env to be filled in.
    return variables, {name: variables[name] for name in NAMES if variables.get(name, "").strip()}


def _dotenv(path: Path) -> Mapping[str, str | None]:
    try:
        return dotenv_values(path, encoding="utf-8") if path.exists() else {}
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(".env", f"{path} cannot be read: {error}") from error


def _all_there(values: Mapping[str, str]) -> None:
    """Raise SettingsError that names all missing settings at once, so that a first start does not take three
    attempts."""
    missing = [name for name in REQUIRED if not values.get(name, "").strip()]
    if len(missing) > 1:
        verb = "is" if len(missing) == 2 else "are"
        problem = f"it is not set, and neither {verb} {' and '.join(missing[1:])}. README.md says where to get them."
        raise SettingsError(missing[0], f"{problem} Put them into .env or into the environment.")


def _secret(values: Mapping[str, str], name: str, fix: str, needed: bool) -> str:
    value = values.get(name, "").strip()
    if not value and needed:
        raise SettingsError(name, f"it is not set. {fix}, and put it into .env or into the environment.")
    if not value.isascii() or any(character.isspace() for character in value):
        raise SettingsError(
            name, "it contains a space, a line break or another character that no token or key has. Copy it again."
        )
    return value


def _token(values: Mapping[str, str], name: str, prefix: str, needed: bool) -> str:
    value = _secret(values, name, f"Copy it ({prefix}…) from your app's page at https://api.slack.com/apps", needed)
    if value and not value.startswith(prefix):
        raise SettingsError(name, f"it must start with {prefix}, and this is another kind of token.")
    return value


def _url(values: Mapping[str, str], name: str, default: str) -> str:
    value = values.get(name, default).strip()
    try:
        parts = urlsplit(value)
        valid = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        valid = False
    if not valid:
        raise SettingsError(name, f"{value!r} is not an http or https address.")
    return value


def _public(values: Mapping[str, str]) -> str:
    """Return the public address without a slash at its end; http only for this machine."""
    value = _url(values, "PUBLIC_URL", "https://unset").rstrip("/") if values.get("PUBLIC_URL") else ""
    parts = urlsplit(value)
    if parts.query or parts.fragment or (parts.scheme == "http" and parts.hostname not in ("127.0.0.1", "localhost")):
        raise SettingsError("PUBLIC_URL", f"{value!r} must be an https address without a query.")
    return value


def _listen(values: Mapping[str, str]) -> tuple[str, int]:
    value = values.get("CALLBACK_LISTEN", "127.0.0.1:8722").strip()
    host, _, port = value.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65_535:
        raise SettingsError("CALLBACK_LISTEN", f"{value!r} is not a host and a port, such as 127.0.0.1:8722.")
    return host.strip("[]"), int(port)


def _models(value: str) -> tuple[str, ...]:
    models = tuple(dict.fromkeys(part.strip() for part in value.split(",") if part.strip()))
    if not models:
        raise SettingsError("OPENROUTER_MODEL", f"it names no model. Write, for example, {DEFAULT_MODEL}.")
    if len(models) > MAX_MODELS:
        problem = f"it names {len(models)} models. OpenRouter takes one and at most {MAX_MODELS - 1} fallbacks."
        raise SettingsError("OPENROUTER_MODEL", problem)
    return models


def _one_of(values: Mapping[str, str], name: str, choices: tuple[str, ...], default: str) -> str:
    value = values.get(name, default).strip().lower()
    if value not in choices:
        raise SettingsError(name, f"{value!r} is not one of {', '.join(choices)}.")
    return value


def _file(values: Mapping[str, str], name: str, default: Path) -> Path | None:
    """Return the file that a setting names, which must exist; else the default file if it exists."""
    named = values.get(name)
    if named is None:
        return default if default.is_file() else None
    path = Path(named).expanduser()
    if not path.is_file():
        raise SettingsError(name, f"the file {path} does not exist.")
    return path
