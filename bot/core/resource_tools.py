"""The bot's own tools with which the model lists and reads resources of servers. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from bot.core.json_text import JsonObject, canonical, sha256
from bot.core.tools import Tool
from bot.core.untrusted import text

RESOURCES_SERVER: Final = "@resources"
"""The `server` of these tools. No key in a configuration is so."""
LIST: Final = "list_resources"
READ: Final = "read_resource"

_SERVER: JsonObject = {
    "type": "string",
    "minLength": 1,
    "maxLength": 200,
    "description": "The server: what the names of its tools begin with, before the two underscores.",
}
_LIST: JsonObject = {
    "type": "object",
    "properties": {
        "server": _SERVER,
        "cursor": {"type": "string", "maxLength": 2000, "description": "Where the list before was cut off."},
    },
    "required": ["server"],
    "additionalProperties": False,
}
_READ: JsonObject = {
    "type": "object",
    "properties": {
        "server": _SERVER,
        "uri": {"type": "string", "minLength": 1, "maxLength": 2000, "description": "The resource's URI."},
    },
    "required": ["server", "uri"],
    "additionalProperties": False,
}


def _tool(name: str, title: str, description: str, schema: JsonObject) -> Tool:
    return Tool(
        name=name,
        server=RESOURCES_SERVER,
        remote_name=name,
        description=description,
        schema=schema,
        parameters=schema,
        trusted=True,
        read_only=True,
        destructive=False,
        idempotent=True,
        digest=sha256(name, description, canonical(schema)),
        title=title,
    )


TOOLS: Final = (
    _tool(LIST, "List resources", "List the resources of a tool server: documents and data that it can give.", _LIST),
    _tool(READ, "Read a resource", "Read a resource of a tool server by its URI, as listed or linked to.", _READ),
)


def of_server(arguments: Mapping[str, object]) -> str:
    """Return the key of the server that a call is about."""
    return text(arguments.get("server"))


def linked(server: str) -> str:
    """Return what the model reads below a result that links to resources."""
    return f"[What is linked to can be read with {READ}: server {server}]"
