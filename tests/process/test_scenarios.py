"""Scenarios: those that come with the package go as they should, and one that does not is told plainly."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bot.tools.mcp.transports.process_reaper import ProcessReaper
from slack_sandbox import sample_team
from slack_sandbox.openrouter import ModelSandbox
from slack_sandbox.slack import SlackSandbox
from slack_sandbox.trial import sample_workspace, scenario
from slack_sandbox.trial.child import Child
from slack_sandbox.trial.child_log import ChildLog
from slack_sandbox.trial.processes import ProcessFaults
from slack_sandbox.trial.scenario import ScenarioError
from slack_sandbox.trial.scenario_context import ScenarioContext
from slack_sandbox.trial.scenario_runner import ScenarioRunner
from tests.process.test_try import asked, begun, reply, tried, until

pytestmark = pytest.mark.anyio

SAID = '[[steps]]\nsay = "@Colleague hello"\nname = "first"\n'
BROKEN = {
    "no TOML": ("title = ", "it is not TOML"),
    "no steps": ('title = "nothing"', "it has no steps"),
    "an unknown key beside the steps": (f'people = ["Eve"]\n{SAID}', "unknown key 'people'"),
    "a title that is none": (f"title = 3\n{SAID}", "title must be a text"),
    "an empty step": ("[[steps]]\n", "step 1: a step has exactly one of say, model, wait"),
    "two things at once": ('[[steps]]\nsay = "a"\nwait = "b"\n', "step 1: a step has exactly one of .* say and wait"),
    "an unknown key": (f'{SAID}[[steps]]\nwait = "a"\nby = "Bob"\n', "step 2: unknown key 'by'"),
    "a number for a text": ("[[steps]]\nsay = 3\n", "step 1: say must be a text"),
    "a text for a number": ('[[steps]]\npause = "a moment"\n', "step 1: pause must be a number"),
    "a list with a number": (f"{SAID}[[steps]]\nwait = [1]\n", "step 2: wait must be a text or a list of texts"),
    "a call without its tool": ("[[steps]]\nmodel = [{ arguments = {} }]\n", "step 1: model must be .*`tool`"),
    "nobody of that name": ('[[steps]]\nsay = "a"\nby = "Eve"\n', "step 1: by: there is nobody called 'Eve'"),
    "no such channel": ('[[steps]]\nsay = "a"\nin = "#nowhere"\n', "step 1: in: there is no '#nowhere'"),
    "a thread that nobody began": (f'{SAID}[[steps]]\nsay = "a"\nthread = "other"\n', "step 2: .*'other'"),
    "a message that nobody found": (f'{SAID}[[steps]]\nwait = "a"\non = "card"\n', "step 2: .*'card'"),
    "waiting before anything was said": ('[[steps]]\nwait = "a"\n', "step 1: nobody has said anything"),
    "a file elsewhere": ('[[steps]]\nfile = "../secret"\n', "step 1: file must be a path inside the workspace"),
    "an unknown order": ('[[steps]]\nbot = "dance"\n', "step 1: bot must be one of start, stop, restart, kill"),
    "the zeroth button": (f'{SAID}[[steps]]\nclick = "a"\nnth = 0\n', "step 2: nth counts from 1"),
}


@pytest.mark.parametrize("name", scenario.shipped())
async def test_a_scenario_of_the_package_goes_as_it_should(tmp_path: Path, name: str) -> None:
    async with begun(tmp_path, "--scenario", name, "--exit", "--pace", "0") as trial:
        assert await trial.ended(80) == 0, trial.err
        assert re.search(rf"^{name}\.toml: all \d+ steps went as they should$", trial.err, re.MULTILINE)
        assert "Traceback" not in trial.err


def test_four_scenarios_come_with_the_package() -> None:
    assert scenario.shipped() == ["approvals", "crash", "tour", "trouble"]


@pytest.mark.parametrize("mistake", BROKEN)
def test_a_mistake_in_a_scenario_is_named_with_the_file_and_the_step(tmp_path: Path, mistake: str) -> None:
    text, said = BROKEN[mistake]
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(ScenarioError, match=f"^mine.toml[:,] {said}"):
        scenario.load(str(path), sample_team.PEOPLE, sample_team.CHANNELS)


OTHERWISE = {
    "words": (
        'wait = "an atlas"\nfrom = "Alice"',
        "waited 0.2 s for a message with “an atlas”; .* instead: offline maps",
    ),
    "the bot's words": ('wait = "offline maps"', "waited 0.2 s for a message with “offline maps”; there was instead"),
    "words too many": ('absent = "offline maps"', "“offline maps” should not be there, but it is: offline maps"),
    "a button": ('click = "Approve"', "waited 0.2 s for a button “Approve”; there was instead: no button at all"),
    "a file": ('file = "plan.md"\ncontains = "Mars"', "plan.md does not contain “Mars”; it is: # Plan for the quarter"),
    "words in a file": ('file = "plan.md"\nlacks = "Plan"', "plan.md still contains “Plan”"),
    "another file": ('file = "plan.md"\nis = "x"', "plan.md is otherwise: # Plan"),
    "no file": ('file = "nowhere.md"', "nowhere.md is not there"),
    "a file too many": ('file = "plan.md"\nthere = false', "plan.md is there"),
    "a window": ("submit = {}", "waited 0.2 s for a window of Alice Smith; there was instead: no window at all"),
    "nothing to close": ('close = "Bob"', "Bob Jones has no window open"),
    "a whisper": (
        'whisper = "psst"',
        "waited 0.2 s for a message that only Alice Smith sees, with “psst”; .*: nothing",
    ),
    "the Home": ('home = "Hello"', "waited 0.2 s for “Hello” in Alice Smith's App Home; there was instead: nothing"),
    "an order": ('bot = "stop"', "The bot is not running"),
    "a fault": ('fault = "earthquake"', "there is no such fault; there are process_kill_server, "),
    "a channel of others": ('say = "hello"\nby = "Carol"\nin = "#finance"', "Carol White is not a member of finance"),
}


@pytest.mark.parametrize("what", OTHERWISE)
async def test_a_step_that_goes_otherwise_says_what_was_there_instead(tmp_path: Path, what: str) -> None:
    step, said = OTHERWISE[what]
    (tmp_path / "mine.toml").write_text(
        f'[[steps]]\nsay = "offline maps"\n[[steps]]\n{step}\nseconds = 0.2\n[[steps]]\nsay = "never said"\n'
    )
    sample_workspace.write_files(tmp_path)
    async with SlackSandbox() as slack:
        log = ChildLog(tmp_path / "log", lambda line: None, lambda: None)
        child = Child(["true"], {}, tmp_path, slack=slack, log=log, reaper=ProcessReaper(), changed=lambda: None)
        sources = [ProcessFaults(child, lambda: None)]
        stage = ScenarioContext(sample_team.populate(slack), tmp_path, child, lambda: sources, ModelSandbox())
        found = scenario.load(str(tmp_path / "mine.toml"), sample_team.PEOPLE, sample_team.CHANNELS)
        player = ScenarioRunner(found, stage, pace=0, changed=lambda: None)
        failed = await player.play()
        assert re.match(rf"mine.toml, step 2 \(.*\): {said}", failed), failed
        assert [step["state"] for step in player.facts()["steps"]] == ["done", "failed", "waiting"]
        assert player.facts()["steps"][1]["error"] in failed


async def test_a_scenario_that_goes_otherwise_ends_with_code_1(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(f'{SAID}[[steps]]\nwait = "Goodbye"\nseconds = 0.2\n')
    async with begun(tmp_path, "--scenario", "mine.toml", "--exit", "--pace", "0") as trial:
        assert await trial.ended() == 1
        assert trial.err.startswith("mine.toml, step 2 (The bot says “Goodbye”): waited 0.2 s for"), trial.err
        assert len(trial.err.splitlines()) == 1


async def test_a_scenario_scripts_the_model_changes_files_and_leaves_a_page_that_can_be_used(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(
        """
        [[steps]]
        model = [{ tool = "filesystem__write_file", arguments = { path = "a.txt", content = "one" } }]
        [[steps]]
        model = "Said and done."
        [[steps]]
        say = "@Colleague surprise me, and tell @Bob"
        by = "Bob"
        in = "dm"
        [[steps]]
        wait = ["Waiting for you", "+one"]
        name = "card"
        [[steps]]
        write = "a.txt"
        content = "by hand"
        [[steps]]
        click = "Approve"
        by = "Bob"
        [[steps]]
        wait = ["Waiting for you", "-by hand"]
        without = "Approved"
        [[steps]]
        click = "Edit…"
        by = "Bob"
        [[steps]]
        window = "Edit before it runs"
        by = "Bob"
        [[steps]]
        close = "Bob"
        [[steps]]
        click = "Always…"
        by = "Bob"
        [[steps]]
        submit = { "Allow writing:" = "every file" }
        by = "Bob"
        [[steps]]
        wait = "Said and done."
        [[steps]]
        absent = "surprise you"
        [[steps]]
        file = "a.txt"
        is = "one"
        [[steps]]
        home = "writing every file"
        by = "Bob"
        [[steps]]
        click = "Revoke"
        on = "home"
        by = "Bob"
        [[steps]]
        say = "Nice"
        by = "Carol"
        in = "#release"
        [[steps]]
        wait = "Nice"
        from = "Carol"
        """
    )
    async with tried(tmp_path, "--scenario", "mine.toml", "--pace", "0") as trial, trial.page() as view:
        await trial.until(lambda: trial.err, "the end of the scenario")
        assert trial.err == "mine.toml: all 19 steps went as they should\n"
        await until(lambda: {step["state"] for step in view.facts["scenario"]["steps"]} == {"done"}, "end on the page")
        assert view.facts["scenario"]["steps"][5]["title"] == "Bob presses Approve"
        thread = await asked(view, "read plan.md")
        await reply(view, thread, "offline maps")
