"""JSON Schema's keywords with bounded cost. Imports jsonschema, so only `arguments` next to it imports this.

A server writes the schema and a model the arguments, and validating one against the other takes exponential, quadratic
or endless time in some cases. Every operation is counted, in units of a microsecond or less, and a validation that
would cost more than MAX_UNITS is abandoned; the server decides then, as it does in any case. Operations are counted
rather than timed, so that the same arguments have the same result on every machine.

What jsonschema itself does in more than linear time, or with Python's `re`, is implemented here. Some things are left
to the server and count as valid: an expression that RE2 does not support, `unevaluatedProperties` and similar (which
hardly any server uses), a reference to another document. Where a valid part would count against the arguments (`not`,
`oneOf` and similar), it is ignored.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final, cast

from jsonschema import ValidationError, validators
from jsonschema.protocols import Validator

from bot.patterns import Pattern, TextTooLongError, compile_ecma

MAX_UNITS: Final = 30_000
MAX_SCHEMA_UNITS: Final = 15_000
"""Values of a schema, in the units of `quotable`: about 10,000."""
MAX_PATTERNS: Final = 50
"""Expressions per schema; further ones are left to the server."""

_SCHEMA: Final = 8
_KEYWORD: Final = 6
_ERROR: Final = 10
_REFERENCE: Final = 40
_LONG: Final = 100
"""Characters of a text, or members of a list or an object, that a message quotes."""
_TURNING: Final = ("not", "oneOf", "if", "contains")
"""Keywords that may fail because a part of them is valid."""

Keyword = Callable[[Any, Any, Any, Any], Iterable[ValidationError] | None]


class SpentError(Exception):
    """The validation would cost too much."""


@dataclass(eq=False)
class Check:
    """One validation: its remaining budget, and the expressions of its schema."""

    patterns: dict[str, Pattern | None]
    """The compiled expressions; None for one that cannot be compiled."""
    nodes: int
    """The number of nodes in the schema."""
    left: int = MAX_UNITS
    unread: list[str] = field(default_factory=list)
    """Keywords, expressions and references that were not evaluated."""

    def spend(self, units: int) -> None:
        """Use up a part of the budget. Raises SpentError if it is exceeded."""
        self.left -= units
        if self.left < 0:
            raise SpentError

    def matches(self, expression: str, text: str) -> bool | None:
        """Whether an expression matches anywhere in a text; None if that is left to the server."""
        if expression not in self.patterns and len(self.patterns) < MAX_PATTERNS:
            # Each Unicode class is compiled from hundreds of ranges, and the first match builds tables.
            self.spend(100 + 2 * len(expression) + 110 * expression.lower().count(r"\p"))
            compiled = self.patterns[expression] = compile_ecma(expression)
            self.spend(4000 if compiled is None else compiled.size // 4 + min(compiled.size, 1500))
        pattern = self.patterns.get(expression)
        if pattern is None:
            self.unread.append(expression)
            return None
        self.spend(pattern.cost(text))
        try:
            return pattern.search(text)
        except TextTooLongError:
            self.unread.append(expression)
            return None


current: ContextVar[Check] = ContextVar("current")


class _Text(str):
    """A text of which messages quote only the beginning."""

    __slots__ = ()

    def __repr__(self) -> str:
        return repr(f"{self[:_LONG]!s}…") if len(self) > _LONG else str.__repr__(self)


class _List(list[Any]):
    def __repr__(self) -> str:
        return list.__repr__(self) if len(self) < 10 else f"a list of {len(self)}"


class _Object(dict[Any, Any]):
    def __repr__(self) -> str:
        return dict.__repr__(self) if len(self) < 10 else f"an object of {len(self)}"


def quotable(value: Any) -> Any:
    """Return the same JSON value in a form of which jsonschema's messages, which quote whole values, quote little.
    Costs one unit per value. Raises RecursionError."""
    check = current.get()

    def copy(item: Any, depth: int) -> Any:
        check.spend(1)
        if isinstance(item, str):
            return _Text(item) if len(item) > _LONG else item
        if isinstance(item, list):
            check.spend(len(item) // 2)
            return _List([copy(part, depth + 1) for part in item]) if depth < _MAX_DEPTH else _too_deep()
        if isinstance(item, Mapping):
            check.spend(len(item) // 2)
            pairs = {(_Text(key) if len(key) > _LONG else key): copy(part, depth + 1) for key, part in item.items()}
            return _Object(pairs) if depth < _MAX_DEPTH else _too_deep()
        return item

    return copy(value, 0)


_MAX_DEPTH: Final = 80
"""Levels of nesting: a message quotes them all, and each takes three Python frames to validate."""


def _too_deep() -> None:
    raise RecursionError("nested too deeply")


@cache
def counted(kind: type[Validator]) -> type[Validator]:
    """Return the validator for a dialect of JSON Schema, with every operation counted."""
    original: Any = kind
    theirs: dict[str, Keyword] = dict(original.VALIDATORS)
    known = {name: _counting(name, _OURS.get(name, keyword)) for name, keyword in theirs.items() if name != "format"}
    applicable: Callable[[Any], Iterable[tuple[str, Any]]] = original._APPLICABLE_VALIDATORS

    def chosen(schema: Any) -> list[tuple[str, Any]]:
        current.get().spend(_SCHEMA + len(schema) // 8)
        return [(name, value) for name, value in applicable(schema) if name in known]

    made: Any = validators.create(
        meta_schema=original.META_SCHEMA,
        validators=cast(Any, known),
        type_checker=original.TYPE_CHECKER,
        id_of=original.ID_OF,
        applicable_validators=chosen,
    )
    return made


def _counting(name: str, keyword: Keyword) -> Keyword:
    def run(validator: Any, value: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
        check = current.get()
        check.spend(_KEYWORD + (_size(value) + _size(instance)) // 4)
        unread = len(check.unread)
        if name == "$ref":
            if not value.startswith("#"):
                check.unread.append(value)
                return
            pointer = value == "#" or value.startswith("#/")
            check.spend(_REFERENCE + (10 * value.count("/") if pointer else 500 + 10 * check.nodes))
        elif name in ("dependentRequired", "dependencies"):
            check.spend(sum(_size(names) for names in value.values()) // 4)
        errors = keyword(validator, value, instance, schema) or ()
        if name in _TURNING:
            errors = list(errors)
            if len(check.unread) > unread:
                return
        for error in errors:
            check.spend(_ERROR)
            yield error

    return run


def _left_to_server(name: str) -> Keyword:
    def run(validator: Any, value: Any, instance: Any, schema: Any) -> Iterable[ValidationError]:
        current.get().unread.append(name)
        return ()

    return run


def _size(value: Any) -> int:
    return len(value) if isinstance(value, list | dict) else 0


def _is_object(validator: Any, instance: Any) -> bool:
    return bool(validator.is_type(instance, "object"))


def _pattern(validator: Any, expression: str, instance: Any, schema: Any) -> Iterator[ValidationError]:
    if validator.is_type(instance, "string") and current.get().matches(expression, instance) is False:
        yield ValidationError(f"{instance!r} does not match {expression!r}")


def _pattern_properties(validator: Any, patterns: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
    if _is_object(validator, instance):
        for expression, part in patterns.items():
            for key, value in instance.items():
                if current.get().matches(expression, key):
                    yield from validator.descend(value, part, path=key, schema_path=expression)


def _additional_properties(validator: Any, wanted: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
    if not _is_object(validator, instance):
        return
    known, patterns = schema.get("properties", {}), schema.get("patternProperties", {})
    # An expression that is not evaluated might match any name.
    extras = [
        key
        for key in instance
        if key not in known and all(current.get().matches(expression, key) is False for expression in patterns)
    ]
    if wanted is False and extras:
        yield ValidationError(f"{len(extras)} names are unknown")
    elif isinstance(wanted, dict):
        for extra in extras:
            yield from validator.descend(instance[extra], wanted, path=extra)


def _const(validator: Any, wanted: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
    if _frozen(instance) != _frozen(wanted):
        yield ValidationError(f"{wanted!r} was expected")


def _enum(validator: Any, wanted: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
    mine = _frozen(instance)
    # A text is compared with all of them at once, as only a text can equal it.
    if not (mine in wanted if isinstance(mine, str) else any(mine == _frozen(each) for each in wanted)):
        yield ValidationError(f"{instance!r} is not one of {wanted!r}")


def _unique_items(validator: Any, wanted: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
    if wanted and isinstance(instance, list) and len({_frozen(item) for item in instance}) < len(instance):
        yield ValidationError(f"{instance!r} has non-unique elements")


def _frozen(value: Any) -> Any:
    """Return a hashable value that is equal for equal JSON values only: true is not 1 and a list is not an object, but
    1 is 1.0."""
    current.get().spend(1)
    if isinstance(value, bool):
        return (value,)
    if isinstance(value, list):
        return ("list", *map(_frozen, value))
    if isinstance(value, dict):
        return ("object", frozenset((key, _frozen(item)) for key, item in value.items()))
    return value


_OURS: Final[dict[str, Keyword]] = {
    "pattern": _pattern,
    "patternProperties": _pattern_properties,
    "additionalProperties": _additional_properties,
    "const": _const,
    "enum": _enum,
    "uniqueItems": _unique_items,
    **{
        name: _left_to_server(name)
        for name in ("unevaluatedProperties", "unevaluatedItems", "$dynamicRef", "$recursiveRef")
    },
}
