"""Headers with arguments of a call, for what stands in front of a server (specification of 2026-07-28, transports:
custom headers): a tool's schema says with `x-mcp-header` which arguments are sent as `Mcp-Param-…`, too."""

from __future__ import annotations

from collections.abc import Mapping

from mcp.shared.inbound import find_invalid_x_mcp_header, mcp_param_headers, x_mcp_header_map

from bot.core.json_text import JsonObject

ParameterHeaders = Mapping[tuple[str, ...], str]
"""By the path of a property, the end of the name of its header."""


def wanted(schema: JsonObject) -> ParameterHeaders:
    """Return the headers that a schema asks for. Raises ValueError if it asks for something that is not allowed: then
    the tool must not be used."""
    if (problem := find_invalid_x_mcp_header(schema)) is not None:
        raise ValueError(problem)
    return x_mcp_header_map(schema)


def of_call(headers: ParameterHeaders, arguments: JsonObject) -> dict[str, str]:
    """Return the headers of a call: of the arguments that are there, encoded where a header could not hold them."""
    return mcp_param_headers(headers, arguments)
