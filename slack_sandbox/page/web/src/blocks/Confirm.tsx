/** The question that is asked before an element counts. */
import { useId, useLayoutEffect, useRef, useSyncExternalStore } from "react";
import type { Json } from "../types";
import { TextObject, wordsOf } from "./Text";

interface Asked {
  confirm: Json;
  answer: (yes: boolean) => void;
}

let asked: Asked | null = null;
const listeners = new Set<() => void>();

function set(next: Asked | null): void {
  asked = next;
  for (const listener of [...listeners]) listener();
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Ask the question of an element, if it has one; true when the person agrees. */
export function confirmed(confirm: Json | undefined): Promise<boolean> {
  if (!confirm) return Promise.resolve(true);
  asked?.answer(false);
  return new Promise((resolve) =>
    set({
      confirm,
      answer: (yes) => {
        set(null);
        resolve(yes);
      },
    }),
  );
}

/** The window of the question that is asked now. It stands once on the page. */
export function Confirmation() {
  const now = useSyncExternalStore(subscribe, () => asked);
  return now && <Question {...now} />;
}

function Question({ confirm, answer }: Asked) {
  const dialog = useRef<HTMLDialogElement>(null);
  const title = useId();
  useLayoutEffect(() => {
    const shown = dialog.current;
    shown?.showModal();
    return () => shown?.close();
  }, []);
  return (
    <dialog
      ref={dialog}
      className="bk-window question"
      aria-labelledby={title}
      onCancel={(event) => {
        event.preventDefault();
        answer(false);
      }}
      onKeyDown={(event) => event.key !== "Tab" && event.stopPropagation()}
    >
      <header>
        <h2 id={title}>{wordsOf(confirm.title)}</h2>
      </header>
      <div className="body">
        <TextObject text={confirm.text} />
      </div>
      <footer>
        <button type="button" className="bk-button" onClick={() => answer(false)}>
          {wordsOf(confirm.deny)}
        </button>
        <button
          type="button"
          className={`bk-button filled ${confirm.style === "danger" ? "danger" : "primary"}`}
          onClick={() => answer(true)}
        >
          {wordsOf(confirm.confirm)}
        </button>
      </footer>
    </dialog>
  );
}
