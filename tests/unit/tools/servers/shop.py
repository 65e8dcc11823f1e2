"""A server that offers all that a server of 2025-11-25 can offer: tools with titles and hints, prompts, resources."""

from __future__ import annotations

import sys

from raw import Json, RawServer, text


class Shop(RawServer):
    """Its prompts come in two pages. With `broken`, the list of its resources cannot be read."""

    def answer(self, method: str, params: Json) -> Json | None:
        if method == "initialize":
            found = super().answer(method, params) or {}
            capabilities = {"tools": {}, "prompts": {}, "resources": {}}
            info = {"name": "shop\u202e", "version": "2.1"}
            return {**found, "capabilities": capabilities, "serverInfo": info, "instructions": "Ask\nfirst."}
        if method == "prompts/list":
            if params.get("cursor") != "2":
                arguments = [{"name": "item", "required": True}, {"name": "size"}]
                return {"prompts": [{"name": "order", "title": "Order", "arguments": arguments}], "nextCursor": "2"}
            return {"prompts": [{"name": "complain"}]}
        if method == "resources/list":
            return {"resources": "none" if "broken" in sys.argv else [{"uri": "shop://prices", "name": "Prices"}]}
        if method == "resources/templates/list":
            return {"resourceTemplates": [{"uriTemplate": "shop://item/{id}", "name": "Item"}]}
        return super().answer(method, params)


server = Shop()
server.tool(lambda _: text("1"), name="price", title="Look up a price", annotations={"readOnlyHint": True})
server.tool(lambda _: text("ok"), name="buy", annotations={"destructiveHint": False, "idempotentHint": True})
server.tool(lambda _: text("ok"), name="burn")
server.serve()
