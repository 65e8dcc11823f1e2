/** The window in which one types where to go. */
import { useState, type KeyboardEvent } from "react";
import { appChannel, conversationName, listed, useWorkspace } from "../people";
import type { Me } from "../types";
import { Dialog } from "./Dialog";

/** A field and what fits; `onClose` gets the id of the chosen conversation. */
export function Switcher({ me, onClose }: { me: Me; onClose: (channel?: string) => void }) {
  const workspace = useWorkspace();
  const [query, setQuery] = useState("");
  const [at, setAt] = useState(0);
  const app = appChannel(me);
  const wanted = query.trim().replace(/^[#@]/, "").toLowerCase();
  const found = [...listed(me), ...(app ? [app] : [])]
    .map((channel) => ({ channel, name: conversationName(channel, workspace) }))
    .filter(({ name }) => name.toLowerCase().includes(wanted))
    .sort((a, b) => b.channel.unread - a.channel.unread);
  const chosen = Math.min(at, found.length - 1);
  const press = (event: KeyboardEvent) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      const by = event.key === "ArrowDown" ? 1 : -1;
      setAt((chosen + by + found.length) % Math.max(1, found.length));
    } else if (event.key === "Enter" && found[chosen]) onClose(found[chosen].channel.id);
    else return;
    event.preventDefault();
  };
  return (
    <Dialog title="Go to a conversation" className="switcher" onClose={() => onClose()}>
      <div className="body">
        <input
          role="combobox"
          aria-label="Name of a conversation"
          aria-expanded={found.length > 0}
          aria-controls="switcher-list"
          aria-autocomplete="list"
          aria-activedescendant={found[chosen] ? `switch-${found[chosen].channel.id}` : undefined}
          placeholder="Where to?"
          value={query}
          onChange={(event) => {
            setQuery(event.target.value);
            setAt(0);
          }}
          onKeyDown={press}
        />
        <ul id="switcher-list" role="listbox" aria-label="Conversations that fit" className="options">
          {found.map(({ channel, name }, index) => (
            <li
              key={channel.id}
              id={`switch-${channel.id}`}
              role="option"
              aria-selected={index === chosen}
              onMouseMove={() => setAt(index)}
              onClick={() => onClose(channel.id)}
            >
              <span>{name}</span>
              <small>
                {channel.unread > 0 ? `${channel.unread} unread` : channel.kind === "im" ? "App" : channel.topic}
              </small>
            </li>
          ))}
        </ul>
        {found.length === 0 && <p className="muted">Nothing here is called that.</p>}
      </div>
    </Dialog>
  );
}
