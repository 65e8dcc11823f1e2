"""Reads the definitions of tools as servers list them. Pure, except for what it logs."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import Any

from bot.core.json_text import JsonObject, canonical, sha256
from bot.tools.mcp import lenient_json, parameter_headers
from bot.tools.mcp.parameter_headers import ParameterHeaders
from bot.tools.text import line

log = logging.getLogger(__name__)

MAX_TITLE = 200
"""Characters of a tool's title."""
MAX_NAME_LENGTH = 1000
"""Characters of a tool's name. The specification recommends up to 128."""


@dataclass(frozen=True, slots=True)
class Definition:
    """A tool as defined by its server."""

    name: str
    description: str
    schema: JsonObject
    read_only: bool
    destructive: bool
    idempotent: bool
    digest: str
    title: str = ""
    """The server's name of the tool for people; empty when it has none."""
    headers: ParameterHeaders = field(default_factory=dict[tuple[str, ...], str])
    """The arguments that are sent as headers, too."""


def of_page(page: list[Any], key: str, is_legacy: bool) -> list[Definition]:
    """Return the usable tools of a page."""
    found = (_definition(raw, key, is_legacy) for raw in page)
    return [definition for definition in found if definition is not None]


def _definition(raw: Any, key: str, is_legacy: bool) -> Definition | None:
    """Return a tool from its definition; None if it is not usable."""
    if not isinstance(raw, dict) or not isinstance(raw.get("name"), str) or not raw["name"]:
        log.warning("%s lists a tool without a name; it is ignored", key)
        return None
    name = raw["name"]
    if len(name) > MAX_NAME_LENGTH:
        log.warning("%s lists a tool with a name of %d characters; it is ignored", key, len(name))
        return None
    description, hints, execution = raw.get("description"), raw.get("annotations"), raw.get("execution")
    if isinstance(execution, dict) and execution.get("taskSupport") == "required":
        return None
    hints = hints if isinstance(hints, dict) else {}
    description = description if isinstance(description, str) else ""
    try:
        schema = lenient_json.schema(raw.get("inputSchema"))
        if not isinstance(schema, dict):
            raise ValueError("its inputSchema is no object")
        headers = {} if is_legacy else parameter_headers.wanted(schema)
        digest = sha256(name, description, canonical(schema), canonical(hints))
    except (ValueError, RecursionError) as problem:
        log.warning("%s: the tool %s is ignored: %s", key, line(name, 100), problem)
        return None
    return Definition(
        name,
        description,
        schema,
        read_only=hints.get("readOnlyHint") is True,
        destructive=hints.get("destructiveHint") is not False,
        idempotent=hints.get("idempotentHint") is True,
        digest=digest,
        title=_title(raw.get("title")) or _title(hints.get("title")),
        headers=headers,
    )


def _title(title: Any) -> str:
    """Return a title of `tools/list` as one visible line. MCP since 2025-06-18 has it beside the name, older versions
    have it in the annotations, and the former takes precedence (specification, schema: BaseMetadata)."""
    return line(title, MAX_TITLE) if isinstance(title, str) else ""
