/** The keys that work everywhere on the page. */
import { useEffect, useRef } from "react";
import { appChannel, listed } from "../people";
import { go, here } from "../place";
import type { Me } from "../types";

const PANES = [
  "header.topbar",
  ".banner:has(button)",
  "nav.sidebar",
  "main",
  "aside[aria-label=Thread]",
  "aside[aria-label=Inspector]",
];
const USABLE =
  "textarea, [aria-current=page], [role=tab][aria-selected=true], a[href], button:enabled, select, input:enabled";

/**
 * Ctrl/Cmd+K opens the switcher, Alt+Up and Alt+Down go to the conversation above or below, F6 goes to the next pane
 * (Shift+F6 back), Escape closes the thread.
 */
export function useKeys(me: Me | undefined, onSwitch: () => void): void {
  const now = useRef({ me, onSwitch });
  now.current = { me, onSwitch };
  useEffect(() => {
    const pressed = (event: KeyboardEvent) => {
      const { me, onSwitch } = now.current;
      if (event.defaultPrevented || document.querySelector("dialog[open]")) return;
      if ((event.ctrlKey || event.metaKey) && !event.altKey && event.key.toLowerCase() === "k") onSwitch();
      else if (event.altKey && (event.key === "ArrowUp" || event.key === "ArrowDown")) {
        step(me, event.key === "ArrowUp" ? -1 : 1);
      } else if (event.key === "F6") nextPane(event.shiftKey ? -1 : 1);
      else if (event.key === "Escape" && here().thread) closeThread();
      else return;
      event.preventDefault();
    };
    document.addEventListener("keydown", pressed);
    return () => document.removeEventListener("keydown", pressed);
  }, []);
}

/** Close the thread; the keyboard goes back to the message it belongs to. */
export function closeThread(): void {
  const { channel, thread } = here();
  go({ thread: null });
  requestAnimationFrame(() => {
    const root = document.querySelector<HTMLElement>(`main article[data-ts="${thread}"][data-channel="${channel}"]`);
    (
      root?.querySelector<HTMLElement>(".summary") ??
      root ??
      document.querySelector<HTMLElement>("main textarea")
    )?.focus();
  });
}

function step(me: Me | undefined, by: number): void {
  if (!me) return;
  const app = appChannel(me);
  const all = [...listed(me), ...(app ? [app] : [])];
  const at = all.findIndex((channel) => channel.id === here().channel);
  const next = all[at + by];
  if (next) go({ channel: next.id, thread: null, tab: "messages" });
}

function nextPane(by: number): void {
  const panes = PANES.map((pane) => document.querySelector<HTMLElement>(pane)).filter(
    (pane): pane is HTMLElement => pane !== null && pane.checkVisibility({ visibilityProperty: true }),
  );
  if (!panes.length) return;
  const at = panes.findIndex((pane) => pane.contains(document.activeElement));
  const next = panes[(at + by + panes.length) % panes.length];
  const usable = [...next.querySelectorAll<HTMLElement>(USABLE)];
  (usable.find((each) => each.checkVisibility({ opacityProperty: true, visibilityProperty: true })) ?? next).focus();
}
