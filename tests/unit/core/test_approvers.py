"""Who may approve a call."""

from __future__ import annotations

import pytest

from bot.core.policy.approvers import ApprovalRules, Approvers
from bot.core.policy.rules import Tier

NOBODY: frozenset[str] = frozenset()


def test_by_default_only_the_requester_may_approve() -> None:
    for tier in Tier:
        default = ApprovalRules().of(tier)
        assert default.may("U1", "U1", (), NOBODY)
        assert not default.may("U2", "U1", (), frozenset({"S1"}))
        assert (default.needed, default.grants) == (1, True)
    assert not Approvers().may("", "", (), NOBODY)


def test_named_people_and_members_of_named_groups_may_approve() -> None:
    named = Approvers(("U2", "S1"))
    assert named.may("U2", "U1", (), NOBODY)
    assert named.may("U3", "U1", (), frozenset({"S1", "S2"}))
    assert not named.may("U3", "U1", (), frozenset({"S2"}))
    assert not named.may("U1", "U1", (), NOBODY)


def test_a_user_id_is_not_confused_with_a_group_or_the_word_requester() -> None:
    assert not Approvers(("S1",)).may("S1", "U1", (), NOBODY)
    assert not Approvers().may("requester", "U1", (), NOBODY)
    assert not Approvers(("U2",)).may("U3", "U1", (), frozenset({"U2"}))


def test_without_self_approval_neither_the_requester_nor_an_editor_may() -> None:
    strict = Approvers(("requester", "U1", "U2", "S1"), no_self=True)
    assert not strict.may("U1", "U1", (), frozenset({"S1"}))
    assert not strict.may("U2", "U1", ("U2",), frozenset({"S1"}))
    assert strict.may("U2", "U1", ("U3",), NOBODY)


def test_the_requester_and_whoever_is_named_may_deny_change_and_stop() -> None:
    strict = Approvers(("U2", "S1"), needed=2, no_self=True)
    assert strict.may_close("U1", "U1", NOBODY)
    assert strict.may_close("U2", "U1", NOBODY)
    assert strict.may_close("U3", "U1", frozenset({"S1"}))
    assert not strict.may_close("U3", "U1", frozenset({"S2"}))
    assert not strict.may_close("", "", frozenset())
    assert not Approvers(("requester",)).may_close("requester", "U1", NOBODY)


def test_no_standing_grants_where_several_people_or_others_must_approve() -> None:
    assert not Approvers(("U1", "U2"), needed=2, grants=True).grants
    assert not Approvers(("U1", "U2"), no_self=True).grants
    assert Approvers(("U1", "U2")).grants


def test_each_tier_has_its_own_approvers_and_groups_covers_all_tiers() -> None:
    rules = ApprovalRules(read=Approvers(("S1",)), write=Approvers(), destructive=Approvers(("U1", "S2")))
    assert rules.of(Tier.DESTRUCTIVE).people == ("U1", "S2")
    assert rules.groups == {"S1", "S2"}


@pytest.mark.parametrize(
    ("approvers", "problem"),
    [
        (Approvers(no_self=True), "nobody could ever approve"),
        (Approvers(()), "nobody could ever approve"),
        (Approvers(needed=0), "0 approvals are needed"),
        (Approvers(("requester", "U1"), needed=3), "3 approvals are needed, and at most 2 can be given"),
        (Approvers(("requester", "U1"), needed=2, no_self=True), "2 approvals are needed, and at most 1 can be given"),
        (Approvers(("U1", "U1"), needed=2), "2 approvals are needed, and at most 1 can be given"),
        (Approvers(("everyone",)), "'everyone' cannot approve"),
        (Approvers(("u1", "C1", "U", "U-1")), "'u1', 'C1', 'U', 'U-1' cannot approve"),
    ],
)
def test_approvers_who_could_never_approve_are_reported(approvers: Approvers, problem: str) -> None:
    assert [found for found, _ in approvers.problems()] == [problem]


def test_approvers_who_can_approve_have_no_problems() -> None:
    for fine in (Approvers(), Approvers(("S1",), needed=9), Approvers(("requester", "U1"), needed=2)):
        assert fine.problems() == []


def test_a_named_approver_who_could_not_get_approval_is_a_warning() -> None:
    assert Approvers(("U1",), no_self=True).warnings()
    assert Approvers(("requester", "U1"), needed=2).warnings()
    assert not Approvers(("U1", "U2"), no_self=True).warnings()
    assert not Approvers(("S1",), no_self=True).warnings()
    assert not Approvers().warnings()
