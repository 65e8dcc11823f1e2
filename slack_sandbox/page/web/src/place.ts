/** Where the reader is: who they act as, which conversation and thread they look at. It is in the address. */
import { useSyncExternalStore } from "react";

export interface Place {
  /** The acting person's id, "" until the people are known. */
  person: string;
  channel: string | null;
  /** The ts of the open thread's root. */
  thread: string | null;
  /** The tab of the app's direct message. */
  tab: "messages" | "home" | "about";
}

const TS = /^\d+\.\d+$/;

let known = "";
let current: Place = read();

function read(): Place {
  known = location.hash;
  const [person = "", channel = "", last = ""] = known.replace(/^#\/?/, "").split("/").map(decode);
  return {
    person,
    channel: channel || null,
    thread: TS.test(last) ? last : null,
    tab: last === "home" || last === "about" ? last : "messages",
  };
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return "";
  }
}

/** The address' part after the page's own: `#/U1/C1/1700000000.000100`. */
export function address(place: Place): string {
  const last = place.thread ?? (place.tab === "messages" ? null : place.tab);
  const parts = [place.person, place.channel, place.channel ? last : null].filter((part) => part !== null);
  return "#/" + parts.map(encodeURIComponent).join("/");
}

/** Where the reader is now, outside of components. */
export function here(): Place {
  if (known !== location.hash) current = read();
  return current;
}

/**
 * Go somewhere else. Another channel closes the thread and shows its messages, unless these are named too. With
 * `replace` the browser's Back does not return to the place that is left.
 */
export function go(change: Partial<Place>, replace = false): void {
  const from = here();
  const elsewhere = change.channel !== undefined && change.channel !== from.channel;
  const to: Place = { ...from, ...(elsewhere ? { thread: null, tab: "messages" } : null), ...change };
  if (change.thread) to.tab = "messages";
  else if (change.tab && change.tab !== "messages") to.thread = null;
  const hash = address(to);
  if (hash === location.hash) return;
  history[replace ? "replaceState" : "pushState"](null, "", hash);
  window.dispatchEvent(new HashChangeEvent("hashchange"));
}

/** The id of the person that the page acts as. */
export function acting(): string {
  return here().person;
}

function subscribe(listener: () => void): () => void {
  window.addEventListener("hashchange", listener);
  window.addEventListener("popstate", listener);
  return () => {
    window.removeEventListener("hashchange", listener);
    window.removeEventListener("popstate", listener);
  };
}

/** Where the reader is; the component is drawn again when that changes. */
export function usePlace(): Place {
  return useSyncExternalStore(subscribe, here);
}

/** The id of the acting person; the component is drawn again only when that is another one. */
export function useActing(): string {
  return useSyncExternalStore(subscribe, acting);
}
