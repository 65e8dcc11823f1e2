/** One line of the traffic. */
import { memo } from "react";
import type { Entry } from "../types";
import { EntryWhole } from "./EntryWhole";

/** What the kinds are called, and the sign of each: to Slack, from Slack, to the model. */
export const KINDS: Record<Entry["kind"], { name: string; sign: string }> = {
  call: { name: "Call", sign: "→" },
  envelope: { name: "Envelope", sign: "←" },
  model: { name: "Model", sign: "◇" },
};

const OUTCOMES: Record<Entry["outcome"], string> = { ok: "ok", refused: "refused", fault: "fault", open: "open…" };

const CLOCK = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });

function duration(ms: number): string {
  return ms < 10_000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}

interface Props {
  entry: Entry;
  open: boolean;
  /** Whether Tab comes to this line; the arrows go on from there. */
  current: boolean;
  onPress: (number: number) => void;
}

/** The line, and the whole entry below it while it is open. */
export const EntryLine = memo(function EntryLine({ entry, open, current, onPress }: Props) {
  const kind = KINDS[entry.kind];
  const when = new Date(entry.at * 1000);
  return (
    <li className="entry" data-number={entry.number} data-kind={entry.kind} data-outcome={entry.outcome}>
      <button
        type="button"
        className="entry-line"
        aria-expanded={open}
        tabIndex={current ? 0 : -1}
        onClick={() => onPress(entry.number)}
      >
        <time dateTime={when.toISOString()} title={when.toLocaleString()}>
          {CLOCK.format(when)}
        </time>
        <span className="entry-kind" title={kind.name}>
          <span aria-hidden="true">{kind.sign}</span>
          <span className="inspector-unseen">{kind.name}</span>
        </span>
        <span className="entry-what">
          <span className="entry-title">{entry.title}</span>{" "}
          <span className="entry-summary">{entry.summary}</span>
        </span>
        <span className="entry-end">
          <span className="entry-outcome">{OUTCOMES[entry.outcome]}</span>
          {entry.attempts > 1 && <span title="How often it was sent"> ×{entry.attempts}</span>}
          {entry.ms !== null && <span className="entry-ms"> {duration(entry.ms)}</span>}
        </span>
        {entry.error && <span className="entry-error">{entry.error}</span>}
      </button>
      {open && <EntryWhole entry={entry} />}
    </li>
  );
});
