/** One message. */
import { memo, useCallback, useState, useSyncExternalStore } from "react";
import { Attachments } from "../blocks/Attachments";
import { Blocks } from "../blocks/Blocks";
import { Mrkdwn } from "../blocks/Text";
import { live, useFact } from "../live";
import { complain } from "../notices";
import { nameOf, personOf, useWorkspace } from "../people";
import { go } from "../place";
import { clock, fullTime } from "../times";
import type { Json, MessageFacts } from "../types";
import { Avatar } from "./Avatar";
import { EditMessage } from "./EditMessage";
import { Files } from "./Files";
import { editing, useEditing } from "./editing";
import { Reactions } from "./Reactions";
import { ThreadSummary } from "./ThreadSummary";
import { Toolbar } from "./Toolbar";

interface Props {
  channel: string;
  ts: string;
  /** The message above, when it may belong to the same group. */
  previous: string | null;
  acting: string;
  /** The root of the thread in which it is shown; null at the top level. */
  thread: string | null;
}

const TOGETHER_SECONDS = 300;
const QUIET = /^(channel|group)_(join|leave|topic|purpose|name|archive|unarchive)$/;

/** One message; drawn again only when it changes. */
export const Message = memo(function Message({ channel, ts, previous, acting, thread }: Props) {
  const facts = useFact<MessageFacts>(`message:${channel}/${ts}`);
  const above = useHead(channel, previous);
  useWorkspace();
  const changing = useEditing() === `${channel}/${ts}/${thread ?? ""}`;
  const [menu, setMenu] = useState(false);
  const close = useCallback(() => editing(null), []);
  if (!facts) return null;

  const { message, streaming, ephemeral, deleted } = facts;
  const sender = senderOf(message);
  const own = message.user === acting && !message.bot_id && !deleted && !ephemeral;
  const near = previous !== null && Number(ts) - Number(previous) < TOGETHER_SECONDS;
  const broadcast = !thread && message.subtype === "thread_broadcast";
  const plain = !deleted && !ephemeral && !broadcast && !QUIET.test(message.subtype ?? "");
  const grouped = plain && near && above !== "" && above === headOf(facts);
  const root = thread === ts;
  const classes = ["message", grouped && "grouped", ephemeral && "ephemeral", streaming && "streaming", menu && "held"];
  return (
    <article
      className={classes.filter(Boolean).join(" ")}
      data-ts={ts}
      data-channel={channel}
      tabIndex={-1}
      aria-label={`${deleted ? "Deleted message" : sender.name}, ${clock(ts)}`}
    >
      <div className="gutter">
        {grouped ? (
          <time dateTime={new Date(Number(ts) * 1000).toISOString()} title={fullTime(ts)}>
            {clock(ts)}
          </time>
        ) : (
          !deleted && <Avatar id={sender.id} name={sender.name} app={sender.app} />
        )}
      </div>
      <div className="said">
        {ephemeral && (
          <p className="only">
            Only visible to you
            <button
              type="button"
              className="plain"
              onClick={() => live.ask("dismiss", { as: acting, channel, ts }).catch(complain)}
            >
              Dismiss
            </button>
          </p>
        )}
        {broadcast && (
          <p className="only">
            replied to a{" "}
            <button type="button" className="plain" onClick={() => go({ thread: message.thread_ts ?? ts })}>
              thread
            </button>
          </p>
        )}
        {!grouped && !deleted && (
          <p className="sender">
            <strong>{sender.name}</strong>
            {sender.app && <span className="tag">APP</span>}
            <time dateTime={new Date(Number(ts) * 1000).toISOString()} title={fullTime(ts)}>
              {clock(ts)}
            </time>
          </p>
        )}
        {changing ? (
          <EditMessage channel={channel} ts={ts} text={message.text ?? ""} onClose={close} />
        ) : (
          <Body message={message} channel={channel} ts={ts} deleted={deleted} />
        )}
        {message.files?.length > 0 && <Files files={message.files} />}
        <Reactions reactions={message.reactions ?? []} channel={channel} ts={ts} acting={acting} />
        {!thread && message.reply_count > 0 && <ThreadSummary message={message} channel={channel} ts={ts} />}
      </div>
      {!deleted && !ephemeral && !changing && (
        <Toolbar
          channel={channel}
          ts={ts}
          acting={acting}
          own={own}
          reply={thread || root ? null : broadcast ? (message.thread_ts ?? ts) : ts}
          onEdit={() => editing(`${channel}/${ts}/${thread ?? ""}`)}
          onHold={setMenu}
        />
      )}
    </article>
  );
});

function Body({ message, channel, ts, deleted }: { message: Json; channel: string; ts: string; deleted: boolean }) {
  if (deleted) return <p className="text muted">This message was deleted.</p>;
  const quiet = QUIET.test(message.subtype ?? "");
  return (
    <div className={`text${quiet ? " muted" : ""}`}>
      {message.blocks?.length ? (
        <Blocks blocks={message.blocks} target={{ channel, ts }} />
      ) : (
        message.text && <Mrkdwn text={message.text} />
      )}
      {message.attachments?.length > 0 && <Attachments attachments={message.attachments} target={{ channel, ts }} />}
      {message.edited && (
        <span className="edited" title={message.edited.ts && fullTime(message.edited.ts)}>
          (edited)
        </span>
      )}
    </div>
  );
}

function senderOf(message: Json): { id: string; name: string; app: boolean } {
  const id: string = message.user ?? message.bot_id ?? "";
  const name: string = message.username || (message.user ? nameOf(message.user) : message.bot_profile?.name) || id;
  return { id, name, app: Boolean(message.bot_id ?? personOf(id)?.bot) };
}

/** Whether two messages belong together: the same text for all messages of one sender, "" for those that stand alone. */
function headOf(facts: MessageFacts | undefined): string {
  if (!facts || facts.deleted || facts.ephemeral || QUIET.test(facts.message.subtype ?? "")) return "";
  return `${facts.message.user ?? facts.message.bot_id} ${facts.message.username ?? ""}`;
}

function useHead(channel: string, ts: string | null): string {
  const key = `message:${channel}/${ts ?? ""}`;
  return useSyncExternalStore(
    useCallback((listener: () => void) => live.subscribe(key, listener), [key]),
    () => (ts === null ? "" : headOf(live.get(key))),
  );
}
