/** The conversation that is open: its head, its messages, where one writes; for the app its tabs. */
import { useCallback, useContext, useEffect, useState } from "react";
import { live, useFact } from "../live";
import { complain } from "../notices";
import { composerLabel, conversationName, isTheApp, useWorkspace } from "../people";
import { acting, go, type Place } from "../place";
import type { ChannelFacts, ChannelMessages, Me, MessageFacts, Workspace } from "../types";
import { About } from "./About";
import { Composer } from "./Composer";
import { EarlierContext } from "./earlier";
import { Examples, SuggestedPrompts } from "./Examples";
import { Header } from "./Header";
import { HomeTab } from "./HomeTab";
import { MessageList } from "./MessageList";
import { TABS } from "./tabs";

/** The middle of the page. */
export function Conversation({ channel, me, tab }: { channel: ChannelFacts; me: Me; tab: Place["tab"] }) {
  const isApp = channel.kind === "im";
  const { id } = channel;
  const shown = isApp ? tab : "messages";
  useEffect(() => {
    if (isApp && shown !== "about") live.ask("home", { as: acting(), tab: shown }).catch(() => undefined);
  }, [isApp, id, shown]);
  return (
    <main className="conversation" tabIndex={-1}>
      <Header channel={channel} />
      {isApp && <Tabs tab={shown} />}
      {isApp ? (
        <div className="tabpanel" role="tabpanel" id="app-panel" aria-labelledby={`tab-${shown}`}>
          {shown === "home" && <HomeTab />}
          {shown === "about" && <About />}
          {shown === "messages" && <Messages channel={channel} me={me} />}
        </div>
      ) : (
        <Messages channel={channel} me={me} />
      )}
    </main>
  );
}

function Tabs({ tab }: { tab: Place["tab"] }) {
  const move = (by: number) => {
    const at = TABS.findIndex(([each]) => each === tab);
    const next = TABS[(at + by + TABS.length) % TABS.length][0];
    go({ tab: next, thread: null });
    document.getElementById(`tab-${next}`)?.focus();
  };
  return (
    <div
      className="tabs"
      role="tablist"
      aria-label="The app"
      onKeyDown={(event) => {
        if (event.altKey || (event.key !== "ArrowLeft" && event.key !== "ArrowRight")) return;
        event.preventDefault();
        move(event.key === "ArrowRight" ? 1 : -1);
      }}
    >
      {TABS.map(([each, name]) => (
        <button
          key={each}
          id={`tab-${each}`}
          type="button"
          role="tab"
          aria-selected={each === tab}
          aria-controls="app-panel"
          tabIndex={each === tab ? 0 : -1}
          onClick={() => go({ tab: each, thread: null })}
        >
          {name}
        </button>
      ))}
    </div>
  );
}

function Messages({ channel, me }: { channel: ChannelFacts; me: Me }) {
  const workspace = useWorkspace();
  const facts = useFact<ChannelMessages>(`channel:${channel.id}`);
  const more = useContext(EarlierContext);
  const { id } = channel;
  const onRead = useCallback(() => {
    live.ask("read", { as: me.person, channel: id }).catch(() => undefined);
  }, [me.person, id]);
  const onEarlier = useCallback(() => more(id), [more, id]);
  const fresh = facts && !facts.earlier && !facts.messages.some((ts) => concernsTheApp(id, ts));
  return (
    <>
      <MessageList
        label="Messages"
        channel={id}
        acting={me.person}
        messages={facts?.messages}
        read={facts?.read ?? ""}
        onRead={channel.member ? onRead : undefined}
        earlier={facts?.earlier ?? false}
        onEarlier={onEarlier}
        before={<Beginning channel={channel} earlier={facts?.earlier ?? true} />}
        after={fresh ? <Examples channel={channel} person={me.person} /> : undefined}
      />
      {channel.kind === "im" && <SuggestedPrompts channel={id} />}
      {channel.archived ? (
        <p className="join">This channel is archived.</p>
      ) : channel.member ? (
        <Composer channel={channel} person={me.person} label={composerLabel(channel, workspace)} />
      ) : (
        <Join channel={channel} />
      )}
    </>
  );
}

/** Whether a message is to the app or of it: where none is, the reader may not know how to begin. */
function concernsTheApp(channel: string, ts: string): boolean {
  const message = (live.get(`message:${channel}/${ts}`) as MessageFacts | undefined)?.message;
  const app = (live.get("workspace") as Workspace | undefined)?.app.user_id;
  const direct =
    (live.get("workspace") as Workspace | undefined)?.channels.find(({ id }) => id === channel)?.kind === "im";
  return direct || message?.user === app || Boolean(message?.text?.includes(`<@${app}>`));
}

function Beginning({ channel, earlier }: { channel: ChannelFacts; earlier: boolean }) {
  const workspace = useWorkspace();
  if (earlier) return null;
  const name = conversationName(channel, workspace);
  const withApp = channel.members.some(isTheApp);
  const bot = workspace?.app.name ?? "the app";
  return (
    <div className="beginning">
      <h2>{name}</h2>
      {channel.kind === "im" ? (
        <p>
          What you write here goes to {bot}, without a mention. Each message begins a conversation of its own; go on in
          its thread.
        </p>
      ) : (
        <p>
          This is the beginning of {name}.{" "}
          {withApp ? `Mention @${bot} and it answers in a thread.` : `${bot} is not in this channel yet.`}
        </p>
      )}
    </div>
  );
}

function Join({ channel }: { channel: ChannelFacts }) {
  const [asked, setAsked] = useState(false);
  const join = async () => {
    setAsked(true);
    await live.ask("join", { as: acting(), channel: channel.id }).catch(complain);
    setAsked(false);
  };
  return (
    <div className="join">
      <p>You are reading #{channel.name} without being in it.</p>
      <button type="button" className="button primary" disabled={asked} onClick={join}>
        Join channel
      </button>
    </div>
  );
}
