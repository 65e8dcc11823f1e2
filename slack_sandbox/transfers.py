"""File bytes and response URLs: the HTTP endpoints beside the Web API.

Sources: docs.slack.dev/messaging/working-with-files and docs.slack.dev/interactivity/handling-user-interaction.
"""

import asyncio
import json
import time
from typing import Any

from aiohttp import web

from slack_sandbox import validation
from slack_sandbox.errors import ApiError
from slack_sandbox.faults import Fault
from slack_sandbox.journal import ApiCall
from slack_sandbox.methods import Args, MethodContext
from slack_sandbox.methods.chat import fill, new_message, publish
from slack_sandbox.methods.registry import need_embedding
from slack_sandbox.model import Message, ResponseUrl
from slack_sandbox.web_api import Tokens, WebApi

RESPONSE_URL_LIFETIME = 1800.0
RESPONSE_URL_USES = 5
_LOGIN = "<!DOCTYPE html><html><head><title>Sign in to Sandbox | Slack</title></head><body>Sign in</body></html>"


class Transfers:
    """Upload, download and response_url."""

    def __init__(self, slack: MethodContext, tokens: Tokens, api: WebApi) -> None:
        self._slack = slack
        self._tokens = tokens
        self._api = api

    async def upload(self, request: web.BaseRequest, file_id: str) -> web.Response:
        """Take the bytes of an upload that files.getUploadURLExternal announced; raw body or multipart form."""
        file = self._slack.workspace.files.get(file_id)
        if file is None or file.expected_size is None or file.complete:
            return web.Response(status=404, text="not found")
        if request.content_type == "multipart/form-data":
            parts = [part for part in (await request.post()).values() if isinstance(part, web.FileField)]
            content = parts[0].file.read() if parts else b""
        else:
            content = await request.read()
        if len(content) != file.expected_size:
            return web.Response(status=400, text="the length does not match")
        file.content = content
        return web.Response(text=f"OK - {len(content)}")

    async def download(self, request: web.BaseRequest, path: str) -> web.Response:
        """Give the bytes of a file to a good bot token with files:read; anybody else is led to the login page, or gets
        it at once, as from Slack.

        Faults can be planned for the method `files.download`, with the id as the argument `file`; the `code` of the
        kind `error` may be an address to redirect to, or else gives the login page.
        """
        if request.path == "/":  # where the redirect below leads
            return self._login()
        file_id = path.removeprefix("download/").partition("/")[0].partition("-")[2]
        file = self._slack.workspace.files.get(file_id)
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if self._tokens.kinds.get(token) != "bot":
            address = f"{self._slack.origin}/?redir=%2Ffiles-pri%2F{file_id}"
            return web.Response(status=302, headers={"Location": address})
        fault = self._api.faults.take("files.download", {"file": file_id})
        if fault is not None and (answer := await self._failed(request, fault)) is not None:
            return answer
        if "files:read" not in self._slack.scopes:
            return self._login()
        if file is None or not self._slack.workspace.shows(file):
            return web.Response(status=404, text="not found", content_type="text/html")
        return web.Response(body=file.content, content_type=file.mimetype)

    def _login(self) -> web.Response:
        """The page to sign in."""
        return web.Response(text=_LOGIN, content_type="text/html")

    async def _failed(self, request: web.BaseRequest, fault: Fault) -> web.Response | None:
        """What a download that fails gets; None if it only takes longer."""
        match fault.kind:
            case "ratelimited":
                return web.Response(status=429, headers={"Retry-After": str(fault.retry_after)})
            case "server_error" | "server_error_after":
                return web.Response(status=fault.status)
            case "slow":
                await asyncio.sleep(fault.seconds)
                return None
            case "hang":
                await self._api.closing.wait()
            case "error" if fault.code.startswith("http"):
                return web.Response(status=302, headers={"Location": fault.code})
            case "error":
                return self._login()
            case _:
                pass
        if request.transport is not None:
            request.transport.abort()
        return web.Response(status=500)

    async def respond(self, request: web.BaseRequest, key: str) -> web.Response:
        """A POST to a response_url; journaled as a call of the method `response_url`."""
        raw = await request.read()
        try:
            body: Any = json.loads(raw)
        except ValueError:
            body = None
        call = ApiCall("response_url", body if isinstance(body, dict) else {}, None, time.monotonic())
        self._api.calls.append(call)
        try:
            if not isinstance(body, dict):
                raise ApiError("invalid_payload")
            self._apply(self._usable(key), Args(call.args))
        except ApiError as refusal:
            self._slack.workspace.rejected.append(call)
            call.response, call.status = refusal.as_json(), 404 if refusal.code.endswith("_url") else 500
            self._api.changed()
            return web.json_response(call.response, status=call.status)
        call.response, call.status = {"ok": True}, 200
        self._api.changed()
        return web.json_response(call.response)

    def _usable(self, key: str) -> ResponseUrl:
        url = self._slack.workspace.response_urls.get(key)
        if url is None:
            raise ApiError("invalid_url")
        if self._slack.clock.now() - url.issued > RESPONSE_URL_LIFETIME:
            raise ApiError("expired_url")
        if url.uses >= RESPONSE_URL_USES:
            raise ApiError("used_url")
        url.uses += 1
        return url

    def _apply(self, url: ResponseUrl, args: Args) -> None:
        source = url.message
        if args.flag("delete_original") and source is not None:
            self._delete(source)
            return
        content = validation.message_content(args, self._slack.new_id)
        if args.flag("replace_original") and source is not None:
            self._replace(source, content)
            return
        channel = self._slack.workspace.channels[url.channel]
        thread_ts = args.text("thread_ts") or None
        message = new_message(self._slack, channel, content, thread_ts)
        if args.text("response_type", "ephemeral") == "in_channel":
            publish(self._slack, channel, message)
        else:
            message.ephemeral_to = url.person
            self._slack.workspace.ephemerals.setdefault(url.person, []).append(message)

    def _delete(self, message: Message) -> None:
        if message.ephemeral_to is not None:
            message.deleted = True
            return
        channel = self._slack.workspace.channels[message.channel]
        previous = message.snapshot()
        emptied = self._slack.workspace.remove(channel, message)
        self._slack.events.deleted(channel, previous, emptied)

    def _replace(self, message: Message, content: validation.Content) -> None:
        need_embedding(self._slack, content.blocks)
        previous = message.snapshot()
        fill(message, content)
        if message.ephemeral_to is None:
            message.edited = {"user": self._slack.workspace.bot.id, "ts": self._slack.clock.ts()}
            self._slack.events.edited(self._slack.workspace.channels[message.channel], message, previous)
