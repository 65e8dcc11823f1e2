"""The policy: decides for each call whether it is allowed, needs approval, or is denied. Unknown means ask.

The first rule that matches decides. A condition whose result is unknown counts as met in a rule that asks or denies,
and as unmet in a rule that allows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from bot.core.policy.conditions import Check, Condition, Inside, every, fits, listed
from bot.core.tools import Tool


class Ruling(StrEnum):
    """The decision of the policy on a call."""

    ALLOW = "allow"
    ASK = "ask"
    DENY = "deny"


class Tier(StrEnum):
    """How much harm a tool can do, according to its annotations if its server is trusted."""

    READ = "read"
    WRITE = "write"
    DESTRUCTIVE = "destructive"


KINDS = {"public": "channel", "private": "group", "dm": "im", "group_dm": "mpim"}
"""Kinds of conversation: the word in a rule, and the value of `Facts.kind`."""
_READS = "the default: read-only tools of a trusted server run"
_ELSE = "the default: everything else asks"
_OUTSIDE = "the server's own channels, users and groups"


@dataclass(frozen=True, slots=True)
class Facts:
    """Where and for whom a call is made."""

    channel: str
    kind: str
    """`channel`, `group`, `mpim` or `im`; any other value means unknown."""
    user: str
    groups: frozenset[str] | None
    """The user's Slack user groups, of those named in the configuration; None if unknown."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. An empty field does not restrict it."""

    action: Ruling
    line: int = 0
    """The line of the file where it begins."""
    name: str = ""
    servers: tuple[str, ...] = ()
    """Globs over server keys."""
    tools: tuple[str, ...] = ()
    """Globs over the server's own name of a tool, or the name under which it is offered."""
    tiers: tuple[Tier, ...] = ()
    channels: tuple[str, ...] = ()
    """Ids of channels, and keys of KINDS."""
    users: tuple[str, ...] = ()
    """Ids of people (U…, W…) and of user groups (S…)."""
    conditions: tuple[Condition, ...] = ()

    def matches_tool(self, tool: Tool) -> bool:
        """Return whether server, tool and tier match."""
        if self.servers and not any(fits(glob, tool.server) for glob in self.servers):
            return False
        if self.tiers and tier(tool) not in self.tiers:
            return False
        return not self.tools or any(self._fits(glob, tool) for glob in self.tools)

    def matches_facts(self, facts: Facts) -> bool | None:
        """Return whether channel and user match; None if unknown."""
        return every((self._in(facts), self._for(facts)))

    def matches_arguments(self, tool: Tool, arguments: Mapping[str, Any], inside: Inside) -> bool | None:
        """Return whether all conditions on the arguments hold; None if unknown."""
        return every(condition.holds(tool, arguments, inside) for condition in self.conditions)

    def counts_as_match(self, answer: bool | None) -> bool:
        """Return whether a result counts as a match for this rule: an unknown result never allows."""
        return answer is True or (answer is None and self.action is not Ruling.ALLOW)

    def words(self) -> str:
        """Describe when the rule applies: `when path is inside notes, in public, for U0123`, or `always`."""
        parts: list[str] = []
        if self.conditions:
            parts.append(f"when {' and '.join(condition.words() for condition in self.conditions)}")
        if self.channels:
            parts.append(f"in {listed(self.channels)}")
        if self.users:
            parts.append(f"for {listed(self.users)}")
        return ", ".join(parts) or "always"

    def _fits(self, glob: str, tool: Tool) -> bool:
        # A server chooses the names of its tools and may imitate another server's: a rule that allows `files__write`
        # must not match a tool that another server calls `files__write`.
        own = self.action is not Ruling.ALLOW or bool(self.servers) or "__" not in glob
        return fits(glob, tool.name) or (own and fits(glob, tool.remote_name))

    def _in(self, facts: Facts) -> bool | None:
        if not self.channels or facts.channel in self.channels:
            return True
        kinds = {KINDS[word] for word in self.channels if word in KINDS}
        if kinds and facts.kind not in KINDS.values():
            return None
        return facts.kind in kinds

    def _for(self, facts: Facts) -> bool | None:
        if not self.users or facts.user in self.users:
            return True
        groups = {user for user in self.users if user.startswith("S")}
        if groups and facts.groups is None:
            return None
        return not groups.isdisjoint(facts.groups or ())


@dataclass(frozen=True, slots=True)
class Judgement:
    """The decision of the policy on one call, and its reason."""

    ruling: Ruling
    rule: Rule | None
    """None if no rule matched and the default applies."""
    words: str
    """`rule 2 (line 14)`, `rule "notes" (line 14)`, `the default: …`."""


@dataclass(frozen=True, slots=True)
class Policy:
    """An ordered list of rules; if none matches, the default applies."""

    rules: tuple[Rule, ...] = ()

    def judge(self, tool: Tool, arguments: Mapping[str, Any], facts: Facts, inside: Inside) -> Judgement:
        """Decide on a call.

        Args:
            tool, arguments: the call.
            facts: where and for whom it is made.
            inside: returns whether a path lies in a folder.

        Returns the ruling of the first rule that matches, or else of the default; no rule allows what the server's own
        audience excludes. Raises whatever `inside` raises.
        """
        if not tool.audience.admits(facts.channel, facts.user, facts.groups):
            return Judgement(Ruling.DENY, None, _OUTSIDE)
        for each in self.rules:
            if (
                each.matches_tool(tool)
                and each.counts_as_match(each.matches_facts(facts))
                and each.counts_as_match(each.matches_arguments(tool, arguments, inside))
            ):
                return Judgement(each.action, each, self.label(each))
        return default(tool)

    def denies_all(self, tool: Tool, facts: Facts) -> bool:
        """Return whether every call of the tool would be denied here, so that it need not be offered."""
        if not tool.audience.admits(facts.channel, facts.user, facts.groups):
            return True
        for each in self.rules:
            if each.matches_tool(tool) and each.counts_as_match(each.matches_facts(facts)):
                if each.action is not Ruling.DENY:
                    return False
                if not each.conditions:
                    return True
        return False

    def offered(self, tools: Sequence[Tool], facts: Sequence[Facts]) -> Sequence[Tool]:
        """Return the tools that the model may be offered. Takes about `effort` for each tool and each of the facts."""
        if not self.rules and not any(tool.audience.words() for tool in tools):
            return tools
        return [tool for tool in tools if not any(self.denies_all(tool, each) for each in facts)]

    def checks_paths(self, tool: Tool) -> bool:
        """Return whether a rule for this tool checks where paths lie."""
        asking = (Check.INSIDE, Check.OUTSIDE)
        return any(
            each.matches_tool(tool) and any(one.check in asking for one in each.conditions) for each in self.rules
        )

    @property
    def effort(self) -> int:
        """The cost of evaluating the policy: the number of rules, globs, values and conditions."""
        return sum(
            1 + len(each.servers) + len(each.tools) + sum(1 + len(one.values) for one in each.conditions)
            for each in self.rules
        )

    @property
    def groups(self) -> frozenset[str]:
        """The user groups that rules name."""
        return frozenset(user for each in self.rules for user in each.users if user.startswith("S"))

    @property
    def depends_on_kind(self) -> bool:
        """Whether any rule depends on the kind of conversation."""
        return any(word in KINDS for each in self.rules for word in each.channels)

    def rule_name(self, each: Rule) -> str:
        """Return the name of a rule for people: `rule 2`, `rule "notes"`."""
        return f'rule "{each.name}"' if each.name else f"rule {self.rules.index(each) + 1}"

    def label(self, each: Rule) -> str:
        """Return the name of a rule with its line: `rule 2 (line 14)`."""
        return f"{self.rule_name(each)} (line {each.line})"

    def explain(self, tool: Tool) -> Sequence[tuple[Judgement, str]]:
        """Return the possible decisions on calls of a tool, in order, each with its condition (`Rule.words`).

        The last condition is `always`; it belongs to the default if no rule matches unconditionally.
        """
        found: list[tuple[Judgement, str]] = []
        if limits := tool.audience.words():
            found.append((Judgement(Ruling.DENY, None, _OUTSIDE), f"unless {limits}"))
        for each in self.rules:
            if each.matches_tool(tool):
                found.append((Judgement(each.action, each, self.label(each)), each.words()))
                if not (each.channels or each.users or each.conditions):
                    return found
        return [*found, (default(tool), "always")]


def tier(tool: Tool) -> Tier:
    """Return how much harm a tool can do.

    Annotations of an untrusted server cannot be relied on (MCP specification, tools): all its tools are destructive.
    """
    if not tool.trusted:
        return Tier.DESTRUCTIVE
    if tool.read_only:
        return Tier.READ
    return Tier.DESTRUCTIVE if tool.destructive else Tier.WRITE


def default(tool: Tool) -> Judgement:
    """Return the decision on a call that no rule matches."""
    if default_ruling(tool) is Ruling.ALLOW:
        return Judgement(Ruling.ALLOW, None, _READS)
    return Judgement(Ruling.ASK, None, _ELSE)


def default_ruling(tool: Tool) -> Ruling:
    """Return the default ruling: read-only tools of a trusted server are allowed, everything else asks."""
    return Ruling.ALLOW if tier(tool) is Tier.READ else Ruling.ASK


def repeatable(tool: Tool) -> bool:
    """Return whether a call of unknown outcome may be retried automatically: only if our configuration trusts it."""
    return (tool.trusted and tool.read_only) or tool.safe_to_repeat
