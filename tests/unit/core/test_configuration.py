"""bot.toml: valid settings are read, and invalid ones are reported with their line."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.config.bot_toml import Configuration, load
from bot.core.policy.approvers import Approvers
from bot.core.policy.conditions import Check, Condition
from bot.core.policy.privacy import Privacy
from bot.core.policy.rules import Rule, Ruling, Tier
from bot.errors import SettingsError
from bot.patterns import compile_python

WHOLE = """\
# comment
[limits]
steps = 5
turn_seconds = 60

[agent]
instructions = '''
Be brief.
'''
privacy = "summary"
answer_missed_minutes = 0

[[policy.rules]]
name = "notes"
action = "allow"
server = "filesystem"
tool = ["write_file", "edit_*"]
tier = "write"
channel = ["public", "C0123"]
user = ["U0123", "S0456"]
arguments.path.inside = ["notes"]
arguments."edits.oldText".matches = "a.*"
arguments.edits.newText.equals = [
  1,
  true,
]

[[policy.rules]]
action = "deny"
arguments.content.matches = ".*secret.*"

[approvals]
approvers = ["requester", "U0123", "S0456"]
grants = false
remind_hours = 3
undo_minutes = 0
grant_days = 7

[approvals.destructive]
needed = 2

[approvals.write]
approvers = "U0123"
grants = true

[audit]
redact = ["filesystem__write_file.content", "*.password"]
"""


def read(tmp_path: Path, text: str) -> Configuration:
    path = tmp_path / "bot.toml"
    path.write_text(text, "utf-8")
    return load(path)


def test_without_a_file_the_defaults_apply() -> None:
    assert load(None) == Configuration()
    assert Configuration().privacy is None, "it depends on whether another organization reads the channel"
    assert Configuration().limits.steps == 25


def test_every_setting_is_read(tmp_path: Path) -> None:
    read_ = read(tmp_path, WHOLE)
    assert (read_.limits.steps, read_.limits.turn_seconds, read_.limits.drain_seconds) == (5, 60.0, 8.0)
    assert (read_.instructions, read_.privacy) == ("Be brief.", Privacy.SUMMARY)
    assert read_.answer_missed_minutes == 0
    notes, secret = read_.policy.rules
    assert notes == Rule(
        Ruling.ALLOW,
        line=13,
        name="notes",
        servers=("filesystem",),
        tools=("write_file", "edit_*"),
        tiers=(Tier.WRITE,),
        channels=("public", "C0123"),
        users=("U0123", "S0456"),
        conditions=(
            Condition("path", Check.INSIDE, ("notes",)),
            Condition("edits.oldText", Check.MATCHES, ("a.*",), compile_python("a.*", strict=True)),
            Condition("edits.newText", Check.EQUALS, (1, True)),
        ),
    )
    assert (secret.line, secret.action) == (28, Ruling.DENY)
    approvals = read_.approvals
    assert approvals.read == Approvers(("requester", "U0123", "S0456"), grants=False)
    assert approvals.destructive == Approvers(("requester", "U0123", "S0456"), needed=2)
    assert approvals.write == Approvers(("U0123",), grants=True)
    assert (approvals.remind_hours, approvals.undo_minutes, approvals.grant_days) == (3.0, 0.0, 7.0)
    assert read_.redact == ("filesystem__write_file.content", "*.password")
    assert read_.findings == ()


def test_a_tier_with_one_approver_has_grants_although_the_others_need_two(tmp_path: Path) -> None:
    approvals = read(tmp_path, '[approvals]\napprovers = ["S1"]\nneeded = 2\n[approvals.write]\nneeded = 1').approvals
    assert (approvals.write.grants, approvals.destructive.grants) == (True, False)


def test_a_line_break_in_an_argument_does_not_evade_a_rule(tmp_path: Path) -> None:
    text = '[[policy.rules]]\naction = "{}"\ntool = "run"\narguments.command.matches = "{}"\n'
    rules = [
        read(tmp_path, text.format(action, pattern)).policy.rules[0]
        for action, pattern in (("deny", ".*rm .*"), ("ask", ".*rm .*"), ("allow", "git .*"))
    ]
    patterns = [rule.conditions[0].pattern for rule in rules]
    assert [pattern is not None and pattern.fullmatch("git log\nrm -r x") for pattern in patterns] == [
        True,
        True,
        False,
    ]


RULE = '[[policy.rules]]\naction = "ask"\n'
WRONG = {
    "[limts]\nsteps = 3": "line 1: `limts` is an unknown key. Did you mean `limits`? The keys that are known here are",
    "[limits]\n\nstep = 3": "line 3: `limits.step` is an unknown key. Did you mean `steps`?",
    "[limits]\nxyz = 3": "line 2: `limits.xyz` is an unknown key. The keys that are known here are",
    "[limits]\npollers = ['']": "line 2: `limits.pollers` must be a string or a list of strings, none of them empty",
    "limits = 3": "line 1: `limits` must be a table, written as [limits]",
    "[limits]\nsteps = 0": "line 2: `limits.steps` must be a number above 0",
    "[limits]\nsteps = 2.5": "line 2: `limits.steps` must be a whole number",
    "[limits]\nturn_seconds = nan": "line 2: `limits.turn_seconds` must be a number above 0",
    "[limits]\nturn_seconds = true": "line 2: `limits.turn_seconds` must be a number above 0",
    "[agent]\nanswer_missed_minutes = -1": "line 2: `agent.answer_missed_minutes` must be a number from 0 to",
    "[agent]\ninstructions = 1": "line 2: `agent.instructions` must be a string",
    "[agent]\nprivacy = 'secret'": "line 2: `agent.privacy` must be one of full, summary, private, not 'secret'",
    "[policy]\nrule = []": "line 2: `policy.rule` is an unknown key. Did you mean `rules`?",
    "[policy.rules]\naction = 'ask'": "`policy.rules` must be a list of tables, each written as [[policy.rules]]",
    "[[policy.rules]]\ntool = 'x'": 'line 1: `policy.rules[1]` has no action. Write action = "allow", "ask" or "deny"',
    "[[policy.rules]]\naction = 'alow'": "line 2: `policy.rules[1].action` must be one of allow, ask, deny, not 'alow'",
    RULE + RULE + "tol = 'x'": "line 5: `policy.rules[2].tol` is an unknown key. Did you mean `tool`?",
    RULE + "tool = []": "line 3: `policy.rules[1].tool` must be a string or a list of strings, none of them empty",
    RULE + "tool = ['a', '']": "line 3: `policy.rules[1].tool` must be a string or a list of strings",
    RULE
    + "tier = 'reed'": "line 3: `policy.rules[1].tier` contains 'reed', which is not one of read, write, destructive",
    RULE
    + "channel = 'general'": "line 3: `policy.rules[1].channel` contains 'general', which is not the id of a channel",
    RULE + "user = 'alice'": "line 3: `policy.rules[1].user` contains 'alice', which is not the id of a person",
    RULE + "arguments = {}": "line 3: `policy.rules[1].arguments` contains no condition",
    RULE + "arguments.path = {}": "line 3: `policy.rules[1].arguments.path` contains no condition",
    RULE + "arguments.path = 'x'": "line 3: `policy.rules[1].arguments.path` must say which condition",
    RULE + "arguments.path.insde = 'x'": "arguments.path.insde` is an unknown key. Did you mean `inside`?",
    RULE + "arguments.path.inside = 1": "line 3: `policy.rules[1].arguments.path.inside` must be a string or a list",
    RULE + "arguments.path.inside = []": "line 3: `policy.rules[1].arguments.path.inside` must be a string or a list",
    RULE
    + "arguments.path.matches = '('": "line 3: `policy.rules[1].arguments.path.matches` is not a regular expression",
    RULE + "arguments.path.matches = 'a(?!b)'": "that can be used: lookahead and lookbehind",
    RULE + "arguments.path.matches = '(a)\\1'": "that can be used: a backreference",
    RULE + "arguments.path.matches = ['a']": "line 3: `policy.rules[1].arguments.path.matches` must be a regular",
    RULE + "arguments.n.equals = []": "line 3: `policy.rules[1].arguments.n.equals` must be a string, a number",
    RULE + "arguments.n.equals = [[1]]": "line 3: `policy.rules[1].arguments.n.equals` must be a string, a number",
    RULE + "tool = '''\nx'''\nname = '''a\nb'''\nusr = 'U1'": "line 7: `policy.rules[1].usr` is an unknown key",
    "[approvals]\napprover = 'U1'": "line 2: `approvals.approver` is an unknown key. Did you mean `approvers`?",
    "[approvals]\nno_self = 1": "line 2: `approvals.no_self` must be true or false",
    "[approvals]\nneeded = 0": "line 2: `approvals.needed` must be a number above 0",
    "[approvals.read]\nremind_hours = 1": "line 2: `approvals.read.remind_hours` is an unknown key",
    "[approvals]\ngrant_days = 0": "line 2: `approvals.grant_days` must be a number above 0",
    "\n[approvals]\nno_self = true": "line 2: nobody could ever approve; name approvers besides the requester",
    "[approvals]\n[approvals.write]\nneeded = 2": "line 2: 2 approvals are needed, and at most 1 can be given",
    "[approvals]\napprovers = ['bob']": "line 1: 'bob' cannot approve; write the ids of people",
    "[audit]\nredact = ['password']": "line 2: `audit.redact` contains 'password', which is not of the form",
    "[audit]\nredacted = []": "line 2: `audit.redacted` is an unknown key. Did you mean `redact`?",
    "\n\n[[policy.rules]]\naction = 'allow'": "line 3: rule 1 allows everything: it would switch off all approvals",
}


@pytest.mark.parametrize("text", WRONG)
def test_an_invalid_setting_is_reported_with_its_line(tmp_path: Path, text: str) -> None:
    with pytest.raises(SettingsError) as caught:
        read(tmp_path, text)
    said = str(caught.value)
    assert said.startswith(f"BOT_CONFIG: {tmp_path / 'bot.toml'}, line ")
    assert WRONG[text] in said
    assert "\n" not in said


@pytest.mark.parametrize("content", [b"[limits", b"\xff", b"a = " + b"[" * 5000])
def test_a_file_that_is_not_toml_is_reported(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "bot.toml"
    path.write_bytes(content)
    with pytest.raises(SettingsError, match="cannot be read"):
        load(path)


def test_all_errors_of_the_policy_are_reported_at_once(tmp_path: Path) -> None:
    allow = '[[policy.rules]]\naction = "allow"\n'
    text = f'[approvals]\nno_self = true\n{allow}{allow}tool = "*"'
    with pytest.raises(SettingsError) as caught:
        read(tmp_path, text)
    said = str(caught.value)
    assert [said.count(f"line {line}: ") for line in (1, 3, 5)] == [1, 1, 1]


def test_warnings_are_kept_in_the_order_of_their_lines(tmp_path: Path) -> None:
    text = (
        "[approvals]\napprovers = ['U1']\nno_self = true\nremind_hours = 30\n"
        "[[policy.rules]]\naction = 'deny'\ntool = 'a*'\n\n[[policy.rules]]\naction = 'ask'\ntool = 'ab'\n"
    )
    found = read(tmp_path, text).findings
    assert [(finding.level, finding.line) for finding in found] == [("warning", 1), ("warning", 4), ("warning", 9)]
    assert "rule 2 never decides anything: rule 1 (line 5)" in found[2].problem


def test_rules_in_one_list_have_a_line_too(tmp_path: Path) -> None:
    text = "[policy]\n# these\nrules = [\n  {action = 'ask', tool = 'a'},\n  {action = 'deny', tool = 'b'},\n]\n"
    assert [rule.line for rule in read(tmp_path, text).policy.rules] == [3, 3]


def test_apps_and_workflows_that_may_start_turns_are_read(tmp_path: Path) -> None:
    assert read(tmp_path, "").bots == ()
    found = read(tmp_path, '[access]\nbots = ["B0123", "A0123", "Wf0123aB"]\n[approvals]\napprovers = ["U1"]\n')
    assert (found.bots, found.findings) == (("B0123", "A0123", "Wf0123aB"), ())


@pytest.mark.parametrize("bot", ["U0123", "W0123", "S0123", "USLACKBOT", "github", "b0123", "*", ""])
def test_nothing_but_an_app_or_a_workflow_is_one(tmp_path: Path, bot: str) -> None:
    with pytest.raises(SettingsError, match="line 2"):
        read(tmp_path, f'[access]\nbots = ["{bot}"]\n')


@pytest.mark.parametrize(
    ("approvals", "tiers"),
    [
        ("", "read, write or destructive"),
        ('[approvals]\napprovers = ["requester"]\n[approvals.write]\napprovers = ["U1"]', "read or destructive"),
        ('[approvals]\napprovers = ["requester", "U1"]\n[approvals.destructive]\nneeded = 2', "destructive"),
        ('[approvals]\napprovers = ["requester", "S1"]\nneeded = 2', ""),
    ],
)
def test_apps_for_which_nobody_could_approve_are_warned_of(tmp_path: Path, approvals: str, tiers: str) -> None:
    found = read(tmp_path, f'{approvals}\n[access]\nbots = ["B1"]\n').findings
    mine = [finding for finding in found if "apps may start turns" in finding.problem]
    assert [finding.level for finding in mine] == (["warning"] if tiers else [])
    assert not tiers or mine[0].problem.endswith(f"what they ask for in {tiers}")
    assert read(tmp_path, approvals).findings == tuple(finding for finding in found if finding not in mine)
