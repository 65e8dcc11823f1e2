/** The reactions to a message. */
import { Emoji } from "../blocks/Text";
import { live } from "../live";
import { complain } from "../notices";
import { namesOf } from "../people";
import type { Json } from "../types";

/** Reactions that can be added with one press. */
export const COMMON = [
  "+1",
  "eyes",
  "white_check_mark",
  "tada",
  "heart",
  "joy",
  "pray",
  "rocket",
  "thinking_face",
  "x",
];

/** Add a reaction of the person's, or take it away when it is there. */
export function react(as: string, channel: string, ts: string, name: string): void {
  live.ask("react", { as, channel, ts, name }).catch(complain);
}

/** What people reacted with, and how many; a press adds one's own or takes it away. */
export function Reactions(props: { reactions: Json[]; channel: string; ts: string; acting: string }) {
  const { reactions, channel, ts, acting } = props;
  if (!reactions.length) return null;
  return (
    <div className="reactions">
      {reactions.map(({ name, users, count }) => (
        <button
          key={name}
          type="button"
          className="reaction"
          aria-pressed={users.includes(acting)}
          aria-label={`${name}: ${namesOf(users)}`}
          title={`${namesOf(users)} reacted with :${name}:`}
          onClick={() => react(acting, channel, ts, name)}
        >
          <Emoji name={name} /> <span>{count}</span>
        </button>
      ))}
    </div>
  );
}
