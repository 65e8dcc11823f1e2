"""Validates the arguments of a call against the tool's schema, and says what is wrong so that the model can correct it.

Schemas and arguments are untrusted, so the cost of validation is bounded (`bot.tools.json_schema.keywords`).
"""

from __future__ import annotations

import importlib
import json
import logging
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any

from bot.core.json_text import JsonObject
from bot.core.tools import Tool
from bot.patterns import Pattern
from bot.tools.json_schema.wellformed import flaw
from bot.tools.text import line

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError
    from jsonschema.protocols import Validator

log = logging.getLogger(__name__)

MAX_PROBLEMS = 5
MAX_SENTENCE_LENGTH = 1000
"""Characters of a sentence."""
MAX_VALUES = 10_000
"""Values in the arguments of one call."""
MAX_NAME_LENGTH = 1000
"""Characters of an argument's name."""

_MAX_ERRORS = 50
_MAX_NAMES = 21
"""One more than are listed."""
_MAX_VALIDATORS = 1000
_KINDS: tuple[tuple[type, str], ...] = (
    (bool, "boolean"),
    (str, "string"),
    (int, "number"),
    (float, "number"),
    (list, "array"),
    (dict, "object"),
)


@dataclass(eq=False, slots=True)
class _Known:
    """The prepared schema of a tool, cached by the tool's digest."""

    validator: Validator | None = None
    """None if the schema cannot be used at all."""
    nodes: int = 0
    patterns: dict[str, Pattern | None] = field(default_factory=dict)
    reported: bool = False
    """Whether the log already says that something is left to the server."""


_known: dict[str, _Known] = {}


def load() -> None:
    """Import what `problem` needs (0.1 s). Call it in a thread at startup; otherwise the first validation takes
    longer."""
    importlib.import_module("bot.tools.json_schema.keywords")


def problem(tool: Tool, arguments: JsonObject) -> str | None:
    """Return why these arguments do not fit the tool's schema; None if they do. Takes at most 30 ms.

    A schema that cannot be used (invalid, too large, or with a reference to another document, which is never fetched)
    finds no problem, and neither does a validation that would take too long: then the server decides.
    """
    if (size := _too_many(arguments)) is not None:
        return size
    words: list[str] = []
    with _checking(tool, arguments) as errors:
        words = list(dict.fromkeys(_words(error) for error in errors))
    if not words:
        return None
    more = f"; and {len(words) - MAX_PROBLEMS} more" if len(words) > MAX_PROBLEMS else ""
    return line(f"The arguments do not fit: {'; '.join(words[:MAX_PROBLEMS])}{more}.", MAX_SENTENCE_LENGTH)


def problems(tool: Tool, arguments: JsonObject) -> dict[str, str]:
    """Return the problems by argument; under "" those that concern all arguments. Empty if they fit."""
    found: dict[str, str] = {}
    with _checking(tool, arguments) as errors:
        for error in errors:
            path = list(error.absolute_path)
            wanted: Any = error.validator_value
            missing = (str(name) for name in wanted if name not in arguments) if _is_missing(error) else ()
            for name in [str(path[0])] if path else [*islice(missing, _MAX_ERRORS)] or [""]:
                words = f"{_words(error)}."
                found[name] = f"{found[name]} {words}" if name in found else words
    return {name: line(words, MAX_SENTENCE_LENGTH) for name, words in found.items()}


def _too_many(arguments: JsonObject) -> str | None:
    """Return the problem with arguments that are too numerous for people or a policy to examine."""
    room = MAX_VALUES
    left: list[Any] = [arguments]
    while left:
        value: Any = left.pop()
        if isinstance(value, dict):
            if any(len(key) > MAX_NAME_LENGTH for key in value):
                return f"The arguments hold a name of more than {MAX_NAME_LENGTH:,} characters."
            value = [*value.values()]
        room -= len(value)
        if room < 0:
            return f"The arguments hold more than {MAX_VALUES:,} values. Make several calls with fewer in each."
        left.extend(each for each in value if isinstance(each, dict | list))
    return None


def _is_missing(error: ValidationError) -> bool:
    return error.validator == "required" and not error.absolute_path


@contextmanager
def _checking(tool: Tool, arguments: JsonObject) -> Generator[list[ValidationError]]:
    """Yield the errors in the arguments, at most _MAX_ERRORS; none if the server is to decide."""
    from bot.tools.json_schema.keywords import Check, SpentError, current, quotable  # noqa: PLC0415 - see `load`

    known = _known.get(tool.digest)
    if known is None:
        # Cached once it is complete, as another thread may be looking for it.
        known = _Known()
        _prepare(known, tool)
        if len(_known) >= _MAX_VALIDATORS:
            _known.clear()
        _known[tool.digest] = known
    check = Check(known.patterns, known.nodes)
    token, trouble = current.set(check), ""
    errors: list[ValidationError] = []
    try:
        if known.validator is not None:
            for error in islice(known.validator.iter_errors(quotable(arguments)), _MAX_ERRORS):
                errors.append(error)  # one by one: what was found before the limit is an error in any case
    except SpentError:
        trouble = "checking arguments by it would take too long"
    except Exception as error:  # noqa: BLE001 - whatever a schema brings jsonschema to, the server still decides
        trouble = f"it cannot be used to check arguments: {type(error).__name__} {line(_said(error))}"
    finally:
        current.reset(token)
    if not trouble and check.unread:
        trouble = f"it holds what is not looked at here: {line(check.unread[0])}"
    if trouble and not known.reported:
        known.reported = True
        log.warning("the schema of %s is not fully checked; its server decides: %s", tool.name, trouble)
    yield errors


def _said(error: Exception) -> str:
    """Return the text of an exception, if it has one (an error about a huge number does not)."""
    try:
        return str(error)[:1000]
    except (ValueError, RecursionError):
        return ""


def _prepare(known: _Known, tool: Tool) -> None:
    """Prepare a tool's schema, which takes 50 times as long as validating with it."""
    from jsonschema import Draft202012Validator  # noqa: PLC0415 - see `load`
    from jsonschema.validators import validator_for  # noqa: PLC0415
    from referencing import Registry  # noqa: PLC0415

    from bot.tools.json_schema.keywords import (  # noqa: PLC0415
        MAX_SCHEMA_UNITS,
        Check,
        SpentError,
        counted,
        current,
        quotable,
    )

    check = Check(known.patterns, 0, left=MAX_SCHEMA_UNITS)
    token, trouble = current.set(check), ""
    try:
        schema = quotable(dict(tool.schema))
        known.nodes = MAX_SCHEMA_UNITS - check.left
        dialect = schema.get("$schema")
        kind = validator_for(schema, default=Draft202012Validator) if isinstance(dialect, str) else Draft202012Validator
        trouble = flaw(schema) or ""
        if not trouble:
            # An empty registry: references are resolved within the schema, and nothing is ever fetched.
            known.validator = counted(kind)(schema, registry=Registry())
    except SpentError:
        trouble = "it is too large"
    except Exception as error:  # noqa: BLE001 - see `_checking`
        trouble = f"{type(error).__name__} {line(_said(error))}"
    finally:
        current.reset(token)
    if trouble:
        known.reported = True
        log.warning("the schema of %s is invalid; its server decides: %s", tool.name, line(trouble))


def _words(error: ValidationError) -> str:
    """Return one error in words: the place, and what was expected."""
    place = _place(error.absolute_path)
    wanted: Any = error.validator_value
    found: Any = error.instance
    match error.validator:
        case "required":
            names = islice((name for name in wanted if name not in found), _MAX_NAMES)
            missing = [_place([*error.absolute_path, name]) for name in names]
            words = f"{_listed(missing)} {'is' if len(missing) == 1 else 'are'} missing"
        case "additionalProperties" if wanted is False and isinstance(error.schema, Mapping):
            known = error.schema.get("properties", {})
            names = islice((name for name in found if name not in known), _MAX_NAMES)
            extra = [_place([*error.absolute_path, name]) for name in names]
            words = f"{_listed(extra)} {'is' if len(extra) == 1 else 'are'} unknown (known: {_listed(known)})"
        case "type":
            kinds = wanted if isinstance(wanted, list) else [wanted]
            words = f"{place} must be of type {' or '.join(map(str, kinds))}, not {_kind(found)}"
        case "enum":
            values: list[Any] = error.schema["enum"] if isinstance(error.schema, Mapping) else []
            words = f"{place} must be one of {line(json.dumps(values[:_MAX_ERRORS], ensure_ascii=False), 300)}"
        case "const":
            words = f"{place} must be {line(json.dumps(wanted, ensure_ascii=False), 300)}"
        case "anyOf" | "oneOf" if error.context:
            nearest = max(error.context, key=lambda part: len(part.absolute_path))
            words = f"{place} fits none of the allowed forms ({_words(nearest)})"
        case _:
            words = f"{place}: {line(error.message, 200)}"
    return words


def _kind(value: object) -> str:
    return next((name for kind, name in _KINDS if isinstance(value, kind)), "null")


def _place(path: Iterable[Any]) -> str:
    """Format a path: `edits[0].newText`."""
    text = ""
    for step in islice(path, _MAX_ERRORS):
        text += f"[{step}]" if isinstance(step, int) else f"{'.' if text else ''}{line(str(step), 100)}"
    return f"`{text}`" if text else "the arguments"


def _listed(names: Iterable[str]) -> str:
    shown = [name if name.startswith("`") else f"`{line(name, 100)}`" for name in islice(names, _MAX_NAMES)]
    return ", ".join(shown[:20]) + (", …" if len(shown) > 20 else "") if shown else "none"
