"""A message chooses a model only if it says nothing else; then it is answered in a sentence."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.inbox import AuthorKind, Incoming
from bot.core.known_models import KnownModels
from bot.core.model_info import ModelInfo
from bot.core.model_options import Choice, ChoiceMessage, ModelOptions
from bot.core.thread_ref import ThreadRef
from bot.slack.intake.model_words import NO_MODELS, ModelWords

BOT = "<@UBOT>"
OPTIONS = ModelOptions(
    ("anthropic/claude-sonnet-4.5", "openai/gpt-5"),
    ("anthropic/claude-opus-4.1", "openai/gpt-5-mini", "hf.co/some/model_1"),
    channels={"CFAST": Choice("openai/gpt-5-nano")},
)
WORDS = ModelWords(OPTIONS, KnownModels(), BOT)


def message(text: str, channel: str = "C1") -> Incoming:
    return Incoming(ThreadRef("T1", channel, "1.000001", "channel"), "E1", "UALICE", "1.000001", text, (), True)


def chosen(text: str, words: ModelWords = WORDS, channel: str = "C1") -> ChoiceMessage | None:
    return words.read(message(text, channel)).choice


def reply(choice: ChoiceMessage | None) -> str:
    assert choice is not None
    return str(json.loads(choice.reply.payload)["text"])


@pytest.mark.parametrize(
    ("text", "model", "effort"),
    [
        ("<@UBOT> use openai/gpt-5-mini", "openai/gpt-5-mini", ""),
        ("use gpt-5-mini.", "openai/gpt-5-mini", ""),
        ("use openai/gpt-5-mini <@UBOT>", "openai/gpt-5-mini", ""),
        ("<@UBOT|bot>: please use the `gpt-5-mini` model", "openai/gpt-5-mini", ""),
        ("Use *opus*, please", "anthropic/claude-opus-4.1", ""),
        ("use opus with high effort", "anthropic/claude-opus-4.1", "high"),
        ("use Claude Opus 4.1 with minimal reasoning effort!", "anthropic/claude-opus-4.1", "minimal"),
        ("use opus with no effort", "anthropic/claude-opus-4.1", "none"),
        ("use opus with default effort", "anthropic/claude-opus-4.1", ""),
        ("use opus at a low effort", "anthropic/claude-opus-4.1", "low"),
        ("use high effort", None, "high"),
        ("use the default effort", None, ""),
        ("use the default model", "", ""),
        ("use default model", "", ""),
        ("use the default model with low effort", "", "low"),
        ("use the model opus", "anthropic/claude-opus-4.1", ""),
        ("use <https://hf.co/some/model_1|hf.co/some/model_1>", "hf.co/some/model_1", ""),
        ("use   sonnet\n", "anthropic/claude-sonnet-4.5", ""),
    ],
)
def test_the_whole_message_names_a_model(text: str, model: str | None, effort: str) -> None:
    choice = chosen(text)
    assert choice is not None
    assert (choice.model, choice.effort) == (model, effort)


@pytest.mark.parametrize(
    "text",
    [
        *("use opus to summarise this", "please use the opus model to write a haiku", "can you use opus?"),
        *(
            "which model do you use",
            "I use opus",
            "do not use opus",
            "use",
            "use the model",
            "use it",
            "use the default",
        ),
        *("use python", "use the other file", "use src/main.py", "use 5", "use claude-code", "use google", "used opus"),
        *("use opus and sonnet", "use opus for the first part, with high effort for the rest", "use more effort"),
        *("use > opus", "~use opus~", "useopus", "", "<@UBOT>", "use opus <@UBOB>", f"use {'x' * 500}"),
    ],
)
def test_anything_else_is_an_ordinary_message(text: str) -> None:
    assert chosen(text) is None


@pytest.mark.parametrize(
    "change", [{"body": "{}"}, {"files": ("a.txt",)}, {"author": AuthorKind.APP}, {"author": AuthorKind.SLACK}]
)
def test_what_a_person_has_not_written_alone_is_an_ordinary_message(change: dict[str, object]) -> None:
    said = replace(message("use opus"), **change)  # pyright: ignore[reportArgumentType]
    assert WORDS.read(said).choice is None


def test_what_may_not_be_chosen_is_answered_with_what_may() -> None:
    choice = chosen("use openai/gpt-9")
    assert choice is not None
    assert (choice.model, choice.effort) == (None, None)
    assert reply(choice) == (
        "I can't use openai/gpt-9 here. You can choose anthropic/claude-sonnet-4.5, anthropic/claude-opus-4.1,"
        " openai/gpt-5-mini or hf.co/some/model_1."
    )
    alone = ModelWords(ModelOptions(("a/b",)), KnownModels(), BOT)
    assert reply(chosen("use gpt-4o", alone)) == "I can't use gpt-4o here. The only model for this thread is a/b."


def test_a_name_that_could_be_several_is_answered_with_those() -> None:
    choice = chosen("use claude")
    assert choice is not None
    assert choice.model is None
    said = "That could be anthropic/claude-sonnet-4.5 or anthropic/claude-opus-4.1. Which one do you mean?"
    assert reply(choice) == said


def test_a_model_that_the_endpoint_lists_is_known_as_one_whatever_it_is_called() -> None:
    listed = ModelWords(OPTIONS, KnownModels([ModelInfo("some/thing")]), BOT)
    assert chosen("use some/thing") is None
    assert "I can't use some/thing here." in reply(chosen("use some/thing", listed))


def test_an_allowed_model_that_cannot_do_the_work_is_refused_with_the_reason() -> None:
    known = KnownModels([ModelInfo("anthropic/claude-opus-4.1", tools=False)])
    choice = chosen("use opus", ModelWords(OPTIONS, known, BOT))
    assert choice is not None
    assert choice.model is None
    assert reply(choice).startswith("I can't use anthropic/claude-opus-4.1: it cannot be given tools. You can choose")


def test_an_effort_that_a_model_does_not_have_is_left_out() -> None:
    known = KnownModels([ModelInfo("anthropic/claude-opus-4.1", reasoning=False)])
    choice = chosen("use opus with high effort", ModelWords(OPTIONS, known, BOT))
    assert choice is not None
    assert (choice.model, choice.effort) == ("anthropic/claude-opus-4.1", "")
    assert reply(choice).endswith("It has no levels of effort.")


def test_the_answer_says_from_when_on() -> None:
    said = "I use anthropic/claude-opus-4.1 with high effort in this thread, from my next step on."
    assert reply(chosen("use opus with high effort")) == said
    assert reply(chosen("use high effort")) == "I use high effort in this thread, from my next step on."


def test_a_channel_has_its_own_default() -> None:
    assert "the default model, openai/gpt-5-nano," in reply(chosen("use the default model", channel="CFAST"))
    nano = chosen("use nano", channel="CFAST")
    assert nano is not None
    assert nano.model == "openai/gpt-5-nano"
    assert chosen("use nano") is None


def test_with_nothing_to_choose_from_nothing_is_recognized() -> None:
    assert chosen("use gpt-4o", NO_MODELS) is None
    assert chosen("use high effort", NO_MODELS) is None


@given(st.text(max_size=60) | st.text(st.sampled_from("use opus-gpt5./ \n<>`*@|"), max_size=60))
def test_no_text_is_too_odd(text: str) -> None:
    for said in (text, f"use {text}", f"{BOT} use {text} with high effort"):
        choice = chosen(said)
        assert choice is None or choice.model in (None, "", *OPTIONS.offered("C1"))
