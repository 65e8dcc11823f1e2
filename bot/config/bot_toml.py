"""Reads bot.toml: limits, instructions, the policy, approvers, and what is shown and recorded."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from bot import patterns
from bot.config import attachments_table, budgets_table, compaction_table, models_table, prompt_table, tools_table
from bot.config.lint import Finding, findings, findings_for_bots
from bot.config.models_table import ModelsTable
from bot.config.toml_file import KeyPath, Table, TomlFile
from bot.core.attachments import AttachmentLimits
from bot.core.budget import Caps
from bot.core.compaction import CompactionSettings
from bot.core.limits import Limits
from bot.core.policy.approvers import ApprovalRules, Approvers, is_group, is_user
from bot.core.policy.conditions import Check, Condition, Value, listed
from bot.core.policy.privacy import Privacy
from bot.core.policy.rules import KINDS, Policy, Rule, Ruling, Tier
from bot.core.prompt_template import Prompts
from bot.core.tool_settings import ToolSettings

_CHANNEL = re.compile(r"[CGD][A-Z0-9]+")
_BOT = re.compile(r"[AB][A-Z0-9]+|Wf[A-Za-z0-9]+")
_RULE_KEYS = ("name", "action", "server", "tool", "tier", "channel", "user", "arguments")
_APPROVER_KEYS = ("approvers", "needed", "no_self", "grants")
_AGENT_KEYS = ("instructions", "privacy", "answer_missed_minutes", "ask_person", "operators")
_TIMES = ("remind_hours", "undo_minutes", "grant_days")
ANSWER_MISSED_MINUTES = 60.0
TABLES = ("limits", "agent", "policy", "approvals", "models", "budgets", "attachments", "access", "audit", "tools")
_TIERS = tuple(str(tier) for tier in Tier)


@dataclass(frozen=True, slots=True)
class Configuration:
    """The content of bot.toml; the defaults if there is none."""

    limits: Limits = field(default_factory=Limits)
    instructions: str = ""
    policy: Policy = field(default_factory=Policy)
    approvals: ApprovalRules = field(default_factory=ApprovalRules)
    privacy: Privacy | None = None
    """None if it is not set: then it depends on the channel."""
    answer_missed_minutes: float = ANSWER_MISSED_MINUTES
    """Messages from an outage that are older are answered only after their author has been asked."""
    ask_person: bool = True
    """Whether the model may ask the requester questions."""
    bots: tuple[str, ...] = ()
    """Ids of apps and workflows that may address the bot."""
    redact: tuple[str, ...] = ()
    """Globs over `{tool name}.{argument}`: values that the audit must not record."""
    findings: tuple[Finding, ...] = ()
    """Warnings, by line."""
    models: ModelsTable = field(default_factory=ModelsTable)
    compaction: CompactionSettings = field(default_factory=CompactionSettings)
    attachments: AttachmentLimits = field(default_factory=AttachmentLimits)
    prompts: Prompts = field(default_factory=Prompts)
    """The operator's system prompts."""
    budgets: Caps = field(default_factory=Caps)
    operators: tuple[str, ...] = ()
    """Ids of people and user groups."""
    tools: ToolSettings = field(default_factory=ToolSettings)


def load(path: Path | None) -> Configuration:
    """Read the file. Raises SettingsError for the first invalid value, with its line; if the file can be read, for all
    findings that are errors at once."""
    if path is None:
        return Configuration()
    file = TomlFile("BOT_CONFIG", path)
    document = file.document
    file.known(document, (), TABLES)
    agent = file.table(document, ("agent",))
    file.known(agent, ("agent",), (*_AGENT_KEYS, *prompt_table.KEYS))
    audit = file.table(document, ("audit",))
    file.known(audit, ("audit",), ("redact",))
    limits, policy = _limits(file), _policy(file)
    approvals, doubts = _approvals(file, limits)
    bots = _bots(file)
    if bots:
        doubts += findings_for_bots(approvals, file.line(("access", "bots")))
    found = sorted([*findings(policy), *doubts], key=lambda finding: finding.line)
    errors = [finding.words() for finding in found if finding.level == "error"]
    if errors:
        raise file.error(". ".join(errors))
    return Configuration(
        limits=limits,
        instructions=file.text(agent, ("agent", "instructions")),
        policy=policy,
        approvals=approvals,
        privacy=_privacy(file, agent),
        answer_missed_minutes=file.number(agent, ("agent", "answer_missed_minutes"), ANSWER_MISSED_MINUTES, zero=True),
        ask_person=file.flag(agent, ("agent", "ask_person"), default=True),
        bots=bots,
        redact=_redact(file, audit),
        findings=tuple(found),
        models=models_table.load(file),
        compaction=compaction_table.read(file),
        attachments=attachments_table.read(file),
        prompts=prompt_table.prompts(file, agent, path.parent),
        budgets=budgets_table.caps(file),
        operators=budgets_table.operators(file, agent),
        tools=tools_table.read(file),
    )


def _limits(file: TomlFile) -> Limits:
    table = file.table(file.document, ("limits",))
    defaults: dict[str, int | float | tuple[str, ...]] = asdict(Limits())
    file.known(table, ("limits",), defaults)
    values: dict[str, Any] = {}
    for name, default in defaults.items():
        place = ("limits", name)
        if isinstance(default, tuple):
            values[name] = file.texts(table, place, default)
        else:
            whole = isinstance(default, int)
            values[name] = file.whole(table, place, default) if whole else file.number(table, place, default)
    return Limits(**values)


def _policy(file: TomlFile) -> Policy:
    table = file.table(file.document, ("policy",))
    file.known(table, ("policy",), ("rules",))
    rules = file.tables(table, ("policy", "rules"))
    return Policy(tuple(_rule(file, rule, ("policy", "rules", index)) for index, rule in enumerate(rules)))


def _rule(file: TomlFile, table: Table, place: KeyPath) -> Rule:
    file.known(table, place, _RULE_KEYS)
    if "action" not in table:
        raise file.wrong(place, 'has no action. Write action = "allow", "ask" or "deny"')
    action = Ruling(file.choice(table, (*place, "action"), list(Ruling), ""))
    tiers = file.texts(table, (*place, "tier"))
    _each(file, (*place, "tier"), (item for item in tiers if item not in _TIERS), f"one of {', '.join(_TIERS)}")
    channels = file.texts(table, (*place, "channel"))
    odd = (item for item in channels if item not in KINDS and not _CHANNEL.fullmatch(item))
    _each(file, (*place, "channel"), odd, f"the id of a channel (C…) or one of {', '.join(KINDS)}")
    users = file.texts(table, (*place, "user"))
    odd = (item for item in users if not is_user(item) and not is_group(item))
    _each(file, (*place, "user"), odd, "the id of a person (U… or W…) or of a user group (S…)")
    conditions: tuple[Condition, ...] = ()
    if "arguments" in table:
        at = (*place, "arguments")
        conditions = tuple(_conditions(file, file.table(table, at), at, "", action))
    return Rule(
        action=action,
        line=file.line(place),
        name=file.text(table, (*place, "name")),
        servers=file.texts(table, (*place, "server")),
        tools=file.texts(table, (*place, "tool")),
        tiers=tuple(Tier(item) for item in tiers),
        channels=channels,
        users=users,
        conditions=conditions,
    )


def _each(file: TomlFile, place: KeyPath, odd: Iterable[str], wanted: str) -> None:
    for item in odd:
        raise file.wrong(place, f"contains {item!r}, which is not {wanted}")


def _conditions(file: TomlFile, table: Table, place: KeyPath, argument: str, action: Ruling) -> list[Condition]:
    """Return the conditions on one argument (at the top, on all of them) and on the values in it."""
    # An empty table would make the rule match more than its author intended.
    if not table:
        raise file.wrong(place, f"contains no condition. Write {listed(Check)}")
    found: list[Condition] = []
    for key, value in table.items():
        at = (*place, key)
        if isinstance(value, dict):
            if not key.strip("."):
                raise file.wrong(at, "needs the name of an argument")
            found += _conditions(file, value, at, f"{argument}.{key}" if argument else key, action)
        elif not argument:
            raise file.wrong(
                at, f"must say which condition. Write {key}.inside, {key}.outside, {key}.matches or {key}.equals"
            )
        else:
            file.known({key: value}, place, tuple(Check))
            found.append(_condition(file, table, at, argument, action))
    return found


def _condition(file: TomlFile, table: Table, place: KeyPath, argument: str, action: Ruling) -> Condition:
    check = Check(str(place[-1]))
    if check is Check.EQUALS:
        return Condition(argument, check, _values(file, table[check], place))
    if check is not Check.MATCHES:
        return Condition(argument, check, file.texts(table, place))
    text: object = table[check]
    if not isinstance(text, str) or not text:
        raise file.wrong(place, "must be a regular expression, written as a string")
    # A line break in an argument must not let it escape a rule that denies, nor extend what a rule allows.
    try:
        return Condition(argument, check, (text,), patterns.compile_python(text, strict=action is Ruling.ALLOW))
    except patterns.UnsupportedPatternError as error:
        raise file.wrong(place, f"is not a regular expression that can be used: {error}") from error


def _values(file: TomlFile, value: object, place: KeyPath) -> tuple[Value, ...]:
    values: list[object] = value if isinstance(value, list) else [value]
    kept = tuple(item for item in values if isinstance(item, str | int | float | bool))
    if not values or len(kept) != len(values):
        raise file.wrong(place, "must be a string, a number, true or false, or a list of these")
    return kept


def _approvals(file: TomlFile, limits: Limits) -> tuple[ApprovalRules, list[Finding]]:
    """Return who approves, and what is wrong or doubtful about it."""
    place: KeyPath = ("approvals",)
    table = file.table(file.document, place)
    file.known(table, place, (*_APPROVER_KEYS, *_TIMES, *_TIERS))
    # Read separately: Approvers drops grants where several must agree, and a tier may need one person only.
    grants = file.flag(table, (*place, "grants"), default=True)
    general = _approvers(file, table, place, Approvers(), grants)
    tiers: dict[str, Approvers] = {}
    found: dict[KeyPath, list[Finding]] = {}
    for tier in _TIERS:
        at = (*place, tier) if tier in table else place
        tiers[tier] = general
        if tier in table:
            own = file.table(table, at)
            file.known(own, at, _APPROVER_KEYS)
            tiers[tier] = _approvers(file, own, at, general, grants)
        line, approvers = file.line(at) if table else 0, tiers[tier]
        found[at] = [
            *(Finding("error", line, problem, fix) for problem, fix in approvers.problems()),
            *(Finding("warning", line, problem, fix) for problem, fix in approvers.warnings()),
        ]
    defaults = ApprovalRules()
    rules = ApprovalRules(
        **tiers,
        remind_hours=file.number(table, (*place, "remind_hours"), defaults.remind_hours, zero=True),
        undo_minutes=file.number(table, (*place, "undo_minutes"), defaults.undo_minutes, zero=True),
        grant_days=file.number(table, (*place, "grant_days"), defaults.grant_days),
    )
    at = (*place, "remind_hours")
    if "remind_hours" in table and rules.remind_hours >= limits.approval_hours:
        problem = (
            f"people would be reminded {rules.remind_hours:g} h before a request expires, and a request lasts only "
            f"{limits.approval_hours:g} h"
        )
        found[at] = [Finding("warning", file.line(at), problem, "make remind_hours less than approval_hours")]
    return rules, [finding for some in found.values() for finding in some]


def _approvers(file: TomlFile, table: Table, place: KeyPath, base: Approvers, grants: bool) -> Approvers:
    """Return the approvers of a table, with defaults from `base`."""
    people = file.texts(table, (*place, "approvers"), base.people)
    needed = file.whole(table, (*place, "needed"), base.needed)
    no_self = file.flag(table, (*place, "no_self"), base.no_self)
    return Approvers(people, needed, no_self, file.flag(table, (*place, "grants"), grants))


def _bots(file: TomlFile) -> tuple[str, ...]:
    table = file.table(file.document, ("access",))
    file.known(table, ("access",), ("bots",))
    bots = file.texts(table, ("access", "bots"))
    odd = (bot for bot in bots if not _BOT.fullmatch(bot))
    _each(file, ("access", "bots"), odd, "the id of a bot (B…), of an app (A…) or of a workflow (Wf…)")
    return bots


def _privacy(file: TomlFile, agent: Table) -> Privacy | None:
    if "privacy" not in agent:
        return None
    return Privacy(file.choice(agent, ("agent", "privacy"), list(Privacy), Privacy.FULL))


def _redact(file: TomlFile, audit: Table) -> tuple[str, ...]:
    globs = file.texts(audit, ("audit", "redact"))
    _each(file, ("audit", "redact"), (glob for glob in globs if "." not in glob), "of the form tool.argument")
    return globs
