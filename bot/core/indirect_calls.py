"""The two functions through which a model finds and calls tools when their definitions are not sent. Pure.

They are constant, so the beginning of every request stays the same whatever the servers offer. A call through
`call_tool` is taken for a call of the tool that it names, before anything else looks at it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final

from bot.core import untrusted
from bot.core.json_text import JsonObject, sha256
from bot.core.tool_words import one_line
from bot.core.tools import Tool
from bot.core.untrusted import mapping, parsed

SEARCH: Final = "search_tools"
CALL: Final = "call_tool"
NAMES: Final = (SEARCH, CALL)
MAX_WRAPPERS: Final = 3
MAX_NAME, MAX_CLEAN = 200, 64
MAX_FOUND: Final = 8
"""Tools that one search returns with their arguments."""
MAX_CHARS: Final = 24_000
"""Characters of what a search returns."""
MAX_SCHEMA_CHARS: Final = 8_000
"""A tool's definition that is longer is returned without what its arguments mean; see `_brief`."""
MAX_NAMES: Final = 100
"""Names that are listed where there is nothing better to return."""
_DESCRIPTION_CHARS: Final = 1_500
_FORBIDDEN: Final = re.compile(r"[^a-zA-Z0-9_-]")
_NOISE: Final = re.compile(r"[^a-z0-9]+")

FUNCTIONS: Final[tuple[JsonObject, ...]] = (
    {
        "type": "function",
        "function": {
            "name": SEARCH,
            "description": (
                "Find the tools that can do something. You have many more tools than these two functions: search here "
                "before you say that you cannot do a thing. Returns the best matches, each with its name, what it does "
                f"and the JSON Schema of its arguments; make the call with {CALL}. What an earlier search returned "
                "stays usable."
            ),
            "parameters": {
                "type": "object",
                "properties": {
                    "query": {
                        "type": "string",
                        "description": "A few English words for what is to be done, such as “create issue”, or the "
                        "name of a tool. Empty lists the names of all tools.",
                    }
                },
                "required": ["query"],
            },
        },
    },
    {
        "type": "function",
        "function": {
            "name": CALL,
            "description": f"Call a tool that {SEARCH} has returned. The result is that of the tool.",
            "parameters": {
                "type": "object",
                "properties": {
                    "name": {"type": "string", "description": f"The tool's name, exactly as {SEARCH} returned it."},
                    "arguments": {
                        "type": "object",
                        "description": "The tool's arguments, by the JSON Schema of that tool.",
                        "properties": {},
                        "additionalProperties": True,
                    },
                },
                "required": ["name", "arguments"],
            },
        },
    },
)
"""The definitions as they go into a request."""
BODY: Final = untrusted.dumps(list(FUNCTIONS))
DIGEST: Final = sha256(BODY)


@dataclass(frozen=True, slots=True)
class Written:
    """A call as the model means it."""

    name: str
    arguments: str
    """JSON text."""
    problem: str = ""
    """What is wrong with the way in which the tool is called, for the model."""


def unwrapped(name: str, arguments: str) -> Written:
    """Return the call that a call of `call_tool` stands for; any other call as it is.

    Models also write the arguments as JSON text, beside the name instead of below `arguments`, or call `call_tool`
    through itself.
    """
    inner, given = name, parsed(arguments) if name == CALL else None
    for _ in range(MAX_WRAPPERS):
        if inner != CALL:
            break
        named = mapping(given).get("name")
        if not isinstance(named, str) or not named.strip():
            return Written(CALL, arguments, f"`name` is missing: write the name of the tool, as {SEARCH} returned it.")
        inner, given = untrusted.text(named.strip())[:MAX_NAME], _arguments(mapping(given))
        if given is None:
            return Written(inner, arguments, f"the `arguments` of {CALL} are not a JSON object.")
    if given is None:
        return Written(name, arguments)
    try:
        return Written(inner, json.dumps(given))
    except RecursionError:
        return Written(inner, "{}", "the arguments are nested too deeply.")


def _arguments(call: JsonObject) -> JsonObject | None:
    """Return the arguments of the tool that is called; None if they are no object."""
    if "arguments" not in call:
        return {key: value for key, value in call.items() if key != "name"}
    given: Any = call["arguments"]
    if isinstance(given, str):
        given = parsed(given) if given.strip() else {}
    return {} if given is None else given if isinstance(given, dict) else None


def meant(name: str, names: Collection[str]) -> str:
    """Return the one of these names that is written a little differently; empty if none is, or several are."""
    plain = _plain(name)
    alike = [each for each in names if _plain(each) == plain] if plain else []
    if not alike and plain:
        alike = [each for each in names if plain.endswith(_plain(each))]
    return alike[0] if len(alike) == 1 else ""


def clean(name: str) -> str:
    """Return the name of a tool that does not exist in letters that the name of a tool may have."""
    return _FORBIDDEN.sub("_", name[:MAX_CLEAN])


def _plain(name: str) -> str:
    return _NOISE.sub("", name[:200].casefold())


def found(query: str, tools: Sequence[Tool], names: Sequence[str], near: Sequence[str] = ()) -> str:
    """Return the result of a search, for the model.

    tools: what was found, the best first. names: those of all tools that could have been found. near: those of them
    that are spelled like the query.
    """
    if not query.strip() or not tools:
        return _listed(query, names, near)
    parts: list[str] = []
    room = MAX_CHARS
    for place, tool in enumerate(tools[:MAX_FOUND]):
        part = _described(tool)
        if len(part) > room and place:
            break
        parts.append(part)
        room -= len(part)
    rest = [tool.name for tool in tools[len(parts) : len(parts) + MAX_FOUND]]
    more = (
        f"\nAlso found, without their arguments here: {', '.join(rest)}. Search for a name to see them." if rest else ""
    )
    return f"Call one with {CALL}.\n" + "\n".join(parts) + more


def step_title(query: str) -> str:
    """Return what people see of a search."""
    words = one_line(query)
    return f"Looked for a tool: {words}" if words else "Looked for a tool"


def _listed(query: str, names: Sequence[str], near: Sequence[str]) -> str:
    if not names:
        return "There are no tools at the moment."
    shown = [*near, *(name for name in names[: MAX_NAMES + len(near)] if name not in near)][:MAX_NAMES]
    head = f"No tool fits {query[:100]!r}. " if query.strip() else ""
    left = f" and {len(names) - len(shown)} more, which other words may find" if len(names) > len(shown) else ""
    return f"{head}The tools are: {', '.join(shown)}{left}. Search for a name to see what it does and its arguments."


def _described(tool: Tool) -> str:
    function: JsonObject = dict(tool.function()["function"])
    text = untrusted.dumps(function)
    if len(text) > MAX_SCHEMA_CHARS:
        text = untrusted.dumps(_brief(function))
    return text if len(text) <= MAX_SCHEMA_CHARS else untrusted.dumps({**_brief(function), "parameters": {}})


def _brief(function: JsonObject) -> JsonObject:
    """Return a definition with the beginning of its description, and only the kinds of its arguments."""
    parameters = mapping(function.get("parameters"))
    kinds = {
        name: {key: mapping(schema)[key] for key in ("type", "enum", "items") if key in mapping(schema)}
        for name, schema in mapping(parameters.get("properties")).items()
    }
    return {
        "name": function.get("name"),
        "description": str(function.get("description", ""))[:_DESCRIPTION_CHARS],
        "parameters": {"type": "object", "properties": kinds, "required": parameters.get("required", [])},
    }
