"""Which calls a standing grant covers, for tools of which nothing more is known."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.json_text import canonical
from bot.core.questions import scope
from bot.core.questions.scope import Offer, Offers, has_target, offered

ISSUE: dict[str, Any] = {"owner": "acme", "repo": "site", "title": "It fails", "labels": ["bug"]}


def test_a_call_that_says_where_it_goes_is_offered_for_that_place_first() -> None:
    narrow, wide = offered(Offers(), ISSUE)
    assert (narrow.scope, narrow.words) == (scope.TARGET, "only in acme/site")
    assert json.loads(narrow.value) == {"owner": "acme", "repo": "site"}
    assert (wide.scope, wide.words) == (scope.ANY, "with anything")


@pytest.mark.parametrize(
    "arguments",
    [{"words": "one"}, {}, {"repo": "x" * 500, "title": "a"}, {"repo": ["a"], "title": "b"}, {"path": " "}],
)
def test_a_call_that_does_not_is_offered_as_it_is(arguments: dict[str, Any]) -> None:
    narrow, _ = offered(Offers(), arguments)
    assert (narrow.scope, narrow.value) == (scope.SAME, canonical(arguments))


def test_what_a_guard_knows_comes_first_and_everything_last() -> None:
    known = Offers("edits to", [Offer(scope.FILE, "/w/a", "a")], "every file")
    assert [each.words for each in offered(known, ISSUE)] == ["a", "every file"]


def test_an_absolute_path_is_not_shown() -> None:
    assert offered(Offers(), {"path": "/srv/team/notes.txt"})[0].words == "only with path …/notes.txt"


@pytest.mark.parametrize(
    "changed",
    [
        {"repo": "Site"},
        {"repo": "site "},
        {"repo": "site/../other"},
        {"owner": "evil"},
        {"repo": ["site"]},
        {"repo": "s\u0456te"},
        {"project": "another place"},
        {"to": "everybody"},
    ],
)
def test_a_grant_for_a_place_covers_no_other(changed: dict[str, Any]) -> None:
    part = offered(Offers(), ISSUE)[0].value
    assert has_target(part, {**ISSUE, "title": "Another", "labels": []})
    assert not has_target(part, {**ISSUE, **changed})
    assert not has_target(part, {name: value for name, value in ISSUE.items() if name != "repo"})


SMALL = st.dictionaries(
    st.sampled_from(["owner", "repo", "path", "to", "title", "n"]),
    st.one_of(st.text(max_size=3), st.integers(0, 2), st.booleans(), st.lists(st.text(max_size=1), max_size=1)),
)


@given(SMALL, SMALL)
def test_a_grant_for_a_part_covers_its_own_call_and_those_that_agree_in_it(one: Any, other: Any) -> None:
    narrow = offered(Offers(), one)[0]
    if narrow.scope != scope.TARGET:
        return
    assert has_target(narrow.value, one)
    names = json.loads(narrow.value).keys()
    if has_target(narrow.value, other):
        assert all(canonical(one[name]) == canonical(other[name]) for name in names)


@pytest.mark.parametrize("value", ["{}", "[]", '"x"', "1"])
def test_a_part_that_says_nothing_covers_nothing(value: str) -> None:
    assert not has_target(value, {})
    assert not has_target(value, ISSUE)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"to": "board@example.com"}, "only to board@example.com"),
        ({"channel": "general", "url": "x"}, "only in general, with url x"),
        ({"owner": "a/b", "repo": "c"}, "only with owner a/b, repo c"),
        ({"owner": "a", "repo": "b/c"}, "only in a/b/c"),
    ],
)
def test_the_telling_part_is_said_in_words(arguments: Any, words: str) -> None:
    assert offered(Offers(), arguments)[0].words == words
