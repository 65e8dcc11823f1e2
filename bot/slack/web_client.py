"""Slack's Web API client. It logs what an operator has to fix once, and once more when it works again."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot.slack.error_kinds import CHANNEL_CODES, TOKEN_CODES, advice, needs_operator

log = logging.getLogger(__name__)

MAX_REPORTED = 1_000
"""Problems that are remembered as reported. The oldest is forgotten, and reported again if it recurs."""
OPTIONAL = ("agents.", "assistant.", "reactions.")
"""Prefixes of methods that the bot does without: they need an app declared as an agent, or a scope that an app from
before lacks."""
CONNECTING = "apps.connections.open"


class Problems:
    """Problems that an operator has to fix and that were reported. One instance serves all clients of a process."""

    def __init__(self) -> None:
        self._reported: dict[tuple[str, str], str] = {}
        self.started = False
        """Whether the bot has started. Before that, an error ends the start, which says why."""

    def failed(self, code: str, method: str, *, scope: str = "", channel: str = "") -> None:
        """Log an error of Slack, unless the same problem was logged and has not been solved since.

        Codes that need no operator are ignored. scope: the missing scope, if Slack names it.
        """
        if not self.started or not needs_operator(code) or method.startswith(OPTIONAL):
            return
        place = _place(code, method, scope, channel)
        if place in self._reported:
            return
        if len(self._reported) >= MAX_REPORTED:
            del self._reported[next(iter(self._reported))]
        self._reported[place] = code
        what = f"{code}: {scope}" if scope else code
        log.error("Slack refuses %s (%s). %s. The bot tries again by itself.", method, what, advice(code, method))

    def worked(self, method: str, channel: str = "") -> None:
        """Log that a method works again, if its failure was logged."""
        if self._reported and method != CONNECTING:
            self._settled(method, _TOKEN, (method, ""), (method, channel))

    def connected(self) -> None:
        """Log that the connection works again. Called once it has lasted: Slack may close a new connection at once."""
        self._settled("connections", _CONNECTION)

    def _settled(self, what: str, *places: tuple[str, str]) -> None:
        for place in places:
            if code := self._reported.pop(place, ""):
                log.info("Slack accepts %s again; it had refused with %s", what, code)


_CONNECTION = ("the connection", "")
_TOKEN = ("the bot token", "")


def _place(code: str, method: str, scope: str, channel: str) -> tuple[str, str]:
    """Return what a problem is about: the connection, the token, a scope, a method in a channel, or a method."""
    if method == CONNECTING:
        return _CONNECTION
    if code in TOKEN_CODES:
        return _TOKEN
    if code == "missing_scope" and method.startswith(("conversations.", "users.conversations")):
        # Which scope is needed depends on the kind of the channel: for others the method works all the same.
        return method, scope or code
    return method, channel if code in CHANNEL_CODES else ""


class Client(AsyncWebClient):
    """Slack's client, with every call going through `api_call`."""

    def __init__(self, problems: Problems, **options: Any) -> None:
        """Create a client; `options` are those of AsyncWebClient."""
        super().__init__(**options)
        self._problems = problems

    async def api_call(self, api_method: str, **options: Any) -> AsyncSlackResponse:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Call a method. Raises what AsyncWebClient raises."""
        channel = _argument(options, "channel")
        try:
            response = await super().api_call(api_method, **options)
        except SlackApiError as error:
            data: Any = getattr(error.response, "data", None)
            if isinstance(data, dict):
                code, scope = str(data.get("error") or ""), str(data.get("needed") or "")[:200]
                self._problems.failed(code, api_method, scope=scope, channel=channel)
            raise
        self._problems.worked(api_method, channel)
        return response


def _argument(options: Mapping[str, Any], name: str) -> str:
    for place in ("json", "params", "data"):
        arguments = options.get(place)
        if isinstance(arguments, Mapping) and arguments.get(name):
            return str(arguments[name])
    return ""
