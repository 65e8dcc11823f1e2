"""A server of 2026-07-28 that makes tasks of calls. Each task is a file in a folder, which a test changes: its content
is what the server says, and a task without a file is one that it does not know. So tasks outlive the server."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from raw import Json, RawServer, Refused, text

folder = Path(sys.argv[1])
EXTENSION = "io.modelcontextprotocol/tasks"


def write(words: str) -> None:
    """Add a line to the journal."""
    with (folder / "journal").open("a", encoding="utf-8") as file:
        file.write(f"{words}\n")


def change(name: str, **to: object) -> None:
    """Change a task, so that nobody reads half of it."""
    path = folder / f"{name}.task"
    now = json.loads(path.read_text()) if path.exists() else {}
    path.with_suffix(".new").write_text(json.dumps({**now, **to}))
    os.replace(path.with_suffix(".new"), path)


class Tasking(RawServer):
    """What it answers besides tools."""

    def answer(self, method: str, params: Json) -> Json | None:
        if method == "server/discover":
            capabilities: Json = {"tools": {}, "extensions": {EXTENSION: {}}}
            return {
                "resultType": "complete",
                "supportedVersions": ["2026-07-28"],
                "capabilities": capabilities,
                "ttlMs": 0,
                "cacheScope": "private",
            }
        if method == "tools/list":
            return {
                "resultType": "complete",
                "ttlMs": 0,
                "cacheScope": "private",
                **(super().answer(method, params) or {}),
            }
        if method in ("tasks/get", "tasks/cancel", "tools/call"):
            declared = params.get("_meta", {}).get("io.modelcontextprotocol/clientCapabilities", {})
            if EXTENSION not in declared.get("extensions", {}):
                raise Refused(-32021, "Missing required client capability")
        if method == "tasks/get":
            return {"resultType": "complete", **self.task(params["taskId"])}
        if method == "tasks/cancel":
            self.task(params["taskId"])
            write(f"cancel {params['taskId']}")
            change(params["taskId"], status="cancelled")
            return {"resultType": "complete"}
        return super().answer(method, params)

    def task(self, name: str) -> Json:
        """A task as it is now."""
        path = folder / f"{name}.task"
        write(f"get {name}")
        if not path.exists():
            raise Refused(-32602, "Failed to retrieve task: Task not found")
        return dict(json.loads(path.read_text()))


def begin(tool: str) -> Json:
    """Make a task of a call."""
    name = f"{tool}-{len(list(folder.glob(f'{tool}-*.task'))) + 1}"
    write(f"run {tool}")
    lasting: Json = {"ttlMs": 60_000, "pollIntervalMs": 1, "createdAt": "2026-11-28T10:00:00Z"}
    change(name, taskId=name, status="working", lastUpdatedAt="2026-11-28T10:00:00Z", **lasting)
    return {**json.loads((folder / f"{name}.task").read_text()), "resultType": "task"}


def collect(arguments: Json) -> Json:
    """Collect something, which takes its time."""
    return begin("collect")


def load(arguments: Json) -> Json:
    """Load something into somewhere, which takes its time."""
    return begin("load")


def quick(arguments: Json) -> Json:
    """Answer at once."""
    return {"resultType": "complete", **text("quick answer")}


write(f"process {os.getpid()}")
server = Tasking()
server.tool(collect, annotations={"readOnlyHint": True})
server.tool(load, annotations={"readOnlyHint": False, "destructiveHint": True})
server.tool(quick, annotations={"readOnlyHint": True})
server.serve()
