"""When a standing grant is suggested."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core.questions.scope import ANY, FILE, FOLDER, SAME, TARGET, Offer, Offers
from bot.core.questions.suggestion import (
    ENOUGH,
    LOOKED_AT,
    CoveringGrants,
    PastDecision,
    Suggestion,
    after,
    covering_grants,
    loads,
    period,
    suggested,
    words,
)

NOTES = Offer(FOLDER, "/w/notes", "files in notes/")
DEEP = Offer(FOLDER, "/w/notes/deep", "files in notes/deep/")
OFFERS = [Offer(FILE, "/w/notes/deep/a", "notes/deep/a"), DEEP, NOTES, Offer(ANY, words="every file")]
DAY = 86_400.0


def past(*places: Offer, approved: bool = True, by_others: bool = False) -> PastDecision:
    return PastDecision(approved, CoveringGrants(offers=places), by_others)


def test_the_third_like_approval_suggests_the_narrowest_folder_that_covers_them() -> None:
    made = suggested(OFFERS, [past(DEEP, NOTES), past(NOTES), past(NOTES), past(approved=False), past(approved=False)])
    assert made is not None
    assert (made.offer, made.approved, made.denied) == (NOTES, 3, 2)
    made = suggested(OFFERS, [past(DEEP, NOTES)] * 3)
    assert made is not None
    assert (made.offer, made.denied) == (DEEP, 0)


def test_it_is_said_in_the_words_of_a_colleague() -> None:
    edits = CoveringGrants("edits to", "edits", [NOTES], made=Suggestion(NOTES, 3, 2))
    assert words(edits) == (
        "You approved 3 edits in notes/. Allow these for a week? "
        "It would have covered exactly these 3 and none of the 2 you denied."
    )
    issue = Offer(TARGET, "{}", "only with owner acme, repo site")
    assert words(CoveringGrants("“Create issue”", "", [issue], made=Suggestion(issue, 3, 0), seconds=DAY)) == (
        "You approved “Create issue” with owner acme, repo site 3 times. Allow this for a day? "
        "It would have covered exactly these 3."
    )
    assert words(replace(edits, made=None)) == ""


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (30 * DAY, "a week"),
        (7 * DAY, "a week"),
        (2 * DAY, "2 days"),
        (DAY, "a day"),
        (3600.0, "an hour"),
        (600, "10 minutes"),
    ],
)
def test_it_holds_no_longer_than_the_configuration_allows(seconds: float, said: str) -> None:
    found = covering_grants(Offers("edits to", several="edits"), OFFERS, "edits to", seconds)
    assert period(found.seconds) == said
    assert found.seconds <= seconds


@pytest.mark.parametrize("count", [0, 1, 2, 4, 10])
def test_neither_before_nor_afterwards(count: int) -> None:
    assert suggested([NOTES], [past(NOTES)] * count) is None


def test_nothing_is_suggested_that_would_have_covered_a_denial() -> None:
    assert suggested(OFFERS, [past(DEEP, NOTES)] * 3 + [past(DEEP, NOTES, approved=False)]) is None
    made = suggested(OFFERS, [past(DEEP, NOTES)] * 3 + [past(NOTES, approved=False)])
    assert made is not None
    assert made.offer == DEEP


def test_a_denial_by_somebody_else_counts_and_is_not_said_to_be_the_persons() -> None:
    assert suggested([NOTES], [past(NOTES)] * 3 + [past(NOTES, approved=False, by_others=True)]) is None
    made = suggested([NOTES], [past(NOTES)] * 3 + [past(approved=False, by_others=True)])
    assert made is not None
    assert made.denied == 0


def test_nothing_is_suggested_beside_a_denial_of_which_nothing_was_kept() -> None:
    assert suggested([NOTES], [*[past(NOTES)] * 3, PastDecision(approved=False, covering=loads(""))]) is None


@pytest.mark.parametrize("scope", [FILE, SAME, ANY])
def test_one_file_is_too_narrow_and_everything_too_wide(scope: str) -> None:
    assert list(covering_grants(Offers(), [Offer(scope, "x", "x"), NOTES], "", DAY).offers) == [NOTES]


def test_what_a_request_keeps_is_read_as_it_was_written() -> None:
    found = covering_grants(Offers("edits to", several="edits"), OFFERS, "edits to", 7 * DAY)
    assert list(found.offers) == [DEEP, NOTES]
    body = after(found.dumps(), [PastDecision(approved=True, covering=found)] * 3)
    assert loads(body) == replace(found, made=Suggestion(DEEP, 3, 0))
    assert loads(found.dumps()) == found
    assert after(found.dumps(), []) == ""


@settings(max_examples=40)
@given(
    st.text() | st.recursive(st.integers() | st.text(), lambda each: st.dictionaries(st.text(), each)).map(json.dumps)
)
def test_what_another_version_has_kept_is_never_suggested(body: str) -> None:
    assert loads(body).made is None or "made" in body


PLACES = st.lists(st.sampled_from([NOTES, Offer(TARGET, "p")]), unique=True)


@given(st.lists(st.builds(lambda ok, places: past(*places, approved=ok), st.booleans(), PLACES), max_size=80))
def test_what_is_suggested_covers_exactly_what_was_approved(decisions: list[PastDecision]) -> None:
    made = suggested([NOTES, Offer(TARGET, "p", "p")], decisions)
    if made is not None:
        covered = [
            each for each in decisions[:LOOKED_AT] if (made.offer.scope, made.offer.value) in each.covering.places
        ]
        assert len(covered) == made.approved == ENOUGH
        assert all(each.approved for each in covered)
