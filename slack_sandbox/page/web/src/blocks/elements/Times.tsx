/** Dates and times. */
import { useEffect, useRef, useState } from "react";
import { useElement, type ElementProps } from "./use";

const QUIET_MS = 600;
const KINDS: Record<string, string> = { datepicker: "date", timepicker: "time", datetimepicker: "datetime-local" };

/** Seconds since 1970 as a field for local time takes them. */
function localText(seconds: number): string {
  const at = new Date(seconds * 1000);
  return new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

/** A date, a time of day, or both. While it is typed, half of a date is one too: the app is told when typing pauses. */
export function Times({ element, block, acts, labels }: ElementProps) {
  const { value, set, act, busy } = useElement({ element, block, acts });
  const both = element.type === "datetimepicker";
  const outer =
    value === undefined || value === null || value === "" ? "" : both ? localText(Number(value)) : String(value);
  const [text, setText] = useState(outer);
  const told = useRef(outer);
  const timer = useRef(0);
  useEffect(() => setText(outer), [outer]);
  useEffect(() => () => window.clearTimeout(timer.current), []);

  const sent = (given: string) => (both && given ? Math.floor(new Date(given).getTime() / 1000) : given);
  const tell = async (given: string) => {
    window.clearTimeout(timer.current);
    if (!acts || !given || given === told.current) return;
    const before = told.current;
    told.current = given;
    if ((await act(sent(given))) !== "declined") return;
    told.current = before;
    set(sent(before));
  };
  const change = (given: string) => {
    setText(given);
    window.clearTimeout(timer.current);
    if (given && /^0/.test(given) && element.type !== "timepicker") return;
    set(sent(given));
    if (acts) timer.current = window.setTimeout(() => void tell(given), QUIET_MS);
  };
  return (
    <input
      {...labels}
      type={KINDS[element.type]}
      className="bk-input short"
      value={text}
      aria-busy={busy || undefined}
      readOnly={busy}
      onChange={(event) => change(event.target.value)}
      onBlur={() => void tell(text)}
      onKeyDown={(event) => event.key === "Enter" && void tell(text)}
    />
  );
}
