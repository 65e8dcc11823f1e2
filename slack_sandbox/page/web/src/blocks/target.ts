/** What elements belong to, and what they know about it. */
import { createContext } from "react";
import type { Json } from "../types";

/** A message or a view. */
export type Target = { channel: string; ts: string } | { view_id: string };

/** The message or view around an element; the same object as long as it is the same one. */
export interface Scope {
  target: Target;
  /** Under which the state of its fields is kept. */
  key: string;
  /** Its blocks as they are now. */
  blocks: { current: Json[] };
}

/** The scope of the elements below. */
export const ScopeContext = createContext<Scope>({ target: { view_id: "" }, key: "", blocks: { current: [] } });

/** What is wrong with the inputs below, by block_id. */
export const ProblemsContext = createContext<Readonly<Record<string, string>>>({});

/** The key of a target. */
export function keyOf(target: Target): string {
  return "view_id" in target ? target.view_id : `${target.channel}/${target.ts}`;
}

/** Where to show that something failed; null: at the edge of the page, which cannot be reached behind a window. */
export const FailureContext = createContext<((error: unknown) => void) | null>(null);
