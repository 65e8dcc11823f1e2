/** The inspector: what went between the app and Slack, what can be made to fail, and the program under trial. */
import { useEffect, useRef } from "react";
import type { KeyboardEvent } from "react";
import { useFact } from "../live";
import type { Journal } from "../types";
import { Bot } from "./Bot";
import { Edge } from "./Edge";
import { Faults } from "./Faults";
import { arrange, TABS, useInspectorOpen, useLayout } from "./open";
import type { Tab } from "./open";
import { Scenario } from "./Scenario";
import { Traffic } from "./Traffic";

export { useInspectorOpen } from "./open";

const BUTTON = "inspector-button";
const PANELS: Record<Tab, () => React.ReactNode> = { Traffic, Faults, Bot, Scenario };

function close(): void {
  arrange({ open: false });
}

/** The count of refused calls for the eye, with words of its own for those who listen: the name stays as it is. */
function Refusals({ id, count }: { id: string; count: number }) {
  if (!count) return null;
  return (
    <>
      <span className="inspector-badge" aria-hidden="true">
        {count > 99 ? "99+" : count}
      </span>
      <span className="inspector-unseen" id={id} aria-hidden="true">
        {count} refused
      </span>
    </>
  );
}

function Tabs({ shown, refused }: { shown: Tab; refused: number }) {
  const row = useRef<HTMLDivElement>(null);

  function move(event: KeyboardEvent): void {
    const at = TABS.indexOf(shown);
    const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: TABS.length - 1 }[event.key];
    const tab = to === undefined ? undefined : TABS[(to + TABS.length) % TABS.length];
    if (!tab) return;
    event.preventDefault();
    arrange({ tab });
    row.current?.querySelector<HTMLElement>(`#inspector-tab-${tab}`)?.focus();
  }

  return (
    <div role="tablist" aria-label="Parts of the inspector" className="inspector-tabs" ref={row} onKeyDown={move}>
      {TABS.map((tab) => (
        <button
          key={tab}
          type="button"
          role="tab"
          id={`inspector-tab-${tab}`}
          aria-label={tab}
          aria-selected={tab === shown}
          aria-controls={tab === shown ? "inspector-panel" : undefined}
          aria-describedby={tab === "Traffic" && refused ? "inspector-tab-refused" : undefined}
          tabIndex={tab === shown ? 0 : -1}
          onClick={() => arrange({ tab })}
        >
          {tab}
          {tab === "Traffic" && <Refusals id="inspector-tab-refused" count={refused} />}
        </button>
      ))}
    </div>
  );
}

function Panel() {
  const { tab, width } = useLayout();
  const refused = useFact<Journal>("journal")?.refused ?? 0;
  const Shown = PANELS[tab];

  function escape(event: KeyboardEvent): void {
    if (event.key !== "Escape" || event.defaultPrevented) return;
    event.preventDefault();
    event.stopPropagation();
    close();
  }

  return (
    <aside
      aria-label="Inspector"
      className="inspector"
      style={{ "--inspector-width": `${width}px` } as React.CSSProperties}
      onKeyDown={escape}
    >
      <h2 className="inspector-unseen">Inspector</h2>
      <Edge width={width} />
      <div className="inspector-head">
        <Tabs shown={tab} refused={refused} />
        <button type="button" className="inspector-close" aria-label="Close inspector" onClick={close}>
          ✕
        </button>
      </div>
      <div
        role="tabpanel"
        id="inspector-panel"
        aria-labelledby={`inspector-tab-${tab}`}
        className="inspector-panel"
        tabIndex={-1}
      >
        <Shown />
      </div>
    </aside>
  );
}

/** The panel; nothing while it is closed. */
export function Inspector() {
  return useInspectorOpen() ? <Panel /> : null;
}

/** The button that opens and closes the panel, for the header bar. */
export function InspectorButton() {
  const open = useInspectorOpen();
  const refused = useFact<Journal>("journal")?.refused ?? 0;
  const before = useRef(open);

  // The keyboard follows: into the panel when it opens, and back when it takes what had the focus with it.
  useEffect(() => {
    if (open === before.current) return;
    before.current = open;
    if (open) document.querySelector<HTMLElement>(".inspector [role=tab][tabindex='0']")?.focus();
    else if (document.activeElement === document.body) document.getElementById(BUTTON)?.focus();
  }, [open]);

  return (
    <button
      type="button"
      id={BUTTON}
      className="inspector-button"
      aria-label="Inspector"
      aria-expanded={open}
      aria-describedby={refused ? "inspector-button-refused" : undefined}
      onClick={() => arrange({ open: !open })}
    >
      Inspector
      <Refusals id="inspector-button-refused" count={refused} />
    </button>
  );
}
