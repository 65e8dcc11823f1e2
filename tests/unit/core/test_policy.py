"""The first rule that matches decides, and an unknown result never allows."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bot.core.policy.conditions import Check, Condition, fits
from bot.core.policy.rules import KINDS, Facts, Judgement, Policy, Rule, Ruling, Tier, repeatable, tier
from bot.core.tools import Audience
from bot.patterns import compile_python
from tests.unit.core.helpers import facts, inside, tool

ALLOW, ASK, DENY = Ruling.ALLOW, Ruling.ASK, Ruling.DENY
IN_NOTES = Condition("path", Check.INSIDE, ("notes",))


def matching(pattern: str, argument: str = "path") -> Condition:
    return Condition(argument, Check.MATCHES, (pattern,), compile_python(pattern, strict=True))


def judge(
    *rules: Rule, arguments: Mapping[str, Any] | None = None, where: Facts | None = None, **made: Any
) -> Judgement:
    return Policy(rules).judge(tool(**made), arguments or {}, where or facts(), inside)


def test_without_rules_trusted_reads_run_and_everything_else_asks() -> None:
    assert judge(read_only=True) == Judgement(ALLOW, None, "the default: read-only tools of a trusted server run")
    assert judge() == Judgement(ASK, None, "the default: everything else asks")
    assert judge(read_only=True, trusted=False).ruling is ASK


def test_annotations_of_an_untrusted_server_are_ignored() -> None:
    assert tier(tool(read_only=True)) is Tier.READ
    assert tier(tool(destructive=False)) is Tier.WRITE
    assert tier(tool()) is Tier.DESTRUCTIVE
    for harmless in (tool(read_only=True, trusted=False), tool(destructive=False, trusted=False)):
        assert tier(harmless) is Tier.DESTRUCTIVE
    assert judge(Rule(ALLOW, tiers=(Tier.READ,)), read_only=True, trusted=False).ruling is ASK


def test_the_first_rule_that_matches_decides_and_is_named() -> None:
    rules = (Rule(DENY, 3, tools=("move_*",)), Rule(ALLOW, 14, tools=("write_file",)), Rule(DENY, 20))
    assert judge(*rules).words == "rule 2 (line 14)"
    assert judge(rules[0], replace(rules[1], name="notes")).words == 'rule "notes" (line 14)'
    assert judge(*rules, remote="move_file").words == "rule 1 (line 3)"
    assert judge(*rules, remote="other").ruling is DENY


@pytest.mark.parametrize(
    ("audience", "admitted", "refused"),
    [
        (Audience(channels=("C1",)), [("C1", "U9", None)], [("C2", "U9", None), ("", "", None)]),
        (Audience(users=("U1",)), [("C2", "U1", None)], [("C2", "U2", frozenset({"S1"})), ("C2", "", None)]),
        (
            Audience(groups=("S1",)),
            [("C2", "U2", frozenset({"S1", "S2"}))],
            [("C2", "U2", None), ("C2", "U2", frozenset())],
        ),
        (
            Audience(("C1",), ("U1",), ("S1",)),
            [("C1", "U1", None), ("C1", "U2", frozenset({"S1"}))],
            [("C1", "U2", None), ("C2", "U1", frozenset({"S1"}))],
        ),
    ],
)
def test_outside_the_audience_of_a_server_its_tools_are_neither_offered_nor_called(
    audience: Audience, admitted: list[Any], refused: list[Any]
) -> None:
    made = replace(tool(read_only=True), audience=audience)
    for rules in ((), (Rule(ALLOW),)):
        policy = Policy(rules)
        for channel, user, groups in admitted:
            where = Facts(channel, "channel", user, groups)
            assert policy.judge(made, {}, where, inside).ruling is ALLOW
            assert policy.offered([made], [where]) == [made]
        for channel, user, groups in refused:
            where = Facts(channel, "channel", user, groups)
            judged = policy.judge(made, {}, where, inside)
            assert (judged.ruling, judged.words) == (DENY, "the server's own channels, users and groups")
            assert policy.offered([made], [where]) == []
        assert policy.explain(made)[0][1] == f"unless {audience.words()}"


def test_a_call_that_is_safe_to_repeat_may_still_change_something() -> None:
    assert not repeatable(tool())
    assert repeatable(replace(tool(), safe_to_repeat=True))
    assert repeatable(tool(read_only=True))


def test_arguments_get_the_servers_own_names_unless_both_are_there() -> None:
    made = replace(tool(), argument_names={"filter_1": "$filter"})
    assert made.own_arguments({"filter_1": "a", "top": 1}) == {"$filter": "a", "top": 1}
    assert made.own_arguments({"filter_1": "a", "$filter": "b"}) == {"filter_1": "a", "$filter": "b"}
    assert tool().own_arguments({"filter_1": "a"}) == {"filter_1": "a"}


@pytest.mark.parametrize("glob", ["write_file", "files__write_file", "*_file", "files__*", "writ?_file"])
def test_a_tool_is_named_by_its_own_name_or_the_offered_one(glob: str) -> None:
    assert judge(Rule(ALLOW, tools=(glob,))).ruling is ALLOW


@pytest.mark.parametrize("glob", ["write", "Write_file", "files", "write_file?", "write.file", "[w]rite_file"])
def test_a_glob_matches_the_whole_name_case_sensitively(glob: str) -> None:
    assert judge(Rule(ALLOW, tools=(glob,))).ruling is ASK


def test_a_server_cannot_imitate_an_allowed_tool_of_another_server() -> None:
    spoof: dict[str, Any] = {"remote": "files__write_file", "server": "evil", "trusted": False}
    assert judge(Rule(ALLOW, tools=("files__write_file",)), **spoof).ruling is ASK
    assert judge(Rule(DENY, tools=("files__write_file",)), **spoof).ruling is DENY
    assert judge(Rule(ALLOW, servers=("evil",), tools=("files__write_file",)), **spoof).ruling is ALLOW


@pytest.mark.parametrize(("word", "kind"), KINDS.items())
def test_a_channel_is_named_by_its_id_or_its_kind(word: str, kind: str) -> None:
    for channels in ((word,), ("C9",)):
        rule = Rule(DENY, channels=channels)
        assert judge(rule, where=facts(channel="C9", kind=kind)).ruling is DENY
        other = "im" if kind != "im" else "channel"
        assert judge(rule, where=facts(channel="C8", kind=other)).ruling is ASK


def test_users_match_by_id_or_group_and_unknown_groups_never_allow() -> None:
    allow, deny = Rule(ALLOW, users=("U2", "S1")), Rule(DENY, users=("U2", "S1"))
    for groups, user, allowed, denied in (
        (frozenset[str](), "U2", ALLOW, DENY),
        (frozenset({"S1"}), "U1", ALLOW, DENY),
        (frozenset({"S2"}), "U1", ASK, ASK),
        (None, "U1", ASK, DENY),
        (None, "U2", ALLOW, DENY),
    ):
        where = facts(user=user, groups=groups)
        assert judge(allow, where=where).ruling is allowed, (groups, user)
        assert judge(deny, where=where).ruling is denied, (groups, user)


@pytest.mark.parametrize(
    ("condition", "arguments", "holds"),
    [
        (IN_NOTES, {"path": "notes/a"}, True),
        (IN_NOTES, {"path": "other/a"}, False),
        (IN_NOTES, {"path": "?"}, None),
        (IN_NOTES, {"path": 1}, None),
        (IN_NOTES, {"path": None}, None),
        (IN_NOTES, {}, False),
        (IN_NOTES, {"path": []}, False),
        (IN_NOTES, {"path": ["notes/a", ["notes/b"]]}, True),
        (IN_NOTES, {"path": ["notes/a", "other/b"]}, None),
        (Condition("path", Check.INSIDE, ("a", "notes")), {"path": "notes/a"}, True),
        (Condition("path", Check.OUTSIDE, ("a", "notes")), {"path": "notes/a"}, False),
        (Condition("path", Check.OUTSIDE, ("a", "b")), {"path": "notes/a"}, True),
        (Condition("path", Check.OUTSIDE, ("a", "b")), {"path": "?"}, None),
        (Condition("path", Check.OUTSIDE, ("a", "b")), {"path": ["c", "a"]}, None),
        (Condition("*path*", Check.INSIDE, ("notes",)), {"path": "notes/a", "new_path": "b"}, None),
        (Condition("*path*", Check.INSIDE, ("notes",)), {"path": "notes/a", "x": "b"}, True),
        (matching("a.*"), {"path": "abc"}, True),
        (matching("a.*"), {"path": "xabc"}, False),
        (matching("a"), {"path": "a\n"}, False),
        (matching("a.*"), {"path": {"a": 1}}, None),
        (matching("x.*", "edits.oldText"), {"edits": [{"oldText": "x1"}, {"oldText": "x2"}]}, True),
        (matching("x.*", "edits.oldText"), {"edits": [{"oldText": "x1"}, {"oldText": "y"}]}, None),
        (matching("x.*", "edits.oldText"), {"edits": [{"oldText": "x1"}, {}]}, None),
        (matching("x.*", "edits.oldText"), {"edits": "x1"}, None),
        (matching("x.*", "edits.oldText"), {"edits": []}, False),
        (matching("x.*", "edits.oldText"), {"edits.oldText": "x"}, True),
        (Condition("n", Check.EQUALS, (1, "a", False)), {"n": 1.0}, True),
        (Condition("n", Check.EQUALS, (1, "a")), {"n": True}, False),
        (Condition("n", Check.EQUALS, (1, "a")), {"n": {"n": 1}}, False),
    ],
)
def test_a_condition_holds_for_all_values_or_none_or_is_unknown(
    condition: Condition, arguments: dict[str, Any], holds: bool | None
) -> None:
    assert condition.holds(tool(), arguments, inside) is holds
    assert judge(Rule(ALLOW, conditions=(condition,)), arguments=arguments).ruling is (ALLOW if holds else ASK)
    denied = ASK if holds is False else DENY
    assert judge(Rule(DENY, conditions=(condition,)), arguments=arguments).ruling is denied


def test_a_value_of_any_depth_is_judged() -> None:
    deep: Any = "notes/a"
    for _ in range(50_000):
        deep = [deep]
    assert IN_NOTES.holds(tool(), {"path": deep}, inside) is True


def test_a_tool_is_hidden_where_every_call_of_it_would_be_denied() -> None:
    deny_all, deny_some = Rule(DENY, tools=("write_file",)), Rule(DENY, conditions=(IN_NOTES,))
    allow_some, group = Rule(ALLOW, conditions=(IN_NOTES,)), Rule(ALLOW, users=("S1",))

    def hidden(*rules: Rule, where: Facts | None = None) -> bool:
        return Policy(rules).denies_all(tool(), where or facts())

    assert hidden(deny_all)
    assert hidden(deny_some, deny_all)
    assert not hidden(deny_some)
    assert not hidden(allow_some, deny_all)
    assert not hidden(Rule(ASK), deny_all)
    assert hidden(Rule(DENY, channels=("public",)))
    assert not hidden(Rule(DENY, channels=("dm",)))
    assert hidden(group, deny_all, where=facts(groups=None)), "a user whose groups are unknown is not in the group"
    assert not hidden(group, deny_all, where=facts(groups=frozenset({"S1"})))
    assert not Policy((deny_all,)).denies_all(tool("read_file"), facts())


def test_explain_lists_the_rules_that_apply_to_a_tool() -> None:
    some = Rule(ALLOW, 3, conditions=(IN_NOTES,), channels=("public", "C1"), users=("U1",))
    explained = Policy((some, Rule(DENY, 9, tools=("move_*",)))).explain(tool())
    assert [(judgement.ruling, judgement.words, when) for judgement, when in explained] == [
        (ALLOW, "rule 1 (line 3)", "when path is inside notes, in public or C1, for U1"),
        (ASK, "the default: everything else asks", "always"),
    ]
    assert len(Policy((Rule(DENY, 1), some)).explain(tool())) == 1
    assert Policy((some, Rule(ASK, users=("U1", "S7", "S8")))).groups == {"S7", "S8"}


GLOBS = st.text("a*?", max_size=4)


@given(GLOBS, GLOBS, st.text("ab", max_size=4))
@settings(deadline=None, max_examples=60)
@example("?", "*", "")
@example("a?", "a*", "aba")
def test_a_glob_that_covers_another_matches_whatever_that_one_matches(one: str, other: str, text: str) -> None:
    if fits(one, other, as_glob=True) and fits(other, text):
        assert fits(one, text)


@given(GLOBS, st.text("ab", max_size=6))
@settings(deadline=None)
def test_a_glob_is_equivalent_to_its_regular_expression(glob: str, text: str) -> None:
    pattern = "".join({"*": ".*", "?": "."}.get(character, re.escape(character)) for character in glob)
    assert fits(glob, text) == (re.fullmatch(pattern, text) is not None)


UNKNOWN = st.sampled_from(["groups", "inside", "type"])


@given(st.lists(st.sampled_from([ALLOW, ASK, DENY]), min_size=1, max_size=4), st.lists(UNKNOWN, min_size=4, max_size=4))
@settings(deadline=None)
def test_an_unknown_result_never_allows(actions: list[Ruling], unknown: list[str]) -> None:
    restricted = {
        "groups": Rule(ALLOW, users=("S1",)),
        "inside": Rule(ALLOW, conditions=(Condition("odd", Check.OUTSIDE, ("notes",)),)),
        "type": Rule(ALLOW, conditions=(matching(".*", "number"),)),
    }
    rules = tuple(replace(restricted[kind], action=action) for action, kind in zip(actions, unknown, strict=False))
    made = tool()
    judged = Policy(rules).judge(made, {"odd": "?", "number": 1}, facts(groups=None), inside)
    strict = next((action for action in actions if action is not ALLOW), ASK)
    assert judged.ruling is strict
    assert Policy(rules).denies_all(made, facts(groups=None)) <= (judged.ruling is DENY)
