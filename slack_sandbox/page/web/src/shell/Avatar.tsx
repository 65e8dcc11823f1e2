/** The picture of a person or an app: initials on a colour of their own. */
import { colour, initials } from "../people";

/** The picture; `app` draws the one of an app. Only for the eye: the name stands beside it. */
export function Avatar(props: { id: string; name: string; app?: boolean; size?: "small" | "tiny" }) {
  const { id, name, app = false, size = "" } = props;
  return (
    <span
      className={`avatar ${size} ${app ? "app" : ""}`}
      style={app ? undefined : { background: colour(id) }}
      aria-hidden="true"
    >
      {app ? (
        <svg viewBox="0 0 24 24" width="62%" height="62%" fill="currentColor" aria-hidden="true">
          <path d="M12 2a1.4 1.4 0 0 1 .9 2.500V6H17a3 3 0 0 1 3 3v8a3 3 0 0 1-3 3H7a3 3 0 0 1-3-3V9a3 3 0 0 1 3-3h4.100V4.500A1.4 1.4 0 0 1 12 2Zm-3.2 8.200a1.6 1.6 0 1 0 0 3.2 1.6 1.6 0 0 0 0-3.200Zm6.4 0a1.6 1.6 0 1 0 0 3.2 1.6 1.6 0 0 0 0-3.200ZM8.5 15.600a.8.8 0 0 0 0 1.600h7a.8.8 0 0 0 0-1.600h-7ZM2 11h1v5H2a1 1 0 0 1-1-1v-3a1 1 0 0 1 1-1Zm19 0h1a1 1 0 0 1 1 1v3a1 1 0 0 1-1 1h-1v-5Z" />
        </svg>
      ) : (
        initials(name)
      )}
    </span>
  );
}
