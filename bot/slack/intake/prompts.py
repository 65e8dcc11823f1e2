"""The shortcuts with which people use prompts of tool servers, and their window."""

from __future__ import annotations

import asyncio
import logging
import time

from slack_bolt.async_app import AsyncAck, AsyncApp

from bot.core.begun_threads import in_no_thread
from bot.core.inbox import Incoming, at_slacks_time
from bot.core.json_text import JsonObject
from bot.core.server_offers import MAX_VALUE, PromptOffer, PromptRef, PromptsFound
from bot.core.thread_ref import ThreadRef
from bot.core.untrusted import mapping, reference
from bot.slack.approval_handler import ACK_SECONDS, STRANGER, ApprovalHandler, origin_of, user_of
from bot.slack.attached.access import Access
from bot.slack.authorization import AuthorizationCheck
from bot.slack.blocks import prompt_window, question_windows
from bot.slack.blocks.prompt_window import Opened
from bot.slack.intake import replies
from bot.slack.intake.messages import KINDS
from bot.slack.intake.question_clicks import pressed_at
from bot.slack.intake.response import NO_FIELD, Response, WindowResponse, beside_fields
from bot.slack.prompt_desk import PromptDesk
from bot.slack.reading import content
from bot.slack.reading.content import Kind, Section
from bot.slack.text import escaped

log = logging.getLogger(__name__)

UNVERIFIED = "I couldn't confirm with Slack who you are. Nothing was sent; send it again in a moment."
UNKNOWN = "I couldn't confirm with Slack that you are a member of this workspace."
NOT_ALLOWED = "You can't use this in a conversation that you don't see. Nothing was sent."
NOT_OFFERED = "This tool server is not offered to you here, or not any more. Nothing was sent."
NOT_IN = "I'm not in this conversation, so I can't answer there. Invite me first, or use the shortcut elsewhere."
GONE = "This prompt is no longer offered. Nothing was sent; open the shortcut again."
ANOTHER = (
    "The menu shows another prompt than the one whose fields are here. Nothing was sent. Wait for its fields; if they "
    "do not come, open the shortcut again."
)
CHECK_SECONDS = ACK_SECONDS - 0.7
"""For what Slack is asked before a window is acknowledged."""


def register(app: AsyncApp, handler: ApprovalHandler) -> None:
    """Listen to the shortcuts, and to the menu of their window."""

    async def on_shortcut(ack: AsyncAck, body: JsonObject) -> None:
        await ack()
        if handler.prompts is not None:
            handler.background(_open(handler, handler.prompts, body, _pressed(Opened(), body)))

    async def on_message_shortcut(ack: AsyncAck, body: JsonObject) -> None:
        await ack()
        message, channel = mapping(body.get("message")), reference(mapping(body.get("channel")).get("id"))
        ts = reference(message.get("thread_ts")) or reference(body.get("message_ts")) or reference(message.get("ts"))
        if handler.prompts is not None and channel and ts:
            opened = _pressed(Opened(channel, ts), body)
            handler.background(_open(handler, handler.prompts, body, opened))

    app.shortcut(prompt_window.SHORTCUT)(on_shortcut)
    app.shortcut(prompt_window.MESSAGE_SHORTCUT)(on_message_shortcut)


async def _open(handler: ApprovalHandler, desk: PromptDesk, body: JsonObject, opened: Opened) -> None:
    """Open the window, and fill it once the servers have answered."""
    view = await replies.show(handler.client, body, prompt_window.looking(opened))
    if view is None:
        return
    found = await _found(handler, desk, user_of(body), opened)
    await _update(handler, view, prompt_window.choosing(found, opened), opened.at)


async def choose(handler: ApprovalHandler, asked: AuthorizationCheck, body: JsonObject, action: JsonObject) -> Response:
    """Show the fields of the prompt that was chosen in the menu. Raises ValueError for a window that is not ours."""
    view = mapping(body.get("view"))
    opened = _pressed(prompt_window.unseal(view), body)
    if handler.prompts is None:
        return Response()
    return Response(work=_choose(handler, handler.prompts, body, opened, prompt_window.picked(action)))


async def _choose(handler: ApprovalHandler, desk: PromptDesk, body: JsonObject, opened: Opened, id_: str) -> None:
    found = await _found(handler, desk, user_of(body), opened)
    prompt = _by_id(found, id_)
    if prompt is None:
        shown = prompt_window.choosing(found, opened, gone=True)
    else:
        shown = prompt_window.chosen(found, prompt, opened)
    await _update(handler, mapping(body.get("view")), shown, pressed_at(body))


async def submit(handler: ApprovalHandler, asked: AuthorizationCheck, body: JsonObject) -> WindowResponse:
    """Record that somebody uses a prompt, before the window is acknowledged. The server is asked later, when the model
    is to read it: as often as that is interrupted, it is one request of theirs."""
    view, user, desk = mapping(body.get("view")), user_of(body), handler.prompts
    try:
        opened, values = prompt_window.unseal(view), question_windows.values(view)
    except ValueError:
        log.warning("ignored a window whose content is not ours")
        return WindowResponse(GONE)
    view_id, at = reference(view.get("id")), prompt_window.sent_at(opened, time.time())
    if desk is None or not (opened.server and opened.name and view_id and user):
        return WindowResponse(GONE)
    prompt = PromptOffer(opened.server, opened.name)
    if prompt_window.in_menu(view) not in ("", prompt.id):
        # Another one was chosen, and the window was sent before it could be redrawn.
        errors = beside_fields(view, {"": ANOTHER}, str)
        return WindowResponse(ANOTHER) if NO_FIELD in errors else WindowResponse(errors=errors)
    arguments = {name: value[:MAX_VALUE] for name, value in prompt_window.entered(values, prompt.id).items()}
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            if refused := await _refused(handler, desk, asked, body, opened):
                return WindowResponse(refused)
            kind = await handler.authorizer.directory.kind(opened.channel) if opened.channel else "im"
    except TimeoutError:
        return WindowResponse(UNVERIFIED)
    chosen = PromptRef(opened.server, opened.name, opened.title, arguments, opened.origin)
    key, place = f"prompt-{view_id}", in_no_thread(desk.team, user)
    if opened.channel:
        place = ThreadRef(desk.team, opened.channel, opened.thread_ts, kind or KINDS.get(opened.channel[:1], "channel"))
    asking = _asked(place, user, chosen, key, at)
    thread = await handler.store.ask(asking, prompt_window.notice(chosen, user, key))
    if thread:
        handler.wake(thread)
    return WindowResponse()


async def _refused(
    handler: ApprovalHandler, desk: PromptDesk, asked: AuthorizationCheck, body: JsonObject, opened: Opened
) -> str:
    """Return why a person may not use a prompt there; empty if they may."""
    user = user_of(body)
    await asked.look_up(user)
    here = asked.acted_here(user, origin_of(body, org_wide=asked.org_wide))
    if here is None:
        return asked.unknown(UNVERIFIED)
    if not here or asked.stranger(user):
        return STRANGER
    if not desk.source.admits(opened.server, opened.channel, user, await handler.authorizer.groups(user)):
        return NOT_OFFERED
    if opened.channel:
        inside = await handler.authorizer.directory.inside(opened.channel)
        if inside is None or desk.bot_user not in inside:
            return NOT_IN
        if not await Access(handler.authorizer, desk.org_wide).sees_channel(user, opened.channel):
            return NOT_ALLOWED
    return ""


def _pressed(opened: Opened, body: JsonObject) -> Opened:
    return prompt_window.clocked(opened, pressed_at(body), time.time())


def _asked(place: ThreadRef, user: str, prompt: PromptRef, key: str, at: str) -> Incoming:
    """Return the request of a person, in which the messages of the prompt are put when it is read."""
    title, server = escaped(prompt.title or prompt.name), escaped(prompt.server)
    body = content.dumps([Section(Kind.PROMPT, title=title, source=server, prompt=prompt)])
    return Incoming(place, key, user, at_slacks_time(at, time.time()), title, (), addressed=True, body=body)


async def _found(handler: ApprovalHandler, desk: PromptDesk, user: str, opened: Opened) -> PromptsFound:
    if await handler.authorizer.member(user) is not True:
        return PromptsFound(problems=[UNKNOWN])
    return await desk.source.prompts(opened.channel, user, await handler.authorizer.groups(user))


def _by_id(found: PromptsFound, id_: str) -> PromptOffer | None:
    return next((each for each in found.prompts[: prompt_window.MAX_CHOICES] if each.id == id_), None)


async def _update(handler: ApprovalHandler, view: JsonObject, shown: JsonObject, at: str) -> None:
    """Show what follows from the use of the shortcut or the menu, at this time."""
    if problem := await handler.windows.send(handler.client, reference(view.get("id")), shown, at):
        log.warning("could not update a window: %s", problem)
