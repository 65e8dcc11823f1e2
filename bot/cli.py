"""The command line, `python -m bot` or `slack-mcp-agent`: runs the bot, inspects it, or tries it in a sandbox."""

from __future__ import annotations

import argparse
import gc
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bot import __version__
from bot.errors import SettingsError

if TYPE_CHECKING:
    from bot.config.settings import Settings
    from bot.sighup import SighupHandler

PROGRAM = "slack-mcp-agent"

# Everything else is imported late, so that a wrong setting is reported at once and --help is fast.


def main(arguments: Sequence[str] | None = None) -> int:  # noqa: PLR0911 - one for each command
    """Run the bot until it is stopped, or one of the other commands. Out: the exit code; 2 with one sentence if a
    setting is wrong."""
    began = time.monotonic()
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        chosen = _parser(words[0] if words else "run").parse_args(words)
        match chosen.command:
            case "doctor":
                from bot.commands import doctor  # noqa: PLC0415

                return doctor.run(chosen)
            case "audit":
                from bot.commands import audit  # noqa: PLC0415

                return audit.run(chosen)
            case "usage":
                from bot.commands import usage  # noqa: PLC0415

                return usage.run(chosen)
            case "mcp":
                from bot.commands import mcp  # noqa: PLC0415

                return mcp.run(chosen)
            case "try":
                from bot.commands import try_  # noqa: PLC0415

                return try_.run(chosen)
            case _:
                return _run(began)
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except KeyboardInterrupt:
        return 130


def _parser(command: str) -> argparse.ArgumentParser:
    """Return the parser; only the chosen command is imported for its options."""
    program = PROGRAM if Path(sys.argv[0]).stem == PROGRAM else "python -m bot"
    parser = argparse.ArgumentParser(prog=program, description="Run the Slack agent, or inspect it.")
    parser.add_argument("--version", action="version", version=f"{PROGRAM} {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="command")
    commands.add_parser("run", help="start the bot (the default)")
    doctor_parser = commands.add_parser("doctor", help="show which rule applies to each tool, and report problems")
    audit_parser = commands.add_parser("audit", help="print or verify the records of what was approved and run")
    usage_parser = commands.add_parser("usage", help="print what turns have cost, and what people think of answers")
    mcp_parser = commands.add_parser("mcp", help="list what an MCP server offers, by its address, key or command")
    try_parser = commands.add_parser("try", help="try it in a browser, in a sandbox Slack, with no account")
    if command == "doctor":
        from bot.commands import doctor  # noqa: PLC0415

        doctor.add_arguments(doctor_parser)
    elif command == "audit":
        from bot.commands import audit  # noqa: PLC0415

        audit.add_arguments(audit_parser)
    elif command == "usage":
        from bot.commands import usage  # noqa: PLC0415

        usage.add_arguments(usage_parser)
    elif command == "mcp":
        from bot.commands import mcp  # noqa: PLC0415

        mcp.add_arguments(mcp_parser)
    elif command == "try":
        from bot.commands import try_  # noqa: PLC0415

        try_.add_arguments(try_parser)
    return parser


def _run(began: float) -> int:
    from bot import interrupt, logs  # noqa: PLC0415
    from bot.config import settings  # noqa: PLC0415
    from bot.sighup import SighupHandler  # noqa: PLC0415
    from bot.tools.filesystem import default_server  # noqa: PLC0415

    sighup = SighupHandler()
    loaded = settings.load()
    if loaded.mcp_config is None:
        default_server.look_ahead()
    keys = loaded.variables.get("BOT_SECRET_KEY", "").split(",")
    secrets = (loaded.slack_bot_token, loaded.slack_app_token, loaded.openrouter_api_key, *map(str.strip, keys))
    logs.configure(loaded.log_level, loaded.log_format, secrets)
    # Loading creates many objects that stay: scanning them would take a fifth of its time. The service enables the
    # collector again once it has loaded everything.
    gc.disable()
    interrupt.run(_serve(loaded, began, sighup))
    return 0


async def _serve(loaded: Settings, began: float, sighup: SighupHandler) -> None:
    """Start the processes of the tool servers first, which take a third of a second, then everything else. They end
    with this function, however it ends."""
    from bot.config import mcp_json  # noqa: PLC0415
    from bot.signing_in import with_accounts  # noqa: PLC0415
    from bot.tools.toolset import make_toolset  # noqa: PLC0415

    configured = mcp_json.load(loaded.mcp_config, loaded.workspace, loaded.variables)
    mcp_json.log_findings(configured)
    tools = make_toolset(with_accounts(configured.servers))
    try:
        await tools.launch()
        from bot import app  # noqa: PLC0415
        from bot.reloading import Reloading  # noqa: PLC0415

        await app.run(loaded, tools, began, reloading=Reloading(loaded, configured, tools), sighup=sighup)
    finally:
        await tools.aclose()
