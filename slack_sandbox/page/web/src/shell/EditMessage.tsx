/** Changing a message of one's own. */
import { useEffect, useRef, useState } from "react";
import { live } from "../live";
import { decode, encode } from "../mentions";
import { complain } from "../notices";
import { useWorkspace } from "../people";
import { acting } from "../place";
import { useGrowing } from "./useGrowing";

/** The field in place of the message; Enter saves, Escape leaves it as it was. */
export function EditMessage(props: { channel: string; ts: string; text: string; onClose: () => void }) {
  const { channel, ts, text, onClose } = props;
  const workspace = useWorkspace();
  const [typed, setTyped] = useState(() => (workspace ? decode(text, workspace) : text));
  const [busy, setBusy] = useState(false);
  const field = useRef<HTMLTextAreaElement>(null);
  useGrowing(field, typed);
  useEffect(() => {
    const shown = field.current;
    const before = document.activeElement;
    const article = shown?.closest<HTMLElement>("article");
    shown?.focus();
    shown?.setSelectionRange(shown.value.length, shown.value.length);
    return () => {
      requestAnimationFrame(() => {
        if (document.activeElement !== document.body) return;
        if (before instanceof HTMLTextAreaElement && before.isConnected) before.focus();
        else article?.focus();
      });
    };
  }, []);
  const save = async () => {
    if (!typed.trim() || !workspace || busy) return;
    setBusy(true);
    try {
      const next = encode(typed.trim(), workspace);
      if (next !== text) await live.ask("edit", { as: acting(), channel, ts, text: next });
      onClose();
    } catch (error) {
      complain(error);
      setBusy(false);
    }
  };
  return (
    <div className="editing">
      <textarea
        ref={field}
        aria-label="Edit message"
        rows={1}
        value={typed}
        onChange={(event) => setTyped(event.target.value)}
        onKeyDown={(event) => {
          if (event.nativeEvent.isComposing) return;
          if (event.key === "Escape") onClose();
          else if (event.key === "Enter" && !event.shiftKey) void save();
          else return;
          event.preventDefault();
        }}
      />
      <div className="row">
        <button type="button" className="button" onClick={onClose}>
          Cancel
        </button>
        <button type="button" className="button primary" disabled={busy || !typed.trim()} onClick={save}>
          Save
        </button>
      </div>
    </div>
  );
}
