"""Makes the tools that are offered from the definitions of a server and its configuration."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from bot.core.json_text import canonical, sha256
from bot.core.tools import Tool
from bot.tools import text
from bot.tools.json_schema import portable
from bot.tools.mcp import names
from bot.tools.server_config import ServerConfig

if TYPE_CHECKING:
    from bot.tools.mcp.definitions import Definition


def offered_tools(config: ServerConfig, definitions: Sequence[Definition]) -> list[Tool]:
    """Return the tools of a server that are used, by name."""
    # What was approved for one program or folder must not run in another one with the same key, and the server's own
    # annotations count only as long as it is trusted.
    origin = canonical(list(config.identity()))
    used = [definition for definition in definitions if config.uses(definition.name)]
    offered = names.offered(names.prefix(config.key), [definition.name for definition in used])
    found: list[Tool] = []
    for definition in used:
        parameters, argument_names = portable.convert_with_names(definition.schema)
        found.append(
            Tool(
                name=offered[definition.name],
                server=config.key,
                remote_name=definition.name,
                description=text.visible(definition.description),
                schema=definition.schema,
                parameters=parameters,
                trusted=config.trusted,
                read_only=definition.read_only,
                destructive=definition.destructive,
                idempotent=definition.idempotent,
                digest=sha256(origin, definition.digest),
                title=definition.title,
                safe_to_repeat=config.repeats(definition.name),
                audience=config.audience,
                argument_names=argument_names,
                identity=config.account,
            )
        )
    return sorted(found, key=lambda tool: tool.name)
