/** A button that opens a list to search and choose from. */
import { useContext, useEffect, useId, useRef, useState, type KeyboardEvent } from "react";
import { live } from "../../live";
import { complain } from "../../notices";
import { acting } from "../../place";
import { FailureContext } from "../target";
import { groupsFrom, type Choice, type ChoiceGroup } from "./choices";
import { Popup } from "./Popup";
import type { Labels } from "./use";

const QUIET_MS = 200;

interface ListProps {
  labels: Labels;
  several?: boolean;
  /** How many can be chosen. */
  most?: number;
  placeholder: string;
  groups: ChoiceGroup[];
  chosen: Choice[];
  busy: boolean;
  /** Told what is searched; without it the list searches itself. */
  onQuery?: (query: string) => void;
  /** Said instead of an empty list. */
  empty?: string;
  onChange: (chosen: Choice[]) => void;
  /** The list was closed with other choices than before. */
  onDone: (chosen: Choice[]) => void;
}

/** A list of choices. */
export function List(props: ListProps) {
  const {
    labels,
    several,
    most,
    placeholder,
    groups,
    chosen,
    busy,
    onQuery,
    empty = "Nothing found",
    onChange,
  } = props;
  const [open, setOpen] = useState(false);
  const [query, setQuery] = useState("");
  const [at, setAt] = useState(0);
  const button = useRef<HTMLButtonElement>(null);
  const before = useRef("");
  const id = useId();

  const shown = onQuery ? groups : matching(groups, query);
  const flat = shown.flatMap((group) => group.choices);
  const keys = chosen.map((choice) => choice.key);
  const active = Math.min(at, flat.length - 1);

  const toggle = () => {
    if (busy) return;
    if (open) return done();
    before.current = JSON.stringify(keys);
    setQuery("");
    setAt(0);
    onQuery?.("");
    setOpen(true);
  };
  const done = () => {
    setOpen(false);
    if (JSON.stringify(keys) !== before.current) props.onDone(chosen);
  };
  const pick = (choice: Choice) => {
    if (!several) {
      setOpen(false);
      button.current?.focus();
      onChange([choice]);
    } else if (keys.includes(choice.key)) onChange(chosen.filter((each) => each.key !== choice.key));
    else if (most === undefined || chosen.length < most) onChange([...chosen, choice]);
  };
  const press = (event: KeyboardEvent) => {
    const to = { ArrowDown: active + 1, ArrowUp: active - 1 + flat.length, PageUp: 0, PageDown: flat.length - 1 }[
      event.key
    ];
    if (event.key === "Tab") done();
    if (event.key === "Enter" && flat[active]) pick(flat[active]);
    if (to !== undefined && flat.length) setAt(to % flat.length);
    if (to !== undefined || event.key === "Enter") {
      event.preventDefault();
      event.stopPropagation();
    }
  };
  const described = chosen.map((choice) => choice.words).join(", ");
  const named = labels["aria-labelledby"] ? { "aria-labelledby": `${labels["aria-labelledby"]} ${id}-shown` } : {};
  const label = labels["aria-label"] && described ? `${labels["aria-label"]}: ${described}` : labels["aria-label"];
  return (
    <>
      <button
        type="button"
        ref={button}
        id={labels.id}
        aria-label={label}
        {...named}
        aria-describedby={labels["aria-describedby"]}
        className={`bk-select bk-list ${labels["aria-invalid"] ? "invalid" : ""}`}
        aria-haspopup="listbox"
        aria-expanded={open}
        aria-busy={busy || undefined}
        onClick={toggle}
      >
        <span id={`${id}-shown`} className={described ? "" : "empty"}>
          {described || placeholder}
        </span>
      </button>
      {open && (
        <Popup beside={button} onClose={done} onKeyDown={press} className="choices">
          <input
            type="text"
            role="combobox"
            aria-label="Search"
            placeholder="Search"
            aria-expanded
            aria-controls={`${id}-list`}
            aria-activedescendant={flat[active] ? `${id}-${active}` : undefined}
            value={query}
            onChange={(event) => {
              setQuery(event.target.value);
              setAt(0);
              onQuery?.(event.target.value);
            }}
          />
          <div role="listbox" id={`${id}-list`} aria-label={placeholder} aria-multiselectable={several || undefined}>
            {shown.map((group, index) => (
              <div key={index} role="group" aria-label={group.label || placeholder}>
                {group.label && (
                  <div className="group" role="presentation">
                    {group.label}
                  </div>
                )}
                {group.choices.map((choice) => (
                  <Item
                    key={choice.key}
                    id={`${id}-${flat.indexOf(choice)}`}
                    choice={choice}
                    chosen={keys.includes(choice.key)}
                    active={flat.indexOf(choice) === active}
                    onPick={() => pick(choice)}
                  />
                ))}
              </div>
            ))}
          </div>
          {!flat.length && (
            <div className="nothing" role="status">
              {empty}
            </div>
          )}
        </Popup>
      )}
    </>
  );
}

function Item(props: { id: string; choice: Choice; chosen: boolean; active: boolean; onPick: () => void }) {
  const { id, choice, chosen, active, onPick } = props;
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (active) place.current?.scrollIntoView({ block: "nearest" });
  }, [active]);
  return (
    <div
      ref={place}
      id={id}
      role="option"
      aria-selected={chosen}
      className={active ? "active" : ""}
      onPointerDown={(event) => event.preventDefault()}
      onClick={onPick}
    >
      <span>{choice.words}</span>
      {choice.description && <small>{choice.description}</small>}
    </div>
  );
}

function matching(groups: ChoiceGroup[], query: string): ChoiceGroup[] {
  const wanted = query.trim().toLowerCase();
  const fits = (choice: Choice) => choice.words.toLowerCase().includes(wanted);
  return groups
    .map((group) => ({ ...group, choices: group.choices.filter(fits) }))
    .filter((group) => group.choices.length);
}

/** A list whose choices the app gives for what is searched. */
export function ExternalList(
  props: Omit<ListProps, "groups" | "onQuery" | "empty"> & {
    ask: { channel?: string; ts?: string; view_id?: string; block_id: string; action_id: string };
    /** Shorter queries are not asked. */
    least: number;
  },
) {
  const { ask, least, ...more } = props;
  const fail = useContext(FailureContext) ?? complain;
  const [groups, setGroups] = useState<ChoiceGroup[]>([]);
  const [said, setSaid] = useState("");
  const timer = useRef(0);
  const asked = useRef(0);
  useEffect(() => () => window.clearTimeout(timer.current), []);

  const search = (query: string) => {
    window.clearTimeout(timer.current);
    const number = ++asked.current;
    if ([...query].length < least) {
      setGroups([]);
      setSaid(`Type at least ${least} characters`);
      return;
    }
    setSaid("Loading…");
    timer.current = window.setTimeout(async () => {
      try {
        const answer = await live.ask("options", { as: acting(), ...ask, query });
        if (number !== asked.current) return;
        setGroups(groupsFrom(answer ?? {}, true));
        setSaid("Nothing found");
      } catch (error) {
        if (number !== asked.current) return;
        setGroups([]);
        setSaid("The options could not be loaded");
        fail(error);
      }
    }, QUIET_MS);
  };
  return <List {...more} groups={groups} empty={said} onQuery={search} />;
}
