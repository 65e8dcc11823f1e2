/** The conversation that is being replayed. */
import { useFact } from "../live";
import type { ScenarioFacts } from "../types";

const STATES: Record<ScenarioFacts["steps"][number]["state"], { sign: string; name: string }> = {
  waiting: { sign: "○", name: "Waiting" },
  running: { sign: "◐", name: "Running" },
  done: { sign: "✓", name: "Done" },
  failed: { sign: "✗", name: "Failed" },
};

/** Its steps, with how far it has come. */
export function Scenario() {
  const scenario = useFact<ScenarioFacts | null>("scenario");
  if (!scenario) {
    return (
      <p className="inspector-muted">
        No conversation is being replayed. <code>python -m bot try --scenario FILE</code> replays one.
      </p>
    );
  }
  return (
    <div className="inspector-scroll inspector-pad">
      <h3>{scenario.title}</h3>
      <ol className="steps">
        {scenario.steps.map((step, at) => (
          <li key={at} data-state={step.state} aria-current={step.state === "running" ? "step" : undefined}>
            <span className="step-sign" title={STATES[step.state].name}>
              <span aria-hidden="true">{STATES[step.state].sign}</span>
              <span className="inspector-unseen">{STATES[step.state].name}</span>
            </span>
            <span>
              {step.title}
              {step.error && <span className="inspector-wrong">{step.error}</span>}
            </span>
          </li>
        ))}
      </ol>
    </div>
  );
}
