"""The window behind Always…, in which a person gives a standing grant."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bot.core.json_text import JsonObject, sha256
from bot.core.questions import scope
from bot.core.questions.scope import Offer, Offers
from bot.slack.blocks import always_form, forms
from bot.slack.blocks.always_form import AlwaysChoice
from tests.unit.slack.samples import NASTY, call, nothing_is_forged, request, window
from tests.unit.slack.test_forms import OPENED, asked, sent

FILES = [
    Offer(scope.FILE, "/srv/w/notes/archive2.txt", "notes/archive2.txt"),
    Offer(scope.FOLDER, "/srv/w/notes", "files in notes/"),
    Offer(scope.FOLDER, "/srv/" + "long/" * 30, "files in " + "long/" * 30),
    Offer(scope.ANY, words="every file"),
]
DAY = 86_400


def bound(offer: Offer) -> str:
    return sha256(offer.value)[: always_form.DIGEST]


def form(offers: list[Offer] | None = None, days: float = 30, action: str = "edits to") -> JsonObject:
    return always_form.always(asked(), action, FILES if offers is None else offers, days, OPENED)


def labels(view: JsonObject, block: str) -> list[str]:
    [found] = [each for each in view["blocks"] if each.get("block_id") == block]
    return [each["text"]["text"] for each in found["element"]["options"]]


def test_the_window_names_the_thing_and_preselects_the_narrowest() -> None:
    view = form()
    shown = window(view)
    assert "Allow edits to:" in shown.plain
    assert labels(view, "scope") == ["notes/archive2.txt", "files in notes/", "Choice 3 (see above)", "every file"]
    assert labels(view, "time") == [
        "this thread today",
        "everywhere, for what I ask, for a day",
        "everywhere, for what I ask, for a week",
        "everywhere, for what I ask, for 30 days",
    ]
    assert f"Choice 3: files in {'long/' * 30}" in shown.plain
    assert "/srv" not in shown.plain, "no path of the machine"
    assert always_form.always_given(sent(view)) == AlwaysChoice("file", bound(FILES[0]), "thread", DAY)
    assert "/srv" not in str(view), "nor in what people do not see"
    assert forms.unseal(view)[0] == OPENED


@pytest.mark.parametrize(
    ("typed", "choice"),
    [
        ({"scope": "any", "time": "mine:2592000"}, AlwaysChoice("any", "", "mine", 30 * DAY)),
        ({"scope": "folder:0", "time": "mine:604800"}, AlwaysChoice("folder", bound(FILES[1]), "mine", 7 * DAY)),
        ({"scope": "folder:1", "time": "thread:86400"}, AlwaysChoice("folder", bound(FILES[2]), "thread", DAY)),
    ],
)
def test_what_is_chosen_for_a_grant_is_read(typed: JsonObject, choice: AlwaysChoice) -> None:
    assert always_form.always_given(sent(form(), typed)) == choice


def test_a_choice_is_one_that_is_still_offered() -> None:
    choice = always_form.always_given(sent(form()))
    assert always_form.chosen(choice, FILES) == FILES[0]
    assert always_form.chosen(choice, FILES[1:]) is None
    assert always_form.chosen(replace(choice, value="/srv/w/notes"), FILES) is None


def test_a_tool_of_another_kind_is_named_in_words() -> None:
    assert always_form.action_of(request(call=replace(call({}), remote_name="create_issue")), Offers()) == (
        "“Create issue”"
    )


@pytest.mark.parametrize(
    ("days", "longest", "words"),
    [(30, 30 * DAY, "30 days"), (6.9, DAY, "a day"), (0.5, DAY / 2, "12 hours"), (0.01, 840, "14 minutes")],
)
def test_no_grant_is_offered_for_longer_than_allowed(days: float, longest: float, words: str) -> None:
    view = form(days=days)
    window(view)
    assert max(seconds for _, seconds, _ in always_form.periods(days * DAY)) == longest
    assert labels(view, "time")[-1].endswith(words)
    forged = sent(view)
    forged["state"]["values"]["time"]["value"]["selected_option"] = {"value": "mine:5184000"}
    with pytest.raises(ValueError, match="not a choice"):
        always_form.always_given(forged)


@pytest.mark.parametrize("block", ["scope", "time"])
@pytest.mark.parametrize("picked", [None, "", "folder:9", "folder:-1", "folder:0 ", "everything", 7, "same", "thread"])
def test_a_choice_that_was_not_offered_is_refused(block: str, picked: object) -> None:
    forged = sent(form())
    forged["state"]["values"][block]["value"]["selected_option"] = {"value": picked}
    with pytest.raises(ValueError, match="not a choice"):
        always_form.always_given(forged)


@pytest.mark.parametrize("extra", [{}, {"offers": [["all", ""]], "longest": 1.0}, {"offers": "any", "longest": 1.0}])
def test_contents_that_are_none_of_ours_are_refused(extra: Any) -> None:
    with pytest.raises(ValueError, match="not a"):
        always_form.always_given({**sent(form()), "private_metadata": forms.seal(OPENED, extra)})


def test_offers_that_do_not_fit_are_left_out_but_for_the_widest() -> None:
    many = [Offer(scope.FOLDER, f"/{number}", f"files in {number}/") for number in range(20)]
    view = form([*many, FILES[-1]])
    window(view)
    kept = forms.unseal(view)[1]["offers"]
    assert len(kept) == always_form.MAX_FOLDERS + 1
    assert kept[-1] == ["any", ""]


@pytest.mark.parametrize("nasty", NASTY)
def test_no_text_of_a_call_forges_a_line_of_the_window_or_calls_anybody(nasty: str) -> None:
    offers = [Offer(scope.FILE, nasty, nasty), Offer(scope.FOLDER, f"/{nasty}", f"files in {nasty}"), FILES[-1]]
    approval = request(call=replace(call({nasty: nasty}), remote_name=nasty))
    action = always_form.action_of(approval, Offers())
    nothing_is_forged(window(always_form.always(approval, action, offers, 30, OPENED)), set())
