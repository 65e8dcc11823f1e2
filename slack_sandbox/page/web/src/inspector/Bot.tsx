/** The program under trial: how it is, its log, and how to end it. */
import { live, useFact } from "../live";
import { complain } from "../notices";
import { acting } from "../place";
import type { BotFacts, Requests } from "../types";
import { Copy } from "./Copy";
import { useFollowing } from "./follow";

type State = BotFacts["state"];
type Steering = Requests["bot"]["what"];

const STATES: Record<State, string> = {
  starting: "Starting…",
  running: "Running",
  stopping: "Stopping…",
  stopped: "Stopped",
  crashed: "Crashed",
};

const BUTTONS: { what: Steering; name: string; hint: string; when: State[] }[] = [
  { what: "start", name: "Start", hint: "Start it anew", when: ["stopped", "crashed"] },
  { what: "stop", name: "Stop", hint: "SIGTERM: it finishes what runs", when: ["starting", "running"] },
  { what: "restart", name: "Restart", hint: "Stop, then start", when: ["running"] },
  { what: "kill", name: "Kill", hint: "SIGKILL: in the midst of anything", when: ["starting", "running", "stopping"] },
];

function Log({ lines }: { lines: string[] }) {
  const { ref, onScroll } = useFollowing<HTMLPreElement>(lines);
  return (
    <section aria-label="Log" className="bot-log">
      <div className="entry-part">
        <h3>Log</h3>
        <Copy what="the log" text={() => lines.join("\n")} />
      </div>
      <pre ref={ref} onScroll={onScroll} tabIndex={0} aria-label="Lines of the log" role="group">
        {lines.length ? lines.join("\n") : "Nothing yet."}
      </pre>
    </section>
  );
}

/** State, model and folder, the buttons, and the last lines of the log. */
export function Bot() {
  const bot = useFact<BotFacts | null>("bot");
  if (!bot) {
    const why = bot === null ? "This page was opened without a bot of its own." : "Asking…";
    return <p className="inspector-muted">{why}</p>;
  }
  const model = bot.model.kind === "offline" ? "the offline model" : bot.model.name;
  return (
    <div className="inspector-fill inspector-pad">
      <dl className="bot-facts">
        <dt>State</dt>
        <dd data-state={bot.state}>{STATES[bot.state]}</dd>
        <dt>Process</dt>
        <dd>{bot.pid ?? "none"}</dd>
        <dt>Ready after</dt>
        <dd>{bot.ready_seconds === null ? "not yet" : `${bot.ready_seconds.toFixed(2)} s`}</dd>
        <dt>Model</dt>
        <dd title={bot.model.name}>{model}</dd>
        <dt>Folder</dt>
        <dd>
          <code>{bot.folder}</code> <Copy what="the folder" text={() => bot.folder} />
        </dd>
      </dl>
      <div className="bot-buttons" role="group" aria-label="Steer the bot">
        {BUTTONS.map(({ what, name, hint, when }) => (
          <button
            key={what}
            type="button"
            className="inspector-small"
            title={hint}
            aria-disabled={!when.includes(bot.state)}
            onClick={() => when.includes(bot.state) && live.ask("bot", { as: acting(), what }).catch(complain)}
          >
            {name}
          </button>
        ))}
      </div>
      <Log lines={bot.log} />
    </div>
  );
}
