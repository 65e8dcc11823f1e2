/** The head of a conversation: its name, its topic, who is in it. */
import { useState } from "react";
import { live } from "../live";
import { complain } from "../notices";
import { calledName, conversationName, nameOf, personOf, useWorkspace } from "../people";
import { acting, go } from "../place";
import type { ChannelFacts } from "../types";
import { Avatar } from "./Avatar";
import { Dialog } from "./Dialog";
import { BackIcon, LockIcon, PeopleIcon } from "./icons";

/** The head. */
export function Header({ channel }: { channel: ChannelFacts }) {
  const workspace = useWorkspace();
  const [shown, setShown] = useState(false);
  const name = conversationName(channel, workspace);
  const count = channel.members.length;
  return (
    <header className="head">
      <button
        type="button"
        className="icon back"
        aria-label="Back to the conversations"
        onClick={() => go({ channel: null })}
      >
        <BackIcon />
      </button>
      <h1>
        {channel.kind === "im" && workspace && <Avatar id={workspace.app.user_id} name={name} app size="small" />}
        {(channel.kind === "group" || channel.kind === "mpim") && <LockIcon />}
        {name}
      </h1>
      {channel.topic && (
        <p className="topic" title={channel.topic}>
          {channel.topic}
        </p>
      )}
      {channel.kind !== "im" && (
        <button
          type="button"
          className="members"
          aria-label={count === 1 ? "1 member" : `${count} members`}
          title={channel.members.map(nameOf).join(", ")}
          onClick={() => setShown(true)}
        >
          <PeopleIcon />
          {count}
        </button>
      )}
      {shown && <Members channel={channel} name={name} onClose={() => setShown(false)} />}
    </header>
  );
}

function Members({ channel, name, onClose }: { channel: ChannelFacts; name: string; onClose: () => void }) {
  const workspace = useWorkspace();
  const [busy, setBusy] = useState(false);
  const others = (workspace?.people ?? []).filter(
    (person) =>
      !person.deleted && !channel.members.includes(person.id) && (!person.bot || person.id === workspace?.app.user_id),
  );
  const [wanted, setWanted] = useState("");
  const chosen = others.find((person) => person.id === wanted) ?? others[0];
  const invite = async () => {
    if (!chosen) return;
    setBusy(true);
    const person = chosen.id === workspace?.app.user_id ? undefined : chosen.id;
    await live.ask("invite", { as: acting(), channel: channel.id, person }).catch(complain);
    setBusy(false);
  };
  return (
    <Dialog title={`Members of ${name}`} onClose={onClose}>
      <div className="body">
        <ul className="people" tabIndex={0} aria-label="Members">
          {channel.members.map((id) => {
            const person = personOf(id);
            return (
              <li key={id}>
                <Avatar id={id} name={nameOf(id)} app={person?.bot} size="small" />
                <span>{nameOf(id)}</span>
                <small>
                  {[
                    person?.bot && "App",
                    person?.outside && "Another organisation",
                    person?.deleted && "Deactivated",
                    id === acting() && "You",
                  ]
                    .filter(Boolean)
                    .join(", ")}
                </small>
              </li>
            );
          })}
        </ul>
        {others.length > 0 && channel.member && (
          <div className="invite">
            <label className="field">
              <span>Add to the channel</span>
              <select value={chosen?.id} onChange={(event) => setWanted(event.target.value)}>
                {others.map((person) => (
                  <option key={person.id} value={person.id}>
                    {calledName(person)}
                  </option>
                ))}
              </select>
            </label>
            <button type="button" className="button primary" disabled={busy} onClick={invite}>
              Add
            </button>
          </div>
        )}
      </div>
    </Dialog>
  );
}
