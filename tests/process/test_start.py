"""The start: quick when all is well, one plain sentence when it is not."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path

import pytest

from bot.errors import SettingsError
from bot.slack import app
from slack_sandbox.slack import SlackSandbox
from tests.harness import Bot, World, world
from tests.unit.tools.helpers import is_alive, until

pytestmark = pytest.mark.anyio

WRONG = {
    "a wrong bot token": ({"SLACK_BOT_TOKEN": "xoxb-wrong"}, "SLACK_BOT_TOKEN"),
    "another kind of bot token": ({"SLACK_BOT_TOKEN": "xapp-1"}, "SLACK_BOT_TOKEN"),
    "a wrong app token": ({"SLACK_APP_TOKEN": "xapp-wrong"}, "SLACK_APP_TOKEN"),
    "no app token": ({"SLACK_APP_TOKEN": ""}, "SLACK_APP_TOKEN"),
    "a wrong key": ({"OPENROUTER_API_KEY": "sk-or-wrong"}, "OPENROUTER_API_KEY"),
    "no tokens at all": ({"SLACK_BOT_TOKEN": "", "SLACK_APP_TOKEN": ""}, "SLACK_BOT_TOKEN"),
    "no key": ({"OPENROUTER_API_KEY": ""}, "OPENROUTER_API_KEY"),
    "Slack at a closed port": ({"SLACK_API_URL": "http://127.0.0.1:9/api/"}, "SLACK_API_URL"),
    "an address that is none": ({"OPENROUTER_BASE_URL": "openrouter"}, "OPENROUTER_BASE_URL"),
    "an unknown database": ({"DATABASE_URL": "mysql://user:password@host/db"}, "DATABASE_URL"),
    "a database that is a folder": ({"DATABASE_URL": "sqlite:////"}, "DATABASE_URL"),
    "a database that is no database": ({"DATABASE_URL": "sqlite:///garbage"}, "DATABASE_URL"),
    "a workspace that is a file": ({"BOT_WORKSPACE": "garbage"}, "BOT_WORKSPACE"),
    "a workspace that does not exist": ({"BOT_WORKSPACE": "nowhere"}, "BOT_WORKSPACE"),
    "a missing server file": ({"MCP_CONFIG": "nowhere.json"}, "MCP_CONFIG"),
    "a server file that is no JSON": ({"MCP_CONFIG": "garbage"}, "MCP_CONFIG"),
    "a missing configuration": ({"BOT_CONFIG": "nowhere.toml"}, "BOT_CONFIG"),
    "a configuration that is no TOML": ({"BOT_CONFIG": "garbage"}, "BOT_CONFIG"),
    "an unknown key": ({"BOT_CONFIG": "unknown.toml"}, "BOT_CONFIG"),
    "an unknown log level": ({"LOG_LEVEL": "loud"}, "LOG_LEVEL"),
    "too many models": ({"OPENROUTER_MODEL": "a/a,b/b,c/c,d/d"}, "OPENROUTER_MODEL"),
}


AS_IT_IS = ("no tokens at all", "a database that is no database")
"""Mistakes with which `python -m bot` is started, with all that Python loads for it: one that is found before anything
is loaded, one in between. Of what is found when everything is loaded, see Slack that never answers. The other bots are
forked."""


@pytest.mark.parametrize("mistake", WRONG)
async def test_a_setting_that_is_wrong_ends_the_start_with_one_sentence_that_names_it(
    tmp_path: Path, mistake: str
) -> None:
    environment, setting = WRONG[mistake]
    (tmp_path / "garbage").write_text("this is neither JSON nor a database = [\n" * 100)
    (tmp_path / "unknown.toml").write_text("[limits]\nsteeps = 3\n")
    async with world(tmp_path, start=False) as here:
        here.bot.forked = mistake not in AS_IT_IS
        here.expected_refusals.append("invalid_auth")
        said = (await refused_within_ten_seconds(here, **environment)).strip().splitlines()
        assert len(said) == 1, said
        assert said[0].startswith(f"{setting}: ")
        assert said[0].endswith(".")
        for secret in (here.slack.bot_token, here.slack.app_token, here.model.api_key, "password"):
            assert secret not in said[0]
        assert not (tmp_path / "nowhere").exists()


async def refused_within_ten_seconds(here: World, **environment: str) -> str:
    """Start a bot that ends by itself. Return what it logged. On a busy machine it waits for a core most of the time:
    what takes too long is measured again before it counts."""
    for _ in range(3):
        logged, begun = len(here.bot.log), time.monotonic()
        await here.bot.start(**environment)
        assert await here.bot.ended(60) == 2
        if time.monotonic() - begun < 10:
            return here.bot.log[logged:]
    pytest.fail("it took ten seconds, three times")


async def test_slack_that_never_answers_ends_the_start_within_ten_seconds(tmp_path: Path) -> None:
    async with world(tmp_path, start=False) as here:
        here.slack.faults.add("auth.test", "hang", times=None)
        here.bot.forked = False
        assert (await refused_within_ten_seconds(here)).startswith("SLACK_API_URL: ")


async def asked(these: app.Clients) -> None:
    """All that Slack is asked before the socket is opened."""
    await app.preflight(these, 0.1)
    await app.warm(app.bolt(these, lambda _: None), 0.1)


@pytest.mark.parametrize("silent", ["auth.test", "apps.connections.open", "the second auth.test"])
async def test_none_of_what_slack_is_asked_before_the_socket_is_waited_for_longer_than_allowed(silent: str) -> None:
    async with SlackSandbox() as slack:
        these = app.clients(slack.api_url, slack.bot_token, slack.app_token)
        try:
            if silent == "the second auth.test":
                slack.faults.add("auth.test", "slow", times=1)
            slack.faults.add(silent.removeprefix("the second "), "hang", times=None)
            with pytest.raises(SettingsError, match="SLACK_API_URL: Slack could not be reached"):
                await asyncio.wait_for(asked(these), 5)
        finally:
            await these.session.close()


@pytest.mark.parametrize("mistake", ["a wrong bot token", "a database that is a folder"])
async def test_a_start_that_is_refused_leaves_no_server_process(tmp_path: Path, mistake: str) -> None:
    environment, _ = WRONG[mistake]
    # It ignores what would end a well made server, and it starts a process of its own.
    script = "trap '' TERM; echo $$ > pid; sleep 120 & echo $! >> pid; wait; sleep 120"
    server = {"command": "/bin/sh", "args": ["-c", script], "cwd": str(tmp_path)}
    (tmp_path / "mcp.json").write_text(json.dumps({"mcpServers": {"stubborn": server}}))
    async with world(tmp_path, start=False) as here:
        here.expected_refusals.append("invalid_auth")
        await here.bot.start(**environment)
        assert await here.bot.ended(10) == 2
        assert len(here.bot.log.strip().splitlines()) == 1
        pids = (tmp_path / "pid").read_text().split() if (tmp_path / "pid").exists() else []
        await until(lambda: not [pid for pid in pids if is_alive(int(pid))], 5, "the end of the server")


@pytest.mark.alone
async def test_the_socket_is_open_within_three_seconds_while_the_server_is_still_starting(tmp_path: Path) -> None:
    (tmp_path / "mcp.json").write_text('{"mcpServers": {"never": {"command": "sleep", "args": ["60"]}}}')
    async with world(tmp_path, start=False) as here:
        here.bot.forked = False
        begun = time.monotonic()
        await here.bot.start()
        await here.ready()
        assert time.monotonic() - begun < 3


async def test_once_the_list_of_models_is_known_a_model_that_is_not_in_it_ends_the_start(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        kept = here.bot.database.with_name("bot.db.models.json")
        await here.until(kept.exists, poll=0.05)
        await here.bot.stop()
        await here.bot.start(OPENROUTER_MODEL="sandbox/other")
        assert await here.bot.ended(10) == 2
        last = here.bot.log.splitlines()[-1]
        assert last == (
            "OPENROUTER_MODEL: sandbox/other cannot be used: the endpoint does not list it. Name another model."
        )
        await here.bot.start(OPENROUTER_MODEL="sandbox/other, sandbox/model")
        await here.ready()
        assert "sandbox/other cannot be used: the endpoint does not list it" in here.bot.log
        here.errors_expected = True


async def test_a_second_process_on_the_same_database_is_refused(tmp_path: Path) -> None:
    async with world(tmp_path) as here:
        second = Bot(tmp_path, here.bot.environment)
        await second.start()
        assert await second.ended(10) == 2
        assert "DATABASE_URL: another process is already using" in second.log
        assert here.bot.process is not None
        assert here.bot.process.returncode is None


async def test_no_secret_is_in_the_log(tmp_path: Path) -> None:
    async with world(tmp_path, LOG_LEVEL="debug") as here:
        await here.slack.say(here.general, here.alice, f"<@BOT> my key is {here.model.api_key}")
        await here.model.until(lambda: here.model.requests, what="the request")
        await here.quiet()
        for secret in (here.slack.bot_token, here.slack.app_token, here.model.api_key):
            assert secret not in here.bot.log


async def test_with_json_every_line_is_an_object_and_a_turn_has_its_two(tmp_path: Path) -> None:
    async with world(tmp_path, LOG_FORMAT="json") as here:
        await here.slack.say(here.general, here.alice, "<@BOT> hello")
        await here.model.until(lambda: here.model.requests, what="the request")
        await here.quiet()
        said = [json.loads(line) for line in here.bot.log.splitlines()]
    turns = [entry for entry in said if entry["message"] in ("turn began", "turn ended")]
    assert [entry["people"] for entry in turns] == [here.alice.id] * 2
    assert turns[1]["outcome"] == "answered"
