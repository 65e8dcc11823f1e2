/** Everything about one entry: what was asked and what was answered. */
import { useEffect, useLayoutEffect, useRef, useState } from "react";
import { live } from "../live";
import { acting, go } from "../place";
import type { Entry } from "../types";
import { Copy } from "./Copy";
import { spotOf } from "./entries";
import type { Spot } from "./entries";
import { JsonTree } from "./JsonTree";
import { uncover } from "./open";

const TITLES: Record<string, string> = {
  request: "Request",
  response: "Response",
  envelope: "Envelope",
  ack: "Acknowledgement",
};

const LOOKS = 60;

/** Slack's own words on what is wrong, beside the error code. */
function reasons(whole: any): string[] {
  const told = whole?.response?.response_metadata?.messages;
  return Array.isArray(told) ? told.filter((line) => typeof line === "string") : [];
}

function show(spot: Spot): void {
  uncover();
  go({ channel: spot.channel, thread: spot.thread, tab: "messages" });
  const wanted = `article[data-channel="${CSS.escape(spot.channel)}"][data-ts="${CSS.escape(spot.ts)}"]`;
  let looks = 0;
  const look = (): void => {
    const found = document.querySelector(wanted);
    if (found) found.scrollIntoView({ block: "center" });
    else if (++looks < LOOKS) requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
}

/** Asked for when it is opened, and again when the entry has become another, as by its answer. */
export function EntryWhole({ entry }: { entry: Entry }) {
  const [whole, setWhole] = useState<Record<string, unknown> | null>(null);
  const [error, setError] = useState("");
  const box = useRef<HTMLDivElement>(null);
  const there = whole !== null;

  useLayoutEffect(() => {
    if (there) box.current?.closest(".entry")?.scrollIntoView({ block: "nearest" });
  }, [there]);

  useEffect(() => {
    let wanted = true;
    live.ask("entry", { as: acting(), number: entry.number }).then(
      (value) => wanted && (setWhole(value), setError("")),
      (reason: Error) => wanted && setError(reason.message),
    );
    return () => {
      wanted = false;
    };
  }, [entry]);

  const spot = spotOf(whole);
  return (
    <div className="entry-whole" ref={box}>
      {error && <p className="inspector-wrong">{error}</p>}
      {!whole && !error && <p className="inspector-muted">Asking…</p>}
      {reasons(whole).map((line) => (
        <p key={line} className="inspector-wrong">
          {line}
        </p>
      ))}
      {spot && (
        <p>
          <button type="button" className="inspector-link" onClick={() => show(spot)}>
            Show in conversation
          </button>
        </p>
      )}
      {Object.entries(whole ?? {}).map(([part, value]) => (
        <section key={part} aria-label={TITLES[part] ?? part}>
          <div className="entry-part">
            <h3>{TITLES[part] ?? part}</h3>
            <Copy what={(TITLES[part] ?? part).toLowerCase()} text={() => JSON.stringify(value, null, 2)} />
          </div>
          <JsonTree value={value} />
        </section>
      ))}
    </div>
  );
}
