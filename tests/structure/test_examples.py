"""The example files: the real loaders read them, they change nothing as they stand, and every setting is in them."""

from __future__ import annotations

import json
import re
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

from bot.config import bot_toml, mcp_entry, mcp_json, models_table, settings
from bot.config.bot_toml import Configuration
from bot.config.toml_file import TomlFile
from bot.core.attachments import AttachmentLimits
from bot.core.budget import Caps
from bot.core.limits import Limits
from bot.core.policy.approvers import ApprovalRules, Approvers
from bot.core.policy.conditions import Check
from bot.core.policy.privacy import Privacy
from bot.core.policy.rules import Rule
from bot.tools.filesystem import default_server
from bot.tools.filesystem.paths import Filesystem
from bot.tools.server_config import StdioServer

ROOT = Path(__file__).parents[2]
TOKENS = {"SLACK_BOT_TOKEN": "xoxb-1", "SLACK_APP_TOKEN": "xapp-1", "OPENROUTER_API_KEY": "sk-or-1"}


def with_all_settings(name: str) -> str:
    """The example with every setting in force: those after a # without a space as well."""
    return re.sub(r"^#(?=\S)", "", (ROOT / name).read_text("utf-8"), flags=re.MULTILINE)


def filled_in(text: str) -> str:
    for name, value in TOKENS.items():
        text = text.replace(f"{name}=\n", f"{name}={value}\n")
    return text


def test_the_environment_with_its_three_values_filled_in_is_the_default(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(filled_in((ROOT / ".env.example").read_text("utf-8")))
    loaded, default = settings.load({}, tmp_path), settings.load(TOKENS, tmp_path / "nowhere")
    for each in fields(settings.Settings):
        if each.name != "variables":
            assert getattr(loaded, each.name) == getattr(default, each.name), each.name


def test_the_environment_shows_every_setting_with_its_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text(filled_in(with_all_settings(".env.example")))
    (tmp_path / "bot.toml").touch()
    (tmp_path / "mcp.json").write_text("{}")
    loaded, default = settings.load({}, tmp_path), settings.load(TOKENS, tmp_path / "nowhere")
    differing = {"variables", "workspace", "mcp_config"}
    for each in fields(settings.Settings):
        if each.name not in differing:
            assert getattr(loaded, each.name) == getattr(default, each.name), each.name
    assert loaded.workspace == mcp_json.DEFAULT_WORKSPACE
    assert set(loaded.variables) == set(settings.NAMES)


def test_an_environment_that_is_not_filled_in_says_what_is_missing(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text((ROOT / ".env.example").read_text("utf-8"))
    with pytest.raises(settings.SettingsError, match="SLACK_BOT_TOKEN: it is not set, and neither are SLACK_APP_TOKEN"):
        settings.load({}, tmp_path)


def test_the_configuration_changes_nothing_as_it_stands() -> None:
    assert bot_toml.load(ROOT / "bot.toml.example") == Configuration()


@pytest.fixture
def whole(tmp_path: Path) -> Path:
    path = tmp_path / "bot.toml"
    path.write_text(with_all_settings("bot.toml.example"))
    (tmp_path / "prompt.md").write_text("{rules}")
    return path


def test_the_configuration_shows_the_defaults_of_what_has_some(whole: Path) -> None:
    loaded = bot_toml.load(whole)
    assert (loaded.limits, loaded.instructions) == (Limits(pollers=("ci__*",)), "")
    assert (loaded.privacy, Configuration().privacy) == (Privacy.FULL, None), "unset, it depends on the channel"
    assert loaded.answer_missed_minutes == Configuration().answer_missed_minutes
    assert replace(loaded.attachments, inputs=()) == AttachmentLimits()
    default = ApprovalRules()
    assert (loaded.approvals.read, loaded.approvals.write) == (default.read, default.write)
    times = ("remind_hours", "undo_minutes", "grant_days")
    assert [getattr(loaded.approvals, name) for name in times] == [getattr(default, name) for name in times]
    assert [finding.problem for finding in loaded.findings if finding.level == "error"] == []
    assert loaded.approvals.destructive == Approvers(("requester", "S0456ABCD"), needed=2, no_self=True, grants=False)


def test_every_key_of_the_configuration_is_in_its_example(whole: Path) -> None:
    document: dict[str, Any] = dict(TomlFile("BOT_CONFIG", whole).document)
    [rule, _] = document["policy"]["rules"]
    given = {"name", "action", "server", "tool", "tier", "channel", "user", "arguments"}
    # `line` is the file's, and the others have the plural of their key for a name.
    assert len(given) == len(fields(Rule)) - 1
    assert set(rule) == given
    assert {check for argument in rule["arguments"].values() for check in argument} == {str(check) for check in Check}
    assert set(document["limits"]) == {each.name for each in fields(Limits)}
    approvers = {"approvers", "needed", "no_self", "grants"}
    assert set(document["approvals"]) == {*approvers, "remind_hours", "undo_minutes", "grant_days", "destructive"}
    assert set(document["approvals"]["destructive"]) == approvers
    own = {"prompt", "channels", "instructions", "privacy", "answer_missed_minutes", "operators", "ask_person"}
    assert set(document["agent"]) == own
    assert set(document["agent"]["channels"]["C0123ABCD"]) == {"prompt"}
    assert set(document["audit"]) == {"redact"}
    assert set(document["access"]) == {"bots"}
    assert set(document["models"]) == {*models_table.KEYS}
    assert set(document["attachments"]) == {each.name for each in fields(AttachmentLimits)}
    assert set(document["budgets"]) == {each.name for each in fields(Caps)}
    assert set(document) == {*bot_toml.TABLES}


def test_the_servers_are_read_and_the_filesystem_server_is_the_one_that_is_tested(tmp_path: Path) -> None:
    (tmp_path / "mcp.json").write_text((ROOT / "mcp.json.example").read_text("utf-8"))
    (server,) = mcp_json.load(tmp_path / "mcp.json", None, {}).servers
    assert isinstance(server, StdioServer)
    assert (server.key, server.trusted, server.cwd) == ("filesystem", True, tmp_path)
    package = f"{default_server.PACKAGE}@{default_server.pinned_version()}"
    assert (server.command, server.args) == ("npx", ("-y", package, "./workspace"))
    (tmp_path / "workspace").mkdir()
    files = Filesystem.of(server)  # else there would be no diffs on cards, and no undo
    assert files is not None
    assert files.roots() == [str(tmp_path / "workspace")]


def test_every_key_of_a_server_is_in_the_example() -> None:
    servers = json.loads((ROOT / "mcp.json.example").read_text("utf-8"))["mcpServers"]
    assert {key for server in servers.values() for key in server} == set(mcp_entry.SERVER_KEYS)


def test_a_server_that_is_no_longer_disabled_wants_its_variables(tmp_path: Path) -> None:
    text = (ROOT / "mcp.json.example").read_text("utf-8").replace('"disabled": true', '"disabled": false')
    (tmp_path / "mcp.json").write_text(text)
    found = mcp_json.load(tmp_path / "mcp.json", None, {})
    assert len(found.servers) == 3
    assert "the environment variable NOTES_TOKEN, which is not set" in found.findings[0].words()
    assert len(mcp_json.load(tmp_path / "mcp.json", None, {"NOTES_TOKEN": "x"}).servers) == 4
