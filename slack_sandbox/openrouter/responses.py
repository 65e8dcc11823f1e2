"""How an answer goes over the socket, or breaks off on the way."""

from __future__ import annotations

import asyncio

from aiohttp import web

from slack_sandbox.openrouter import wire
from slack_sandbox.openrouter.request import ChatRequest
from slack_sandbox.openrouter.script import Answer, Completion, Failure, JsonObject


async def write(
    request: web.BaseRequest, chat: ChatRequest, answer: Answer, closing: asyncio.Event
) -> web.StreamResponse:
    """Write the answer completely, or as much of it as it has. Answers without an end end when `closing` is set."""
    if isinstance(answer, Failure):
        return await _fail(request, chat, answer, closing)
    if not chat.stream or answer.whole:
        await asyncio.sleep(answer.first_token)
        return await _whole(request, as_json(200, wire.body(answer, chat.model, len(chat.body))))
    return await _stream(request, answer, wire.events(answer, chat.model, len(chat.body)))


def as_json(status: int, body: bytes) -> web.Response:
    """A JSON body with an HTTP status."""
    return web.Response(status=status, body=body, content_type="application/json")


def as_error(status: int, error: JsonObject) -> web.Response:
    """OpenRouter's error object with an HTTP status."""
    return as_json(status, wire.dumps({"error": error, "user_id": "org_sandbox"}))


def as_it_is(status: int, body: str) -> web.Response:
    """A body with an HTTP status, as JSON, a web page or plain text, whichever it is."""
    kind = {"{": "application/json", "[": "application/json", "<": "text/html"}.get(body[:1], "text/plain")
    return web.Response(status=status, text=body, content_type=kind)


async def _stream(request: web.BaseRequest, answer: Completion, events: list[bytes]) -> web.StreamResponse:
    response = await _open(request)
    await _send(response, answer, events)
    await response.write_eof()
    return response


async def _send(response: web.StreamResponse, answer: Completion, events: list[bytes]) -> None:
    comments = wire.COMMENT * answer.comments
    if not answer.delay and not answer.first_token:
        await response.write(comments + b"".join(events))
        return
    await response.write(comments or wire.COMMENT)
    await asyncio.sleep(answer.first_token)
    for event in events:
        await asyncio.sleep(answer.delay)
        await response.write(event)


async def _fail(
    request: web.BaseRequest, chat: ChatRequest, answer: Failure, closing: asyncio.Event
) -> web.StreamResponse:
    if answer.kind == "hang":
        await closing.wait()
        return web.Response(status=503)
    if answer.kind == "dropped":
        return cut(request, web.Response())
    if answer.kind == "status" and answer.error == {}:
        response = as_it_is(answer.status, answer.raw)
    elif answer.kind == "status":
        response = as_error(answer.status, answer.error)
        if answer.retry_after is not None:
            response.headers["Retry-After"] = answer.retry_after
    elif answer.kind == "error_in_200":
        response = as_error(200, answer.error)
    elif answer.kind == "null_choices":
        response = as_json(200, wire.dumps({"id": "gen-1", "object": "chat.completion", "choices": None}))
    elif answer.kind == "html":
        response = web.Response(text="<!doctype html><title>Just a moment…</title>", content_type="text/html")
    elif answer.kind == "error_finish" and not chat.stream:
        response = as_json(200, wire.body(answer.before, chat.model, len(chat.body), answer.error))
    else:
        return await _break(request, chat, answer, closing)
    return await _whole(request, response)


async def _break(
    request: web.BaseRequest, chat: ChatRequest, answer: Failure, closing: asyncio.Event
) -> web.StreamResponse:
    """A stream that begins well."""
    size = len(chat.body)
    if answer.kind == "error_finish":
        return await _stream(request, answer.before, wire.events(answer.before, chat.model, size, answer.error))
    response = await _open(request)
    # Without the last three events: the finish_reason, the usage and [DONE].
    await _send(response, answer.before, wire.events(answer.before, chat.model, size)[:-3])
    if answer.kind == "truncated":
        return cut(request, response)
    if answer.kind == "error_chunk":
        await response.write(wire.error_event(answer.error, chat.model) + wire.DONE)
    elif answer.kind == "garbage":
        await response.write(b'data: {"id":"gen-1","choices":[{"index":0,"del\n\n' + wire.DONE)
    while answer.kind == "stalled" and not closing.is_set():
        await response.write(wire.COMMENT)
        await asyncio.sleep(answer.interval)
    await response.write_eof()
    return response


async def _open(request: web.BaseRequest) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-cache"})
    response.enable_chunked_encoding()
    await response.prepare(request)
    return response


async def _whole(request: web.BaseRequest, response: web.Response) -> web.Response:
    """Write it now, so that the hooks that run after the answer do."""
    await response.prepare(request)
    await response.write_eof()
    return response


def cut(request: web.BaseRequest, response: web.StreamResponse) -> web.StreamResponse:
    """Close the connection without another byte."""
    if request.transport is not None:
        request.transport.close()
    return response
