"""A person names a model by its id or by a part that means no other one; nothing else is taken for a name."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.model_names import alike, is_model_id, matching

MODELS = (
    "anthropic/claude-sonnet-4.5",
    "anthropic/claude-opus-4.1",
    "openai/gpt-5",
    "openai/gpt-5-mini",
    "openai/o3",
    "google/gemma-3-27b-it:free",
    "qwen/qwen3-coder",
    "llama3.1:8b",
)


@pytest.mark.parametrize(
    ("said", "model"),
    [
        ("anthropic/claude-sonnet-4.5", "anthropic/claude-sonnet-4.5"),
        ("Anthropic/Claude-Sonnet-4.5", "anthropic/claude-sonnet-4.5"),
        ("claude-sonnet-4.5", "anthropic/claude-sonnet-4.5"),
        ("claude sonnet 4.5", "anthropic/claude-sonnet-4.5"),
        ("sonnet", "anthropic/claude-sonnet-4.5"),
        ("Opus", "anthropic/claude-opus-4.1"),
        ("gpt-5", "openai/gpt-5"),
        ("GPT 5 mini", "openai/gpt-5-mini"),
        ("gpt5-mini", "openai/gpt-5-mini"),
        ("mini", "openai/gpt-5-mini"),
        ("o3", "openai/o3"),
        ("gemma", "google/gemma-3-27b-it:free"),
        ("gemma-3-27b-it", "google/gemma-3-27b-it:free"),
        ("qwen", "qwen/qwen3-coder"),
        ("llama3.1", "llama3.1:8b"),
    ],
)
def test_an_id_or_a_part_that_is_clear_is_found(said: str, model: str) -> None:
    assert matching(said, MODELS) == (model,)


def test_a_part_of_several_names_is_not_clear() -> None:
    assert matching("claude", MODELS) == MODELS[:2]
    assert matching("gpt", MODELS) == MODELS[2:4]


@pytest.mark.parametrize(
    "said",
    [
        *(
            "it",
            "5",
            "4.5",
            "3",
            "coder",
            "free",
            "the",
            "latest",
            "high",
            "",
            "-",
            "sonne",
            "son",
            "mini gpt",
            "google",
        ),
        *("openai", "anthropic", "claude 5", "sonnet for this", "8", "a", "o"),
    ],
)
def test_what_is_no_name_finds_nothing(said: str) -> None:
    assert matching(said, MODELS) == ()


@given(st.text(max_size=30), st.lists(st.text(max_size=30), max_size=3))
def test_only_models_are_found(said: str, models: list[str]) -> None:
    assert set(matching(said, models)) <= set(models)


@pytest.mark.parametrize(
    "said",
    [
        *("openai/gpt-9", "gpt-4o", "gpt-4.1-mini", "o4-mini", "claude-3.7-sonnet", "claude-opus-4", "llama-3.1-8b"),
        *("google/gemini-2.5-pro", "deepseek/deepseek-r1:free", "qwen3-coder", "gemini-pro", "x-ai/grok-4"),
    ],
)
def test_names_of_the_large_families_are_known_as_such(said: str) -> None:
    assert is_model_id(said)


@pytest.mark.parametrize(
    "said",
    [
        *("src/main.py", "data/gpt-4.csv/x/y", "and/or", "option2", "order-5", "gpt4all", "claude-code", "python-3.12"),
        *("microsoft/playwright-mcp", "google/zx", "mysql", "claude", "the old one", "phi", "ubuntu-24.04", "o"),
    ],
)
def test_paths_projects_and_other_words_are_no_models(said: str) -> None:
    assert not is_model_id(said)


def test_spellings_of_one_model_are_alike() -> None:
    assert alike("anthropic/claude-sonnet-4.5", "anthropic/claude-4.5-sonnet-20250929")
    assert alike("openai/gpt-4o", "openai/gpt-4o-2024-08-06")
    assert alike("a/b:free", "a/b")
    assert not alike("openai/gpt-5", "openai/gpt-5-mini")
    assert not alike("llama3.1:8b", "llama3.1:70b")
    assert not alike("a/x", "b/x")
