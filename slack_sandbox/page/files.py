"""Files of the sandbox: shown and downloaded by the page, and uploaded from it."""

import re
from urllib.parse import quote

from aiohttp import web

from slack_sandbox.errors import ImpossibleAction
from slack_sandbox.page.visibility import actor
from slack_sandbox.slack import SlackSandbox

MAX_FILE_BYTES = 100_000_000
"""Bytes of one upload."""
MAX_NAME_LENGTH = 255

SHOWABLE = ("image/png", "image/jpeg", "image/gif", "image/webp")
"""Types that a browser shows without running anything in them."""

_TYPE = re.compile(r"[a-z0-9][a-z0-9.+-]*/[a-z0-9][a-z0-9.+-]*", re.ASCII | re.IGNORECASE)


def download(slack: SlackSandbox, request: web.BaseRequest, file_id: str) -> web.Response:
    """The bytes of a file; to be saved, unless `?show=1` asks for an image to be shown."""
    file = slack.workspace.files.get(file_id)
    if file is None or not file.complete:
        return web.Response(status=404, text="There is no such file.\n")
    kind = file.mimetype if _TYPE.fullmatch(file.mimetype) else "application/octet-stream"
    shown = request.query.get("show") == "1" and kind in SHOWABLE
    name = quote(file.name, safe="", errors="replace")
    return web.Response(
        body=file.content,
        headers={
            "Content-Type": kind,
            "Content-Disposition": f"{'inline' if shown else 'attachment'}; filename*=UTF-8''{name}",
            "Content-Security-Policy": "default-src 'none'; sandbox",
        },
    )


async def upload(slack: SlackSandbox, request: web.BaseRequest) -> web.Response:
    """Take a file of `?as=U…&name=…` from the body; answers `{"id": "F…"}`, or a sentence with 400 or 413."""
    try:
        person = actor(slack, request.query.get("as", ""))
    except ImpossibleAction as reason:
        return _refused(str(reason))
    name = re.split(r"[/\\]", request.query.get("name", ""))[-1].strip()
    if not name or len(name) > MAX_NAME_LENGTH or not name.isprintable():
        return _refused("The file needs a name, of at most 255 characters.")
    if (request.content_length or 0) > MAX_FILE_BYTES:
        return _too_large()
    try:
        content = await request.read()
    except web.HTTPRequestEntityTooLarge:
        return _too_large()
    if not content:
        return _refused("The file is empty.")
    return web.json_response({"id": slack.add_file(person, name, content).id})


def _too_large() -> web.Response:
    return _refused(f"The file is too large: up to {MAX_FILE_BYTES // 1_000_000} MB can be sent.", 413)


def _refused(reason: str, status: int = 400) -> web.Response:
    return web.json_response({"error": reason}, status=status)
