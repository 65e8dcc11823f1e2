/** What went over the wires: the app's calls, Slack's envelopes, and the requests to the model. */
import { useCallback, useMemo, useState } from "react";
import type { KeyboardEvent } from "react";
import { live } from "../live";
import { complain } from "../notices";
import { acting } from "../place";
import type { Entry } from "../types";
import { matches, useEntries } from "./entries";
import type { Filter } from "./entries";
import { EntryLine, KINDS } from "./EntryLine";
import { useFollowing } from "./follow";

const EVERYTHING: Filter = { kind: "", refused: false, text: "" };
const NONE: Entry[] = [];

function Filters({ filter, set }: { filter: Filter; set: (filter: Filter) => void }) {
  return (
    <div className="inspector-filters" role="search" aria-label="Traffic">
      <input
        type="search"
        aria-label="Filter by text"
        placeholder="Filter"
        value={filter.text}
        onChange={(event) => set({ ...filter, text: event.target.value })}
        onKeyDown={(event) => {
          if (event.key !== "Escape" || !filter.text) return;
          event.preventDefault();
          event.stopPropagation();
          set({ ...filter, text: "" });
        }}
      />
      <select
        aria-label="Kind"
        value={filter.kind}
        onChange={(event) => set({ ...filter, kind: event.target.value as Filter["kind"] })}
      >
        <option value="">All kinds</option>
        {Object.entries(KINDS).map(([kind, { name, sign }]) => (
          <option key={kind} value={kind}>
            {sign} {name}
          </option>
        ))}
      </select>
      <label>
        <input
          type="checkbox"
          checked={filter.refused}
          onChange={(event) => set({ ...filter, refused: event.target.checked })}
        />
        Refused only
      </label>
      <button
        type="button"
        className="inspector-small"
        aria-label="Clear the traffic"
        onClick={() => live.ask("clear_journal", { as: acting() }).catch(complain)}
      >
        Clear
      </button>
    </div>
  );
}

function emptiness(known: boolean, any: boolean): string {
  if (!known) return "Asking…";
  return any ? "Nothing matches the filter." : "Nothing yet. Say something to the app.";
}

/** The entries, newest at the bottom. */
export function Traffic() {
  const [filter, setFilter] = useState(EVERYTHING);
  const [open, setOpen] = useState<ReadonlySet<number>>(new Set());
  const [current, setCurrent] = useState<number | null>(null);
  const entries = useEntries();
  const shown = useMemo(() => (entries ?? NONE).filter((entry) => matches(entry, filter)), [entries, filter]);
  const { ref, onScroll, following, toEnd, hold } = useFollowing<HTMLOListElement>(entries);
  const reached = shown.some((entry) => entry.number === current) ? current : shown.at(-1)?.number;

  const press = useCallback((number: number) => {
    hold();
    setCurrent(number);
    setOpen((before) => {
      const after = new Set(before);
      if (!after.delete(number)) after.add(number);
      return after;
    });
  }, []);

  function move(event: KeyboardEvent): void {
    if (!(event.target instanceof HTMLElement) || !event.target.matches(".entry-line")) return;
    const at = shown.findIndex((entry) => entry.number === reached);
    const to = { ArrowUp: at - 1, ArrowDown: at + 1, Home: 0, End: shown.length - 1 }[event.key];
    const entry = to === undefined ? undefined : shown[to];
    if (!entry) return;
    event.preventDefault();
    setCurrent(entry.number);
    ref.current?.querySelector<HTMLElement>(`[data-number="${entry.number}"] > button`)?.focus();
  }

  return (
    <>
      <Filters filter={filter} set={setFilter} />
      {shown.length ? (
        <ol className="inspector-scroll entries" aria-label="Traffic" ref={ref} onScroll={onScroll} onKeyDown={move}>
          {shown.map((entry) => (
            <EntryLine
              key={entry.number}
              entry={entry}
              open={open.has(entry.number)}
              current={entry.number === reached}
              onPress={press}
            />
          ))}
        </ol>
      ) : (
        <p className="inspector-muted">{emptiness(!!entries, !!entries?.length)}</p>
      )}
      {!following && shown.length > 0 && (
        <button type="button" className="inspector-newest" onClick={toEnd}>
          Newest ↓
        </button>
      )}
    </>
  );
}
