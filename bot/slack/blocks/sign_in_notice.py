"""Builds the message that asks a person to sign in to a server, its window, and what the thread says. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bot.core.json_text import JsonObject
from bot.core.questions.question import Card, Decision, Question
from bot.core.questions.sign_in import DECLINED, SIGNED_IN, asked
from bot.core.tool_words import one_line
from bot.slack.blocks import messages, question_windows
from bot.slack.blocks.elements import Block, actions, bold, context, date, mention, plain, plain_text, rich, section
from bot.slack.text import escaped, harmless

Button = Callable[..., Block]
OPEN = "open.sign_in"
"""The action id of the button that only opens the link."""
PASTE = "paste"
"""The answer of the button that opens the window."""
FIELD = "address"
NAME = 80
HOW = (
    "At the end your browser shows a page that does not open. That is expected: copy its address, press *Paste the "
    "address…*, and paste it there."
)


def card(question: Question) -> Card:
    """Return the message for the thread: in a direct message it has the buttons; elsewhere it says who is asked."""
    body = _in_thread(question)
    return Card([question], [messages.draft("card", body["blocks"], str(body["text"]), key=question.id)])


def redrawn(questions: Sequence[Question], payload: str, button: Button) -> JsonObject:
    """Return the message of the thread in its current state."""
    question = questions[0]
    return private(questions, button) if question.channel.startswith("D") else _in_thread(question)


def _in_thread(question: Question) -> JsonObject:
    server, who = _server(question), mention(question.requester)
    if question.decision != Decision.AWAITING:
        return _closed(question, who)
    words = f"🔑 Waiting for {who} to connect to *{server}*. I sent them a message."
    return {"text": f"Waiting for a person to connect to {server}", "blocks": [context(words)]}


def private(questions: Sequence[Question], button: Button) -> JsonObject:
    """Return the message for the person alone, with its buttons."""
    question = questions[0]
    found, server = asked(question), _server(question)
    if question.decision != Decision.AWAITING:
        return _closed(question, "You")
    words = f" I need your account there for what you asked me. You sign in at {one_line(found.host, NAME)}."
    top = [bold(f"Connect to {server}?"), plain(f" {found.problem}{words}" if found.problem else words)]
    connect: Block = {
        "type": "button",
        "action_id": OPEN,
        "text": plain_text("Connect"),
        "url": found.link,
        "style": "primary",
    }
    pasting = [button(question, PASTE, "Paste the address…")] if found.paste else []
    blocks = [
        rich(section(*top)),
        actions(question.id, [connect, *pasting, button(question, DECLINED, "Not now")]),
        context(f"{f'{HOW} · ' if found.paste else ''}until {date(question.expires_at)}"),
    ]
    return {"text": f"Connect to {server}?", "blocks": blocks}


def _closed(question: Question, who: str) -> JsonObject:
    server = _server(question)
    match question.decision:
        case value if value == SIGNED_IN:
            end = f"✅ {who} connected to *{server}*"
        case value if value == DECLINED:
            end = f"{who} chose not to connect to *{server}*"
        case Decision.EXPIRED:
            end = f"{who} did not connect to *{server}* in time"
        case Decision.STOPPED:
            end = f"Stopped before {who[:1].lower() + who[1:]} connected to *{server}*"
        case _:
            end = f"Closed: nobody could be asked to connect to *{server}*"
    return {"text": f"Connecting to {server}", "blocks": [context(f"{end}.")]}


def window(question: Question, answer: str) -> JsonObject | None:
    """Return the window of the button that takes an address."""
    if answer != PASTE:
        return None
    hint = "It begins with http, and contains state= and code=."
    field = question_windows.text_field(FIELD, "The address that your browser ended at", multiline=True, hint=hint)
    return question_windows.window(f"Connect to {_server(question)}"[:24], [field], submit="Connect")


def summary(question: Question) -> str:
    """Return the question in one plain sentence, for a list."""
    return f"Connect to {_server(question)}?"


def _server(question: Question) -> str:
    return escaped(harmless(one_line(asked(question).server, NAME)))
