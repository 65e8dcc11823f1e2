/** The entries of the journal, and which of them are shown. */
import { useEffect, useReducer } from "react";
import { live, useFact } from "../live";
import type { Entry, Journal } from "../types";

/** What the reader wants to see; `kind` "" is every kind. */
export interface Filter {
  kind: Entry["kind"] | "";
  refused: boolean;
  text: string;
}

const NONE: number[] = [];

/** Every entry that the server keeps, oldest first; undefined until it has said which there are. */
export function useEntries(): Entry[] | undefined {
  const journal = useFact<Journal>("journal");
  const [, redraw] = useReducer((count: number) => count + 1, 0);
  const numbers = journal?.entries ?? NONE;

  useEffect(() => {
    let frame = 0;
    const changed = (): void => {
      frame ||= requestAnimationFrame(() => {
        frame = 0;
        redraw();
      });
    };
    const stops = numbers.map((number) => live.subscribe(`entry:${number}`, changed));
    changed();
    return () => {
      cancelAnimationFrame(frame);
      for (const stop of stops) stop();
    };
  }, [numbers]);

  return journal && numbers.map((number) => live.get(`entry:${number}`) as Entry | undefined).filter((one) => !!one);
}

/** Whether the entry is one that the reader wants to see: every word of the text stands somewhere in it. */
export function matches(entry: Entry, filter: Filter): boolean {
  if (filter.kind && entry.kind !== filter.kind) return false;
  if (filter.refused && entry.outcome !== "refused") return false;
  const all = `${entry.title}\n${entry.summary}\n${entry.outcome}\n${entry.error}`.toLowerCase();
  return filter.text
    .toLowerCase()
    .split(/\s+/)
    .every((word) => all.includes(word));
}

/** Where a message stands that an entry is about. */
export interface Spot {
  channel: string;
  ts: string;
  /** The root of its thread, null at the top level. */
  thread: string | null;
}

/** The message that a whole entry is about; null when there is none. */
export function spotOf(whole: any): Spot | null {
  const { request, response, envelope } = whole ?? {};
  const payload = envelope?.payload ?? envelope;
  const { event, container, message, channel } = payload ?? {};
  const about = [
    { ...request, ...response, thread: request?.thread_ts ?? response?.message?.thread_ts },
    event?.item,
    event?.message && { ...event.message, channel: event.channel },
    event,
    container && { ...container, channel: container.channel_id, ts: container.message_ts },
    message && { ...message, channel },
  ];
  for (const found of about) {
    const where = found?.channel?.id ?? found?.channel ?? found?.channel_id;
    const ts = found?.ts ?? found?.message_ts;
    if (typeof where !== "string" || typeof ts !== "string" || !/^\d+\.\d+$/.test(ts)) continue;
    const root = found.thread ?? found.thread_ts;
    return { channel: where, ts, thread: typeof root === "string" && root !== ts ? root : null };
  }
  return null;
}
