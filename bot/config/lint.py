"""Finds likely mistakes in a policy, by itself and in relation to the existing tools.

A rule is reported as shadowed only if it certainly is: no facts and arguments that it would still decide are
overlooked. A rule that is only shadowed by several others together is not found.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal

from bot.core.policy.approvers import ApprovalRules
from bot.core.policy.conditions import Condition, fits, listed
from bot.core.policy.rules import KINDS, Policy, Rule, Ruling, Tier, tier
from bot.core.tools import Tool

MAX_NAMED = 5


@dataclass(frozen=True, slots=True)
class Finding:
    """A likely mistake."""

    level: Literal["error", "warning"]
    line: int
    """The line in the file; 0 if it concerns no line."""
    problem: str
    fix: str

    def words(self) -> str:
        """Return the finding as one line for people."""
        place = f"line {self.line}: " if self.line else ""
        return f"{place}{self.problem}; {self.fix}"


def findings(policy: Policy) -> list[Finding]:
    """Return findings that do not depend on the tools, in order: rules that are too broad or shadowed."""
    found: list[Finding] = []
    for place, rule in enumerate(policy.rules):
        label = policy.rule_name(rule)
        if rule.action is Ruling.ALLOW:
            found += _broad(rule, label)
        shadow = next((earlier for earlier in policy.rules[:place] if covers(earlier, rule)), None)
        if shadow is not None:
            problem = f"{label} never decides anything: {policy.label(shadow)} covers all that it could match"
            found.append(Finding("warning", rule.line, problem, "move it up, narrow the earlier rule, or remove it"))
    return found


def findings_for_bots(approvals: ApprovalRules, line: int) -> list[Finding]:
    """Return a warning if apps may start turns but nobody could approve their calls."""
    tiers = [tier for tier in Tier if approvals.of(tier).without_requester().problems()]
    if not tiers:
        return []
    problem = f"apps may start turns, and nobody could approve what they ask for in {listed(tiers)}"
    return [Finding("warning", line, problem, "name people or user groups in approvers, or such calls are refused")]


def findings_for(policy: Policy, tools: Sequence[Tool]) -> list[Finding]:
    """Return findings about rules in relation to the existing tools: those that match nothing, and those that allow
    more than they seem to."""
    return [*unmatched(policy, tools), *caught(policy, tools)]


def unmatched(policy: Policy, tools: Sequence[Tool]) -> list[Finding]:
    """Return findings about names in rules that match nothing, usually typing errors. All servers must be up."""
    found: list[Finding] = []
    for rule in policy.rules:
        label = policy.rule_name(rule)
        before = len(found)
        names = [name for tool in tools for name in (tool.remote_name, tool.name)]
        servers = [tool.server for tool in tools]
        for kind, globs, known in (("server", rule.servers, servers), ("tool", rule.tools, names)):
            for glob in globs:
                if not any(fits(glob, name) for name in known):
                    problem = f"{label} names the {kind} {glob!r}, and there is no such {kind}"
                    found.append(Finding("warning", rule.line, problem, _nearest(glob, known)))
        matched = [tool for tool in tools if rule.matches_tool(tool)]
        arguments = [name for tool in matched for name in _arguments(tool)]
        for condition in rule.conditions if all(map(_arguments, matched)) and matched else ():
            whole, head = condition.argument, condition.argument.partition(".")[0]
            if not any(fits(whole, name) or fits(head, name) for name in arguments):
                problem = f"{label} names the argument {whole!r}, and no tool that it matches has one"
                found.append(Finding("warning", rule.line, problem, _nearest(head, arguments)))
        if len(found) == before and not matched:
            problem = f"{label} matches no tool: none fits its server, tool and tier together"
            found.append(Finding("warning", rule.line, problem, "correct its names, or remove it"))
    return found


def caught(policy: Policy, tools: Sequence[Tool]) -> list[Finding]:
    """Return findings about tools that a rule allows without naming them or checking anything."""
    found: list[Finding] = []
    for rule in policy.rules:
        if rule.action is not Ruling.ALLOW or rule.conditions:
            continue
        matched = [tool for tool in tools if rule.matches_tool(tool)]
        label = policy.rule_name(rule)
        wild = [tool.name for tool in matched if tier(tool) is Tier.DESTRUCTIVE and not _named(rule, tool)]
        if wild:
            problem = f"{label} allows, by a wildcard, tools that can destroy data: {_some(wild)}"
            found.append(Finding("warning", rule.line, problem, "name the tools, or set a tier or a condition"))
        strange = [tool.name for tool in matched if not tool.trusted and tool.name not in wild]
        if strange and not rule.servers:
            problem = f"{label} names no server, so it allows tools of servers that are not trusted: {_some(strange)}"
            found.append(Finding("warning", rule.line, problem, "name the server"))
    return found


def covers(earlier: Rule, later: Rule) -> bool:
    """Return whether the earlier rule certainly matches whatever the later one does."""
    # What is unknown counts for a rule that asks or denies, and not for one that allows.
    bold = earlier.action is Ruling.ALLOW and later.action is not Ruling.ALLOW
    if bold and (earlier.conditions or any(user.startswith("S") for user in earlier.users)):
        return False
    tools = earlier.tools
    if earlier.action is Ruling.ALLOW and not earlier.servers and (bold or later.servers):
        # Such globs match offered names only (`Rule.matches_tool`); those of the later rule also match the server's own
        # names.
        tools = tuple(glob for glob in tools if "__" not in glob)
    return (
        (not earlier.servers or any(map(_is_any, earlier.servers)) or _within(later.servers, earlier.servers))
        and (not earlier.tools or any(map(_is_any_tool, earlier.tools)) or _within(later.tools, tools))
        and set(later.tiers or Tier) <= set(earlier.tiers or Tier)
        and (_everywhere(earlier) or (bool(later.channels) and set(later.channels) <= set(earlier.channels)))
        and (not earlier.users or (bool(later.users) and set(later.users) <= set(earlier.users)))
        and all(any(_equal(one, other) for other in later.conditions) for one in earlier.conditions)
    )


def _broad(rule: Rule, label: str) -> list[Finding]:
    if rule.conditions:
        return []
    any_tier = set(rule.tiers or Tier) == set(Tier)
    any_tool = not rule.tools or any(map(_is_any_tool, rule.tools))
    any_server = not rule.servers or any(map(_is_any, rule.servers))
    if any_tier and any_tool and any_server and not rule.users and _everywhere(rule):
        problem = f"{label} allows everything: it would switch off all approvals"
        return [Finding("error", rule.line, problem, 'name the server and the tool, or set tier = "read"')]
    wild = not rule.tools or any("*" in glob or "?" in glob for glob in rule.tools)
    if wild and (not rule.tiers or Tier.DESTRUCTIVE in rule.tiers):
        problem = f"{label} allows tools by a wildcard, which may include tools that can destroy data"
        fix = 'name the tools, set tier = ["read", "write"], or add a condition on the arguments'
        return [Finding("warning", rule.line, problem, fix)]
    return []


def _within(later: Sequence[str], earlier: Sequence[str]) -> bool:
    """Return whether every name that matches one of the later globs (there is at least one) matches one of the earlier
    ones."""
    return bool(later) and all(any(fits(one, other, as_glob=True) for one in earlier) for other in later)


def _is_any(glob: str) -> bool:
    return bool(glob) and set(glob) == {"*"}


def _is_any_tool(glob: str) -> bool:
    """Return whether a glob matches every tool: each is offered as `server__tool`."""
    return set(glob) <= {"*", "_"} and fits(glob, "x__x")


def _everywhere(rule: Rule) -> bool:
    return not rule.channels or set(KINDS) <= set(rule.channels)


def _equal(one: Condition, other: Condition) -> bool:
    """Compared by representation, which distinguishes true from 1."""
    return one == other and repr(one.values) == repr(other.values)


def _named(rule: Rule, tool: Tool) -> bool:
    return tool.remote_name in rule.tools or tool.name in rule.tools


def _arguments(tool: Tool) -> list[str]:
    """Return the arguments that a tool's schema names; none if it does not say."""
    properties = tool.schema.get("properties")
    return list(properties) if isinstance(properties, dict) else []


def _some(names: Iterable[str]) -> str:
    names = sorted(names)
    more = len(names) - MAX_NAMED
    return ", ".join(names[:MAX_NAMED]) + (f" and {more} more" if more > 0 else "")


def _nearest(name: str, known: Iterable[str]) -> str:
    near = get_close_matches(name, sorted(set(known)), n=3)
    return f"perhaps you mean {listed(near)}" if near else "correct the name, or remove it"
