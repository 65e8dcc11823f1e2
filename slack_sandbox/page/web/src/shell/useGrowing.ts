/** Text fields that are as high as what stands in them. */
import { useLayoutEffect, type RefObject } from "react";

/** Fit the field's height to its text; the style sheet says how high it may become. */
export function useGrowing(field: RefObject<HTMLTextAreaElement | null>, text: string): void {
  useLayoutEffect(() => {
    const shown = field.current;
    if (!shown) return;
    shown.style.height = "auto";
    shown.style.height = `${shown.scrollHeight + shown.offsetHeight - shown.clientHeight}px`;
  }, [field, text]);
}
