"""What a trial needs beside Slack, the model's address and the bot: loaded while the bot loads its own modules."""

from __future__ import annotations

from contextlib import AsyncExitStack

from slack_sandbox import sample_team
from slack_sandbox.offline import OfflineModel
from slack_sandbox.openrouter import ModelSandbox
from slack_sandbox.openrouter.faults import ModelFaults
from slack_sandbox.openrouter.journal import ModelJournal
from slack_sandbox.page import Page
from slack_sandbox.relay import Relay
from slack_sandbox.slack import SlackSandbox
from slack_sandbox.trial import sample_workspace
from slack_sandbox.trial.child import Child
from slack_sandbox.trial.controls import TryControls
from slack_sandbox.trial.processes import ProcessFaults
from slack_sandbox.trial.scenario import Scenario
from slack_sandbox.trial.scenario_context import ScenarioContext
from slack_sandbox.trial.scenario_runner import ScenarioRunner


class TrialEnvironment:
    """The page, the team, the faults and the offline model of one trial."""

    def __init__(
        self,
        slack: SlackSandbox,
        controls: TryControls,
        child: Child,
        model: ModelSandbox | Relay,
        *,
        port: int,
        instant: bool,
    ) -> None:
        """instant: the offline model answers at once, since nobody watches it type."""
        self._controls, self._child, self._model = controls, child, model
        self.team = sample_team.populate(slack, sample_workspace.INTRODUCTION)
        journal, faults = ModelJournal(), ModelFaults()
        journal.on_change(controls.changed)
        faults.on_change(controls.changed)
        model.journal, model.faults = journal, faults
        if isinstance(model, ModelSandbox):
            model.respond = (OfflineModel(pace=0) if instant else OfflineModel()).respond
        controls.journal = lambda: journal.calls
        controls.sources = (faults, ProcessFaults(child, controls.changed))
        self._page = Page(slack, controls=controls, port=port)

    async def open(self, stack: AsyncExitStack) -> str:
        """Serve the page until the stack is closed. Out: its address. Raises OSError when the port is taken."""
        await stack.enter_async_context(self._page)
        return self._page.address

    async def play(self, scenario: Scenario, pace: float) -> str:
        """Replay a scenario. Out: what went otherwise; empty when nothing did."""
        assert isinstance(self._model, ModelSandbox), "a scenario needs the sandbox's own model"
        context = ScenarioContext(
            self.team, self._controls.workspace, self._child, lambda: self._page.sources, self._model
        )
        runner = ScenarioRunner(scenario, context, pace=pace, changed=self._controls.changed)
        self._controls.progress = runner.facts
        return await runner.play()
