"""mcp.json and what is wrong with it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from bot.config import mcp_json
from bot.errors import SettingsError
from bot.tools.server_config import HttpServer, ServerConfig, SseServer, StdioServer


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "mcp.json"


def load(file: Path, content: Any, **environ: str) -> tuple[ServerConfig, ...]:
    file.write_text(content if isinstance(content, str) else json.dumps(content), "utf-8")
    return mcp_json.load(file, None, environ)


def one(**entry: Any) -> dict[str, Any]:
    return {"mcpServers": {"git": {"command": "uvx", **entry}}}


def test_servers_are_read_in_the_order_of_the_file(file: Path) -> None:
    servers = load(
        file,
        {
            "mcpServers": {
                "zoo": {"command": "npx", "args": ["-y", "zoo"], "env": {"KEY": "v"}, "timeout": 90, "trusted": True},
                "off": {"command": "x", "disabled": True, "env": {"TOKEN": "${NOT_SET}"}},
                "git": {"type": "stdio", "command": "uvx", "cwd": "."},
            }
        },
    )
    assert servers == (
        StdioServer("zoo", "npx", ("-y", "zoo"), {"KEY": "v"}, None, trusted=True, call_seconds=90.0),
        StdioServer("git", "uvx", cwd=file.parent),
    )


def test_variables_are_replaced_in_command_args_env_and_cwd(file: Path) -> None:
    (file.parent / "here").mkdir()
    (server,) = load(
        file,
        one(
            command="${BIN}/git",
            args=["${env:BIN}", "${NONE:-a:-b}", "${EMPTY:-full}", "$BIN"],
            env={"A": "${EMPTY}"},
            cwd="${DIR}",
        ),
        BIN="/bin",
        EMPTY="",
        DIR="here",
    )
    assert server == StdioServer("git", "/bin/git", ("/bin", "a:-b", "full", "$BIN"), {"A": ""}, file.parent / "here")


def test_an_address_is_reached_over_streamable_http_unless_its_type_is_sse(file: Path) -> None:
    headers = {"Authorization": "Bearer ${T}"}
    entries = {
        "new": {"url": "https://x/mcp", "headers": headers},
        "same": {"type": "streamable-http", "url": "https://y/mcp"},
        "old": {"type": "sse", "url": "http://${HOST:-z}/sse", "timeout": 5},
    }
    servers = load(file, {"mcpServers": entries}, T="hunter22")
    assert servers == (
        HttpServer("new", "https://x/mcp", {"Authorization": "Bearer hunter22"}),
        HttpServer("same", "https://y/mcp"),
        SseServer("old", "http://z/sse", call_seconds=5.0),
    )
    assert "hunter22" not in repr(servers)


def test_a_server_shows_no_secrets_in_its_repr(file: Path) -> None:
    (server,) = load(file, one(args=["--token=${T}"], env={"TOKEN": "${T}"}), T="hunter22")
    assert "hunter22" not in repr(server)


def test_no_servers_is_a_choice(file: Path) -> None:
    assert load(file, {"mcpServers": {}}) == ()


def test_a_byte_order_mark_does_no_harm(file: Path) -> None:
    assert len(load(file, "\ufeff" + json.dumps(one()))) == 1


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("{", "is not valid JSON: Expecting property name enclosed in double quotes in line 1"),
        ("[]", "must be an object with `mcpServers`"),
        ("[" * 100_000, "is nested too deeply"),
        ({}, "has no `mcpServers`"),
        ({"servers": {}}, "has an unknown key `servers`"),
        ({"mcpServers": []}, "`mcpServers` must be an object"),
        ({"mcpServers": {"git": "uvx"}}, "`mcpServers.git` must be an object"),
        ('{"mcpServers": {"a": {"command": "x"}, "a": {"command": "y"}}}', "has the key `a` twice"),
        ({"mcpServers": {"a b": {"command": "x"}, "a.b": {"command": "y"}}}, "and `a b` both become `a_b`"),
        ({"mcpServers": {"...": {"command": "x"}}}, "`mcpServers....` has a name that cannot be used"),
        ({"mcpServers": {"x" * 33: {"command": "x"}}}, "Use 1 to 32 letters, digits, `_` or `-`."),
        ({"mcpServers": {"web": {"type": "http"}}}, "`mcpServers.web.url` must be the server's address"),
        ({"mcpServers": {"web": {"type": "ws", "url": "ws://x"}}}, "`mcpServers.web.type` must be stdio, http"),
        ({"mcpServers": {"web": {"url": "ftp://x"}}}, "`mcpServers.web.url` must be an http or https address"),
        ({"mcpServers": {"web": {"url": "http://a:b@x"}}}, "must not contain a user name or a password"),
        (
            {"mcpServers": {"web": {"url": "http://x", "headers": {"A": "${TOKEN}"}}}},
            "`mcpServers.web.headers.A` needs the environment variable TOKEN",
        ),
        ({"mcpServers": {"web": {"url": "http://x", "headers": {"A b": "c"}}}}, "must be a header with printable"),
        ({"mcpServers": {"git": {}}}, "`mcpServers.git.command` must be the program to start"),
        (one(command=""), "`mcpServers.git.command` must not be empty"),
        (one(command="a\0b"), "`mcpServers.git.command` must not be empty or contain a NUL"),
        (one(args="-y"), "`mcpServers.git.args` must be a list of strings"),
        (one(args=[1]), "`mcpServers.git.args[0]` must be a string"),
        (one(env={"A": 1}), "`mcpServers.git.env.A` must be a string"),
        (one(trusted="yes"), "`mcpServers.git.trusted` must be true or false"),
        (one(disabled=1), "`mcpServers.git.disabled` must be true or false"),
        (one(timeout=30000), "`mcpServers.git.timeout` must be a number of seconds (not milliseconds), above 0"),
        (one(timeout=0), "`mcpServers.git.timeout` must be a number"),
        (one(timeout=True), "`mcpServers.git.timeout` must be a number"),
        (
            one(alwaysAllow=["log"]),
            "`mcpServers.git` has an unknown key `alwaysAllow`. The keys that are known here are args, command",
        ),
        (one(cwd="nowhere"), "`mcpServers.git.cwd` names the folder"),
        (one(args=["${TOKEN}"]), "`mcpServers.git.args[0]` needs the environment variable TOKEN, which is not set"),
        (
            one(env={"A": "${env:TOKEN}"}),
            "`mcpServers.git.env.A` needs the environment variable TOKEN, which is not set",
        ),
        (one(args=["${input:token}"]), "`mcpServers.git.args[0]` contains `${input:token}`, which cannot be replaced"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(file: Path, content: Any, expected: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load(file, content)
    assert caught.value.setting == "MCP_CONFIG"
    assert str(caught.value).startswith(f"MCP_CONFIG: {file}")
    assert expected in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_cannot_be_read_is_named(file: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read"):
        mcp_json.load(file, file.parent)
    file.write_bytes(b"\xff")
    with pytest.raises(SettingsError, match="is not UTF-8"):
        mcp_json.load(file, file.parent)


def test_without_a_file_there_is_the_trusted_filesystem_server_over_a_folder_that_is_created(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (server,) = mcp_json.load(None, None)
    assert isinstance(server, StdioServer)
    assert (server.key, server.trusted, server.env) == ("filesystem", True, {})
    assert server.args[-1] == str(tmp_path / "workspace")
    assert server.cwd == tmp_path / "workspace"
    assert (tmp_path / "workspace").is_dir()


def test_with_a_file_no_folder_is_created(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(file.parent)
    load(file, one())
    assert not (file.parent / "workspace").exists()


def test_npx_is_not_started_in_a_folder_that_a_model_writes_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    (server,) = mcp_json.load(None, tmp_path)
    assert isinstance(server, StdioServer)
    assert (server.command, server.cwd) == ("npx", None)


@pytest.mark.parametrize("servers", [None, {"mcpServers": {}}], ids=["without a file", "with a file"])
def test_a_workspace_that_is_set_and_does_not_exist_is_refused_and_not_created(
    file: Path, servers: dict[str, Any] | None
) -> None:
    if servers is not None:
        file.write_text(json.dumps(servers), "utf-8")
    folder = file.parent / "typing" / "mistake"
    with pytest.raises(SettingsError, match=r"BOT_WORKSPACE: the folder .*/typing/mistake does not exist\. Create it"):
        mcp_json.load(None if servers is None else file, folder)
    assert not folder.parent.exists()


def test_a_workspace_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(SettingsError, match=r"BOT_WORKSPACE: .* is not a folder"):
            mcp_json.load(None, path)


def test_a_default_workspace_that_cannot_be_created_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("/proc")
    with pytest.raises(SettingsError, match=r"BOT_WORKSPACE: the folder /proc/workspace cannot be used"):
        mcp_json.load(None, None)
