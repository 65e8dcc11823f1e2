"""Validates the arguments of a call against the tool's schema, and says what is wrong so that the model can correct it.

Schemas and arguments are untrusted, so the cost of validation is bounded (`bot.tools.json_schema.keywords`).
"""

from __future__ import annotations

import importlib
import json
import logging
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any

from bot.core.json_text import JsonObject
from bot.core.tools import Tool
from bot.patterns import Pattern
from bot.tools.json_schema import wording
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


def problems(tool: Tool, arguments: JsonObject) -> dict[tuple[str | int, ...], str]:
    """Return sentences for people by the place of the value: names, and positions in lists from 0. Empty if the
    arguments fit."""
    found: dict[tuple[str | int, ...], str] = {}
    if (size := _too_many(arguments)) is not None:
        return {(): size}
    with _checking(tool, arguments) as errors:
        for error in errors:
            for path, words in _placed(_nearest(error)):
                if words not in found.get(path, ""):
                    found[path] = f"{found[path]} {words}" if path in found else words
    return {path: line(words, MAX_SENTENCE_LENGTH) for path, words in found.items()}


def _nearest(error: ValidationError) -> ValidationError:
    """Return the error in the alternative that a value comes closest to; the error itself if it is of none."""
    while error.validator in ("anyOf", "oneOf") and error.context:
        inner = [part for part in error.context if part.validator not in ("type", "const", "enum") or part.path]
        if not inner:
            return _joined(error)
        error = max(inner, key=lambda part: len(part.absolute_path))
    return error


def _joined(error: ValidationError) -> ValidationError:
    """Return one error about the types or the values of all alternatives."""
    context = error.context or []
    kinds = [part.validator_value for part in context if part.validator == "type"]
    if len(kinds) == len(context):
        return _like(error, "type", [kind for each in kinds for kind in (each if isinstance(each, list) else [each])])
    listed = [part.validator_value for part in context if part.validator in ("const", "enum")]
    return _like(error, "enum", [value for each in listed for value in (each if isinstance(each, list) else [each])])


def _like(error: ValidationError, validator: str, wanted: list[Any]) -> ValidationError:
    made = copy(error)
    made.validator, made.validator_value = validator, wanted
    return made


def _placed(error: ValidationError) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Yield the places that an error is about, each with its words."""
    path: tuple[str | int, ...] = tuple(error.absolute_path)
    wanted: Any = error.validator_value
    found: Any = error.instance
    names: Iterable[Any] = ()
    match error.validator:
        case "required":
            names = (name for name in wanted if name not in found)
        case "additionalProperties" if wanted is False and isinstance(error.schema, Mapping):
            known = error.schema.get("properties", {})
            names = (name for name in found if name not in known)
        case _:
            pass
    words = wording.unfit(str(error.validator), wanted, found, _said(error))
    places = [(*path, str(name)) for name in islice(names, _MAX_ERRORS)]
    for place in places or [path]:
        yield place, words


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
