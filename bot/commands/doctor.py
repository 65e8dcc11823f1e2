"""`python -m bot doctor`: shows which rule applies to each tool and who approves, and reports likely mistakes."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from bot import logs
from bot.commands import doctor_models, doctor_tools
from bot.commands.doctor_models import ModelsReport
from bot.commands.doctor_tools import ToolsCost
from bot.commands.replay import DAY, Replayed, as_json, as_text, replay
from bot.config import mcp_json
from bot.config.lint import Finding, caught, findings_for
from bot.config.settings import Settings, load
from bot.core.identity import Identity
from bot.core.policy.approvers import Approvers
from bot.core.policy.conditions import listed
from bot.core.policy.rules import Judgement, Policy, Ruling, tier
from bot.core.server_state import ServerState, lasting
from bot.core.tools import Tool, within_budget
from bot.errors import SettingsError, StoreError
from bot.signing_in import with_accounts
from bot.slack import app as slack
from bot.slack.app import clients, preflight
from bot.slack.sessions import kind_of_app
from bot.store.registry import open_audit
from bot.tools.mcp.toolset import McpToolset
from bot.tools.server_config import ServerConfig
from bot.tools.toolset import make_toolset

SLACK_SECONDS = 10.0
SERVERS_SECONDS = 60.0
"""Longer than a turn waits: a server that npx has to download takes a while, and here nobody waits for an answer."""
MAX_DAYS = 10_000
_HIDDEN = "deny (hidden)"


@dataclass(frozen=True, slots=True)
class Report:
    """The result."""

    settings: Settings
    tools: Sequence[Tool]
    troubles: Sequence[str]
    """One sentence for each server that did not start."""
    live: Sequence[Finding]
    """Findings about rules in relation to the existing tools."""
    servers: Sequence[Finding] = ()
    """Findings about mcp.json."""
    states: Sequence[ServerState] = ()
    """The servers in use, before they were ended."""
    identity: slack.Identity | None = None
    """What Slack says of the app, if it was asked."""
    models: ModelsReport | None = None
    """What is known of the configured models."""
    cost: ToolsCost | None = None
    """What the definitions of the tools take."""

    @property
    def code(self) -> int:
        """Return 0 if there is nothing to report except warnings about the files themselves, else 1."""
        is_model_wrong = self.models is not None and (self.models.failed or bool(self.models.trouble))
        is_server_wrong = any(each.level == "error" for each in self.servers)
        return 1 if self.troubles or self.live or is_server_wrong or is_model_wrong else 0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command to a parser."""
    parser.add_argument("--json", action="store_true", help="for machines: one JSON object")
    parser.add_argument("--slack", action="store_true", help="also ask Slack whether the tokens work, and as what")
    parser.add_argument("--models", action="store_true", help="also ask the model's endpoint for its list of models")
    parser.add_argument(
        "--replay",
        type=_days,
        metavar="DAYS",
        help="show which calls recorded in the last DAYS days bot.toml, as it is now, would allow, ask about or deny",
    )


def run(arguments: argparse.Namespace) -> int:
    """Run the command. Out: 0 if all is well, 1 if a server did not start, a rule does not suit the tools, or a model
    cannot be used. Raises SettingsError."""
    settings = load(needed=False)
    # Troubles are part of the report; the log would repeat them.
    secrets = (settings.slack_bot_token, settings.slack_app_token, settings.openrouter_api_key)
    logs.configure("debug" if settings.log_level == "debug" else "error", settings.log_format, secrets)
    configured = mcp_json.load(settings.mcp_config, settings.workspace, settings.variables)
    servers = configured.servers
    if arguments.slack and settings.missing:
        raise SettingsError("--slack", f"{', '.join(settings.missing)} must be set for that.")
    if arguments.replay is not None:
        found, troubles = asyncio.run(_replay(settings, servers, arguments.replay))
        return _replayed(found, troubles, arguments)
    report = asyncio.run(_look(settings, configured, ask_slack=arguments.slack, ask_model=arguments.models))
    sys.stdout.write(_as_json(report) if arguments.json else _as_text(report))
    return report.code


async def _replay(
    settings: Settings, servers: Sequence[ServerConfig], days: float
) -> tuple[dict[str, Replayed], Sequence[str]]:
    """Judge the recorded calls of these days. Raises SettingsError if there are no records to read."""
    toolset = make_toolset(with_accounts(servers))
    await toolset.start()
    try:
        troubles = await toolset.ready(SERVERS_SECONDS)
        try:
            with open_audit(settings.database_url) as log:
                records = log.records(time.time() - days * DAY)
                return await replay(settings.policy, toolset, records), troubles
        except StoreError as error:
            raise SettingsError("DATABASE_URL", error.detail) from error
    finally:
        await toolset.aclose()


def _replayed(found: dict[str, Replayed], troubles: Sequence[str], arguments: argparse.Namespace) -> int:
    """Write the result out. Out: 1 if a server did not start, whose calls are then not judged."""
    if arguments.json:
        text = json.dumps({**as_json(found, arguments.replay), "servers": list(troubles)}, ensure_ascii=False, indent=2)
        sys.stdout.write(f"{text}\n")
    else:
        sys.stdout.write("".join(f"{trouble}\n" for trouble in troubles) + as_text(found, arguments.replay))
    return 1 if troubles else 0


def _days(text: str) -> float:
    """Parse a number of days given by an operator."""
    try:
        days = float(text)
    except ValueError:
        days = 0.0
    if not 0 < days <= MAX_DAYS:
        raise argparse.ArgumentTypeError(f"write a number of days above 0, up to {MAX_DAYS:,}")
    return days


async def _look(settings: Settings, configured: mcp_json.Configured, *, ask_slack: bool, ask_model: bool) -> Report:
    models = await doctor_models.look(settings, ask=ask_model)
    identity = await _ask_slack(settings) if ask_slack else None
    toolset = McpToolset(configured.servers)
    await toolset.start()
    try:
        troubles = await toolset.ready(SERVERS_SECONDS)
        tools, states = toolset.tools(), toolset.states()
    finally:
        await toolset.aclose()
    # While a server is down, a rule about its tools matches nothing and may still be right.
    missing = troubles or any(finding.level == "error" for finding in configured.findings)
    live = caught(settings.policy, tools) if missing else findings_for(settings.policy, tools)
    offered = [tool for tool in tools if not _is_hidden(settings.policy.explain(tool))]
    cost = doctor_tools.cost(settings, offered, models.known)
    live += [] if cost.searched else _over_budget(settings.policy, tools)
    findings = (*configured.findings, *_without_key(settings, toolset))
    return Report(settings, tools, troubles, live, findings, states, identity, models, cost)


def _without_key(settings: Settings, toolset: McpToolset) -> Sequence[Finding]:
    """Return an error if people sign in to servers and nothing can keep their sign-ins: the bot does not start then."""
    people = [each.key for each in toolset.signing_in if each.account is Identity.PERSON]
    if not people:
        return ()
    from bot.identity import vault  # noqa: PLC0415 - takes a moment, and few need it

    if (found := vault.problem(settings.variables)) is None:
        return ()
    wrong, fix = found
    named = listed([f"`{key}`" for key in people])
    problem = f"{vault.SETTING}: {wrong}, and people sign in to {named}; the bot does not start without it"
    return [Finding("error", 0, problem, f"{fix[:1].lower()}{fix[1:]}")]


def _over_budget(policy: Policy, tools: Sequence[Tool]) -> Sequence[Finding]:
    """Return a warning if there are more tools than the model may be offered at once."""
    offered = [tool for tool in tools if not _is_hidden(policy.explain(tool))]
    kept = within_budget(offered)
    if len(kept) == len(offered):
        return ()
    names = {tool.name for tool in kept}
    left = [tool.name for tool in offered if tool.name not in names]
    problem = f"{len(offered)} tools are more than the {len(kept)} that a model can be offered at once"
    return [Finding("warning", 0, problem, f"deny what is not needed; these are not offered: {', '.join(left)}")]


async def _ask_slack(settings: Settings) -> slack.Identity:
    """Return what the app is in Slack. Raises SettingsError if Slack refuses a token or does not answer."""
    web = clients(settings.slack_api_url, settings.slack_bot_token, settings.slack_app_token)
    try:
        identity, _ = await preflight(web, SLACK_SECONDS)
    finally:
        await web.session.close()
    return identity


def _as_text(report: Report) -> str:
    settings = report.settings
    lines: list[str] = []
    if settings.missing:
        verb, them = ("is", "it") if len(settings.missing) == 1 else ("are", "them")
        lines.append(
            f"Missing: {', '.join(settings.missing)} {verb} not set, and the bot does not start without {them}."
        )
    if report.identity is not None:
        what = kind_of_app(agent=report.identity.agent)
        lines.append(f"In {report.identity.team_name} as @{report.identity.bot_name}: {what}.")
    lines += [
        f"{finding.level.capitalize()}, {finding.words()}."
        for finding in (*settings.findings, *report.servers, *report.live)
    ]
    lines += [_state(state) for state in report.states]
    lines += doctor_tools.as_text(report.cost) if report.cost is not None else []
    if report.models is not None:
        lines += doctor_models.as_text(report.models)
    if lines:
        lines.append("")
    rows = [("tool", "tier", "who approves", "what applies")]
    rows += [(tool.name, str(tier(tool)), _who(report, tool), _applies(report, tool)) for tool in report.tools]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    for row in rows:
        front = "  ".join(cell.ljust(width) for cell, width in zip(row[:3], widths, strict=True))
        lines.append(f"{front}  {row[3]}")
    if not report.tools:
        lines[-1] = "There are no tools."
    return "\n".join(lines) + "\n"


def _state(state: ServerState) -> str:
    """Return the state of a server as one line."""
    said = f" Its last words: {state.last_words}" if state.last_words else ""
    if state.trouble:
        return f"{state.trouble}{said}"
    before = f" It had to be restarted: {state.last_error}." if state.last_error else ""
    tools = "1 tool" if state.tools == 1 else f"{state.tools} tools"
    up = lasting(state.seconds)
    return f"The tool server `{state.key}` has run for {up} and offers {tools}.{before}{said if before else ''}"


def _who(report: Report, tool: Tool) -> str:
    asks = any(judgement.ruling is Ruling.ASK for judgement, _ in report.settings.policy.explain(tool))
    return _approvers(report, tool).words() if asks else "–"


def _approvers(report: Report, tool: Tool) -> Approvers:
    return report.settings.approvals.of(tier(tool))


def _applies(report: Report, tool: Tool) -> str:
    """Return which rule applies: `allow when path is inside notes: rule 1 (line 3); else ask: the default`."""
    outcomes = report.settings.policy.explain(tool)
    *under, (last, _) = outcomes
    parts = [f"{judgement.ruling} {when}: {judgement.words}" for judgement, when in under]
    final = _HIDDEN if last.ruling is Ruling.DENY and _is_hidden(outcomes) else str(last.ruling)
    why = last.words if last.rule else "the default"
    return "; else ".join([*parts, f"{final}: {why}"])


def _is_hidden(outcomes: Sequence[tuple[Judgement, str]]) -> bool:
    """Whether every call of the tool is denied, wherever and for whomever it is made."""
    return all(judgement.ruling is Ruling.DENY for judgement, _ in outcomes)


def _as_json(report: Report) -> str:
    settings = report.settings
    content: dict[str, Any] = {
        "missing": list(settings.missing),
        "findings": [_finding(finding) for finding in settings.findings],
        "findings_of_tools": [_finding(finding) for finding in report.live],
        "findings_of_servers": [_finding(finding) for finding in report.servers],
        "servers": list(report.troubles),
        "server_states": [asdict(state) for state in report.states],
        "definitions": doctor_tools.as_json(report.cost) if report.cost is not None else None,
        "models": doctor_models.as_json(report.models) if report.models is not None else None,
        "agent": report.identity.agent if report.identity is not None else None,
        "tools": [_tool(report, tool) for tool in report.tools],
    }
    return json.dumps(content, ensure_ascii=False, indent=2) + "\n"


def _finding(finding: Finding) -> dict[str, Any]:
    return {"level": finding.level, "line": finding.line, "problem": finding.problem, "fix": finding.fix}


def _tool(report: Report, tool: Tool) -> dict[str, Any]:
    outcomes = report.settings.policy.explain(tool)
    who = _approvers(report, tool)
    return {
        "name": tool.name,
        "server": tool.server,
        "tier": str(tier(tool)),
        "hidden": _is_hidden(outcomes),
        "applies": [
            {
                "ruling": str(judgement.ruling),
                "when": when,
                "rule": judgement.words,
                "line": judgement.rule.line if judgement.rule else None,
            }
            for judgement, when in outcomes
        ],
        "approvers": {
            "people": list(who.people),
            "needed": who.needed,
            "no_self": who.no_self,
            "grants": who.grants,
        },
    }
