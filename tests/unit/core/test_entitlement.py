"""Who may decide, by what the configuration says and Slack has told: what is not known lets nobody decide."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core.policy.approvers import Approvers
from bot.core.questions.entitlement import Membership, entitled
from tests.unit.core.test_decide import call, question

PEOPLE = ("UALICE", "UBOB", "UCAROL")
GROUPS = ("SADMINS", "SOTHERS")

some_groups = st.frozensets(st.sampled_from(GROUPS))
rules = st.builds(
    Approvers,
    people=st.lists(st.sampled_from(["requester", *PEOPLE, *GROUPS]), min_size=1, unique=True).map(tuple),
    no_self=st.booleans(),
)


@settings(max_examples=60, deadline=None)
@given(
    user=st.sampled_from(["", *PEOPLE]),
    editors=st.frozensets(st.sampled_from(PEOPLE)).map(tuple),
    rules=rules,
    member=st.sampled_from([True, True, True, False, None]),
    really=some_groups,
    told=some_groups,
    approving=st.booleans(),
)
def test_who_may_is_a_member_whom_the_rules_name_for_certain(
    user: str,
    editors: tuple[str, ...],
    rules: Approvers,
    member: bool | None,
    really: frozenset[str],
    told: frozenset[str],
    approving: bool,
) -> None:
    asked = question(call=replace(call("may_it_run"), editors=editors), requester="UALICE")
    standing = Membership(member, really & told, complete=told == frozenset(GROUPS))
    may = entitled(asked, user, standing, rules, approving=approving)

    named = user in rules.people or bool(really & set(rules.people))
    own = user == "UALICE"
    if approving:
        barred = rules.no_self and (own or user in editors)
        truly = bool(user) and not barred and (named or (own and "requester" in rules.people))
    else:
        truly = bool(user) and (named or own)
    if may is True:
        assert member is True
        assert truly, "nobody is let in whom the rules do not name"
    elif may is False:
        assert member is False or not truly, "nobody is turned away whom the rules name"
    else:
        assert member is None or told != frozenset(GROUPS), "only what Slack did not tell is not known"
