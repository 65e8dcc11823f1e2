"""Dispatches submitted windows. One listener serves all; the callback id selects the handler, which settles the window
before it is acknowledged."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Any

from slack_bolt.async_app import AsyncAck, AsyncApp

from bot.core.json_text import JsonObject
from bot.core.questions.sign_in import SIGN_IN
from bot.core.untrusted import mapping, reference
from bot.pace import UNKNOWN_SIZE, offload
from bot.slack.approval_handler import ApprovalHandler
from bot.slack.authorization import AuthorizationCheck
from bot.slack.blocks import (
    always_form,
    feedback,
    forms,
    prompt_window,
    question_blocks,
    rejected_window,
    review_window,
    sign_in_notice,
)
from bot.slack.intake import (
    approval_windows,
    prompts,
    question_windows,
    review_decisions,
    sign_in_window,
    turn_buttons,
)
from bot.slack.intake.response import WindowResponse, beside_fields

Submit = Callable[[ApprovalHandler, AuthorizationCheck, JsonObject], Awaitable[WindowResponse]]
"""Handles a window that was submitted. In: what the listeners share, the lookups of this click, and the payload, whose
view may be forged."""

WINDOWS: dict[str, Submit] = {
    forms.EDIT: approval_windows.edit,
    forms.REASON: approval_windows.deny,
    always_form.ALWAYS: approval_windows.always,
    review_window.WINDOW: review_decisions.submit,
    question_blocks.PREFIX: question_windows.submit,
    question_blocks.action_id(SIGN_IN, sign_in_notice.PASTE): sign_in_window.submit,
    feedback.WINDOW: turn_buttons.explain,
    prompt_window.WINDOW: prompts.submit,
}
"""Handlers by callback id, or by its prefix up to the first dot. A window that does more than answer a question has its
own entry."""
ANYTHING = re.compile(".*", re.DOTALL)
COPY = "Copy what you have entered before you close this window."
_PERSON = re.compile(r"<@[A-Z0-9]+>")


def register(app: AsyncApp, handler: ApprovalHandler) -> None:
    """Listen to all windows that are submitted or closed.

    Register it after other listeners for windows, since it acknowledges all that nobody else handles.
    """

    async def on_window(ack: AsyncAck, body: dict[str, Any]) -> None:
        asked = handler.authorizer.begin_check()
        name = reference(mapping(body.get("view")).get("callback_id"))
        first, dot, _ = name.partition(".")
        submit = WINDOWS.get(name) or WINDOWS.get(first + dot)
        response = await submit(handler, asked, body) if submit else WindowResponse()
        if response.errors:
            await ack(response_action="errors", errors=dict(response.errors))
        elif response.view is not None:
            await ack(response_action="update", view=response.view)
        elif response.words:
            view = mapping(body.get("view"))
            await ack(**await offload(UNKNOWN_SIZE, _not_done, response.words, view))
        elif _is_on_top(mapping(body.get("view"))) and name != forms.EDIT:
            # The question of the window below is decided, too.
            await ack(response_action="clear")
        else:
            await ack()

    async def on_closed(ack: AsyncAck) -> None:
        await ack()

    app.view(ANYTHING)(on_window)
    app.view_closed(ANYTHING)(on_closed)


def _is_on_top(view: JsonObject) -> bool:
    """Whether a window was opened from another one, which it covers."""
    return view.get("root_view_id") not in (None, view.get("id"))


def _not_done(words: str, view: JsonObject) -> JsonObject:
    """Return the acknowledgement that shows why nothing was done. What was entered stays visible: in the window if
    there is room, else in its fields."""
    shown = rejected_window.not_done(words, view)
    if shown is not None:
        return {"response_action": "update", "view": shown}
    said = f"{_PERSON.sub('somebody else', words)} {COPY}"
    return {"response_action": "errors", "errors": beside_fields(view, {"": said}, str)}
