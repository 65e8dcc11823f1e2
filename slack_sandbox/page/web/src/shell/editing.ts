/** Which message is being edited: at most one on the page. */
import { useSyncExternalStore } from "react";

let current: string | null = null;
const listeners = new Set<() => void>();

/** Begin to edit a message, named `channel/ts/thread`, or end it with null. */
export function editing(which: string | null): void {
  current = which;
  for (const listener of [...listeners]) listener();
}

/** The message that is being edited. */
export function useEditing(): string | null {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => current,
  );
}
