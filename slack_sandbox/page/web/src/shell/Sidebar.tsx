/** The conversations at the left. */
import { useState } from "react";
import { appChannel, conversationName, listed } from "../people";
import { address, go, here } from "../place";
import type { ChannelFacts, Me, Workspace } from "../types";
import { Avatar } from "./Avatar";
import { AddChannel, AddPerson } from "./Adding";
import { LockIcon, PlusIcon } from "./icons";

/** The channels and the apps; `current` is the id of the one that is open. */
export function Sidebar(props: { workspace: Workspace; me: Me | undefined; current: string | null }) {
  const { workspace, me, current } = props;
  const [adding, setAdding] = useState<"channel" | "person" | null>(null);
  const app = appChannel(me);
  const close = () => setAdding(null);
  return (
    <nav className="sidebar" aria-label="Conversations">
      <h2>Channels</h2>
      <ul>
        {(me ? listed(me) : []).map((channel) => (
          <Entry key={channel.id} channel={channel} workspace={workspace} current={channel.id === current} />
        ))}
      </ul>
      <button type="button" className="add" onClick={() => setAdding("channel")}>
        <PlusIcon /> Add channel
      </button>
      <h2>Apps</h2>
      <ul>{app && <Entry channel={app} workspace={workspace} current={app.id === current} />}</ul>
      <h2>People</h2>
      <button type="button" className="add" onClick={() => setAdding("person")}>
        <PlusIcon /> Add person
      </button>
      <p className="note">A sandbox on this computer: nothing here reaches Slack.</p>
      {adding === "channel" && <AddChannel onClose={close} />}
      {adding === "person" && <AddPerson onClose={close} />}
    </nav>
  );
}

function Entry({ channel, workspace, current }: { channel: ChannelFacts; workspace: Workspace; current: boolean }) {
  const name = conversationName(channel, workspace);
  const { unread, mentions, member } = channel;
  const place = { ...here(), channel: channel.id, thread: null, tab: "messages" as const };
  return (
    <li>
      <a
        href={address(place)}
        className={`entry${unread ? " unread" : ""}${member ? "" : " out"}`}
        aria-current={current ? "page" : undefined}
        aria-label={unread ? `${name}, ${unread} unread` : name}
        onClick={(event) => {
          if (event.ctrlKey || event.metaKey || event.shiftKey) return;
          event.preventDefault();
          go({ channel: channel.id, thread: null, tab: "messages" });
        }}
      >
        {channel.kind === "im" ? (
          <Avatar id={workspace.app.user_id} name={name} app size="small" />
        ) : channel.kind === "channel" ? (
          <span className="sign" aria-hidden="true">
            #
          </span>
        ) : (
          <LockIcon />
        )}
        <span className="name">{channel.kind === "channel" ? channel.name : name}</span>
        {mentions > 0 && <span className="badge">{mentions}</span>}
      </a>
    </li>
  );
}
