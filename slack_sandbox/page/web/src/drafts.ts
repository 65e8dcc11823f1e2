/** What was typed and not sent yet, for each conversation and thread of each person: kept in this browser tab. */
import { useSyncExternalStore } from "react";

export interface Attached {
  id: string;
  name: string;
  size: number;
}

export interface Draft {
  text: string;
  files: Attached[];
}

const NONE: Draft = { text: "", files: [] };
const kept = new Map<string, Draft>();
const listeners = new Set<() => void>();

/** The name under which the draft of a place is kept. */
export function draftKey(person: string, channel: string, thread: string | null): string {
  return `draft ${person} ${channel} ${thread ?? ""}`;
}

/** The draft of now. */
export function draft(key: string): Draft {
  const found = kept.get(key);
  if (found) return found;
  const read = stored(key);
  kept.set(key, read);
  return read;
}

/** Keep another draft. */
export function setDraft(key: string, change: Partial<Draft>): void {
  const next = { ...draft(key), ...change };
  kept.set(key, next);
  try {
    if (next.text || next.files.length) sessionStorage.setItem(key, JSON.stringify(next));
    else sessionStorage.removeItem(key);
  } catch {
    // A browser that keeps nothing: the draft lasts until the page is loaded again.
  }
  for (const listener of [...listeners]) listener();
}

/** The draft; the component is drawn again when it changes. */
export function useDraft(key: string): Draft {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => draft(key),
  );
}

function stored(key: string): Draft {
  try {
    const read = JSON.parse(sessionStorage.getItem(key) ?? "null");
    if (typeof read?.text === "string" && Array.isArray(read.files)) return read;
  } catch {
    // What cannot be read is as good as no draft.
  }
  return NONE;
}
