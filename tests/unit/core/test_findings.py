"""Likely mistakes in a policy are found, and a rule that is reported as shadowed certainly is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from random import Random, randrange
from typing import Any, TypeVar

import pytest

from bot.config.lint import Finding, covers, findings, findings_for
from bot.core.policy.conditions import Check, Condition
from bot.core.policy.rules import KINDS, Facts, Policy, Rule, Ruling, Tier
from bot.core.tools import Tool
from tests.unit.core.helpers import inside, tool

T = TypeVar("T")
ALLOW, ASK, DENY = Ruling.ALLOW, Ruling.ASK, Ruling.DENY
IN_NOTES = Condition("path", Check.INSIDE, ("notes",))


def problems(*rules: Rule) -> list[tuple[str, str]]:
    return [(finding.level, finding.problem) for finding in findings(Policy(rules))]


@pytest.mark.parametrize(
    "rule",
    [
        Rule(ALLOW),
        Rule(ALLOW, servers=("*",), tools=("**",)),
        Rule(ALLOW, servers=("files", "*")),
        Rule(ALLOW, tools=("*__*",)),
        Rule(ALLOW, tools=("*_*",)),
        Rule(ALLOW, tiers=tuple(Tier)),
        Rule(ALLOW, channels=tuple(KINDS)),
    ],
)
def test_a_rule_that_allows_everything_is_an_error(rule: Rule) -> None:
    assert problems(rule) == [("error", "rule 1 allows everything: it would switch off all approvals")]


@pytest.mark.parametrize(
    "rule",
    [
        Rule(ALLOW, servers=("files",)),
        Rule(ALLOW, tools=("*file",)),
        Rule(ALLOW, users=("U1",)),
        Rule(ALLOW, channels=("C1",)),
        Rule(ALLOW, tiers=(Tier.DESTRUCTIVE,)),
    ],
)
def test_a_wildcard_that_may_allow_destructive_tools_is_a_warning(rule: Rule) -> None:
    assert problems(rule) == [
        ("warning", "rule 1 allows tools by a wildcard, which may include tools that can destroy data")
    ]


@pytest.mark.parametrize(
    "rule",
    [
        Rule(DENY),
        Rule(ASK),
        Rule(ALLOW, tools=("write_file",)),
        Rule(ALLOW, tiers=(Tier.READ, Tier.WRITE)),
        Rule(ALLOW, conditions=(IN_NOTES,)),
    ],
)
def test_a_rule_that_is_narrow_enough_is_not_reported(rule: Rule) -> None:
    assert problems(rule) == []


def test_a_shadowed_rule_is_found_with_the_one_that_shadows_it() -> None:
    rules = (
        Rule(DENY, 3, tools=("move_*",)),
        Rule(ALLOW, 9, "mine", servers=("files",), tools=("move_file",), conditions=(IN_NOTES,)),
    )
    (finding,) = findings(Policy(rules))
    assert finding == Finding(
        "warning",
        9,
        'rule "mine" never decides anything: rule 1 (line 3) covers all that it could match',
        "move it up, narrow the earlier rule, or remove it",
    )
    assert finding.words().startswith('line 9: rule "mine" never decides anything')


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        (Rule(DENY, tools=("move_file",)), Rule(ALLOW, tools=("move_*",))),
        (Rule(DENY, channels=("public",)), Rule(ALLOW, channels=("C1",))),
        (Rule(DENY, users=("S1",)), Rule(ALLOW, users=("U1",))),
        (Rule(DENY, tiers=(Tier.READ,)), Rule(ALLOW)),
        (Rule(DENY, conditions=(IN_NOTES,)), Rule(ALLOW)),
        (Rule(ALLOW, conditions=(IN_NOTES,)), Rule(DENY, conditions=(IN_NOTES,))),
        (Rule(ALLOW, users=("S1",)), Rule(DENY, users=("S1",))),
        (Rule(ALLOW, tools=("a__b",)), Rule(DENY, tools=("a__b",))),
        (
            Rule(ASK, conditions=(Condition("n", Check.EQUALS, (True,)),)),
            Rule(ASK, conditions=(Condition("n", Check.EQUALS, (1,)),)),
        ),
    ],
)
def test_a_rule_that_still_decides_something_is_not_reported_as_shadowed(earlier: Rule, later: Rule) -> None:
    assert not covers(earlier, later)


NAMES = ["a", "b", "ab", "a__b", "s__a"]
NUMBERS = [1, True, 2, [1, 2], [True, True]]
CONDITIONS = [
    IN_NOTES,
    Condition("path", Check.OUTSIDE, ("notes",)),
    Condition("n", Check.EQUALS, (1,)),
    Condition("n", Check.EQUALS, (True,)),
]


@dataclass
class Chance:
    """Generate rules and calls, reproducibly from a seed."""

    number: int

    def __post_init__(self) -> None:
        self.random = Random(self.number)

    def some(self, values: Iterable[T]) -> tuple[T, ...]:
        """Pick up to two of these."""
        return tuple(self.random.choices(list(values), k=self.random.randrange(3)))

    def rule(self) -> Rule:
        return Rule(
            self.random.choice(list(Ruling)),
            servers=self.some(["s", "t", "*"]),
            tools=self.some([*NAMES, "*", "a*", "?", "*__*", "*__b", "s__*"]),
            tiers=self.some(Tier),
            channels=self.some(["C1", "C2", *KINDS]),
            users=self.some(["U1", "U2", "S1", "S2"]),
            conditions=self.some(CONDITIONS),
        )

    def pair(self) -> tuple[Rule, Rule]:
        """Generate two rules, of which the first is often the wider one."""
        pick = self.random.choice
        later, other = self.rule(), self.rule()
        wider: dict[str, Any] = {"action": other.action}
        for name in ("servers", "tools", "tiers", "channels", "users"):
            mine, others = getattr(later, name), getattr(other, name)
            wider[name] = pick([(), mine, mine + others, others])
        wider["conditions"] = pick([(), later.conditions, later.conditions[:1], other.conditions])
        return Rule(**wider), later

    def call(self) -> tuple[Tool, Facts, dict[str, Any]]:
        pick = self.random.choice
        no_or_yes = (False, True)
        made = tool(
            pick(NAMES),
            pick(["s", "t"]),
            trusted=pick(no_or_yes),
            read_only=pick(no_or_yes),
            destructive=pick(no_or_yes),
        )
        groups = None if pick(no_or_yes) else frozenset(self.some(["S1", "S2"]))
        where = Facts(pick(["C1", "C2", "C3"]), pick(list(KINDS.values())), pick(["U1", "U2", "U3"]), groups)
        arguments: dict[str, Any] = {}
        if pick(no_or_yes):
            arguments["path"] = pick(["notes/a", "other", "?", 1, ["notes/a", "other"]])
        if pick(no_or_yes):
            arguments["n"] = pick(NUMBERS)
        return made, where, arguments


def test_a_shadowed_rule_never_decides() -> None:
    began, decided, covering = 1_000_000 * randrange(1_000_000), 0, 0
    for number in range(began, began + 4_000):
        chance = Chance(number)
        earlier, later = chance.pair()
        covered = covers(earlier, later)
        for made, where, arguments in (chance.call() for _ in range(5)):
            both = Policy((earlier, later)).judge(made, arguments, where, inside)
            assert not (covered and both.rule is later), f"Chance({number}): {earlier} does not cover {later}: {made}"
            decided += both.rule is later
            covering += covered and both.rule is earlier
    assert min(decided, covering) > 100, "both of what the test is about has happened"


TOOLBOX = [tool("write_file"), tool("read_file", read_only=True), tool("send", "mail", trusted=False)]


@pytest.mark.parametrize(
    ("rule", "problem", "fix"),
    [
        (
            Rule(DENY, tools=("wrte_file",)),
            "rule 1 names the tool 'wrte_file', and there is no such tool",
            "write_file",
        ),
        (Rule(DENY, tools=("send", "x*")), "rule 1 names the tool 'x*', and there is no such tool", "correct the name"),
        (
            Rule(DENY, servers=("fils",)),
            "rule 1 names the server 'fils', and there is no such server",
            "perhaps you mean files",
        ),
        (Rule(DENY, servers=("mail",), tools=("write_file",)), "rule 1 matches no tool", "correct its names"),
        (
            Rule(DENY, tools=("*_file",), conditions=(Condition("pth", Check.INSIDE, ("a",)),)),
            "rule 1 names the argument 'pth', and no tool that it matches has one",
            "perhaps you mean path",
        ),
        (
            Rule(ALLOW, tools=("*_file",)),
            "allows, by a wildcard, tools that can destroy data: files__write_file",
            "name the tools",
        ),
        (Rule(ALLOW, tools=("send",)), "names no server, so it allows tools of servers that", "name the server"),
    ],
)
def test_a_rule_that_does_not_match_the_tools_is_reported(rule: Rule, problem: str, fix: str) -> None:
    (finding,) = findings_for(Policy((rule,)), TOOLBOX)
    assert finding.level == "warning"
    assert problem in finding.problem
    assert fix in finding.fix


def test_rules_that_match_the_tools_are_not_reported() -> None:
    rules = (
        Rule(ALLOW, servers=("mail",), tools=("send",)),
        Rule(ALLOW, tools=("*_file",), conditions=(IN_NOTES,)),
        Rule(ALLOW, tools=("*",), tiers=(Tier.READ,)),
        Rule(DENY, conditions=(Condition("path.x", Check.EQUALS, (1,)),)),
    )
    assert findings_for(Policy(rules), TOOLBOX) == []
