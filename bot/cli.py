"""The command line: `python -m bot` runs the bot."""

from __future__ import annotations

import argparse
import asyncio
import gc
import sys
from collections.abc import Sequence

from bot.errors import SettingsError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the bot until it is told to stop. Out: the exit code; 2 when a setting is wrong, after one sentence."""
    parser = argparse.ArgumentParser(prog="python -m bot", description="Run the Slack agent.")
    parser.add_argument("command", nargs="?", default="run", choices=["run"], help="run (the default): start the bot")
    parser.parse_args(arguments)
    try:
        # Imported late so that a mistake in the settings is told at once and --help costs nothing.
        from bot import logs, settings  # noqa: PLC0415

        loaded = settings.load()
        secrets = (loaded.slack_bot_token, loaded.slack_app_token, loaded.openrouter_api_key)
        logs.configure(loaded.log_level, loaded.log_format, secrets)
        # Loading makes a great many objects that stay: a fifth of its time would go to looking through them. The
        # service switches the collector on again when it has loaded everything.
        gc.disable()
        from bot import service  # noqa: PLC0415

        asyncio.run(service.run(loaded))
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except KeyboardInterrupt:
        return 130
    return 0
