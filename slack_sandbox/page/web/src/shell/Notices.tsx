/** The short sentences in the corner. */
import { forget, useNotices } from "../notices";

/** What could not be done, as alerts, and what was. */
export function Notices() {
  const notices = useNotices();
  return (
    <div className="notices">
      {notices.map(({ number, kind, text }) => (
        <div key={number} className={`notice ${kind}`} role={kind === "complaint" ? "alert" : "status"}>
          <span>{text}</span>
          <button type="button" aria-label="Dismiss" onClick={() => forget(number)}>
            ×
          </button>
        </div>
      ))}
    </div>
  );
}
