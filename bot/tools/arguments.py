"""Whether a call's arguments fit, in a sentence that the model can mend the call with."""

from __future__ import annotations

import importlib
import json
import logging
import re
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any

from bot.core.calls import JsonObject, Tool
from bot.tools.text import line

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError
    from jsonschema.protocols import Validator

log = logging.getLogger(__name__)

MOST_PROBLEMS = 5
LONGEST_SENTENCE = 1000
"""Characters."""

_MOST_VALIDATORS = 1000
_KINDS = {bool: "boolean", str: "string", int: "number", float: "number", list: "array", dict: "object"}

_validators: dict[str, Validator | None] = {}


def load() -> None:
    """Import what `problem` needs (0.1 s). Meant for a thread at the start; without it the first call pays."""
    importlib.import_module("jsonschema")


def problem(tool: Tool, arguments: JsonObject) -> str | None:
    """Why these arguments do not fit the tool's own schema; None when they do.

    A schema that cannot be used (invalid, or with a reference to another document: such are never fetched) finds
    nothing wrong: then the server is the judge.
    """
    validator = _validator(tool)
    if validator is None:
        return None
    from referencing.exceptions import Unresolvable  # noqa: PLC0415 - see `load`

    try:
        errors = list(islice(validator.iter_errors(arguments), 50))
        words = list(dict.fromkeys(_words(error) for error in errors))
    except (Unresolvable, re.error, RecursionError) as trouble:
        log.warning("the schema of %s cannot be used to check arguments: %s", tool.name, line(str(trouble)))
        return None
    if not words:
        return None
    more = f"; and {len(words) - MOST_PROBLEMS} more" if len(words) > MOST_PROBLEMS else ""
    return line(f"The arguments do not fit: {'; '.join(words[:MOST_PROBLEMS])}{more}.", LONGEST_SENTENCE)


def problems(tool: Tool, arguments: JsonObject) -> dict[str, str]:
    """The same by the argument that it is about; under "" what is about all of them. Empty when they fit."""
    whole = problem(tool, arguments)
    validator = _validator(tool)
    if whole is None or validator is None:
        return {}
    found: dict[str, str] = {}
    for error in islice(validator.iter_errors(arguments), 50):
        path = list(error.absolute_path)
        wanted: Any = error.validator_value
        missing = [str(name) for name in wanted if name not in arguments] if _is_missing(error) else []
        for name in [str(path[0])] if path else missing or [""]:
            words = f"{_words(error)}."
            found[name] = f"{found[name]} {words}" if name in found else words
    return {name: line(words, LONGEST_SENTENCE) for name, words in found.items()}


def _is_missing(error: ValidationError) -> bool:
    return error.validator == "required" and not error.absolute_path


def _validator(tool: Tool) -> Validator | None:
    """The compiled schema, kept by the tool's digest: compiling takes 50 times as long as checking."""
    if tool.digest in _validators:
        return _validators[tool.digest]
    from jsonschema import Draft202012Validator, SchemaError  # noqa: PLC0415 - see `load`
    from jsonschema.validators import validator_for  # noqa: PLC0415
    from referencing import Registry  # noqa: PLC0415

    validator: Validator | None = None
    try:
        kind = validator_for(tool.schema, default=Draft202012Validator)
        kind.check_schema(dict(tool.schema))
        # An empty registry: references resolve within the schema, and nothing is ever fetched.
        validator = kind(dict(tool.schema), registry=Registry())
    except (SchemaError, RecursionError, re.error) as trouble:
        log.warning("the schema of %s is not valid: %s", tool.name, line(str(trouble)))
    if len(_validators) >= _MOST_VALIDATORS:
        _validators.clear()
    _validators[tool.digest] = validator
    return validator


def _words(error: ValidationError) -> str:
    """One thing that is wrong: where, and what was expected."""
    place = _place(error.absolute_path)
    wanted: Any = error.validator_value
    found: Any = error.instance
    match error.validator:
        case "required":
            missing = [_place([*error.absolute_path, name]) for name in wanted if name not in found]
            words = f"{_listed(missing)} {'is' if len(missing) == 1 else 'are'} missing"
        case "additionalProperties" if wanted is False and isinstance(error.schema, Mapping):
            known = list(error.schema.get("properties", {}))
            extra = [_place([*error.absolute_path, name]) for name in found if name not in known]
            words = f"{_listed(extra)} {'is' if len(extra) == 1 else 'are'} unknown (known: {_listed(known)})"
        case "type":
            kinds = wanted if isinstance(wanted, list) else [wanted]
            words = f"{place} must be of type {' or '.join(map(str, kinds))}, not {_KINDS.get(type(found), 'null')}"
        case "enum" | "const" as kind:
            words = f"{place} must be {'one of ' * (kind == 'enum')}{line(json.dumps(wanted, ensure_ascii=False), 300)}"
        case "anyOf" | "oneOf" if error.context:
            nearest = max(error.context, key=lambda part: len(part.absolute_path))
            words = f"{place} fits none of the allowed forms ({_words(nearest)})"
        case _:
            words = f"{place}: {line(error.message, 200)}"
    return words


def _place(path: Iterable[Any]) -> str:
    """`edits[0].newText`."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f"{'.' if text else ''}{line(str(step), 100)}"
    return f"`{text}`" if text else "the arguments"


def _listed(names: Iterable[str]) -> str:
    shown = [name if name.startswith("`") else f"`{line(name, 100)}`" for name in names]
    return ", ".join(shown[:20]) + (", …" if len(shown) > 20 else "") if shown else "none"
