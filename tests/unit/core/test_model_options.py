"""Which models a request goes to."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.known_models import KnownModels
from bot.core.model_findings import findings, unusable
from bot.core.model_info import ModelInfo
from bot.core.model_options import EFFORTS, MAX_MODELS, Choice, ModelOptions

NOTHING = KnownModels()
OPTIONS = ModelOptions(("a/1", "b/2", "c/3"), ("d/4",), "low", {"C1": Choice("e/5", "high"), "C2": Choice("", "none")})
KNOWN = KnownModels(
    [
        ModelInfo("a/1", tools=True, reasoning=False),
        ModelInfo("b/2", tools=False),
        ModelInfo("c/3", tools=True, expires=5.0),
        ModelInfo("d/4", tools=True, reasoning=True),
    ],
    now=lambda: 10.0,
)


@pytest.mark.parametrize(
    ("channel", "choice", "models", "effort", "dropped"),
    [
        ("C9", Choice(), ("a/1", "b/2", "c/3"), "low", ""),
        ("C9", Choice("d/4"), ("d/4", "b/2", "c/3"), "low", ""),
        ("C9", Choice("a/1", "high"), ("a/1", "b/2", "c/3"), "high", ""),
        ("C9", Choice("gone/1", "high"), ("a/1", "b/2", "c/3"), "high", "gone/1"),
        ("C9", Choice("e/5"), ("a/1", "b/2", "c/3"), "low", "e/5"),
        ("C1", Choice(), ("e/5", "b/2", "c/3"), "high", ""),
        ("C1", Choice("a/1"), ("a/1", "b/2", "c/3"), "high", ""),
        ("C2", Choice(), ("a/1", "b/2", "c/3"), "none", ""),
        ("C9", Choice("", "absurd"), ("a/1", "b/2", "c/3"), "", ""),
    ],
)
def test_a_choice_comes_first_and_fallbacks_follow(
    channel: str, choice: Choice, models: tuple[str, ...], effort: str, dropped: str
) -> None:
    chosen = OPTIONS.select(channel, choice, NOTHING)
    assert (chosen.models, chosen.effort, chosen.dropped) == (models, effort, dropped)


def test_what_certainly_cannot_be_used_is_left_out() -> None:
    assert OPTIONS.select("C9", Choice(), KNOWN).models == ("a/1",)
    assert OPTIONS.select("C9", Choice("d/4"), KNOWN).models == ("d/4",)
    chosen = ModelOptions(("a/1",), ("b/2",)).select("C9", Choice("b/2"), KNOWN)
    assert (chosen.models, chosen.dropped) == (("a/1",), "b/2")
    assert ModelOptions(("a/1",), channels={"C1": Choice("b/2")}).select("C1", Choice(), KNOWN).models == ("a/1",)


def test_if_nothing_else_is_left_the_endpoint_says_why() -> None:
    assert ModelOptions(("b/2", "c/3")).select("C9", Choice(), KNOWN).models == ("b/2", "c/3")
    assert unusable(ModelOptions(("b/2", "c/3")), KNOWN)
    assert not unusable(ModelOptions(("b/2", "a/1")), KNOWN)


def test_an_effort_is_sent_only_to_models_that_may_take_one() -> None:
    assert OPTIONS.select("C9", Choice("a/1", "high"), KNOWN).effort == ""
    assert OPTIONS.select("C9", Choice("d/4", "high"), KNOWN).effort == "high"


names = st.sampled_from(["a/1", "b/2", "c/3", "d/4", "e/5", "x/6"])


@given(
    st.lists(names, min_size=1, max_size=3, unique=True),
    st.lists(names, max_size=3),
    st.dictionaries(st.just("C1"), st.builds(Choice, names | st.just(""), st.sampled_from(["", *EFFORTS])), max_size=1),
    st.builds(Choice, names | st.just(""), st.text(max_size=5) | st.sampled_from(EFFORTS)),
    st.sampled_from([NOTHING, KNOWN]),
)
def test_a_request_has_one_to_three_models_and_none_twice(
    models: list[str], allowed: list[str], channels: dict[str, Choice], choice: Choice, known: KnownModels
) -> None:
    options = ModelOptions(tuple(models), tuple(allowed), "", channels)
    chosen = options.select("C1", choice, known)
    assert 1 <= len(chosen.models) <= MAX_MODELS
    assert len(set(chosen.models)) == len(chosen.models)
    assert chosen.effort in ("", *EFFORTS)
    assert set(chosen.models) <= {*options.offered("C1"), *models}
    assert (choice.model == chosen.models[0]) or not choice.model or chosen.dropped == choice.model


@pytest.mark.parametrize(
    ("answered", "fallback"),
    [
        ("a/1", ""),
        ("a/1-20260101", ""),
        ("b/2", "b/2"),
        ("b/2-20260101", "b/2"),
        ("b/two", "b/2"),
        ("somebody/else", ""),
        ("", ""),
    ],
)
def test_a_fallback_that_answered_is_known_by_any_of_its_names(answered: str, fallback: str) -> None:
    known = KnownModels([ModelInfo("a/1"), ModelInfo("b/2")], {"b/two": "b/2"})
    assert OPTIONS.fallback(("a/1", "b/2"), answered, known) == fallback


def test_what_is_wrong_with_a_model_is_found() -> None:
    known = KnownModels([ModelInfo("a/1", expires=10.0 + 5 * 86_400), ModelInfo("b/2", context_length=4_096)])
    found = [(each.level, each.model, each.problem) for each in findings(ModelOptions(("a/1", "b/2")), known, 10.0)]
    assert found == [
        ("warning", "a/1", "will no longer be offered in 5 days"),
        ("warning", "b/2", "has a context of 4,096 tokens, which is small for using tools"),
    ]
