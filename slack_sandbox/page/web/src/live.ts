/** The connection to the server and the facts that it keeps up to date. */
import { useSyncExternalStore } from "react";
import type { Frame, Requests } from "./types";

/** Why a request failed, in the server's words: for a person to read. */
export class Refused extends Error {}

const RETRY_MS = [100, 250, 500, 1000, 2000];

type Waiting = { resolve: (value: any) => void; reject: (error: Refused) => void };

class Live {
  private socket: WebSocket | null = null;
  private readonly facts = new Map<string, any>();
  private readonly listeners = new Map<string, Set<() => void>>();
  private readonly waiting = new Map<number, Waiting>();
  private number = 0;
  private tries = 0;
  private watched: Requests["watch"] | null = null;

  /** Open the connection, and again whenever it breaks off: facts stay, and what is watched is asked for anew. */
  connect(): void {
    const socket = (this.socket = new WebSocket(new URL("live", document.baseURI.replace(/^http/, "ws"))));
    socket.onopen = () => {
      this.tries = 0;
      if (this.watched) this.ask("watch", this.watched).catch(() => undefined);
      this.put("connected", true);
    };
    socket.onmessage = (event) => this.take(JSON.parse(event.data) as Frame);
    socket.onclose = () => {
      this.put("connected", false);
      for (const [, { reject }] of this.waiting) reject(new Refused("The connection was lost before the answer came. Look whether it was done before you do it again."));
      this.waiting.clear();
      setTimeout(() => this.connect(), RETRY_MS[Math.min(this.tries++, RETRY_MS.length - 1)]);
    };
  }

  /** Say what the page shows now. */
  watch(what: Requests["watch"]): void {
    this.watched = what;
    if (this.socket?.readyState === WebSocket.OPEN) this.ask("watch", what).catch(() => undefined);
  }

  /** Send a request; rejects with Refused when it is not done. */
  ask<K extends keyof Requests>(what: K, given: Requests[K]): Promise<any> {
    return new Promise((resolve, reject) => {
      if (this.socket?.readyState !== WebSocket.OPEN) {
        reject(new Refused("There is no connection to the sandbox just now; nothing was sent. Try again in a moment."));
        return;
      }
      const id = ++this.number;
      this.waiting.set(id, { resolve, reject });
      this.socket.send(JSON.stringify({ ...given, id, do: what }));
    });
  }

  get(key: string): any {
    return this.facts.get(key);
  }

  subscribe(key: string, listener: () => void): () => void {
    const found = this.listeners.get(key) ?? new Set();
    this.listeners.set(key, found.add(listener));
    return () => {
      found.delete(listener);
      if (!found.size) this.listeners.delete(key);
    };
  }

  private take(frame: Frame): void {
    if ("id" in frame) {
      const waiting = this.waiting.get(frame.id);
      this.waiting.delete(frame.id);
      if (frame.ok) waiting?.resolve(frame.value);
      else waiting?.reject(new Refused(frame.error));
      return;
    }
    for (const key of frame.drop ?? []) this.put(key, undefined);
    for (const [key, value] of Object.entries(frame.set ?? {})) this.put(key, value);
  }

  private put(key: string, value: any): void {
    if (value === undefined) this.facts.delete(key);
    else this.facts.set(key, value);
    for (const listener of [...(this.listeners.get(key) ?? [])]) listener();
  }
}

export const live = new Live();

/** The fact of a key, undefined while it is not known; the component is drawn again when it changes. */
export function useFact<T>(key: string): T | undefined {
  return useSyncExternalStore(
    (listener) => live.subscribe(key, listener),
    () => live.get(key) as T | undefined,
  );
}
