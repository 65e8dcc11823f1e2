"""`python -m slack_sandbox`: the local Slack and its page, for whatever Bolt app one wants to try.

The environment that the app needs goes to standard output and nothing else does, so that it can be kept in a file:
`python -m slack_sandbox > sandbox.env`. What a person wants to know goes to standard error.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import os
import signal
import sys
import threading
import webbrowser
from collections.abc import Sequence
from contextlib import suppress
from typing import NoReturn

from slack_sandbox import sample_team
from slack_sandbox.page import Page
from slack_sandbox.slack import SlackSandbox

LAST_PORT = 65_535
FILE_SHARE_DELAY = 0.5
"""Slack answers an upload first, and shows the message with the file a moment later."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run until Ctrl-C or SIGTERM, or for as long as was asked. Out: the exit code; 2 for a wrong option, after one
    sentence."""
    chosen = _parser().parse_args(arguments)
    if 0 < chosen.port == chosen.api_port:
        return _refuse(f"--api-port: the page has port {chosen.port} already; name another one")
    try:
        return asyncio.run(_serve(chosen))
    except KeyboardInterrupt:  # before the loop could handle the signal
        return 0


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Say what is wrong in one sentence, without the page about all options."""
        unknown = message.partition("unrecognized arguments: ")[2]
        problem = f"there is no option {unknown}; --help lists them" if unknown else message.removeprefix("argument ")
        sys.exit(_refuse(problem))


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="python -m slack_sandbox",
        description="Start a strict Slack on this computer, with a page for the browser, and print the environment "
        "that a Bolt app needs to connect to it.",
        epilog="The environment goes to standard output: python -m slack_sandbox > sandbox.env",
    )
    add = parser.add_argument
    add("--port", type=_port, default=0, metavar="N", help="the page's port on 127.0.0.1 (default: any that is free)")
    add("--api-port", type=_port, default=0, metavar="N", help="the port of Slack's API (default: any that is free)")
    add("--app-name", type=_name, default="Your App", metavar="NAME", help="the app's name in the page")
    add("--no-open", action="store_true", help="do not open the browser")
    add("--seconds", type=_seconds, default=math.inf, metavar="S", help="end by itself after this time")
    add("--rate-limits", action="store_true", help="answer 429 as Slack does when an app is too fast")
    add("--plain", action="store_true", help="the app is not declared an agent: no session status, Stop or prompts")
    add("--json", action="store_true", help="print one JSON object: page, environment, people, channels")
    return parser


def _port(value: str) -> int:
    if not value.isascii() or not value.isdigit() or int(value) > LAST_PORT:
        raise argparse.ArgumentTypeError(f"there is no port {value}; name one from 1 to {LAST_PORT}, or 0 for any")
    return int(value)


def _name(value: str) -> str:
    name = value.strip()
    if not name or not name.isprintable() or len(name) > 80:
        raise argparse.ArgumentTypeError("a name has 1 to 80 characters, all of them printable")
    return name


def _seconds(value: str) -> float:
    try:
        seconds = float(value)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds < math.inf:
        raise argparse.ArgumentTypeError(f"{value} is not a number of seconds; write for example 60")
    return seconds


async def _serve(chosen: argparse.Namespace) -> int:
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # as under nohup
            loop.add_signal_handler(number, ended.set)
    slack = SlackSandbox(
        port=chosen.api_port,
        bot_name=chosen.app_name,
        file_share_delay=FILE_SHARE_DELAY,
        enforce_rate_limits=chosen.rate_limits,
        agent=not chosen.plain,
    )
    page = Page(slack, port=chosen.port)
    option = "--api-port"
    try:
        await slack.start()
        team = sample_team.populate(slack)
        option = "--port"
        await page.start()
    except OSError as error:
        await slack.close()
        why = os.strerror(error.errno) if error.errno else str(error)
        port = chosen.port if option == "--port" else chosen.api_port
        return _refuse(f"{option}: {port} cannot be used ({why}); name another one")
    announcing = asyncio.create_task(_tell_of_connection(slack))
    try:
        _announce(chosen, slack, page.address, team)
        with suppress(TimeoutError):
            async with asyncio.timeout(None if math.isinf(chosen.seconds) else chosen.seconds):
                await ended.wait()
    finally:
        announcing.cancel()
        await page.close()
        await slack.close()
    return 0


async def _tell_of_connection(slack: SlackSandbox) -> None:
    """Report once that an app is there: until then nobody answers in the page."""
    await slack.connected(timeout=float(2**20))
    _tell("The app has connected.")


def environment(slack: SlackSandbox) -> dict[str, str]:
    """The variables that a Bolt app needs to connect to this sandbox."""
    return {
        "SLACK_BOT_TOKEN": slack.bot_token,
        "SLACK_APP_TOKEN": slack.app_token,
        "SLACK_API_URL": slack.api_url,
    }


def _announce(chosen: argparse.Namespace, slack: SlackSandbox, address: str, team: sample_team.Team) -> None:
    variables = environment(slack)
    if chosen.json:
        people = {name: person.id for name, person in team.people.items()}
        channels = {name: channel.id for name, channel in team.channels.items()}
        facts = {"page": address, "environment": variables, "people": people, "channels": channels}
        printed = json.dumps(facts) + "\n"
    else:
        printed = "".join(f"export {name}={value}\n" for name, value in variables.items())
        _tell(
            f"A Slack for {chosen.app_name} is running. Open this in a browser:\n\n{address}\n\n"
            "Start the app with this environment (it has to use SLACK_API_URL: see slack_sandbox/README.md):\n"
        )
    with suppress(OSError):  # nobody reads it
        sys.stdout.write(printed)
        sys.stdout.flush()
    if not chosen.json:
        _tell("\nCtrl-C ends it.")
    if sys.stderr.isatty() and not chosen.no_open:
        threading.Thread(target=_open, args=(address,), daemon=True).start()


def _open(address: str) -> None:
    with suppress(Exception):
        webbrowser.open(address)


def _refuse(problem: str) -> int:
    _tell(problem)
    return 2


def _tell(text: str) -> None:
    with suppress(OSError):  # nobody reads it
        sys.stderr.write(f"{text}\n")
        sys.stderr.flush()
