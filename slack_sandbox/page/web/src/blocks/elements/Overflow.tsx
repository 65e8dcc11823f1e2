/** The three dots that open a menu. */
import { useEffect, useRef, useState, type KeyboardEvent } from "react";
import type { Json } from "../../types";
import { safeAddress } from "../links";
import { TextObject } from "../Text";
import { Popup } from "./Popup";
import { useElement, type ElementProps } from "./use";

/** An overflow menu. */
export function Overflow({ element, block, acts }: ElementProps) {
  const { act, busy } = useElement({ element, block, acts });
  const [open, setOpen] = useState(false);
  const button = useRef<HTMLButtonElement>(null);
  const menu = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (open) menu.current?.querySelector<HTMLElement>("[role=menuitem]")?.focus();
  }, [open]);

  const close = () => {
    setOpen(false);
    button.current?.focus();
  };
  const pick = (option: Json) => {
    close();
    const address = option.url ? safeAddress(option.url) : null;
    if (address !== null) window.open(address, "_blank", "noopener,noreferrer");
    void act(option.value);
  };
  const move = (event: KeyboardEvent) => {
    const items = [...(menu.current?.querySelectorAll<HTMLElement>("[role=menuitem]") ?? [])];
    const at = items.indexOf(document.activeElement as HTMLElement);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1 + items.length, Home: 0, End: items.length - 1 }[event.key];
    if (event.key === "Tab") setOpen(false);
    if (to === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    items[to % items.length]?.focus();
  };
  return (
    <>
      <button
        type="button"
        ref={button}
        className="bk-button dots"
        aria-label="More actions"
        aria-haspopup="menu"
        aria-expanded={open}
        aria-busy={busy || undefined}
        aria-disabled={busy || undefined}
        onClick={() => !busy && setOpen(!open)}
      >
        <span aria-hidden="true">•••</span>
      </button>
      {open && (
        <Popup beside={button} onClose={() => setOpen(false)} onKeyDown={move}>
          <div role="menu" aria-label="More actions" ref={menu}>
            {(element.options as Json[]).map((option, index) => (
              <button key={index} type="button" role="menuitem" tabIndex={-1} onClick={() => pick(option)}>
                <TextObject text={option.text} />
                {option.description && (
                  <small>
                    <TextObject text={option.description} />
                  </small>
                )}
              </button>
            ))}
          </div>
        </Popup>
      )}
    </>
  );
}
