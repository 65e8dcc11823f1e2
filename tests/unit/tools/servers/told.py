"""A server of 2026-07-28 (with `legacy`: of 2025-11-25) that returns the metadata of a call, and has one tool more each
time that its tools are listed."""

from __future__ import annotations

import json
import sys

from raw import OBJECT, Json, RawServer, Refused, text

FRESH: Json = {"resultType": "complete", "ttlMs": 0, "cacheScope": "private"}


class Told(RawServer):
    lists = 0

    def answer(self, method: str, params: Json) -> Json | None:
        is_legacy = "legacy" in sys.argv
        if method == "server/discover" and is_legacy:
            raise Refused(-32601, "no server/discover")
        if method == "server/discover":
            return {**FRESH, "supportedVersions": ["2026-07-28"], "capabilities": {"tools": {}}}
        if method == "tools/list":
            self.lists += 1
            names = ["told", *(f"tool_{number}" for number in range(1, self.lists))]
            return {**FRESH, "tools": [{"name": name, "inputSchema": OBJECT} for name in names]}
        if method == "tools/call":
            return {**({} if is_legacy else FRESH), **text(json.dumps(params.get("_meta", {})))}
        return super().answer(method, params)


Told().serve()
