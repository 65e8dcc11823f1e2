/** The whole page: the bar at the top, the conversations, the one that is open, its thread, the inspector. */
import { useEffect, useState } from "react";
import { Modals } from "../blocks/Modals";
import { Inspector, useInspectorOpen } from "../inspector/Inspector";
import { live } from "../live";
import { conversationName, useMe, useWorkspace } from "../people";
import { go, usePlace } from "../place";
import { Banners } from "./Banners";
import { Conversation } from "./Conversation";
import { useArrival } from "./arrival";
import { keepFocus } from "./keeping";
import { useKeys } from "./keys";
import { Notices } from "./Notices";
import { Sidebar } from "./Sidebar";
import { Switcher } from "./Switcher";
import { Thread } from "./Thread";
import { TopBar } from "./TopBar";
import { CHUNK, EarlierContext } from "./earlier";

/** The page. */
export function App() {
  const place = usePlace();
  const workspace = useWorkspace();
  const me = useMe(place.person);
  const inspector = useInspectorOpen();
  const [switching, setSwitching] = useState(false);
  const [counts, setCounts] = useState<Record<string, number>>({});
  const channel = me?.channels.find((each) => each.id === place.channel);
  const open = channel?.id ?? null;
  const earlier = counts[open ?? ""] ?? CHUNK;

  useArrival(workspace, me, place);
  useKeys(me, () => setSwitching(true));
  useEffect(keepFocus, []);

  useEffect(() => {
    live.watch({ person: place.person, channel: open, thread: open && place.thread, earlier, inspector });
  }, [place.person, open, place.thread, earlier, inspector]);

  const name = channel ? conversationName(channel, workspace) : "";
  const waiting = (me?.channels ?? []).reduce((sum, each) => sum + each.mentions, 0);
  useEffect(() => {
    document.title = `${waiting ? `(${waiting}) ` : ""}${name ? `${name} – ` : ""}Sandbox`;
  }, [waiting, name]);

  if (!workspace) return <p className="loading">Opening the sandbox…</p>;
  const pane = !place.channel ? "list" : place.thread ? "thread" : "conversation";
  return (
    <div className="page" data-pane={pane}>
      <TopBar workspace={workspace} person={place.person} onSwitch={() => setSwitching(true)} />
      <Banners person={place.person} />
      <div className="panes">
        <Sidebar workspace={workspace} me={me} current={place.channel} />
        <EarlierContext value={(id) => setCounts((before) => ({ ...before, [id]: (before[id] ?? CHUNK) + CHUNK }))}>
          {channel && me ? (
            <Conversation key={`${me.person}/${channel.id}`} channel={channel} me={me} tab={place.tab} />
          ) : (
            <main className="conversation" tabIndex={-1} />
          )}
        </EarlierContext>
        {channel && me && place.thread && (
          <Thread key={`${me.person}/${channel.id}/${place.thread}`} channel={channel} me={me} ts={place.thread} />
        )}
        <Inspector />
      </div>
      <Modals />
      {switching && me && (
        <Switcher
          me={me}
          onClose={(chosen) => {
            setSwitching(false);
            if (chosen) go({ channel: chosen, thread: null, tab: "messages" });
          }}
        />
      )}
      <Notices />
    </div>
  );
}
