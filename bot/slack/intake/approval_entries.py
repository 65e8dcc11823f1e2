"""Reads what people enter in the windows of approval requests: changed arguments, a standing grant."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field, replace

from bot.core.json_text import JsonObject, canonical
from bot.core.ports.toolset import bound
from bot.core.questions import suggestion
from bot.core.questions.click import Click, Verdict
from bot.core.questions.decide import refusal
from bot.core.questions.grant import Grant
from bot.core.questions.question import Approval
from bot.core.questions.scope import FILE, FOLDER, SAME, Offer, offered
from bot.core.tools import Tool
from bot.pace import UNKNOWN_SIZE, offload
from bot.slack.approval_handler import ACK_SECONDS, NOTHING, ApprovalHandler, Problems
from bot.slack.authorization import AuthorizationCheck
from bot.slack.blocks import always_form, edit_form
from bot.slack.blocks.call_text import arguments_of
from bot.slack.blocks.edit_form import OtherFormError
from bot.slack.intake.response import WindowResponse, beside_fields

PREVIEW_SECONDS = 1.5
"""How long the acknowledgement of a window waits for a preview."""
DENIED = "The policy of this workspace does not allow this call."
DENIED_OR_NOT = (
    "I couldn't check in time whether the policy allows this. Nothing was changed; send it again in a moment."
)
UNCHANGED = "Nothing was changed. Press Cancel to leave it as it is."
NO_TOOL = "The tool is unavailable right now. Nothing was changed; send it again in a moment."
UNVERIFIED = "I couldn't confirm with Slack who you are. Nothing was changed; send it again in a moment."
NO_FOLDERS = "I couldn't look at the folders in time. Nothing was changed; press the button again in a moment."


@dataclass(slots=True)
class Entry:
    """The content of one submitted window."""

    handler: ApprovalHandler
    asked: AuthorizationCheck
    body: JsonObject
    response: WindowResponse = field(default_factory=WindowResponse)
    """What to do with the window if nothing was settled."""

    async def arguments(self, approval: Approval, click: Click) -> Click | None:
        """Return the click with the changed arguments; None if no request can be made with them."""
        tool, view = self.handler.toolset.find(approval.call.tool), self.body["view"]
        if tool is None:
            self.response = WindowResponse(errors=beside_fields(view, {"": NO_TOOL}, str))
            return None
        # What a tool's schema may hold is its server's choice.
        try:
            arguments, text, errors = await offload(UNKNOWN_SIZE, _edited, view, approval, tool, self.handler.problems)
        except OtherFormError:
            self.response = WindowResponse(edit_form.CHANGED)
            return None
        refused = refusal(approval, click, time.time())
        if refused is Verdict.UNVERIFIED:
            errors = beside_fields(view, {"": self.asked.unknown(UNVERIFIED)}, str)
        elif refused is None and not errors:  # what files say is for those who may decide
            against = await _against(self.handler, self.asked, approval, tool, arguments)
            errors = beside_fields(view, {"": against} if against else {}, str)
        # Once the request is decided, problems of the entries no longer matter.
        if errors and refused in (None, Verdict.UNVERIFIED):
            self.response = WindowResponse(errors=errors)
            return None
        return replace(click, arguments=text)

    async def grant(self, approval: Approval, click: Click) -> Click | None:
        """Return the click with the grant; None if the grant cannot be given."""
        try:
            given = await _grant(self.handler, self.asked, self.body, approval)
        except TimeoutError:
            self.response = WindowResponse(NO_FOLDERS)
            return None
        self.response = WindowResponse("" if given else NOTHING)
        return replace(click, grant=given) if given else None


def _edited(
    view: JsonObject, approval: Approval, tool: Tool, problems: Problems
) -> tuple[JsonObject, str, dict[str, str]]:
    """Return the submitted arguments, their canonical text, and what is wrong with them by block id. Raises
    OtherFormError."""
    arguments, errors = edit_form.edited(view, approval, tool.schema)
    text = canonical(arguments)
    if not errors and text == approval.call.arguments:
        errors = edit_form.beside({}, approval, tool.schema, first=UNCHANGED)
    errors = errors or edit_form.beside(problems(tool, arguments), approval, tool.schema)
    return arguments, text, beside_fields(view, errors, str)


async def _against(
    handler: ApprovalHandler, asked: AuthorizationCheck, approval: Approval, tool: Tool, arguments: JsonObject
) -> str:
    """Return why the changed call would be refused, or would fail in the current state; empty if no reason is known.

    The acknowledgement does not wait long: the policy has to be checked in time, a preview may be skipped.
    """
    try:
        async with asyncio.timeout(asked.left(ACK_SECONDS)):
            if await handler.denies(approval.thread_id, tool, arguments):
                return DENIED
    except TimeoutError:
        return DENIED_OR_NOT
    try:
        async with asyncio.timeout(min(PREVIEW_SECONDS, asked.left(ACK_SECONDS))):
            preview = await handler.toolset.guard(tool.server).preview(tool, arguments)
    except TimeoutError:
        return ""
    return f"As things are now this would fail: {preview.broken}" if preview and preview.broken else ""


async def _grant(
    handler: ApprovalHandler, asked: AuthorizationCheck, body: JsonObject, approval: Approval
) -> Grant | None:
    """Return the grant that was entered, within the limits; None if the window does not offer it. Raises TimeoutError
    if the disk does not answer in time."""
    try:
        choice = always_form.always_given(body["view"])
    except ValueError:
        return None
    tool = bound(handler.toolset, approval.call.tool, approval.call.arguments)
    if tool is None or tool.digest != approval.call.tool_digest:
        return None
    arguments = await offload(approval.size, arguments_of, approval.call)
    guard = handler.toolset.guard(tool.server)
    async with asyncio.timeout(asked.left(ACK_SECONDS)):
        # The file or folder that Slack sends back is untrusted; only one that is offered now counts.
        known = await guard.offers(tool, arguments)
        offer = always_form.chosen(choice, await offload(approval.size, offered, known, arguments))
        if offer is None:
            return None
        if offer.scope == FOLDER and not await guard.within(tool, arguments, offer.value):
            return None
        if offer.scope == FILE and not await guard.changes_only(tool, arguments, offer.value):
            return None
    return _made(
        handler,
        approval,
        Offer(offer.scope, approval.call.arguments if offer.scope == SAME else offer.value),
        seconds=choice.seconds,
        words=f"{always_form.action_of(approval, known)} {offer.words}",
        here=choice.where == always_form.THREAD,
    )


async def suggested(handler: ApprovalHandler, approval: Approval, click: Click) -> Click:
    """Return a click with the grant that the card suggests; without one if the tool has changed."""
    kept, tool = suggestion.loads(approval.body), bound(handler.toolset, approval.call.tool, approval.call.arguments)
    if kept.made is None or tool is None or tool.digest != approval.call.tool_digest:
        return click
    offer = kept.made.offer
    words = f"{kept.action} {offer.words}"
    return replace(click, grant=_made(handler, approval, offer, seconds=kept.seconds, words=words, here=False))


def _made(
    handler: ApprovalHandler, approval: Approval, offer: Offer, *, seconds: float, words: str, here: bool
) -> Grant:
    """Return a grant that begins now; its person and tool are added when it is recorded."""
    now = time.time()
    return Grant(
        id=0,
        user="",
        thread_id=approval.thread_id if here else 0,
        place="",
        tool=approval.call.tool,
        server=approval.call.server,
        remote_name=approval.call.remote_name,
        tool_digest=approval.call.tool_digest,
        scope=offer.scope,
        value=offer.value,
        created_at=now,
        expires_at=now + min(seconds, handler.rules.grant_days * 86_400),
        words=words,
    )
