/** A scrolled box that stays at its newest line until the reader scrolls up. */
import { useLayoutEffect, useRef, useState } from "react";
import type { RefObject } from "react";

const NEAR = 40;

interface Following<E extends HTMLElement> {
  /** For the box. */
  ref: RefObject<E | null>;
  onScroll: () => void;
  following: boolean;
  /** Go to the newest line and stay there. */
  toEnd: () => void;
  /** Stay where it is. */
  hold: () => void;
}

/** To be called with what the box shows: it is scrolled whenever that becomes something else. */
export function useFollowing<E extends HTMLElement>(shown: unknown): Following<E> {
  const ref = useRef<E>(null);
  const [following, setFollowing] = useState(true);

  function down(): void {
    const box = ref.current;
    if (box) box.scrollTop = box.scrollHeight;
  }

  useLayoutEffect(() => {
    if (following) down();
  }, [shown, following]);

  return {
    ref,
    following,
    onScroll: () => {
      const box = ref.current;
      if (box) setFollowing(box.scrollHeight - box.scrollTop - box.clientHeight < NEAR);
    },
    toEnd: () => {
      setFollowing(true);
      down();
    },
    hold: () => setFollowing(false),
  };
}
