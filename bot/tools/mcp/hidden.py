"""Leaves secrets out of what a server says: those of its configuration, and the tokens that were sent to it. All
transports pass every message through `Secrets.without` before anything of it is read, cut, logged or shown."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from mcp_types import JSONRPCError, JSONRPCMessage, JSONRPCResponse

from bot.tools.secret_values import SHORTEST, forms

HIDDEN = "***"
MAX_TOKENS = 50
"""Tokens that are remembered, the newest ones: a token that was replaced is still a secret."""


class Secrets:
    """The secrets of one server, for all of its connections."""

    def __init__(self, credentials: Iterable[str] = ()) -> None:
        """In: what the configuration contains (`ServerConfig.credentials`)."""
        self._fixed = _by_length(credentials)
        self._tokens: dict[str, None] = {}
        self._use(self._fixed)

    def add(self, header: str) -> None:
        """Take in an `Authorization` header that is about to be sent."""
        token = header.rpartition(" ")[2]
        if len(token) < SHORTEST or token in self._tokens:
            return
        self._tokens[token] = None
        while len(self._tokens) > MAX_TOKENS:
            del self._tokens[next(iter(self._tokens))]
        self._use(_by_length([*self._fixed, *self._tokens]))

    def without(self, message: JSONRPCMessage) -> JSONRPCMessage:
        """Return a message of the server without the secrets; the same one if it has none."""
        if not self._all:
            return message
        match message:
            case JSONRPCResponse():
                found = self._readable(message.result)
                return message if found is message.result else message.model_copy(update={"result": found})
            case JSONRPCError():
                error = {"message": message.error.message, "data": message.error.data}
                found = self._readable(error)
                if found is error:
                    return message
                return message.model_copy(update={"error": message.error.model_copy(update=found)})
            case _:
                found = self._readable(message.params)
                return message if found is message.params else message.model_copy(update={"params": found})

    def _readable(self, value: Any) -> Any:
        """Return `left_out` of a value; nothing of one that is nested too deeply, of which nothing could be read."""
        try:
            written = json.dumps(value, ensure_ascii=False)  # a tenth of the time that looking at each value takes
            return self.left_out(value) if any(each in written for each in self._beginnings) else value
        except RecursionError:
            return {}

    def left_out(self, value: Any) -> Any:
        """Return a JSON value without the secrets in any of its texts. Raises RecursionError for one that is nested too
        deeply."""
        kind = type(value)
        if kind is str:
            for each in self._all:
                if each in value:
                    value = value.replace(each, HIDDEN)
            return value
        if kind is list:
            return [self.left_out(each) for each in value]
        if kind is dict:
            return {self.left_out(key): self.left_out(each) for key, each in value.items()}
        return value

    def _use(self, values: tuple[str, ...]) -> None:
        self._all = values
        # The forms of one secret mostly begin alike, and each is looked for in up to 4 MB.
        self._beginnings = {json.dumps(each, ensure_ascii=False)[1 : 1 + SHORTEST] for each in values}


def _by_length(values: Iterable[str]) -> tuple[str, ...]:
    """Return all forms of secrets, the longest first: one may be a part of another one."""
    found = {form for each in values for form in forms(each) if len(form) >= SHORTEST}
    return tuple(sorted(found, key=len, reverse=True))
