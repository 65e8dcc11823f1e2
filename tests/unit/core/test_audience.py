"""Who is asked directly: everything that who may approve, who is in the conversation and who has left come to."""

from __future__ import annotations

import itertools

import pytest

from bot.core.questions.audience import MAX_ASKED, Audience, Reachability, audience

PEOPLE: tuple[str, ...] = ("U1", "U2", "U3")
STATES = (True, False, None)


@pytest.mark.parametrize("needed", [1, 2])
@pytest.mark.parametrize("no_self", [False, True])
@pytest.mark.parametrize("named", [("requester",), ("requester", "U2"), ("U2", "U3"), ("S1",), ("requester", "S1")])
def test_in_every_case_somebody_sees_it_or_it_ends_or_nobody_knows(
    named: tuple[str, ...], no_self: bool, needed: int
) -> None:
    for states in itertools.product(STATES, repeat=3):
        members: dict[str, bool | None] = dict(zip(PEOPLE, states, strict=True))
        for size in range(4):
            for inside in itertools.combinations(PEOPLE, size):
                for group in (frozenset({"U2", "U3"}), frozenset[str](), None):
                    for known in (frozenset(inside), None):
                        where = Reachability(members, {"S1": group}, known)
                        barred = {"U1"} if no_self else set[str]()
                        found = audience(named, needed, "U1", where, barred=barred)
                        may = {"U1" if each == "requester" else each for each in named} - {"S1"}
                        may = (may | ((group or frozenset()) if "S1" in named else frozenset())) - barred
                        surely = {each for each in may if members[each] is True}
                        perhaps = {each for each in may if members[each] is not False}
                        certain = "S1" not in named or group is not None
                        assert found.nobody == (certain and len(perhaps) < needed)
                        assert set(found.ask) <= surely - set(inside), "asked are only those who may and do not see it"
                        if found.nobody or known is None:
                            assert found.ask == ()
                        elif len(perhaps & set(inside)) < needed:
                            assert set(found.ask) == surely - set(inside)


def test_the_next_one_is_asked_when_one_has_left_or_cannot_be_reached() -> None:
    people = ("U1", "U2", "U3", "U4", "U5", "U6")
    members: dict[str, bool | None] = dict.fromkeys(people, True)
    where = Reachability(members, {}, frozenset({"U9"}))
    first = audience(people, 1, "U9", where)
    assert first.ask == people[:MAX_ASKED]
    assert audience(people, 1, "U9", where, asked=first.ask) == Audience()
    gone = Reachability({**members, "U2": False}, {}, where.inside)
    assert audience(people, 1, "U9", gone, asked=first.ask).ask == ("U4",)
    assert audience(people, 1, "U9", where, asked=first.ask, unreachable=("U1",)).ask == ("U4",)
    assert audience(people, 1, "U9", where, asked=people, unreachable=people).nobody
    assert audience(people, 5, "U9", where).ask == people[:5]
    assert audience(people, 1, "U9", Reachability(members, {}, frozenset({"U6"}))) == Audience()
