"""A tool server of 2025-11-25 over streamable HTTP, as a process: `http_tools.py JOURNAL` prints its port.

Each call is noted in the journal, with the id of its request. Sessions are forgotten with the process. It closes each
connection after one answer. It needs nothing but Python, and starts in 0.1 s.
"""

from __future__ import annotations

import json
import sys
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

READS = {"readOnlyHint": True, "destructiveHint": False, "idempotentHint": True}
WORDS = {"type": "object", "properties": {"words": {"type": "string"}}, "required": ["words"]}
TOOLS = [
    {"name": "look", "description": "Return the words.", "inputSchema": WORDS, "annotations": READS},
    {"name": "send", "description": "Send the words.", "inputSchema": WORDS},
]
journal = Path(sys.argv[1])
sessions: set[str] = set()


class Handler(BaseHTTPRequestHandler):
    """Answers one request."""

    def do_POST(self) -> None:
        """Take a message."""
        message = json.loads(self.rfile.read(int(self.headers["content-length"])))
        method, params = message["method"], message.get("params", {})
        if "id" not in message:
            self.reply(202)
        elif method == "initialize":
            session = uuid.uuid4().hex
            sessions.add(session)
            about = {"name": "http tools", "version": "1"}
            result = {"protocolVersion": "2025-11-25", "capabilities": {"tools": {}}, "serverInfo": about}
            self.reply(200, {"id": message["id"], "result": result}, session)
        elif method not in ("tools/list", "tools/call"):
            self.reply(400, {"id": message["id"], "error": {"code": -32601, "message": f"no {method}"}})
        elif self.headers.get("mcp-session-id") not in sessions:
            # As the SDK's servers say it.
            self.reply(404, {"id": message["id"], "error": {"code": -32600, "message": "Session not found"}})
        elif method == "tools/list":
            self.reply(200, {"id": message["id"], "result": {"tools": TOOLS}})
        else:
            words = params["arguments"]["words"]
            with journal.open("a", encoding="utf-8") as file:
                file.write(f"{params['name']} {words} {message['id']}\n")
            self.reply(200, {"id": message["id"], "result": {"content": [{"type": "text", "text": words}]}})

    def do_GET(self) -> None:
        """Have no stream."""
        self.reply(405)

    def do_DELETE(self) -> None:
        """End a session."""
        sessions.discard(self.headers.get("mcp-session-id", ""))
        self.reply(200)

    def reply(self, status: int, message: dict[str, Any] | None = None, session: str = "") -> None:
        """Send a response."""
        body = b"" if message is None else json.dumps({"jsonrpc": "2.0", **message}).encode()
        self.send_response(status)
        if session:
            self.send_header("mcp-session-id", session)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.send_header("connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


class Server(ThreadingHTTPServer):
    """Takes many connections at once."""

    request_queue_size = 128
    daemon_threads = True


def main() -> None:
    """Serve until the process is killed."""
    with Server(("127.0.0.1", 0), Handler) as server:
        print(server.server_address[1], flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main()
