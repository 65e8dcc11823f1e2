/** Moving to where one writes. */
import { go, here } from "../place";
import { NARROW } from "./arrival";

/** Put the keyboard into the field of a pane, at the end of what stands there. */
export function focusComposer(pane: "main" | "aside[aria-label=Thread]"): void {
  requestAnimationFrame(() => {
    const field = document.querySelector<HTMLTextAreaElement>(`${pane} .composer textarea`);
    field?.focus();
    field?.setSelectionRange(field.value.length, field.value.length);
  });
}

/**
 * A message at the top of the direct message with the app begins a conversation: its thread is opened beside it, where
 * there is room and no other one is open.
 */
export function openConversation(channel: string, ts: unknown): void {
  const place = here();
  if (typeof ts !== "string" || place.channel !== channel || place.thread || matchMedia(NARROW).matches) return;
  go({ thread: ts });
}
