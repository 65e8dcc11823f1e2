/** What can be made to fail, so that one can see what the app does then. */
import { useId, useRef, useState } from "react";
import { live, useFact } from "../live";
import { complain, inform } from "../notices";
import { acting } from "../place";
import type { FaultFacts } from "../types";

type Offered = FaultFacts["offered"][number];
type Active = FaultFacts["active"][number];

/** The button goes away with the fault, so the keyboard goes to what can be done next in the same place. */
function switchOff(id: string | null, next: HTMLElement | null): void {
  (next ?? document.getElementById("inspector-panel"))?.focus();
  live.ask("clear_fault", { as: acting(), fault: id }).catch(complain);
}

function left(fault: Active): string {
  if (fault.left === null) return "until it is switched off";
  return fault.left === 1 ? "once more" : `${fault.left} more times`;
}

/** That a fault is on, and how it ends. */
function On({ fault }: { fault: Active }) {
  return (
    <p className="fault-on" data-fault={fault.id}>
      <span>
        <strong>On</strong>, {left(fault)}
      </span>
      <button
        type="button"
        className="inspector-small"
        onClick={(event) => {
          const row = event.currentTarget.closest("li");
          switchOff(fault.id, row?.querySelector<HTMLElement>("[type=submit]:enabled") ?? null);
        }}
      >
        Switch off
      </button>
    </p>
  );
}

function OfferedFault({ fault, active }: { fault: Offered; active: Active[] }) {
  const id = useId();
  const { field } = fault;
  const [number, setNumber] = useState(String(field?.default ?? ""));
  const busy = useRef(false);

  function switchOn(): void {
    if (busy.current) return;
    busy.current = true;
    live
      .ask("fault", { as: acting(), kind: fault.kind, ...(field ? { number: Number(number) } : null) })
      .then(() => fault.once && inform(`Done: ${fault.title}.`), complain)
      .finally(() => (busy.current = false));
  }

  return (
    <li>
      <div role="group" aria-labelledby={`${id}title`}>
        <form
          className="fault"
          onSubmit={(event) => {
            event.preventDefault();
            switchOn();
          }}
        >
          <div>
            <h4 id={`${id}title`}>{fault.title}</h4>
            <p id={`${id}hint`}>{fault.hint}</p>
            {active.map((each) => (
              <On key={each.id} fault={each} />
            ))}
            {fault.unavailable && <p className="inspector-wrong">{fault.unavailable}</p>}
            {field && (
              <label className="fault-field">
                {field.label}{" "}
                <input
                  type="number"
                  required
                  step="any"
                  min={field.min}
                  max={field.max}
                  value={number}
                  disabled={!!fault.unavailable}
                  onChange={(event) => setNumber(event.target.value)}
                />{" "}
                {field.unit}
              </label>
            )}
          </div>
          <button
            type="submit"
            className="inspector-small"
            aria-describedby={`${id}hint`}
            disabled={!!fault.unavailable}
          >
            {fault.once ? "Do it now" : active.length ? "Switch on again" : "Switch on"}
          </button>
        </form>
      </div>
    </li>
  );
}

/** How many are on, then what is offered, in its groups; each says in its row whether it is on. */
export function Faults() {
  const facts = useFact<FaultFacts>("faults");
  if (!facts) return <p className="inspector-muted">Asking…</p>;
  const groups = [...new Set(facts.offered.map((fault) => fault.group))];
  return (
    <div className="inspector-scroll inspector-pad">
      {facts.active.length > 0 && (
        <section aria-label="On now">
          <div className="entry-part">
            <h3>On now: {[...new Set(facts.active.map((fault) => fault.title))].join(", ")}</h3>
            <button type="button" className="inspector-small" onClick={() => switchOff(null, null)}>
              Switch everything off
            </button>
          </div>
        </section>
      )}
      {groups.map((group) => (
        <section key={group} aria-label={group}>
          <h3>{group}</h3>
          <ul className="faults">
            {facts.offered
              .filter((fault) => fault.group === group)
              .map((fault) => (
                <OfferedFault
                  key={fault.kind}
                  fault={fault}
                  active={facts.active.filter((each) => each.kind === fault.kind)}
                />
              ))}
          </ul>
        </section>
      ))}
    </div>
  );
}
