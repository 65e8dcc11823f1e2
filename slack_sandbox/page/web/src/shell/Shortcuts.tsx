/** The shortcuts of the app: those of a message, or those beside the message field. */
import { live } from "../live";
import { complain } from "../notices";
import { useWorkspace } from "../people";
import { BoltIcon } from "./icons";

interface Props {
  acting: string;
  /** The message; none beside the message field. */
  message?: { channel: string; ts: string };
}

/** A button for each. */
export function Shortcuts({ acting, message }: Props) {
  const kind = message ? "message" : "global";
  const found = useWorkspace()?.shortcuts.filter((each) => each.kind === kind) ?? [];
  return found.map(({ callback_id, name }) => (
    <button
      key={callback_id}
      type="button"
      className="icon"
      aria-label={name}
      title={name}
      onClick={() => live.ask("shortcut", { as: acting, callback_id, ...message }).catch(complain)}
    >
      <BoltIcon />
    </button>
  ));
}
