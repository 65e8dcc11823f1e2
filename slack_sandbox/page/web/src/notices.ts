/** Short sentences at the edge of the page: what could not be done, and what was. */
import { useSyncExternalStore } from "react";

export interface Notice {
  number: number;
  kind: "complaint" | "information";
  text: string;
}

/** How long a notice stays, in milliseconds, while nobody has the pointer or the keyboard on it. */
export const STAYS: Record<Notice["kind"], number> = { information: 5000, complaint: 15000 };
const MOST = 4;

let notices: Notice[] = [];
let number = 0;
const listeners = new Set<() => void>();

/** Show what went wrong, in the words of the error. Shown again, the same sentence only stays longer. */
export function complain(error: unknown): void {
  const text = error instanceof Error ? error.message : String(error);
  add("complaint", text || "Something went wrong in the page.");
}

/** Show something that needs no answer. */
export function inform(text: string): void {
  add("information", text);
}

/** Take a notice away. */
export function forget(which: number): void {
  set(notices.filter((notice) => notice.number !== which));
}

/** The notices that are shown now, the newest last. */
export function useNotices(): Notice[] {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => notices,
  );
}

function add(kind: Notice["kind"], text: string): void {
  const notice = { number: ++number, kind, text };
  set([...notices.filter((other) => other.text !== text), notice].slice(-MOST));
}

function set(next: Notice[]): void {
  notices = next;
  for (const listener of [...listeners]) listener();
}
