/** The messages of a conversation or of a thread. */
import { Fragment, useEffect, useLayoutEffect, useRef, useState } from "react";
import type { KeyboardEvent, ReactNode } from "react";
import { live } from "../live";
import { dayName, dayOf } from "../times";
import type { MessageFacts } from "../types";
import { DownIcon } from "./icons";
import { Message } from "./Message";
import { useFollowing } from "./useFollowing";

interface Props {
  /** The accessible name of the list. */
  label: string;
  channel: string;
  /** The ts of the thread's root, when this is one. */
  thread?: string;
  acting: string;
  /** Undefined while they are not known. */
  messages: string[] | undefined;
  /** The last ts that the person has read. */
  read: string;
  /** Called when the newest one is in sight of the reader and not read yet. */
  onRead?: () => void;
  earlier?: boolean;
  onEarlier?: () => void;
  before?: ReactNode;
  after?: ReactNode;
  /** Stands after the first message of a thread. */
  divider?: ReactNode;
}

/** The list; follows what is new while the reader is at its end. */
export function MessageList(props: Props) {
  const { label, channel, thread, acting, messages, read, onRead, earlier, onEarlier, before, after, divider } = props;
  const { scroller, content, atEnd, follow, onScroll } = useFollowing();
  const newest = messages?.[messages.length - 1];
  const inSight = useInSight();
  const line = useNewLine(channel, messages, read, acting, inSight);

  const known = useRef(newest);
  useEffect(() => {
    const own = newest !== undefined && authorOf(channel, newest) === acting;
    if (own && newest !== known.current) follow();
    known.current = newest;
  }, [newest, acting, channel, follow]);

  useEffect(() => {
    if (newest && newest > read && atEnd && inSight) onRead?.();
  }, [newest, read, atEnd, inSight, onRead]);

  const kept = useRef<{ ts: string; top: number } | null>(null);
  const oldest = messages?.[0];
  const askEarlier = () => {
    const article = scroller.current?.querySelector<HTMLElement>("article");
    if (article) kept.current = { ts: article.dataset.ts ?? "", top: article.getBoundingClientRect().top };
    onEarlier?.();
  };
  useLayoutEffect(() => {
    const list = scroller.current;
    const article = kept.current && list?.querySelector(`article[data-ts="${kept.current.ts}"]`);
    if (list && kept.current && article) list.scrollTop += article.getBoundingClientRect().top - kept.current.top;
    kept.current = null;
  }, [oldest, scroller]);

  return (
    <div className="list">
      <div
        className="scroll"
        role="log"
        aria-label={label}
        aria-busy={messages === undefined}
        tabIndex={0}
        ref={scroller}
        onScroll={onScroll}
        onKeyDown={walk}
      >
        <div ref={content} className="content">
          {earlier && (
            <button type="button" className="button earlier" onClick={askEarlier}>
              Show earlier messages
            </button>
          )}
          {before}
          {messages?.map((ts, index) => {
            const previous = index > 0 && !(divider && index === 1) ? messages[index - 1] : null;
            const newDay = previous === null || dayOf(previous) !== dayOf(ts);
            return (
              <Fragment key={ts}>
                {divider && index === 1 && divider}
                {newDay && !thread && (
                  <p className="day">
                    <span>{dayName(ts)}</span>
                  </p>
                )}
                {ts === line && (
                  <p className="new">
                    <span>New</span>
                  </p>
                )}
                <Message
                  channel={channel}
                  ts={ts}
                  previous={newDay || ts === line ? null : previous}
                  acting={acting}
                  thread={thread ?? null}
                />
              </Fragment>
            );
          })}
          {after}
        </div>
      </div>
      {!atEnd && (
        <button type="button" className="button newest" onClick={follow}>
          <DownIcon /> {newest && newest > read ? "New messages" : "Newest"}
        </button>
      )}
    </div>
  );
}

function authorOf(channel: string, ts: string): string | undefined {
  return (live.get(`message:${channel}/${ts}`) as MessageFacts | undefined)?.message.user;
}

/** Whether the page itself is looked at. */
function useInSight(): boolean {
  const [inSight, setInSight] = useState(() => !document.hidden);
  useEffect(() => {
    const changed = () => setInSight(!document.hidden);
    document.addEventListener("visibilitychange", changed);
    return () => document.removeEventListener("visibilitychange", changed);
  }, []);
  return inSight;
}

/** The ts before which the line "New" stands: the first that was unread when the reader came, or came back. */
function useNewLine(
  channel: string,
  messages: string[] | undefined,
  read: string,
  acting: string,
  inSight: boolean,
): string | null {
  const [line, setLine] = useState<string | null>(null);
  const came = useRef(false);
  useEffect(() => {
    if (!inSight) came.current = false;
    else if (messages && !came.current) {
      came.current = true;
      const fresh = read ? messages.find((ts) => ts > read && authorOf(channel, ts) !== acting) : undefined;
      setLine(fresh ?? null);
    }
  }, [inSight, messages, read, channel, acting]);
  return line;
}

/** Up and Down go from message to message. */
function walk(event: KeyboardEvent<HTMLElement>): void {
  const by = event.key === "ArrowUp" ? -1 : event.key === "ArrowDown" ? 1 : 0;
  const from = event.target as HTMLElement;
  if (!by || event.altKey || !(from === event.currentTarget || from.matches("article"))) return;
  const all = [...event.currentTarget.querySelectorAll<HTMLElement>("article")];
  const at = all.indexOf(from);
  const next = at < 0 ? all[all.length - 1] : all[at + by];
  if (!next) return;
  event.preventDefault();
  next.focus();
}
