"""The page about extending cannot get out of date: its files exist, and its samples are parts of tests that run."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

from bot.core.questions.kinds import KINDS as QUESTIONS
from bot.model.failures import SHAPES
from bot.service import LISTENERS
from bot.slack.blocks.question_blocks import APPEARANCES
from bot.slack.delivery.kinds import KINDS as POSTS
from bot.slack.intake.buttons import BUTTONS
from bot.slack.intake.windows import WINDOWS
from bot.tools.mcp.transports.registry import standard
from bot.tools.toolset import GUARDS
from tests.pages import ROOT, blocks

PAGE = "docs/extending.md"
MAX_WORDS = 1_200
TEXT = (ROOT / PAGE).read_text("utf-8")
NAMED = sorted(set(re.findall(r"`((?:bot|docs|tests)/[^`]*|[\w-]+\.(?:yml|md))`", TEXT)))
SAMPLES = [body for language, _, body in blocks(PAGE) if language == "python"]
CUT = re.compile(r"^# …\n", re.MULTILINE)
"""Stands where a sample leaves something out."""


def test_it_is_short() -> None:
    assert len(TEXT.split()) <= MAX_WORDS


@pytest.mark.parametrize("name", NAMED)
def test_every_file_that_is_named_exists_or_has_a_place_to_be_created_in(name: str) -> None:
    path = ROOT / name
    assert (path.parent if "<" in path.name else path).exists()


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.splitlines()[0])
def test_every_sample_is_a_part_of_the_file_that_it_names(sample: str) -> None:
    first, _, body = sample.partition("\n")
    source = (ROOT / first.removeprefix("# ")).read_text("utf-8")
    parts = [part.strip("\n") for part in CUT.split(body)]
    assert all(parts)
    for part in parts:
        assert f"\n{part}\n" in source


def test_every_test_of_an_extension_is_named() -> None:
    tests = {path.relative_to(ROOT).as_posix() for path in Path(ROOT, "tests/extending").glob("test_*.py")}
    assert tests - set(NAMED) == set()


def test_the_tables_that_are_named_are_where_the_page_says() -> None:
    found = {
        "LISTENERS": LISTENERS, "APPEARANCES": APPEARANCES, "BUTTONS": BUTTONS, "WINDOWS": WINDOWS, "SHAPES": SHAPES,
        "GUARDS": GUARDS, "KINDS": POSTS,
    }  # fmt: skip
    assert all(found.values())
    assert QUESTIONS
    assert standard()
    for name in found:
        assert f"`{name}`" in TEXT
    for name in re.findall(r"`(bot(?:\.\w+)+)`", TEXT):
        importlib.import_module(name)
