/** Whether the inspector is open, which of its tabs is shown, and how wide it is: remembered in this browser. */
import { useSyncExternalStore } from "react";

/** The tabs, in the order of showing. */
export const TABS = ["Traffic", "Faults", "Bot", "Scenario"] as const;

/** One of the tabs. */
export type Tab = (typeof TABS)[number];

interface Layout {
  open: boolean;
  tab: Tab;
  width: number;
}

const KEY = "inspector";

/** The least and the greatest width, in pixels. */
export const NARROWEST = 320;
export const WIDEST = 1000;

/** Where the panel covers the page: the same as in inspector.css. */
const COVERING = "(max-width: 720px)";

const listeners = new Set<() => void>();
let layout: Layout = remembered();

function remembered(): Layout {
  const found: Layout = { open: false, tab: "Traffic", width: 460 };
  try {
    const kept = JSON.parse(localStorage.getItem(KEY) ?? "{}");
    if (typeof kept.open === "boolean") found.open = kept.open;
    if (TABS.includes(kept.tab)) found.tab = kept.tab;
    if (typeof kept.width === "number") found.width = within(kept.width);
  } catch {
    // What cannot be read is as good as nothing remembered; so is a browser that keeps nothing.
  }
  return found;
}

function within(width: number): number {
  return Math.min(WIDEST, Math.max(NARROWEST, Math.round(width)));
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Change some of it; a width is kept within what can be used. */
export function arrange(change: Partial<Layout>): void {
  layout = { ...layout, ...change };
  layout.width = within(layout.width);
  try {
    localStorage.setItem(KEY, JSON.stringify(layout));
  } catch {
    // A browser that keeps nothing: it holds until the page is loaded again.
  }
  for (const listener of [...listeners]) listener();
}

/** Let the reader see the conversations: the panel closes where it covers them. */
export function uncover(): void {
  if (matchMedia(COVERING).matches) arrange({ open: false });
}

/** All of it; the component is drawn again when it changes. */
export function useLayout(): Layout {
  return useSyncExternalStore(subscribe, () => layout);
}

/** Whether the inspector is open: as `watch` gets it. */
export function useInspectorOpen(): boolean {
  return useSyncExternalStore(subscribe, () => layout.open);
}
