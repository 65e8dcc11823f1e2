"""mcp.json and what is wrong with it."""

from __future__ import annotations

import json
import re
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.config import mcp_json
from bot.core.identity import Identity, OAuthSettings
from bot.core.tools import Audience
from bot.errors import SettingsError
from bot.tools.mcp import names
from bot.tools.server_config import HttpServer, ServerConfig, SseServer, StdioServer


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "mcp.json"


def load(file: Path, content: Any, **environ: str) -> tuple[ServerConfig, ...]:
    file.write_text(content if isinstance(content, str) else json.dumps(content), "utf-8")
    return mcp_json.load(file, None, environ).servers


def read(file: Path, content: Any, **environ: str) -> mcp_json.Configured:
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
        HttpServer("new", "https://x/mcp", {"Authorization": "Bearer hunter22"}, account=Identity.SERVICE),
        HttpServer("same", "https://y/mcp"),
        SseServer("old", "http://z/sse", call_seconds=5.0),
    )
    assert "hunter22" not in repr(servers)


def test_how_people_and_the_bot_sign_in_is_read(file: Path) -> None:
    entries = {
        "theirs": {"url": "https://x/mcp", "identity": "person"},
        "ours": {"url": "https://y/mcp", "oauth": {"clientId": "bot", "client_secret": "${T}", "scopes": "a b"}},
    }
    theirs, ours = load(file, {"mcpServers": entries}, T="hunter22")
    assert isinstance(theirs, HttpServer)
    assert isinstance(ours, HttpServer)
    assert (theirs.account, theirs.oauth, theirs.signs_in) == (Identity.PERSON, None, True)
    assert (ours.account, ours.oauth) == (Identity.SERVICE, OAuthSettings("bot", "hunter22", "", ("a", "b")))
    assert "hunter22" not in repr(ours)
    assert ours.without_secrets("hunter22") == "***"
    as_before = HttpServer("theirs", "https://x/mcp")
    assert theirs.identity() != as_before.identity(), "what was approved for one identity does not hold for the other"


ENV = {"DATABASE_URL": "postgres://bot:hunter-22@test/x", "API_TOKEN": "abc-123"}
SERVED = StdioServer("s", "run", ("--root", "/a", "--token=abc-123"), ENV)
REACHED = HttpServer("s", "https://x/mcp?project=one&api_key=abc-123", {"Authorization": "Bearer abc-1234"})


@pytest.mark.parametrize(
    ("server", "change", "same"),
    [
        (SERVED, {"env": {**ENV, "API_TOKEN": "def-456"}}, True),
        (SERVED, {"env": {**ENV, "DATABASE_URL": "postgres://bot:other-22@test/x"}}, True),
        (SERVED, {"args": ("--root", "/a", "--token=def-456")}, True),
        (SERVED, {"env": {**ENV, "DATABASE_URL": "postgres://bot:hunter-22@production/x"}}, False),
        (SERVED, {"env": {**ENV, "MODE": "write"}}, False),
        (SERVED, {"args": ("--root", "/b", "--token=abc-123")}, False),
        (REACHED, {"url": "https://x/mcp?project=one&api_key=def-456"}, True),
        (REACHED, {"headers": {"Authorization": "Bearer def-4567"}}, True),
        (REACHED, {"url": "https://x/mcp?project=two&api_key=abc-123"}, False),
        (REACHED, {"headers": {**REACHED.headers, "X-Team": "two"}}, False),
        (REACHED, {"oauth": OAuthSettings("bot", "hush-hush")}, False),
        (REACHED, {"call_seconds": 5.0}, True),
    ],
)
def test_what_was_approved_holds_when_a_token_is_replaced_and_not_for_another_database(
    server: ServerConfig, change: dict[str, Any], same: bool
) -> None:
    assert (replace(server, **change).origin == server.origin) is same
    assert not re.search("abc-123|hunter-22", str(server.identity()))


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
        ("{", "is not valid JSON: unexpected end of input in line 1"),
        ('{"mcpServers":\n// secret\n{"a" 1}}', "in line 3"),
        ("[]", "must be an object with `mcpServers`"),
        ("[" * 100_000, "is nested too deeply"),
        (" " * 300_000, "is larger than 256 KB"),
        ({}, "has no `mcpServers`"),
        ({"mcpServers": []}, "`mcpServers` must be an object"),
        ({"mcpServers": {}, "servers": {}}, "has two lists of servers"),
        ('{"mcpServers": {}, "mcpServers": {}}', "has two lists of servers"),
    ],
)
def test_only_a_file_that_cannot_be_read_at_all_ends_the_start(file: Path, content: Any, expected: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load(file, content)
    assert caught.value.setting == "MCP_CONFIG"
    assert str(caught.value).startswith(f"MCP_CONFIG: {file}")
    assert expected in str(caught.value)
    assert "\n" not in str(caught.value)


def web(**entry: Any) -> dict[str, Any]:
    return {"mcpServers": {"web": {"url": "http://x", **entry}}}


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ({"mcpServers": {"git": "uvx"}}, "`mcpServers.git` must be an object"),
        ('{"mcpServers": {"a": {"command": "x"}, "a": {"command": "y"}}}', "`mcpServers.a` is there twice"),
        ('{"mcpServers": {"a": {"command": "x", "command": "y"}}}', "`mcpServers.a.command` is there twice"),
        ({"mcpServers": {"web": {"type": "http"}}}, "`mcpServers.web.url` must be the server's address"),
        ({"mcpServers": {"web": {"type": "ws", "url": "http://x"}}}, "`mcpServers.web.type` must be stdio, http"),
        (web(url="ftp://x"), "`mcpServers.web.url` must be an http or https address"),
        (web(url="http://a:b@x"), "must not contain a user name or a password; send them in `headers`"),
        (web(headers={"A": "${TOKEN}"}), "`mcpServers.web.headers.A` needs the environment variable TOKEN"),
        (web(headers={"A b": "c"}), "must be a header with printable"),
        (one(identity="person"), '`mcpServers.git.identity` cannot be "person" for a program'),
        (one(oauth={}), "`mcpServers.git.oauth` cannot be used for a program"),
        (web(identity="x"), '`mcpServers.web.identity` must be "service" or "person"'),
        (web(oauth="x"), "`mcpServers.web.oauth` must be an object"),
        (web(oauth={"client_id": "x"}), "`mcpServers.web.oauth` needs a `client_id` and a `client_secret`"),
        (
            web(identity="person", oauth={"client_id": "${NONE}"}),
            "`mcpServers.web.oauth.client_id` needs the environment variable",
        ),
        (web(identity="person", oauth={"client_metadata_url": "http://x/y"}), "must be an https address with a path"),
        (
            web(identity="person", oauth={"issuer": "http://i.example"}),
            "`mcpServers.web.oauth.issuer` must be an https",
        ),
        (web(identity="person", oauth={"scopes": [1]}), "`mcpServers.web.oauth.scopes` must be a list of scopes"),
        (web(identity="person", headers={"authorization": "x"}), "there is no fallback from one identity to another"),
        (web(httpUrl="http://y"), "`mcpServers.web.httpUrl` and `url` mean the same"),
        ({"mcpServers": {"git": {}}}, "`mcpServers.git.command` must be the program to start"),
        (one(command=""), "`mcpServers.git.command` must not be empty"),
        (one(command="a\0b"), "`mcpServers.git.command` must not contain a NUL"),
        (one(args="-y"), "`mcpServers.git.args` must be a list of strings"),
        (one(args=[{}]), "`mcpServers.git.args[0]` must be a string"),
        (one(env={"A": []}), "`mcpServers.git.env.A` must be a string"),
        (one(env=["A=1"]), "`mcpServers.git.env` must be an object of strings"),
        (one(trusted="yes"), "`mcpServers.git.trusted` must be true or false"),
        (one(disabled=1), "`mcpServers.git.disabled` must be true or false"),
        (one(timeout=30000), "`mcpServers.git.timeout` must be a number of seconds (not milliseconds), above 0"),
        (one(timeout=0), "`mcpServers.git.timeout` must be a number"),
        (one(timeout=True), "`mcpServers.git.timeout` must be a number"),
        (one(startup_timeout="9"), "`mcpServers.git.startup_timeout` must be a number of seconds"),
        (one(max_concurrency=0), "`mcpServers.git.max_concurrency` must be a number of calls from 1"),
        (one(protocol="old"), "`mcpServers.git.protocol` must be auto or legacy"),
        (one(include=[]), "`mcpServers.git.include` must be a list of names of tools"),
        (one(exclude="*"), "`mcpServers.git.exclude` must be a list"),
        (one(safe_to_repeat=[1]), "`mcpServers.git.safe_to_repeat` must be a list"),
        (one(channels=["#general"]), "`mcpServers.git.channels` must be a list of ids of channels"),
        (one(channels=[]), "`mcpServers.git.channels` must be a list of ids"),
        (one(users=["@alice"]), "`mcpServers.git.users` must be a list of ids of people"),
        (one(groups=["U01"]), "`mcpServers.git.groups` must be a list of ids of user groups"),
        (one(cwd="nowhere"), "`mcpServers.git.cwd` names the folder"),
        (one(args=["${TOKEN}"]), "`mcpServers.git.args[0]` needs the environment variable TOKEN, which is not set"),
        (one(env={"A": "${env:TOKEN}"}), "`mcpServers.git.env.A` needs the environment variable TOKEN"),
        (one(args=["${input:token}"]), "`mcpServers.git.args[0]` contains `${input:token}`, which cannot be replaced"),
    ],
)
def test_a_wrong_entry_disables_its_server_and_no_other(file: Path, content: Any, expected: str) -> None:
    text = content if isinstance(content, str) else json.dumps(content)
    configured = read(file, text[:-2] + ', "fine": {"command": "x"}}}')
    assert [server.key for server in configured.servers] == ["fine"]
    (finding,) = (each for each in configured.findings if each.level == "error")
    assert finding.problem.startswith("mcp.json `mcpServers.")
    assert expected in finding.words()
    assert finding.words().endswith("until then this server is not used")
    assert "\n" not in finding.words()


def test_everything_that_is_wrong_is_named_at_once(file: Path) -> None:
    entries = {"a": {"command": 1, "env": {"X": "${NO}", "Y": "${NONE}"}, "trusted": 1}, "b": {"type": "ws"}}
    findings = read(file, {"mcpServers": entries}).findings
    places = [finding.problem.split("`")[1].removeprefix("mcpServers.") for finding in findings]
    assert places == ["a.command", "a.env.X", "a.env.Y", "a.trusted", "b.type", "b.command"]


def test_two_keys_of_which_the_same_name_would_be_made_disable_the_second(file: Path) -> None:
    configured = read(file, {"mcpServers": {"a b": {"command": "x"}, "a.b": {"command": "y"}}})
    assert [server.key for server in configured.servers] == ["a b"]
    assert "`mcpServers.a.b` and `a b` both become `a_b`" in configured.findings[0].words()


def test_a_disabled_server_needs_nothing(file: Path) -> None:
    assert read(file, one(disabled=True, command=1, args=["${NOT_SET}"], x=1)) == mcp_json.Configured(())


def test_comments_and_trailing_commas_are_read(file: Path) -> None:
    text = """\ufeff// the servers
    {
      /* as in VS Code */ "servers": {
        "git": {"command": "uvx", "args": ["a//b", "/*c*/",],},  // the last one
      },
    }"""
    assert load(file, text) == (StdioServer("git", "uvx", ("a//b", "/*c*/")),)


@pytest.mark.parametrize(
    ("entry", "server", "warned"),
    [
        pytest.param(
            {"command": "x", "env": {"PORT": 80, "ON": True, "RATE": 0.5, "NONE": None}, "autoApprove": ["a"]},
            StdioServer("s", "x", (), {"PORT": "80", "ON": "true", "RATE": "0.5"}),
            ["`mcpServers.s.autoApprove` grants nothing"],
            id="Cline",
        ),
        pytest.param(
            {"type": "streamableHttp", "url": "https://x", "autoApprove": [], "disabled": False, "timeout": 60},
            HttpServer("s", "https://x"),
            [],
            id="Cline, with an address",
        ),
        pytest.param(
            {"command": "x", "alwaysAllow": ["a"], "disabledTools": ["b"], "watchPaths": ["c"]},
            StdioServer("s", "x", exclude=("b",)),
            ["`mcpServers.s.alwaysAllow` grants nothing", "`mcpServers.s.watchPaths` is not known and is ignored"],
            id="Roo Code",
        ),
        pytest.param(
            {"httpUrl": "https://x", "trust": True, "includeTools": ["a"], "excludeTools": ["b"]},
            HttpServer("s", "https://x", include=("a",), exclude=("b",)),
            ["`mcpServers.s.trust` grants nothing"],
            id="Gemini CLI",
        ),
        pytest.param(
            {"type": "stdio", "command": "x", "args": [8080], "url": "https://x", "dev": {"watch": "*"}},
            StdioServer("s", "x", ("8080",)),
            ["`mcpServers.s.url` has no effect for a server of this type", "`mcpServers.s.dev` is not known"],
            id="VS Code",
        ),
    ],
)
def test_files_of_other_hosts_are_read(
    file: Path, entry: dict[str, Any], server: ServerConfig, warned: list[str]
) -> None:
    configured = read(file, {"mcpServers": {"s": entry}})
    assert configured.servers == (server,)
    assert [finding.level for finding in configured.findings] == ["warning"] * len(warned)
    for finding, expected in zip(configured.findings, warned, strict=True):
        assert expected in finding.words()


def test_every_setting_of_a_server_is_read(file: Path) -> None:
    own: dict[str, Any] = {
        "startup_timeout": 5,
        "max_concurrency": 2,
        "protocol": "legacy",
        "include": ["get_*", "set"],
        "exclude": ["get_all"],
        "safe_to_repeat": ["set"],
        "channels": ["C1"],
        "users": ["U1"],
        "groups": ["S1"],
        "identity": "service",
    }
    (server,) = load(file, one(**own))
    assert (server.start_seconds, server.calls_at_once, server.legacy) == (5.0, 2, True)
    assert [server.uses(name) for name in ("get_a", "set", "get_all", "GET_a", "x")] == [
        True,
        True,
        False,
        False,
        False,
    ]
    assert (server.repeats("set"), server.repeats("get_a")) == (True, False)
    assert server.audience == Audience(("C1",), ("U1",), ("S1",))


@pytest.mark.parametrize(
    "key", ["x" * 33, "github.com/modelcontextprotocol/servers/tree/main/src/github", "日本", "..."]
)
def test_any_key_of_a_server_gives_a_name_for_its_tools(file: Path, key: str) -> None:
    (server,) = load(file, {"mcpServers": {key: {"command": "x"}}})
    prefix = names.prefix(server.key)
    assert re.fullmatch(r"[a-zA-Z][a-zA-Z0-9_-]*[a-zA-Z0-9]", prefix)
    assert len(prefix) <= names.MAX_PREFIX_LENGTH
    assert "__" not in prefix
    assert prefix != names.prefix(f"{key}x")


def test_what_a_server_says_is_shown_without_the_values_of_its_configuration() -> None:
    stdio = StdioServer("s", "x", ("--token=hunter22",), {"KEY": "s3cret!", "ON": "1"})
    assert stdio.without_secrets("bad key s3cret! or hunter22, 1 try") == "bad key *** or ***, 1 try"
    http = HttpServer("s", "https://x/?key=abc%20def", {"Authorization": "Bearer tok-123456"})
    assert http.without_secrets("tok-123456, abc def") == "***, ***"


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
    (server,) = mcp_json.load(None, None).servers
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
    (server,) = mcp_json.load(None, tmp_path).servers
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
