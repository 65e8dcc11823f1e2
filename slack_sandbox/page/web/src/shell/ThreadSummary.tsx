/** The line about its thread under a message. */
import { nameOf, personOf } from "../people";
import { go } from "../place";
import { dayAndClock, fullTime } from "../times";
import type { Json } from "../types";
import { Avatar } from "./Avatar";

/** How many replies there are, of whom, and when the last one came; the button opens the thread. */
export function ThreadSummary({ message, channel, ts }: { message: Json; channel: string; ts: string }) {
  const count: number = message.reply_count;
  const faces: string[] = message.reply_users ?? [];
  return (
    <p className="threadline">
      <span className="faces">
        {faces.slice(0, 4).map((id) => (
          <Avatar key={id} id={id} name={nameOf(id)} app={personOf(id)?.bot} size="tiny" />
        ))}
      </span>
      <button type="button" className="summary plain" onClick={() => go({ channel, thread: ts })}>
        {count === 1 ? "1 reply" : `${count} replies`}
      </button>
      {message.latest_reply && (
        <small title={fullTime(message.latest_reply)}>Last reply {dayAndClock(message.latest_reply)}</small>
      )}
    </p>
  );
}
