/** The short sentences in the corner. */
import { useEffect, useState } from "react";
import { forget, STAYS, useNotices, type Notice } from "../notices";

/** One sentence. It goes by itself, but not while the pointer or the keyboard is on it. */
function Shown({ notice }: { notice: Notice }) {
  const { number, kind, text } = notice;
  const [held, setHeld] = useState({ pointer: false, keyboard: false });
  const stays = held.pointer || held.keyboard;
  useEffect(() => {
    if (stays) return;
    const timer = setTimeout(() => forget(number), STAYS[kind]);
    return () => clearTimeout(timer);
  }, [stays, number, kind]);
  return (
    <div
      className={`notice ${kind}`}
      role={kind === "complaint" ? "alert" : undefined}
      onMouseEnter={() => setHeld((before) => ({ ...before, pointer: true }))}
      onMouseLeave={() => setHeld((before) => ({ ...before, pointer: false }))}
      onFocus={() => setHeld((before) => ({ ...before, keyboard: true }))}
      onBlur={() => setHeld((before) => ({ ...before, keyboard: false }))}
    >
      <span>{text}</span>
      <button type="button" aria-label="Dismiss" onClick={() => forget(number)}>
        ×
      </button>
    </div>
  );
}

/** What could not be done, as alerts, and what was. The region is there before its first sentence, so that screen
 * readers read that one too. */
export function Notices() {
  const notices = useNotices();
  const shown = (kind: Notice["kind"]) =>
    notices.filter((each) => each.kind === kind).map((each) => <Shown key={each.number} notice={each} />);
  return (
    <div className="notices">
      {shown("complaint")}
      <div className="informations" role="status">
        {shown("information")}
      </div>
    </div>
  );
}
