"""Builds the message and the windows with which a tool server asks a person for something. Pure.

All words of a server are data: they are shown as plain text, and never look like the bot's own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bot.core.exchange import ACCEPT, CANCEL, DECLINE, URL, InputRequest
from bot.core.json_text import JsonObject
from bot.core.questions import elicitation
from bot.core.questions.form_fields import FormField, Kind
from bot.core.questions.question import Card, Decision, Question
from bot.core.questions.unanswerable import for_people
from bot.slack.blocks import form_labels, messages, question_windows
from bot.slack.blocks.elements import (
    CHUNK,
    Block,
    actions,
    bold,
    code,
    context,
    date,
    fitting,
    mention,
    one_line,
    option,
    plain,
    plain_text,
    preformatted,
    quote,
    remark,
    rich,
    section,
)
from bot.slack.text import escaped, harmless

Button = Callable[..., Block]

NO_SECRETS = (
    "What you enter goes to this tool server. Never enter passwords, keys or card numbers: a server has to use a page "
    "of its own for those."
)
CHECK = (
    "I have not opened this page. Check that you know the host; what you enter there goes to that site, not to me. "
    "Press Continue when you are done there."
)
LABEL = 75
"""Characters of an option."""


def card(question: Question, button: Button) -> Card:
    """Return the message, with buttons to answer, decline or cancel."""
    asked = elicitation.asked(question)
    blocks = [rich(*_what(question))]
    answer = "Open a page…" if asked.request.mode == URL else "Answer…" if elicitation.fields(question) else "Continue"
    pressed = [
        button(question, ACCEPT, answer, style="primary"),
        button(question, DECLINE, "Decline"),
        button(question, CANCEL, "Cancel"),
    ]
    blocks += [actions(question.id, pressed), context(_until(question))]
    return Card(
        [question], [messages.draft("card", blocks, f"{_server(question)} {_needs(question)}", key=question.id)]
    )


def window(question: Question, answer: str) -> JsonObject | None:
    """Return the window in which a form is filled in, or which shows the address of a page."""
    fields = elicitation.fields(question)
    request = elicitation.asked(question).request
    if answer != ACCEPT or not (fields or request.mode == URL):
        return None
    intro = rich(section(bold(_server(question)), plain(" asks:")), quote(_message(request) or "(no words)"))
    if request.mode == URL:
        link: Block = {
            "type": "button",
            "action_id": "link",
            "text": plain_text(one_line(f"Open {request.host}", LABEL - 1)),
            "url": request.url,
        }
        shown, covered = fitting(request.url, CHUNK)
        box = preformatted(shown if covered == len(request.url) else f"{shown}…")
        address = rich(section(plain("The page is on "), bold(request.host), plain(":")), box)
        blocks = [intro, address, actions("link", [link]), remark(CHECK)]
        return question_windows.window("Open a page", blocks, submit="Continue")
    return question_windows.window("Answer", [intro, remark(NO_SECRETS), *map(_field, fields)])


def redrawn(questions: Sequence[Question], payload: str) -> JsonObject:
    """Return the message once the question is closed. It does not show what was entered."""
    [question] = questions
    by = mention(question.decided_by) if question.decided_by else "Somebody"
    url = elicitation.asked(question).request.mode == URL
    ends = {
        ACCEPT: f"✅ {by} {'went on' if url else 'answered'}.",
        DECLINE: f"{by} declined.",
        CANCEL: f"{by} cancelled it.",
        Decision.EXPIRED: "Nobody answered in time, so it did not go on.",
        Decision.STOPPED: "Stopped.",
    }
    end = ends.get(question.decision, "This question is closed.")
    said = f"{_server(question)} {_needs(question)}."
    if question.decision == Decision.WITHDRAWN and question.reason:
        end = for_people(question.reason)
    return {"text": escaped(harmless(said)), "blocks": [rich(*_what(question)), context(end)]}


def summary(question: Question) -> str:
    """Return the question in a few plain words, for a list."""
    return f"{_server(question)} {_needs(question)}"


def _server(question: Question) -> str:
    return one_line(elicitation.asked(question).server, 60)


def _needs(question: Question) -> str:
    if elicitation.asked(question).request.mode == URL:
        return "wants you to open a page before it goes on"
    return "needs something from you before it goes on"


def _what(question: Question) -> list[Block]:
    asked = elicitation.asked(question)
    named = section(bold(_server(question)), plain(f" {_needs(question)}"))
    if asked.discreet:
        return [named]
    if asked.request.mode == URL:
        named["elements"] += [plain(": "), code(asked.request.host)]
    message = _message(asked.request)
    return [named, quote(message)] if message else [named]


def _message(request: InputRequest) -> str:
    """Return what the server says with every character visible. Spelled out, two thousand of them would not fit."""
    words, covered = fitting(request.message, CHUNK)
    return words if covered == len(request.message) else f"{words}…"


def _until(question: Question) -> str:
    until = f" · until {date(question.expires_at)}" if question.expires_at < float("inf") else ""
    return f"Waiting for {mention(question.requester)}{until}"


def _field(field: FormField) -> Block:
    """Return the input of one field."""
    hint = form_labels.hint(field.schema, form_labels.limits(field.schema))
    label = form_labels.label(field.name, field.schema)
    return question_windows.field(field.id, label, _element(field), hint=hint, optional=not field.required)


def _element(field: FormField) -> Block:
    first = field.initial[0] if field.initial else ""
    match field.kind:
        case Kind.YES_OR_NO | Kind.CHOICE | Kind.CHOICES:
            return _menu(field)
        case Kind.DATE:
            return {"type": "datepicker", **({"initial_date": first} if first else {})}
        case Kind.MOMENT:
            return {"type": "datetimepicker"}
        case Kind.INTEGER | Kind.NUMBER if not first or first.isdigit():
            made: Block = {"type": "number_input", "is_decimal_allowed": field.kind is Kind.NUMBER}
        case _:
            longest = field.schema.get("maxLength")
            long = isinstance(longest, int) and longest > 300
            made = {"type": "plain_text_input", "multiline": long, "max_length": question_windows.MAX_CHARS}
    return {**made, "initial_value": first} if first else made


def _menu(field: FormField) -> Block:
    shown: dict[str, Block] = {}
    for number, (_, label) in enumerate(field.options):
        words = one_line(label, LABEL - 1) or "(empty)"
        words = words if words not in shown else f"{number + 1}. {words[: LABEL - 6]}"
        shown[words] = option(words, str(number))
    options = list(shown.values())
    chosen = [options[int(each)] for each in field.initial]
    if field.kind is Kind.CHOICES:
        return {"type": "multi_static_select", "options": options, **({"initial_options": chosen} if chosen else {})}
    kind = "radio_buttons" if field.kind is Kind.YES_OR_NO else "static_select"
    return {"type": kind, "options": options, **({"initial_option": chosen[0]} if chosen else {})}
