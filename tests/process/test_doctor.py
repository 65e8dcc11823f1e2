"""`python -m bot doctor`: once as a process with the real filesystem server, its other cases in this one."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import re
import sqlite3
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from bot.cli import main
from bot.logs import QUIET
from bot.model.catalogue_entries import dump, parse
from bot.store.sqlite import audit
from bot.store.sqlite.database import Database
from bot.tools.filesystem import default_server
from slack_sandbox.slack import SlackSandbox
from tests import standin
from tests.forking import nursery
from tests.unit.tools.helpers import processes_with

OWN = ("SLACK_", "OPENROUTER_", "OPENAI_", "BOT_", "MCP_", "DATABASE_")
"""How the settings of whoever runs the tests begin."""
ROOT = Path(__file__).parents[2]
TOKENS = {"SLACK_BOT_TOKEN": "xoxb-1", "SLACK_APP_TOKEN": "xapp-1", "OPENROUTER_API_KEY": "sk-or-1"}
POLICY = """\
[[policy.rules]]
name = "notes"
action = "allow"
tool = ["write_file", "edit_file"]
arguments.path.inside = ["notes"]

[[policy.rules]]
action = "deny"
tool = "move_file"

[[policy.rules]]
action = "deny"
tool = "read_media_file"
channel = "public"

[approvals.destructive]
approvers = ["requester", "S0456"]
needed = 2
"""


def bot(folder: Path, *words: str, **environment: str) -> tuple[int, str, str]:
    """Run a command to its end. Out: the exit code and what it said."""
    known = {key: os.environ[key] for key in ("HOME", "PATH") if key in os.environ}
    done = nursery().run(folder, {**known, "PYTHONPATH": str(ROOT), **environment}, *words, real_files=True)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


@dataclass
class Doctor:
    """The same command in this process, where everything is loaded already."""

    folder: Path
    monkeypatch: pytest.MonkeyPatch
    capsys: pytest.CaptureFixture[str]

    def __call__(self, *words: str, **environment: str) -> tuple[int, str, str]:
        """Run it to its end. Out: the exit code and what it said."""
        root = logging.getLogger()
        handlers = list(root.handlers)
        levels = {name: logging.getLogger(name).level for name in ("root", *QUIET)}
        with self.monkeypatch.context() as within:
            within.chdir(self.folder)
            for name in [name for name in os.environ if name.startswith(OWN)]:
                within.delenv(name)
            for name, value in environment.items():
                within.setenv(name, value)
            try:
                code = main(["doctor", *words])
            finally:
                logging.captureWarnings(capture=False)
                root.handlers[:] = handlers
                for name, level in levels.items():
                    logging.getLogger(name).setLevel(level)
        said = self.capsys.readouterr()
        return code, said.out, said.err


@pytest.fixture
def doctor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Doctor:
    programs, server = standin.installed()
    monkeypatch.setattr(default_server, "_INSTALLED", server)
    monkeypatch.setenv("PATH", str(programs), prepend=os.pathsep)
    return Doctor(tmp_path, monkeypatch, capsys)


def rows(said: str) -> dict[str, list[str]]:
    """The table, by tool: tier, who approves, what applies."""
    lines = [re.split(r" {2,}", line) for line in said.splitlines() if "__" in line]
    return {cells[0]: cells[1:] for cells in lines if len(cells) == 4}


def test_it_prints_for_each_tool_what_applies_and_who_approves(tmp_path: Path) -> None:
    (tmp_path / "bot.toml").write_text(POLICY)
    code, said, errors = bot(tmp_path, "doctor", **TOKENS)
    assert (code, errors) == (0, "")
    table = rows(said)
    assert len(table) == 14
    assert table["filesystem__write_file"] == [
        "destructive",
        "2 of requester, S0456",
        'allow when path is inside notes: rule "notes" (line 1); else ask: the default',
    ]
    assert table["filesystem__move_file"] == ["destructive", "–", "deny (hidden): rule 2 (line 7)"]
    assert table["filesystem__create_directory"] == ["write", "1 of requester", "ask: the default"]
    assert table["filesystem__read_media_file"][2] == "deny in public: rule 3 (line 11); else allow: the default"
    assert table["filesystem__read_text_file"] == ["read", "–", "allow: the default"]
    lines = [line for line in said.splitlines() if line.split(" ")[0] in table]
    assert len({line.index(table[line.split(" ")[0]][1]) for line in lines}) == 1, "the columns are aligned"
    assert processes_with(str(tmp_path)) == [], "the servers have ended"


def test_it_prints_the_same_for_machines(tmp_path: Path, doctor: Doctor) -> None:
    (tmp_path / "bot.toml").write_text(POLICY)
    code, said, _ = doctor("--json")
    told = json.loads(said)
    assert code == 0
    assert told["missing"] == ["SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "OPENROUTER_API_KEY"]
    assert (told["findings"], told["findings_of_tools"], told["servers"]) == ([], [], [])
    tools = {tool["name"]: tool for tool in told["tools"]}
    assert tools["filesystem__move_file"]["hidden"] is True
    write = tools["filesystem__write_file"]
    assert write["approvers"] == {"people": ["requester", "S0456"], "needed": 2, "no_self": False, "grants": False}
    assert [(each["ruling"], each["when"], each["line"]) for each in write["applies"]] == [
        ("allow", "when path is inside notes", 1),
        ("ask", "always", None),
    ]


@pytest.mark.parametrize(("context", "searched"), [(1_000_000, False), (20_000, True)])
def test_it_says_what_the_definitions_of_tools_take_of_the_context(
    tmp_path: Path, doctor: Doctor, context: int, searched: bool
) -> None:
    (tmp_path / "bot.toml").write_text(f"[models]\ncontext = {context}\n")
    _, machine, _ = doctor("--json", **TOKENS)
    told = json.loads(machine)["definitions"]
    assert told["total"] == told["servers"]["filesystem"] > 1_000
    assert (told["context"] <= context, told["searched"]) == (True, searched)
    _, said, _ = doctor(**TOKENS)
    [line] = [line for line in said.splitlines() if line.startswith("Definitions of tools, in tokens: `filesystem` ")]
    assert f"{told['total']:,} in all, {100 * told['total'] / told['context']:.1f}% of the context" in line
    assert ("The model searches for them instead" in line) is searched


def test_a_warning_about_the_file_is_told_and_all_is_well(tmp_path: Path, doctor: Doctor) -> None:
    (tmp_path / "bot.toml").write_text(POLICY + '\n[[policy.rules]]\naction = "ask"\ntool = "move_file"\n')
    code, said, _ = doctor(**TOKENS)
    assert code == 0
    assert said.startswith("Warning, line 20: rule 4 never decides anything: rule 2 (line 7) covers all that it could")


def test_a_rule_that_suits_no_tool_is_told_with_the_nearest_name(tmp_path: Path, doctor: Doctor) -> None:
    (tmp_path / "bot.toml").write_text('[[policy.rules]]\naction = "deny"\ntool = "move_fle"\n')
    code, said, _ = doctor()
    assert code == 1
    assert "SLACK_BOT_TOKEN, SLACK_APP_TOKEN, OPENROUTER_API_KEY are not set" in said
    assert (
        "Warning, line 1: rule 1 names the tool 'move_fle', and there is no such tool; perhaps you mean move_file"
        in said
    )


def test_a_server_that_does_not_start_is_one_sentence(tmp_path: Path, doctor: Doctor) -> None:
    (tmp_path / "mcp.json").write_text('{"mcpServers": {"gone": {"command": "no-such-program"}}}')
    (tmp_path / "bot.toml").write_text('[[policy.rules]]\naction = "deny"\nserver = "gone"\ntool = "x"\n')
    code, said, errors = doctor(**TOKENS)
    assert (code, errors) == (1, "")
    assert said.splitlines() == [
        "The tool server `gone` is not running: the command `no-such-program` was not found.",
        "Models: anthropic/claude-sonnet-4.5. Nothing is known of them before the bot has run; --models asks the"
        " endpoint.",
        "",
        "There are no tools.",
    ]


def test_what_is_known_of_each_model_and_what_is_wrong_with_it(tmp_path: Path, doctor: Doctor) -> None:
    (tmp_path / "data").mkdir()
    listed = {
        "a/good": {"context_length": 200_000, "pricing": {"prompt": "0.000003", "completion": "0.000015"}},
        "a/mute": {"supported_parameters": ["max_tokens"]},
        "a/short": {"context_length": 4_096},
    }
    usual = {"supported_parameters": ["tools", "reasoning"], "architecture": {"input_modalities": ["text", "image"]}}
    body = json.dumps({"data": [{"id": model, **usual, **more} for model, more in listed.items()]})
    known = parse(body.encode(), lambda: 0.0)
    assert known is not None
    kept = dump(known, "https://openrouter.ai/api/v1", 1_795_000_000.0)
    (tmp_path / "data" / "bot.db.models.json").write_text(kept)
    (tmp_path / "bot.toml").write_text('[models]\nallowed = ["a/mute", "a/short", "a/lost:free"]\n')
    code, said, _ = doctor(OPENROUTER_MODEL="a/good:nitro", **TOKENS)
    assert code == 1
    assert "Error, a/mute cannot be used: it cannot be given tools." in said
    assert "Error, a/lost:free cannot be used: the endpoint does not list it." in said
    assert "Warning, a/short has a context of 4,096 tokens, which is small for using tools." in said
    assert (
        "  a/good:nitro: context of 200,000 tokens; $3.00 and $15.00 per million tokens read and written; tools;"
        " levels of effort; reads image, text" in said
    )
    code, said, _ = doctor("--json", OPENROUTER_MODEL="a/good", **TOKENS)
    [good, *_] = json.loads(said)["models"]["configured"]
    assert (good["model"], good["context_length"], good["tools"]) == ("a/good", 200_000, True)


def test_it_asks_an_endpoint_that_does_not_answer_once(tmp_path: Path, doctor: Doctor) -> None:
    code, said, _ = doctor("--models", OPENROUTER_BASE_URL="http://127.0.0.1:9/v1", **TOKENS)
    assert code == 1
    assert "http://127.0.0.1:9/v1/models could not be read: " in said


async def _with_records(folder: Path) -> None:
    """A database in which it is recorded that people were asked about two calls."""

    def write(connection: sqlite3.Connection) -> None:
        for call, path in enumerate(("notes/a.txt", "plan.md"), start=1):
            facts = {
                "tool": "filesystem__write_file",
                "question": "may_it_run",
                "arguments": {"path": path, "content": "text"},
            }
            audit.record(connection, "requested", call=call, approval=f"r{call}", facts=facts)

    async with Database(f"sqlite:///{folder}/bot.db") as database:
        await database.write(write)


def test_replay_says_what_the_file_as_it_is_now_would_have_decided(tmp_path: Path, doctor: Doctor) -> None:
    (tmp_path / "workspace" / "notes").mkdir(parents=True)
    (tmp_path / "bot.toml").write_text(POLICY)
    asyncio.run(_with_records(tmp_path))
    here = {"DATABASE_URL": f"sqlite:///{tmp_path}/bot.db"}
    code, said, errors = doctor("--replay", "7", **TOKENS, **here)
    assert (code, errors) == (0, "")
    assert "2 recorded calls of the last 7 days" in said
    assert "filesystem__write_file: 1 asked then, allowed now:" in said
    assert '"path": "notes/a.txt"' in said
    assert "plan.md" not in said, "it would be asked about as before"
    code, said, _ = doctor("--replay", "7", "--json", **TOKENS, **here)
    assert json.loads(said)["tools"]["filesystem__write_file"]["now"] == {"allowed": 1, "asked": 1, "denied": 0}


@pytest.mark.parametrize("days", ["0", "-1", "many", "nan", "inf"])
def test_a_number_of_days_that_is_none_is_refused(doctor: Doctor, days: str) -> None:
    with pytest.raises(SystemExit):
        doctor("--replay", days)


def test_settings_that_are_wrong_are_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "bot.toml").write_text('[[policy.rules]]\naction = "allow"\n')
    code, said, errors = bot(tmp_path, "doctor")
    assert (code, said) == (2, "")
    assert errors.count("\n") == 1
    assert errors.startswith("BOT_CONFIG: ")
    assert "line 1: rule 1 allows everything" in errors
    code, _, errors = bot(tmp_path, "run", **TOKENS)
    assert (code, errors.count("\n")) == (2, 1), "and the bot does not start with it"


def test_help_names_every_command_and_loads_nothing_heavy(tmp_path: Path) -> None:
    code, said, _ = bot(tmp_path, "--help")
    assert code == 0
    assert all(word in said for word in ("run", "doctor", "audit"))
    look = (
        "import sys\nfrom bot import cli\n"
        "try: cli.main(['--help'])\n"
        "except SystemExit: pass\n"
        "print([name for name in sys.modules if name.split('.')[0] in ('mcp', 'aiohttp', 'slack_bolt', 'dotenv')])"
    )
    done = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.anyio
@pytest.mark.parametrize("agent", [True, False])
async def test_it_asks_slack_what_the_app_is_if_it_is_told_to(tmp_path: Path, doctor: Doctor, agent: bool) -> None:
    async with SlackSandbox(agent=agent, team_name="Acme") as slack:
        tokens = {
            "SLACK_BOT_TOKEN": slack.bot_token,
            "SLACK_APP_TOKEN": slack.app_token,
            "SLACK_API_URL": slack.api_url,
        }
        asked = asyncio.create_task(asyncio.to_thread(doctor, "--slack", OPENROUTER_API_KEY="sk-or-1", **tokens))
        code, said, _ = await asked
        assert code == 0
        kind = "is declared" if agent else "is not declared"
        assert "In Acme as @" in said.splitlines()[0]
        assert f"the Slack app {kind} an agent" in said.splitlines()[0]


def test_to_ask_slack_it_needs_the_tokens(tmp_path: Path, doctor: Doctor) -> None:
    code, _, errors = doctor("--slack")
    assert code == 2
    assert "SLACK_BOT_TOKEN" in errors


def test_it_names_what_is_wrong_with_the_servers_and_shows_their_last_words(tmp_path: Path, doctor: Doctor) -> None:
    crash = "import sys; sys.exit('no access with hunter22')"
    servers = {
        "crash": {"command": sys.executable, "args": ["-c", crash], "env": {"KEY": "hunter22"}},
        "wrong": {"command": "x", "env": {"A": "${NOT_SET}"}, "cwd": "nowhere"},
        "other": {"command": sys.executable, "disabled": True},
    }
    (tmp_path / "mcp.json").write_text(json.dumps({"mcpServers": servers, "inputs": []}))
    code, said, _ = doctor()
    assert code == 1
    assert "Warning, mcp.json `inputs` is not known and is ignored" in said
    assert "Error, mcp.json `mcpServers.wrong.env.A` needs the environment variable NOT_SET, which is not set" in said
    assert "Error, mcp.json `mcpServers.wrong.cwd` names the folder" in said
    assert "The tool server `crash` is not running" in said
    assert "Its last words: no access with ***" in said
    assert "hunter22" not in said
    _, machine, _ = doctor("--json")
    told = json.loads(machine)
    assert [finding["level"] for finding in told["findings_of_servers"]] == ["warning", "error", "error"]
    assert [(state["key"], state["state"]) for state in told["server_states"]] == [("crash", "down")]


def test_it_says_that_a_server_with_sign_ins_needs_a_key_and_for_how_long_servers_run(
    tmp_path: Path, doctor: Doctor
) -> None:
    notes = {"url": "https://notes.example.com/mcp", "identity": "person"}
    (tmp_path / "mcp.json").write_text(json.dumps({"mcpServers": {"notes": notes}}))
    code, said, _ = doctor()
    assert code == 1
    assert "Error, BOT_SECRET_KEY: it is not set, and people sign in to `notes`; the bot does not start without" in said
    assert "openssl rand -hex 32" in said
    assert "The tool server `notes` has run for 0 s and offers 1 tool." in said
    code, said, _ = doctor(BOT_SECRET_KEY="k" * 32)
    assert "BOT_SECRET_KEY" not in said
