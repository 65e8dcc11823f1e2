"""`python -m bot try`: runs the real bot in a sandbox Slack with a web page, without an account."""

from __future__ import annotations

import argparse
import asyncio
import importlib.util
import logging
import os
import secrets
import signal
import sys
import threading
import webbrowser
from collections.abc import Coroutine, Mapping
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from dotenv import dotenv_values

from bot import interrupt
from bot.config import settings
from bot.errors import SettingsError
from bot.tools.mcp.transports.process_reaper import ProcessReaper
from slack_sandbox import sample_team
from slack_sandbox.errors import ImpossibleAction
from slack_sandbox.openrouter import ModelSandbox
from slack_sandbox.slack import SlackSandbox
from slack_sandbox.trial import sample_workspace
from slack_sandbox.trial import scenario as scenarios
from slack_sandbox.trial.child import RUNNING, Child
from slack_sandbox.trial.child_log import ChildLog
from slack_sandbox.trial.controls import ModelName, TryControls
from slack_sandbox.trial.folder import FolderError, TrialFolder, prepared
from slack_sandbox.trial.scenario import Scenario, ScenarioError

if TYPE_CHECKING:
    from slack_sandbox.relay import Relay
    from slack_sandbox.trial.environment import TrialEnvironment

T = TypeVar("T")

STOP_SECONDS = 4.0
"""How long the bot may take to end; its database is not used again."""
INTERRUPTED = 130
"""The exit code of shells after Ctrl-C."""
FILE_SHARE_DELAY = 0.5
"""Slack answers an upload first, and shows the message with the file a moment later."""
LAST_PORT = 65_535
LOG_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
MODEL = "offline/plain-english"
PARSER_PACKAGE = "lark"
"""The parser of the offline model; only the extra `try` installs it."""
CHECKOUT = Path(__file__).parents[2]
"""The folder that contains `bot`: the checkout, unless the package is installed."""
_OF_THE_BOT = ("SLACK_", "OPENROUTER_", "OPENAI_", "BOT_", "MCP_", "DATABASE_URL", "LOG_")
"""Settings of a production bot; a trial must neither read them nor touch what they name."""
_NEVER = ("SLACK_CLIENT_ID", "SLACK_CLIENT_SECRET", "SLACK_SIGNING_SECRET", "BOT_CONFIG", "LOG_LEVEL", "LOG_FORMAT")
_OF_THE_MODEL = ("OPENROUTER_API_KEY", "OPENROUTER_BASE_URL", "OPENROUTER_MODEL")
_PASSED = ("LOG_LEVEL", "LOG_FORMAT")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command to a parser."""
    add = parser.add_argument
    add("--port", type=int, default=0, metavar="N", help="the page's port on 127.0.0.1 (default: any that is free)")
    add("--no-open", action="store_true", help="do not open the browser")
    add("--folder", type=Path, metavar="DIR", help="keep workspace and database here, and use the workspace again")
    add("--workspace", type=Path, metavar="DIR", help="a folder of your own for the tools, instead of the sample")
    add("--bot-config", type=Path, metavar="FILE", help="a bot.toml for the bot")
    add("--mcp-config", type=Path, metavar="FILE", help="an mcp.json for the bot")
    add("--plain", action="store_true", help="as an app that is not declared an agent: no session status, no Stop")
    add("--scenario", metavar="FILE", help="replay a conversation: a file, or the name of one that comes with it")
    add("--exit", action="store_true", help="end after the scenario: code 0, or 1 when it went otherwise")
    add("--pace", type=float, default=1.0, metavar="SECONDS", help="between the steps of the scenario (default: 1)")


def run(arguments: argparse.Namespace) -> int:
    """Run until Ctrl-C or SIGTERM, or to the end of the scenario. Out: the exit code. Raises SettingsError."""
    if importlib.util.find_spec(PARSER_PACKAGE) is None:
        problem = f"it needs the package {PARSER_PACKAGE}, which is not installed. Run"
        raise SettingsError("try", f"{problem} `pip install 'slack-mcp-agent[try]'`, or in a checkout `make try`.")
    try:
        scenario = None
        if not 0 <= arguments.port <= LAST_PORT:
            raise SettingsError("--port", f"{arguments.port} is not a port. Name one from 1 to {LAST_PORT}.")
        if arguments.exit and arguments.scenario is None:
            raise SettingsError("--exit", "it needs a --scenario after which to end.")
        if arguments.scenario is not None:
            scenario = scenarios.load(arguments.scenario, sample_team.PEOPLE, sample_team.CHANNELS)
        with prepared(arguments.folder, arguments.workspace) as folder:
            own = logging.FileHandler(folder.own_log, encoding="utf-8", delay=True)
            logging.basicConfig(level=logging.WARNING, format=LOG_FORMAT, handlers=[own])
            return interrupt.run(_Trial(arguments, folder, scenario).run())
    except (FolderError, ScenarioError) as error:
        raise SettingsError(error.option, error.problem) from error
    except KeyboardInterrupt:
        return INTERRUPTED if arguments.exit else 0


class _Trial:
    """One trial from start to end."""

    def __init__(self, arguments: argparse.Namespace, folder: TrialFolder, scenario: Scenario | None) -> None:
        self._arguments, self._folder, self._scenario = arguments, folder, scenario
        self._variables = _variables()
        found = _model_settings(self._variables, folder.start)
        # A replay must always show the same, which a real model does not.
        self._key = found.openrouter_api_key if scenario is None else ""
        self._upstream = found.openrouter_base_url
        self._models = ",".join(found.models) if self._key else MODEL
        self._end = asyncio.Event()
        """Set when the trial is to end."""
        self._ending = False

    async def run(self) -> int:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) is not signal.SIG_IGN:  # as under nohup
                loop.add_signal_handler(number, self._end.set)
        async with AsyncExitStack() as stack:
            slack = SlackSandbox(
                file_share_delay=FILE_SHARE_DELAY, bot_name=sample_workspace.APP, agent=not self._arguments.plain
            )
            await stack.enter_async_context(slack)
            model = await stack.enter_async_context(self._endpoint())
            name = ModelName("real" if self._key else "offline", self._models)
            controls = TryControls(name, self._folder.workspace)
            child = await self._start_bot(stack, slack, controls, model)
            # While the bot imports its modules, this process imports the rest of its own.
            from bot.slack.blocks.prompt_window import SHORTCUTS  # noqa: PLC0415
            from slack_sandbox.trial.environment import TrialEnvironment  # noqa: PLC0415

            for callback_id, shown, kind, about in SHORTCUTS:
                slack.add_shortcut(callback_id, shown, kind, about)

            instant = self._scenario is not None and self._arguments.pace <= 0
            environment = TrialEnvironment(slack, controls, child, model, port=self._arguments.port, instant=instant)
            try:
                address = await environment.open(stack)
            except OSError as error:
                why = os.strerror(error.errno) if error.errno else str(error)
                raise SettingsError(
                    "--port", f"{self._arguments.port} cannot be used ({why}). Name another one."
                ) from error
            await self._first(child.settled())
            if child.state != "running":
                return self._failed(controls.bot() or {}, child)
            self._announce(address)
            return await self._stay(environment)

    def _failed(self, bot: Mapping[str, Any], child: Child) -> int:
        """Report that the bot has not become ready, and what to do. Out: the exit code."""
        if self._end.is_set():
            return self._interrupted()
        last = [line for line in bot["log"] if line][:-1][-1:]  # the very last line only says that it has ended
        if self._key and any(line.startswith("OPENROUTER_API_KEY: ") for line in last):
            _tell("Without OPENROUTER_API_KEY the offline model answers, which needs no account.")
        if child.exit_code == 2:
            return 2
        _tell(f"The bot could not be started: {last[0] if last else 'it ended by itself'}")
        return 1

    async def _stay(self, environment: TrialEnvironment) -> int:
        """Play the scenario, if any, and wait until the end. Out: the exit code."""
        scenario = self._scenario
        if scenario is None:
            await self._end.wait()
            return 0
        failed = await self._first(environment.play(scenario, max(0.0, self._arguments.pace)))
        if failed is None:
            return self._interrupted()
        _tell(failed or f"{scenario.file}: all {len(scenario.steps)} steps went as they should")
        if self._arguments.exit:
            return 1 if failed else 0
        await self._end.wait()
        return 0

    def _interrupted(self) -> int:
        """Return the exit code of an interrupted trial: a replay that has not finished has not passed."""
        return INTERRUPTED if self._arguments.exit else 0

    async def _first(self, work: Coroutine[Any, Any, T]) -> T | None:
        """Return the result of the work; None if the trial is to end first."""
        working, ending = asyncio.create_task(work), asyncio.create_task(self._end.wait())
        await asyncio.wait([working, ending], return_when=asyncio.FIRST_COMPLETED)
        ending.cancel()
        if working.done():
            return working.result()
        working.cancel()
        return None

    def _endpoint(self) -> ModelSandbox | Relay:
        if not self._key:
            return ModelSandbox(models=(MODEL,), keep=1, api_key=f"sk-or-v1-sandbox-{secrets.token_hex(8)}")
        from slack_sandbox.relay import Relay  # noqa: PLC0415

        return Relay(self._upstream)

    async def _start_bot(
        self, stack: AsyncExitStack, slack: SlackSandbox, controls: TryControls, model: ModelSandbox | Relay
    ) -> Child:
        reaper = ProcessReaper()
        reaper.start()
        stack.push_async_callback(asyncio.to_thread, reaper.close)
        log = controls.log = ChildLog(self._folder.log, self._tell_of_bot, controls.changed)
        child = controls.child = Child(
            (sys.executable, "-m", "bot"),
            self._environment(slack, model),
            self._folder.start,
            slack=slack,
            log=log,
            reaper=reaper,
            changed=controls.changed,
        )
        stack.push_async_callback(self._stop, child)
        await child.start()
        return child

    async def _stop(self, child: Child) -> None:
        self._ending = True
        if child.state in RUNNING:
            with suppress(ImpossibleAction):  # it has just ended
                await child.stop(STOP_SECONDS)
        await child.ended()

    def _tell_of_bot(self, line: str) -> None:
        if not self._ending:  # a bot that is stopped in the middle of its work says so in its log only
            _tell(line)

    def _environment(self, slack: SlackSandbox, model: ModelSandbox | Relay) -> dict[str, str]:
        """Return the child's environment, without any setting of the user's own bot."""
        if self._arguments.mcp_config is None:
            kept = {name: value for name, value in os.environ.items() if not name.startswith(_OF_THE_BOT)}
        else:  # its tool servers may need variables with such names
            kept = {name: value for name, value in self._variables.items() if name not in _NEVER}
        kept |= {name: self._variables[name] for name in _PASSED if name in self._variables}
        if (CHECKOUT / "pyproject.toml").is_file():
            # `python -m bot` may have found `bot` in the current directory, and the child is started in another one.
            paths = (str(CHECKOUT), kept.get("PYTHONPATH", ""))
            kept["PYTHONPATH"] = os.pathsep.join(path for path in paths if path)
        named = {"BOT_CONFIG": self._arguments.bot_config, "MCP_CONFIG": self._arguments.mcp_config}
        return kept | {
            "SLACK_BOT_TOKEN": slack.bot_token,
            "SLACK_APP_TOKEN": slack.app_token,
            "SLACK_API_URL": slack.api_url,
            "OPENROUTER_API_KEY": model.api_key if isinstance(model, ModelSandbox) else self._key,
            "OPENROUTER_BASE_URL": model.base_url,
            "OPENROUTER_MODEL": self._models,
            "DATABASE_URL": f"sqlite:///{self._folder.database}",
            "BOT_WORKSPACE": str(self._folder.workspace),
            **{name: str(path.resolve()) for name, path in named.items() if path is not None},
        }

    def _announce(self, address: str) -> None:
        fate = "removed at the end; --folder DIR keeps it" if self._folder.temporary else "kept"
        if self._arguments.workspace is not None:
            fate = "your own"
        model = self._models if self._key else "offline: fixed rules, no AI; set OPENROUTER_API_KEY for a real one"
        with suppress(OSError):  # nobody reads it
            sys.stdout.write(
                f"{sample_workspace.APP} is there, in a Slack of its own. Open this in a browser:\n\n{address}\n\n"
                f"Model:  {model}\n"
                f"Files:  {self._folder.workspace} ({fate})\n"
                f"End it with Ctrl-C.\n"
            )
            sys.stdout.flush()
        if sys.stdout.isatty() and not self._arguments.no_open:
            threading.Thread(target=_open, args=(address,), daemon=True).start()


def _tell(line: str) -> None:
    with suppress(OSError):  # nobody reads it
        sys.stderr.write(f"{line}\n")
        sys.stderr.flush()


def _open(address: str) -> None:
    with suppress(Exception):
        webbrowser.open(address)


def _variables() -> Mapping[str, str]:
    """Return the environment and ./.env; the environment takes precedence."""
    path = Path(".env")
    try:
        found = dotenv_values(path, encoding="utf-8") if path.exists() else {}
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(".env", f"{path.absolute()} cannot be read: {error}") from error
    values = {name: value for name, value in found.items() if value is not None}
    return values | {name: value for name, value in os.environ.items() if value}


def _model_settings(variables: Mapping[str, str], folder: Path) -> settings.Settings:
    """Return the model's settings, validated as the bot does. Raises SettingsError."""
    chosen = {name: variables[name] for name in (*_OF_THE_MODEL, *_PASSED) if name in variables}
    return settings.load(chosen, folder, needed=False)
