"""The window with everything about a request in full."""

from __future__ import annotations

import pytest

from bot.core.calls import CallOutcome
from bot.core.questions.question import Decision, Undo, UndoState
from bot.core.tools import Preview
from bot.slack.blocks import details
from tests.unit.slack.samples import DIFF, PREVIEW, Shown, call, decided, ended, request, window


def test_everything_about_a_request_is_in_the_window() -> None:
    asked = call({"path": "/w/b.txt"})
    asked.original = '{"path": "/w/a.txt"}'
    shown = window(details.details(request(call=asked, preview=PREVIEW, note="It has changed.")))
    happens = "Change a.txt: 1 line changed."
    for text in ("write_file", "filesystem", "/w/b.txt", "a.txt", DIFF, happens, "It has changed."):
        assert text in shown.plain
    assert shown.buttons == []
    over = decided(
        Decision.APPROVED, call=ended(CallOutcome.ERROR, "no space"), undo=Undo(UndoState.REFUSED, words="Gone.")
    )
    assert {"no space", "Gone."} <= set(window(details.details(over)).plain.split("\n"))
    assert "not that" in window(details.details(decided(Decision.DENIED, reason="not that"))).plain


@pytest.mark.parametrize("letter", ["x", "é", "😀"])
def test_what_one_window_does_not_take_is_on_pages_and_none_of_it_is_missing(letter: str) -> None:
    content = "".join(f"{number} {letter * 40}\n" for number in range(12_000))
    diff = "--- a\n+++ a\n" + "".join(f"+{number}\n" for number in range(9_000))
    approval = request(call=call({"path": "a", "content": content}), preview=Preview("b", "", diff))
    number = details.pages(approval)
    assert number > 1
    shown: list[Shown] = [window(details.details(approval, page)) for page in range(number)]
    boxes = "".join(page.preformatted for page in shown)
    assert content in boxes
    assert diff in boxes
    for page, each in enumerate(shown):
        expected = ["Previous page"] * (page > 0) + ["Next page"] * (page < number - 1)
        assert each.buttons == expected
        targets = [details.opened_page(each.button(label)["value"]) for label in expected]
        assert [target[2] for target in targets] == [page - 1] * (page > 0) + [page + 1] * (page < number - 1)
        assert {target[:2] for target in targets} <= {(approval.id, approval.digest)}


def test_of_very_many_pages_only_the_next_ones_are_counted() -> None:
    approval = request(call=call({f"name{number:05d}": f"value {number}." for number in range(4_000)}))
    number = details.pages(approval)
    shown = [window(details.details(approval, page)) for page in (0, number - 21, number - 1)]
    assert "Page 1 of more than 21" in shown[0].plain
    assert f"Page {number - 20} of {number}" in shown[1].plain
    assert f"Page {number} of {number}" in shown[2].plain
    assert "value 3999." in shown[2].plain
    assert details.has_more_than(number - 1, approval)
    assert not details.has_more_than(number, approval)


@pytest.mark.parametrize(
    "given",
    [
        {"words": "x" * 10_000},
        {f"k{number}": "x" for number in range(120)},
        {f"k{number}": "x" for number in range(600)},
        {"words": "\u202e" * 50_000},
        {"words": "x" * 700_000},
        {"n" * 40_000: dict.fromkeys(map(str, range(40)), 1)},
        {"lines": "x\n" * 60_000},
    ],
)
def test_whether_there_are_more_pages_than_some_is_known_without_making_them(given: dict[str, object]) -> None:
    approval = request(call=call(given))
    number = details.pages(approval)
    for each in {0, 1, 2, 3, 5, number - 1, number, number + 1}:
        assert details.has_more_than(each, approval) == (number > each), each


def test_a_page_that_is_not_there_gives_the_nearest() -> None:
    many = request(call=call({f"name{number:05d}": "value" for number in range(200)}))
    last = details.pages(many) - 1
    assert last > 0
    assert details.details(many, 99) == details.details(many, last) != details.details(many, last - 1)
    assert details.details(request(), 99) == details.details(request(), 0) == details.details(request(), -1)


def test_five_hundred_arguments_are_all_there() -> None:
    approval = request(call=call({f"name{number}": f"value {number}." for number in range(500)}))
    plain = "\n".join(window(details.details(approval, page)).plain for page in range(details.pages(approval)))
    assert all(f"value {number}." in plain for number in range(500))


@pytest.mark.parametrize(
    "value",
    [
        "",
        "null",
        '{"a": "x", "d": "y"}',
        '{"a": "x", "d": "y", "n": true}',
        '{"a": "x", "d": "y", "n": -1}',
        '{"a": "x", "d": "y", "n": "1"}',
        '{"a": "x", "d": "y", "n": 1, "z": 1}',
    ],
)
def test_a_page_value_that_is_none_of_ours_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        details.opened_page(value)
