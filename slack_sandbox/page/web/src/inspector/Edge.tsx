/** The inspector's left edge, by which it is made wider and narrower. */
import type { KeyboardEvent, PointerEvent } from "react";
import { arrange, NARROWEST, WIDEST } from "./open";

const STEP = 24;

/** A separator that is dragged, or moved with the arrow keys. */
export function Edge({ width }: { width: number }) {
  function drag(event: PointerEvent<HTMLDivElement>): void {
    if (!event.currentTarget.hasPointerCapture(event.pointerId)) return;
    const right = event.currentTarget.parentElement?.getBoundingClientRect().right ?? window.innerWidth;
    arrange({ width: right - event.clientX });
  }

  function press(event: KeyboardEvent): void {
    const change = { ArrowLeft: STEP, ArrowRight: -STEP, Home: WIDEST, End: -WIDEST }[event.key];
    if (change === undefined) return;
    event.preventDefault();
    arrange({ width: width + change });
  }

  return (
    <div
      role="separator"
      aria-label="Width of the inspector"
      aria-orientation="vertical"
      aria-valuenow={width}
      aria-valuemin={NARROWEST}
      aria-valuemax={WIDEST}
      tabIndex={0}
      className="inspector-edge"
      onKeyDown={press}
      onPointerDown={(event) => {
        event.preventDefault();
        event.currentTarget.setPointerCapture(event.pointerId);
      }}
      onPointerMove={drag}
    />
  );
}
