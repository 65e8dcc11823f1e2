/** What can be done with a message: shown while the pointer or the keyboard is on it. */
import { useEffect, useRef, useState } from "react";
import { Emoji } from "../blocks/Text";
import { live } from "../live";
import { complain } from "../notices";
import { go } from "../place";
import { Confirm } from "./Dialog";
import { focusComposer } from "./composing";
import { BinIcon, PencilIcon, SmileIcon, ThreadIcon } from "./icons";
import { COMMON, react } from "./Reactions";
import { Shortcuts } from "./Shortcuts";

interface Props {
  channel: string;
  ts: string;
  acting: string;
  own: boolean;
  /** The root of the thread to reply in; null where one is in it already. */
  reply: string | null;
  onEdit: () => void;
  /** Told whether something of it is open, so that it stays in sight. */
  onHold: (held: boolean) => void;
}

/** The buttons. */
export function Toolbar({ channel, ts, acting, own, reply, onEdit, onHold }: Props) {
  const [open, setOpen] = useState<"react" | "delete" | null>(null);
  const bar = useRef<HTMLDivElement>(null);
  const show = (what: typeof open) => {
    setOpen(what);
    onHold(what !== null);
  };
  const remove = () => live.ask("delete", { as: acting, channel, ts }).catch(complain);
  useEffect(() => {
    if (open !== "react") return;
    const outside = (event: Event) => {
      if (!bar.current?.contains(event.target as Node)) show(null);
    };
    document.addEventListener("pointerdown", outside);
    document.addEventListener("focusin", outside);
    return () => {
      document.removeEventListener("pointerdown", outside);
      document.removeEventListener("focusin", outside);
    };
  });
  return (
    <div className="toolbar" ref={bar} role="group" aria-label="Message actions">
      <button
        type="button"
        className="icon"
        aria-label="Add reaction"
        title="Add reaction"
        aria-haspopup="menu"
        aria-expanded={open === "react"}
        onClick={() => show(open === "react" ? null : "react")}
      >
        <SmileIcon />
      </button>
      {reply && (
        <button
          type="button"
          className="icon"
          aria-label="Reply in thread"
          title="Reply in thread"
          onClick={() => {
            go({ channel, thread: reply });
            focusComposer("aside[aria-label=Thread]");
          }}
        >
          <ThreadIcon />
        </button>
      )}
      <Shortcuts acting={acting} message={{ channel, ts }} />
      {own && (
        <button type="button" className="icon" aria-label="Edit message" title="Edit message" onClick={onEdit}>
          <PencilIcon />
        </button>
      )}
      {own && (
        <button
          type="button"
          className="icon"
          aria-label="Delete message"
          title="Delete message"
          onClick={() => show("delete")}
        >
          <BinIcon />
        </button>
      )}
      {open === "react" && (
        <Picker
          onPick={(name) => {
            if (name) react(acting, channel, ts, name);
            show(null);
            bar.current?.querySelector("button")?.focus();
          }}
        />
      )}
      {open === "delete" && (
        <Confirm
          title="Delete message"
          text="Delete this message? This cannot be undone."
          yes="Delete"
          onYes={remove}
          onClose={() => show(null)}
        />
      )}
    </div>
  );
}

function Picker({ onPick }: { onPick: (name: string | null) => void }) {
  const menu = useRef<HTMLDivElement>(null);
  useEffect(() => menu.current?.querySelector("button")?.focus(), []);
  return (
    <div
      ref={menu}
      className="picker"
      role="menu"
      aria-label="Reactions"
      onKeyDown={(event) => {
        const all = [...(menu.current?.querySelectorAll("button") ?? [])];
        const at = all.indexOf(document.activeElement as HTMLButtonElement);
        if (event.key === "Escape") onPick(null);
        else if (event.key === "ArrowRight" || event.key === "ArrowDown") all[(at + 1) % all.length].focus();
        else if (event.key === "ArrowLeft" || event.key === "ArrowUp") all[(at - 1 + all.length) % all.length].focus();
        else return;
        event.preventDefault();
        event.stopPropagation();
      }}
    >
      {COMMON.map((name) => (
        <button key={name} type="button" role="menuitem" tabIndex={-1} aria-label={name} onClick={() => onPick(name)}>
          <Emoji name={name} />
        </button>
      ))}
    </div>
  );
}
