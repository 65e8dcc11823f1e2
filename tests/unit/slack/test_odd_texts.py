"""Whatever people, models and servers write, Slack takes the messages and windows in which it is shown, and it forges
nothing there."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from bot.core.exchange import ACCEPT, FORM, URL, InputRequest
from bot.core.questions import ask_person, elicitation, follow_up
from bot.core.questions.follow_up import FollowUp
from bot.core.questions.form_fields import MAX_TEXT
from bot.core.questions.question import Question
from bot.core.questions.transition import Said
from bot.core.server_offers import MAX_NAME, PromptOffer, PromptRef, PromptsFound, arguments_of
from bot.core.untrusted import text
from bot.slack.blocks import follow_up_notice, messages, prompt_window, question_blocks
from bot.slack.blocks.prompt_window import Opened
from bot.tools.text import line, visible
from tests.unit.slack.samples import ALICE, NASTY, Shown, call, nodes, taken, window

TEXTS = (
    *NASTY,
    *("😀" * length for length in (1, 37, 38, 74, 75, 76, 150, 151, 3_000, 12_001)),
    *("a" * length for length in (74, 75, 76, 150, 151, 2_999, 3_000, 3_001)),
    *(
        "א" * 80 + "ב",
        "مرحبا بالعالم " * 20,
        "\u200f\u202b" * 50,
        "﷽" * 200,
        "👨‍👩‍👧‍👦" * 40,
        "e\u0301" * 200,
        "\U000e0041" * 100,
    ),
    *(
        "a" * 74 + "😀",
        "a\n" * 4_000,
        "<" * 4_000,
        "&" * 3_000,
        "⟨" * 2_000,
        '"' * 1_000,
        "\\" * 1_000,
        "|",
        "\x01" * 400,
    ),
)
HIDDEN = set("\u202e\u200b\u2028\r\ud800\u200f\u202b\x01")
SEEDS = range(40)
PLACE = (1, "C0GENERAL")


class Texts:
    """Draws texts; those of a number are always the same."""

    def __init__(self, number: int) -> None:
        self.chance = random.Random(number)

    def __call__(self, most: int = 20_000) -> str:
        drawn = "".join(self.chance.choice(TEXTS) for _ in range(self.chance.choice((1, 1, 1, 2))))
        return text(drawn)[:most]

    def some(self, *numbers: int) -> range:
        return range(self.chance.choice(numbers))


def nobody_is_called(shown: Shown) -> None:
    assert not any("EVIL" in each or "channel" in each or "here" in each for each in shown.pings), shown.pings
    for node in nodes(shown.blocks):
        if node.get("type") in ("text", "plain_text", "mrkdwn"):
            assert not set(str(node.get("text"))) & HIDDEN


def in_message(payload: Any) -> None:
    if not isinstance(payload, str):
        payload = json.dumps(payload, ensure_ascii=False)
    payload.encode()  # as the database keeps it
    nobody_is_called(taken(payload))


def in_window(view: Any) -> None:
    nobody_is_called(window(view))


def offers(some: Texts) -> Sequence[PromptOffer]:
    """Prompts as a session lists them."""
    found: list[PromptOffer] = []
    for number in some.some(1, 2, 20, 99, 100, 130):
        given = [
            {"name": some(MAX_NAME), "title": some(), "description": some(), "required": True}
            for _ in some.some(0, 3, 20)
        ]
        arguments = arguments_of(given) or ()
        name = some(MAX_NAME) or "nameless"
        found.append(PromptOffer(f"server {number // 40}", name, line(some(), 100), visible(some(), 500), arguments))
    return found


@pytest.mark.parametrize("seed", SEEDS)
def test_prompts_of_any_name_are_offered_and_used(seed: int) -> None:
    some = Texts(seed)
    prompts, opened = offers(some), Opened("C0GENERAL", "1700000000.000001", at="1700000000.000002")
    found = PromptsFound(prompts, [some() for _ in some.some(0, 1, 30)])
    in_window(prompt_window.choosing(found, opened))
    prompt = some.chance.choice(prompts[:100])
    shown = prompt_window.chosen(found, prompt, opened)
    in_window(shown)
    assert prompt_window.unseal(shown).name == prompt.name
    used = PromptRef(prompt.server, prompt.name, prompt.title, {each.name: some() for each in prompt.arguments})
    in_message(prompt_window.notice(used, ALICE, "key").payload)
    words, strong = follow_up.of_prompt(used)
    said = [Said(1, "", words, words, strong), Said(2, "", some(1_000), "", (some(), ""))][
        :: some.chance.choice((1, -1))
    ]
    asked = follow_up.question(1, FollowUp(1, ALICE, said), ["requester"])
    in_message(follow_up_notice.render([asked], question_blocks.button))


def ends_of(question: Question, some: Texts, decisions: Sequence[str], draw: Callable[[Question], Any]) -> None:
    for decision in decisions:
        in_message(draw(replace(question, decision=decision, decided_by=ALICE, decided_at=1.8e9, reason=some(3_000))))


@pytest.mark.parametrize("seed", SEEDS)
def test_questions_of_the_model_are_asked_whatever_their_words(seed: int) -> None:
    some = Texts(seed)
    options = [some(75).strip() or "yes" for _ in some.some(0, 2, 4)]
    asked_for = call({"question": some(2_000).strip() or "Which?", "options": options})
    question = ask_person.question("q1", asked_for, PLACE, ALICE, 1.9e9, after=0)
    [draft] = question_blocks.input_card(question).drafts
    in_message(draft.payload)
    in_window(question_blocks.window(question, question.kind, ask_person.OTHER))
    in_message(messages.reminder(question).payload)
    ends_of(question, some, ("first", "other", "expired"), lambda q: question_blocks.redrawn([q], draft.payload))


def field(some: Texts) -> dict[str, Any]:
    kinds: Sequence[dict[str, Any]] = (
        {"type": "string", "default": some()},
        {"type": "string", "maxLength": 3_000, "default": some()},
        {"type": "boolean", "default": True},
        {"type": "string", "enum": [some(500) for _ in some.some(1, 3, 100)]},
        {"type": "array", "items": {"enum": [some(300) for _ in some.some(1, 3, 100)]}},
        {"type": "integer", "minimum": 3, "maximum": 10**20},
        *({"type": "string", "format": each, "default": some()} for each in ("date", "date-time", "email", "uri")),
        {"type": "string", "format": "uri", "default": "x:" + "a" * MAX_TEXT},
    )
    return {**some.chance.choice(kinds), "title": some(), "description": some()}


@pytest.mark.parametrize("seed", SEEDS)
def test_what_a_server_needs_is_asked_whatever_its_words(seed: int) -> None:
    some = Texts(seed)
    properties = {some(MAX_NAME): field(some) for _ in some.some(1, 5, 40)}
    schema = {"type": "object", "properties": properties}
    mode = some.chance.choice((FORM, FORM, URL))
    request = InputRequest("key", some(2_000), mode, schema, "https://example.com/" + some(1_900))
    calling = call({}, server="notes")
    question = elicitation.question("q1", calling, request, PLACE, requester=ALICE, expires_at=1.9e9)
    [draft] = question_blocks.input_card(question).drafts
    in_message(draft.payload)
    if elicitation.fields(question) or mode == URL:
        in_window(question_blocks.window(question, question.kind, ACCEPT))
    ends_of(question, some, (ACCEPT, "decline", "expired"), lambda q: question_blocks.redrawn([q], draft.payload))


@pytest.mark.parametrize("name", TEXTS)
def test_no_name_in_a_notice_hides_anything_in_it_or_calls_anybody(name: str) -> None:
    for draft in messages.notice(f"I couldn't read {text(' '.join(name.split()))[:300]}: it was deleted.", "key"):
        in_message(draft.payload)
