"""The tools of a request, found by what they are; and calls of them that their schemas take."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class PlannedCall:
    """A call that is to be made."""

    tool: str
    arguments: Json


class ImpossibleCall(Exception):
    """A call cannot be made; the text says why, in a sentence for the person."""


class ToolCatalog:
    """What may be called."""

    def __init__(self, tools: list[Json]) -> None:
        """tools: of the request, in the shape of OpenAI's function tools."""
        self._schemas: dict[str, Mapping[str, Any]] = {}
        for tool in tools:
            function = tool.get("function")
            if isinstance(function, dict) and isinstance(function.get("name"), str):
                schema = function.get("parameters")
                self._schemas[function["name"]] = schema if isinstance(schema, dict) else {}

    @property
    def names(self) -> list[str]:
        """All of them, as they are offered."""
        return list(self._schemas)

    def find(self, *names: str) -> str | None:
        """The first tool whose own name, that is without its server's key, is one of these; the first name's first."""
        for name in names:
            for offered in self._schemas:
                if offered == name or offered.rpartition("__")[2].lower() == name.lower():
                    return offered
        return None

    def has(self, *names: str) -> bool:
        """Whether there is such a tool."""
        return self.find(*names) is not None

    def plan_call(self, arguments: Json, *names: str) -> PlannedCall:
        """A call of the first tool that there is. Raises Impossible when there is none, or it takes other arguments."""
        tool = self.find(*names)
        if tool is None:
            raise ImpossibleCall(f"no tool named `{names[0]}` is offered to me at the moment")
        problem = self._problem(self._schemas[tool], arguments)
        if problem:
            raise ImpossibleCall(f"the tool `{tool}` does not take these arguments: {problem}")
        return PlannedCall(tool, arguments)

    def _problem(self, schema: Mapping[str, Any], arguments: Json) -> str:
        from jsonschema import Draft202012Validator  # noqa: PLC0415 - loaded with the first call
        from jsonschema.exceptions import SchemaError, best_match  # noqa: PLC0415

        try:
            Draft202012Validator.check_schema(schema)
            wrong = best_match(Draft202012Validator(schema).iter_errors(arguments))
        except (SchemaError, RecursionError, ValueError) as error:
            return f"its schema cannot be read ({type(error).__name__})"
        return "" if wrong is None else f"{'.'.join(map(str, wrong.path)) or 'the arguments'}: {wrong.message:.200}"
