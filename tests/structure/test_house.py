"""The plan of the house: who may import whom, how long a file may be, and that what we ship is valid."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from jsonschema.validators import validator_for

from bot.slack.blocks import prompt_window
from tests import sources

ROOT = Path(__file__).parents[2]
MAY_IMPORT: dict[str, set[str]] = {
    "core": set(),
    "agent": {"call_progress", "core", "errors", "failpoints", "log_events", "pace"},
    "model": {"core", "errors", "pace"},
    "tools": {"call_progress", "core", "errors", "pace", "patterns"},
    "slack": {"core", "errors", "failpoints", "log_events", "pace"},
    "store": {"core", "errors", "failpoints"},
    "patterns": set(),
    "scheduler": set(),
    "attachments": {"core"},
    "identity": {"core", "errors", "failpoints"},
    "config": {"core", "errors", "patterns", "tools"},
}
CORE_LIBRARIES = {
    *("__future__", "bisect", "collections", "contextlib", "contextvars", "dataclasses", "enum", "hashlib", "json"),
    *("math", "re", "typing", "unicodedata", "urllib.parse"),
}
MAX_LINES = 350
MANIFESTS = ("manifest.yml", "manifest-plain.yml")


def modules(package: str) -> Iterator[tuple[Path, ast.Module]]:
    for path in sorted((ROOT / package).rglob("*.py")):
        yield path, sources.tree(path)


def imports(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            module = node.module or ""
            yield from (f"{module}.{alias.name}" if module == "bot" else module for alias in node.names)


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_imports_go_in_one_direction_and_no_adapter_imports_another(package: str) -> None:
    allowed = MAY_IMPORT[package] | {package}
    for path, tree in modules(f"bot/{package}"):
        ours = {name.split(".")[1] for name in imports(tree) if name.startswith("bot.")}
        assert ours <= allowed, f"{path.name} imports {ours - allowed}"


@pytest.mark.parametrize(("part", "other"), [("mcp", "filesystem"), ("filesystem", "mcp")])
def test_mcp_and_what_is_known_of_one_server_know_nothing_of_each_other(part: str, other: str) -> None:
    for path, tree in modules(f"bot/tools/{part}"):
        assert not [name for name in imports(tree) if name.startswith(f"bot.tools.{other}")], path.name


def test_only_the_registry_knows_which_transports_there_are() -> None:
    transports = "bot.tools.mcp.transports."
    for path, tree in modules("bot/tools/mcp"):
        if path.parent.name != "transports":
            known = {name.removeprefix(transports) for name in imports(tree) if name.startswith(transports)}
            assert known <= {"transport", "registry"}, path.name
            foreign = {name.split(".")[0] for name in imports(tree)}
            assert foreign.isdisjoint({"subprocess", "signal", "urllib", "aiohttp", "httpx"}), path.name


def test_only_the_registry_knows_which_stores_there_are() -> None:
    for path, tree in modules("bot"):
        knows = [name for name in imports(tree) if name.startswith("bot.store.sqlite")]
        own = "sqlite" in path.parts or path == ROOT / "bot/store/registry.py"
        assert own or not knows, path


def test_the_sandbox_imports_nothing_of_the_bot() -> None:
    for path, tree in modules("slack_sandbox"):
        assert not [name for name in imports(tree) if name.split(".")[0] == "bot"], path.name


def test_the_core_is_pure() -> None:
    for path, tree in modules("bot/core"):
        known = {name for name in imports(tree) if name in CORE_LIBRARIES or name.split(".")[0] in CORE_LIBRARIES}
        foreign = {name.split(".")[0] for name in {*imports(tree)} - known} - {"bot"}
        assert foreign == set(), f"{path.name} imports {foreign}"


def test_no_file_is_too_long() -> None:
    for path in [path for top in ("bot", "slack_sandbox", "bench") for path in ROOT.glob(f"{top}/**/*.py")]:
        assert len(path.read_text("utf-8").splitlines()) <= MAX_LINES, path


def test_the_heavy_packages_are_not_imported_before_the_socket_is_open() -> None:
    code = "import sys, bot.app; print([name for name in ('mcp', 'openai', 'jsonschema') if name in sys.modules])"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert said.stdout.strip() == "[]"


@pytest.mark.parametrize("name", MANIFESTS)
def test_the_manifest_asks_for_what_the_bot_uses(name: str) -> None:
    manifest = yaml.safe_load((ROOT / name).read_text())
    is_agent = name == "manifest.yml"
    events = manifest["settings"]["event_subscriptions"]["bot_events"]
    messages = ["message.channels", "message.groups", "message.im", "message.mpim"]
    of_an_agent = ["agent_session_stopped"] if is_agent else []
    assert events == [*of_an_agent, "app_home_opened", "app_mention", *messages]
    needs = {
        "app_mention": "app_mentions:read",
        "message.channels": "channels:history",
        "message.groups": "groups:history",
        "message.im": "im:history",
        "message.mpim": "mpim:history",
    }
    scopes = manifest["oauth_config"]["scopes"]["bot"]
    posts = {"chat:write", "commands", "files:read", "files:write", "reactions:write"}
    looks = {"channels:read", "groups:read", "im:read", "mpim:read", "usergroups:read", "users:read"}
    of_an_agent = {"assistant:write"} if is_agent else set()
    assert {needs[event] for event in events if event in needs} | posts | looks | of_an_agent == set(scopes)
    assert ("agent_view" in manifest["features"]) is is_agent
    assert manifest["features"]["app_home"]["home_tab_enabled"] is True
    kept = ("callback_id", "name", "type", "description")
    assert [tuple(each[key] for key in kept) for each in manifest["features"]["shortcuts"]] == [
        *prompt_window.SHORTCUTS
    ]
    assert manifest["settings"]["socket_mode_enabled"] is True
    assert manifest["settings"]["interactivity"]["is_enabled"] is True


def test_the_manifests_differ_in_what_makes_an_app_an_agent_and_in_nothing_else() -> None:
    agent, plain = (yaml.safe_load((ROOT / name).read_text()) for name in MANIFESTS)
    del agent["features"]["agent_view"]
    agent["oauth_config"]["scopes"]["bot"].remove("assistant:write")
    agent["settings"]["event_subscriptions"]["bot_events"].remove("agent_session_stopped")
    assert agent == plain


@pytest.mark.parametrize("name", MANIFESTS)
def test_the_manifest_is_valid_where_slacks_schema_is_at_hand(name: str) -> None:
    """Slack's schema is Slack's own and no part of this project: a copy may lie beside the checkout, or be named by
    SLACK_MANIFEST_SCHEMA."""
    beside = [str(path) for path in ROOT.parent.glob("*/data/slack-manifest.schema.json")]
    path = Path(os.environ.get("SLACK_MANIFEST_SCHEMA", next(iter(beside), "absent")))
    manifest = yaml.safe_load((ROOT / name).read_text())
    assert set(manifest) == {"_metadata", "display_information", "features", "oauth_config", "settings"}
    if path.is_file():
        schema = json.loads(path.read_text("utf-8"))
        validator = validator_for(schema)(schema)
        assert [error.message for error in validator.iter_errors(manifest)] == []
