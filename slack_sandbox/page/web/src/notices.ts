/** Short sentences at the edge of the page: what could not be done, and what was. */
import { useSyncExternalStore } from "react";

export interface Notice {
  number: number;
  kind: "complaint" | "information";
  text: string;
}

const INFORMATION_MS = 5000;
const COMPLAINT_MS = 15000;
const MOST = 4;

let notices: Notice[] = [];
let number = 0;
const listeners = new Set<() => void>();

/** Tell what went wrong, in the words of the error. Told again, the same sentence only stays longer. */
export function complain(error: unknown): void {
  const text = error instanceof Error ? error.message : String(error);
  add("complaint", text || "Something went wrong in the page.");
}

/** Tell something that needs no answer. */
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
  setTimeout(() => forget(notice.number), kind === "complaint" ? COMPLAINT_MS : INFORMATION_MS);
}

function set(next: Notice[]): void {
  notices = next;
  for (const listener of [...listeners]) listener();
}
