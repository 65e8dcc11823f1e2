"""Which calls run by themselves, which ask, which are refused. Unknown means ask.

Rules are gone through in order and the first that matches decides. A condition that nobody can decide counts as met by
a rule that asks or denies, and as unmet by one that allows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from bot.core.policy.conditions import Check, Condition, Inside, every, fits, listed
from bot.core.tools import Tool


class Ruling(StrEnum):
    """What the policy says of a call."""

    ALLOW = "allow"
    ASK = "ask"
    DENY = "deny"


class Tier(StrEnum):
    """How much harm a tool can do, as far as we believe what its server says of it."""

    READ = "read"
    WRITE = "write"
    DESTRUCTIVE = "destructive"


KINDS = {"public": "channel", "private": "group", "dm": "im", "group_dm": "mpim"}
"""What a rule calls a kind of conversation, and what `Facts.kind` calls it."""
_READS = "the default: read-only tools of a trusted server run"
_ELSE = "the default: everything else asks"


@dataclass(frozen=True, slots=True)
class Facts:
    """Where and for whom a call is made."""

    channel: str
    kind: str
    """`channel`, `group`, `mpim` or `im`; anything else: nobody could say."""
    user: str
    groups: frozenset[str] | None
    """The Slack user groups, of those that the configuration names, that the user is in; None: nobody could say."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. What is empty restricts nothing."""

    action: Ruling
    line: int = 0
    """Where it begins in its file."""
    name: str = ""
    servers: tuple[str, ...] = ()
    """Globs over the keys of servers."""
    tools: tuple[str, ...] = ()
    """Globs over the server's own name of a tool, or the name it is offered under."""
    tiers: tuple[Tier, ...] = ()
    channels: tuple[str, ...] = ()
    """Ids of channels, and words of KINDS."""
    users: tuple[str, ...] = ()
    """Ids of people (U…, W…) and of user groups (S…)."""
    conditions: tuple[Condition, ...] = ()

    def names(self, tool: Tool) -> bool:
        """Whether server, tool and tier fit."""
        if self.servers and not any(fits(glob, tool.server) for glob in self.servers):
            return False
        if self.tiers and tier(tool) not in self.tiers:
            return False
        return not self.tools or any(self._fits(glob, tool) for glob in self.tools)

    def reaches(self, facts: Facts) -> bool | None:
        """Whether channel and user fit; None when nobody can say."""
        return every((self._in(facts), self._for(facts)))

    def given(self, tool: Tool, arguments: Mapping[str, Any], inside: Inside) -> bool | None:
        """Whether all conditions on arguments hold; None when nobody can say."""
        return every(condition.holds(tool, arguments, inside) for condition in self.conditions)

    def counts(self, answer: bool | None) -> bool:
        """Whether an answer is good enough for this rule: what is unknown never allows."""
        return answer is True or (answer is None and self.action is not Ruling.ALLOW)

    def words(self) -> str:
        """When it applies to a tool that it names: `when path is inside notes, in public, for U0123`; or `always`."""
        parts: list[str] = []
        if self.conditions:
            parts.append(f"when {' and '.join(condition.words() for condition in self.conditions)}")
        if self.channels:
            parts.append(f"in {listed(self.channels)}")
        if self.users:
            parts.append(f"for {listed(self.users)}")
        return ", ".join(parts) or "always"

    def _fits(self, glob: str, tool: Tool) -> bool:
        # A server names its tools as it likes, so also like one that another server offers: a rule that allows
        # `files__write` must not catch the tool `files__write` of any other server.
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
    """What the policy says of one call, and why."""

    ruling: Ruling
    rule: Rule | None
    """None: the default."""
    words: str
    """`rule 2 (line 14)`, `rule "notes" (line 14)`, `the default: …`."""


@dataclass(frozen=True, slots=True)
class Policy:
    """Rules in their order. Without any, only the default decides."""

    rules: tuple[Rule, ...] = ()

    def judge(self, tool: Tool, arguments: Mapping[str, Any], facts: Facts, inside: Inside) -> Judgement:
        """What becomes of a call.

        In: the tool and the arguments of the call, where and for whom it is made, and who knows about paths. Out: the
        ruling of the first rule that matches, else of the default. Raises what `inside` raises.
        """
        for each in self.rules:
            if (
                each.names(tool)
                and each.counts(each.reaches(facts))
                and each.counts(each.given(tool, arguments, inside))
            ):
                return Judgement(each.action, each, self.label(each))
        return default(tool)

    def hides(self, tool: Tool, facts: Facts) -> bool:
        """Whether every call of the tool would be denied here, whatever its arguments: then it is not offered."""
        for each in self.rules:
            if each.names(tool) and each.counts(each.reaches(facts)):
                if each.action is not Ruling.DENY:
                    return False
                if not each.conditions:
                    return True
        return False

    def asks_where(self, tool: Tool) -> bool:
        """Whether a rule about this tool asks where paths lie."""
        asking = (Check.INSIDE, Check.OUTSIDE)
        return any(each.names(tool) and any(one.check in asking for one in each.conditions) for each in self.rules)

    @property
    def effort(self) -> int:
        """How much there is to compare a tool or a value with: of rules, globs, values and conditions together."""
        return sum(
            1 + len(each.servers) + len(each.tools) + sum(1 + len(one.values) for one in each.conditions)
            for each in self.rules
        )

    @property
    def groups(self) -> frozenset[str]:
        """The user groups that rules name."""
        return frozenset(user for each in self.rules for user in each.users if user.startswith("S"))

    @property
    def by_kind(self) -> bool:
        """Whether a rule is about a kind of conversation."""
        return any(word in KINDS for each in self.rules for word in each.channels)

    def called(self, each: Rule) -> str:
        """A rule for people: `rule 2`, `rule "notes"`."""
        return f'rule "{each.name}"' if each.name else f"rule {self.rules.index(each) + 1}"

    def label(self, each: Rule) -> str:
        """A rule for people, with its line: `rule 2 (line 14)`."""
        return f"{self.called(each)} (line {each.line})"

    def explain(self, tool: Tool) -> Sequence[tuple[Judgement, str]]:
        """What can become of calls of a tool, in order: what is ruled and when (`Rule.words`). The last is `always`;
        it is the default's when no rule decides for good."""
        found: list[tuple[Judgement, str]] = []
        for each in self.rules:
            if each.names(tool):
                found.append((Judgement(each.action, each, self.label(each)), each.words()))
                if not (each.channels or each.users or each.conditions):
                    return found
        return [*found, (default(tool), "always")]


def tier(tool: Tool) -> Tier:
    """How much harm a tool can do. Annotations of an untrusted server are hints that anybody may have written (MCP
    specification, tools): they count for nothing, and all its tools are destructive."""
    if not tool.trusted:
        return Tier.DESTRUCTIVE
    if tool.read_only:
        return Tier.READ
    return Tier.DESTRUCTIVE if tool.destructive else Tier.WRITE


def default(tool: Tool) -> Judgement:
    """What becomes of a call that no rule is about."""
    if rule(tool) is Ruling.ALLOW:
        return Judgement(Ruling.ALLOW, None, _READS)
    return Judgement(Ruling.ASK, None, _ELSE)


def rule(tool: Tool) -> Ruling:
    """Read-only tools of a trusted server run without asking; everything else asks."""
    return Ruling.ALLOW if tier(tool) is Tier.READ else Ruling.ASK


def repeatable(tool: Tool) -> bool:
    """Whether a call of unknown outcome may run again by itself: only what our own configuration vouches for."""
    return tool.trusted and tool.read_only
