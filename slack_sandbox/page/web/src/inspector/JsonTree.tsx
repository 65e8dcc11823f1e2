/** A value of JSON as a tree that folds. */
import { useState } from "react";

const LONG = 1500;
const MANY = 100;

/** How many levels are unfolded at first. */
const OPEN_LEVELS = 3;

function Text({ text }: { text: string }) {
  const [whole, setWhole] = useState(text.length <= LONG);
  return (
    <>
      <span className="json-text">{JSON.stringify(whole ? text : text.slice(0, LONG))}</span>
      {!whole && (
        <button type="button" className="inspector-link" onClick={() => setWhole(true)}>
          Show all {text.length.toLocaleString()} characters
        </button>
      )}
    </>
  );
}

function Leaf({ value }: { value: unknown }) {
  if (typeof value === "string") return <Text text={value} />;
  return <span className={value === null ? "json-null" : "json-plain"}>{JSON.stringify(value) ?? "undefined"}</span>;
}

function Members({ members, level }: { members: [string, unknown][]; level: number }) {
  const [most, setMost] = useState(MANY);
  return (
    <ul>
      {members.slice(0, most).map(([name, value]) => (
        <li key={name}>
          <Node name={name} value={value} level={level} />
        </li>
      ))}
      {members.length > most && (
        <li>
          <button type="button" className="inspector-link" onClick={() => setMost(most + 10 * MANY)}>
            Show more of {members.length.toLocaleString()}
          </button>
        </li>
      )}
    </ul>
  );
}

function Node({ name, value, level }: { name: string; value: unknown; level: number }) {
  const [open, setOpen] = useState(level < OPEN_LEVELS);
  const members = typeof value === "object" && value !== null ? Object.entries(value) : [];
  const label = name && <span className="json-name">{name}: </span>;
  if (!members.length) {
    return (
      <div className="json-leaf">
        {label}
        <Leaf value={value} />
      </div>
    );
  }
  const count = Array.isArray(value) ? `[ ${members.length} ]` : `{ ${members.length} }`;
  return (
    <details open={open} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>
        {label}
        <span className="json-count">{count}</span>
      </summary>
      {open && <Members members={members} level={level + 1} />}
    </details>
  );
}

/** The tree of a value; only what is unfolded is drawn. */
export function JsonTree({ value }: { value: unknown }) {
  return (
    <div className="json">
      <Node name="" value={value} level={0} />
    </div>
  );
}
