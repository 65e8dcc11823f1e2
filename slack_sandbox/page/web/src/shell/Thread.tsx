/** The thread that is open, at the right. */
import { useCallback, useEffect, useState } from "react";
import { live, useFact } from "../live";
import { complain } from "../notices";
import { conversationName, useWorkspace } from "../people";
import type { ChannelFacts, Me, ThreadMessages } from "../types";
import { Composer } from "./Composer";
import { CloseIcon } from "./icons";
import { closeThread } from "./keys";
import { MessageList } from "./MessageList";

const TURN_MS = 4000;

/** The root, its replies, what the app says it is doing, and where one replies. */
export function Thread({ channel, me, ts }: { channel: ChannelFacts; me: Me; ts: string }) {
  const workspace = useWorkspace();
  const facts = useFact<ThreadMessages>(`thread:${channel.id}/${ts}`);
  const id = channel.id;
  const onRead = useCallback(() => {
    live.ask("read", { as: me.person, channel: id, thread_ts: ts }).catch(() => undefined);
  }, [me.person, id, ts]);
  const replies = (facts?.messages.length ?? 0) - 1;
  const session = facts?.session;
  const gone = facts !== undefined && facts.messages.length === 0;
  const where = conversationName(channel, workspace);
  return (
    <aside className="thread" aria-label="Thread" tabIndex={-1}>
      <header className="head">
        <h2>
          {session?.title || "Thread"}
          <small>{where}</small>
        </h2>
        <SessionState session={session ?? null} channel={id} ts={ts} person={me.person} />
        <button
          type="button"
          className="icon"
          aria-label="Close thread"
          title="Close thread (Esc)"
          onClick={closeThread}
        >
          <CloseIcon />
        </button>
      </header>
      {gone && (
        <p className="gone" role="status">
          This thread is not here any more, or never was. It may have been deleted, or the sandbox was started anew
          since: what was said is not kept.
        </p>
      )}
      <MessageList
        label="Replies"
        channel={id}
        thread={ts}
        acting={me.person}
        messages={facts?.messages}
        read={facts?.read ?? ""}
        onRead={channel.member ? onRead : undefined}
        divider={
          gone ? undefined : <p className="count">
            <span>{replies === 1 ? "1 reply" : `${replies} replies`}</span>
          </p>
        }
        after={facts?.status?.status ? <Status name={workspace?.app.name ?? ""} facts={facts.status} /> : undefined}
      />
      {channel.member && !channel.archived && !gone && (
        <Composer channel={channel} person={me.person} label="Reply" thread={ts} broadcast={channel.kind !== "im"} />
      )}
    </aside>
  );
}

function SessionState(props: { session: ThreadMessages["session"]; channel: string; ts: string; person: string }) {
  const { session, channel, ts, person } = props;
  const [asked, setAsked] = useState(false);
  const state = session?.status;
  useEffect(() => setAsked(false), [state]);
  if (state === "suspended") return <span className="session waiting">Waiting for you</span>;
  if (state === "closed") return <span className="session">Ended</span>;
  if (state !== "processing") return null;
  const stop = () => {
    setAsked(true);
    live.ask("stop", { as: person, channel, thread_ts: ts }).catch((error) => {
      setAsked(false);
      complain(error);
    });
  };
  return (
    <span className="session working">
      Working…
      <button type="button" className="button" disabled={asked} onClick={stop}>
        Stop
      </button>
    </span>
  );
}

function Status({ name, facts }: { name: string; facts: NonNullable<ThreadMessages["status"]> }) {
  const [turn, setTurn] = useState(0);
  const { status, loading_messages: loading } = facts;
  useEffect(() => {
    if (loading.length < 2) return;
    const timer = setInterval(() => setTurn((before) => before + 1), TURN_MS);
    return () => clearInterval(timer);
  }, [loading.length]);
  return (
    <p className="status" aria-live="off">
      <span className="dots" aria-hidden="true" />
      <span>
        {name} {status}
      </span>
      {loading.length > 0 && <small>{loading[turn % loading.length]}</small>}
    </p>
  );
}
