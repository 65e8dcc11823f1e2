"""The window in which people choose a prompt."""

from __future__ import annotations

from bot.core.server_offers import PromptOffer, PromptsFound
from bot.slack.blocks import prompt_window
from bot.slack.blocks.forms import SEAL_LIMIT
from bot.slack.blocks.prompt_window import Opened
from tests.unit.slack.samples import window


def test_what_was_chosen_fits_into_the_window_and_comes_back_whatever_its_name() -> None:
    prompt = PromptOffer("notes", "\U0001f600" * 200, "\U0001f600" * 99)
    view = prompt_window.chosen(PromptsFound([prompt]), prompt, Opened("C1", "1.1"))
    assert len(view["private_metadata"]) <= SEAL_LIMIT
    assert prompt_window.unseal(view) == Opened("C1", "1.1", "notes", prompt.name, prompt.title)
    odd = Opened(name="\ud800")
    assert prompt_window.unseal({"private_metadata": odd.seal()}).name == "?", "it can be sent"


def test_a_prompt_that_is_gone_when_it_is_chosen_is_not_left_in_the_window() -> None:
    opened = Opened("C1", "1.1", "notes", "old", "Old", "origin", "1700000000.000001", "0.5")
    view = prompt_window.choosing(PromptsFound([PromptOffer("notes", "new")]), opened, gone=True)
    assert prompt_window.unseal(view) == Opened("C1", "1.1", at=opened.at, ahead=opened.ahead), "it cannot be sent"
    assert "submit" not in view
    assert prompt_window.GONE in window(view).plain
    assert prompt_window.GONE not in window(prompt_window.choosing(PromptsFound(), opened)).plain


def test_a_window_is_dated_by_slacks_clock_whatever_ours_says() -> None:
    opened = prompt_window.clocked(Opened(), "1700000000.000001", 1700000030.0)
    assert prompt_window.sent_at(opened, 1700000090.0) == "1700000060.000001"
    assert prompt_window.sent_at(prompt_window.clocked(opened, "", 0.0), 1700000090.0) == "1700000060.000001"
    assert prompt_window.sent_at(Opened(), 1.0) == ""
