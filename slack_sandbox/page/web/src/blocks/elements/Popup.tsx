/** What opens beside a button and goes away again: menus and lists. */
import { useLayoutEffect, useRef, type KeyboardEvent, type ReactNode, type RefObject } from "react";

const GAP = 4;

/** Above everything else, beside its button, as wide as it needs and as high as there is room. */
export function Popup(props: {
  beside: RefObject<HTMLElement | null>;
  onClose: () => void;
  onKeyDown?: (event: KeyboardEvent) => void;
  className?: string;
  children: ReactNode;
}) {
  const { beside, onClose, onKeyDown, className = "", children } = props;
  const place = useRef<HTMLDivElement>(null);
  const close = useRef(onClose);
  close.current = onClose;

  useLayoutEffect(() => {
    const popup = place.current;
    const anchor = beside.current;
    if (!popup || !anchor) return;
    popup.showPopover();
    settle(popup, anchor);
    popup.querySelector("input")?.focus();
    const outside = (event: Event) => {
      if (!popup.contains(event.target as Node) && !anchor.contains(event.target as Node)) close.current();
    };
    const moved = (event: Event) => !popup.contains(event.target as Node) && settle(popup, anchor);
    document.addEventListener("pointerdown", outside);
    document.addEventListener("focusin", outside);
    window.addEventListener("resize", moved);
    document.addEventListener("scroll", moved, true);
    return () => {
      document.removeEventListener("pointerdown", outside);
      document.removeEventListener("focusin", outside);
      window.removeEventListener("resize", moved);
      document.removeEventListener("scroll", moved, true);
    };
  }, [beside]);

  useLayoutEffect(() => {
    if (place.current && beside.current) settle(place.current, beside.current);
  });

  const keys = (event: KeyboardEvent) => {
    if (event.key === "Escape") {
      event.stopPropagation();
      event.preventDefault();
      onClose();
      beside.current?.focus();
    } else onKeyDown?.(event);
  };
  return (
    <div ref={place} popover="manual" className={`popup ${className}`} onKeyDown={keys}>
      {children}
    </div>
  );
}

function settle(popup: HTMLElement, anchor: HTMLElement): void {
  const at = anchor.getBoundingClientRect();
  const below = window.innerHeight - at.bottom;
  const upwards = below < Math.min(popup.scrollHeight, 240) && at.top > below;
  popup.style.maxHeight = `${Math.max(80, Math.min(320, (upwards ? at.top : below) - 2 * GAP))}px`;
  popup.style.minWidth = `${Math.min(at.width, window.innerWidth - 2 * GAP)}px`;
  const left = Math.max(GAP, Math.min(at.left, window.innerWidth - popup.offsetWidth - GAP));
  popup.style.left = `${left}px`;
  popup.style.top = upwards ? `${at.top - GAP - popup.offsetHeight}px` : `${at.bottom + GAP}px`;
}
