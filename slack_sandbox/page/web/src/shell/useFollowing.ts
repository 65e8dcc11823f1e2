/** A list that stays at its newest entry while the reader is there, and keeps its place while they are not. */
import { useCallback, useEffect, useLayoutEffect, useRef, useState, type RefObject } from "react";

const NEAR = 48;

export interface Following {
  scroller: RefObject<HTMLDivElement | null>;
  content: RefObject<HTMLDivElement | null>;
  /** Whether the newest entry is in sight. */
  atEnd: boolean;
  /** Go to the newest entry and stay there. */
  follow: () => void;
  onScroll: () => void;
}

/**
 * Put the references on the scrolling element and on what is in it, and `onScroll` on the former. Where the reader is
 * not at the end, the browser's own scroll anchoring keeps what they look at in its place.
 */
export function useFollowing(): Following {
  const scroller = useRef<HTMLDivElement>(null);
  const content = useRef<HTMLDivElement>(null);
  const following = useRef(true);
  const last = useRef({ top: 0, most: 0 });
  const [atEnd, setAtEnd] = useState(true);

  const toEnd = useCallback(() => {
    const list = scroller.current;
    if (list && following.current) list.scrollTop = list.scrollHeight;
  }, []);

  const follow = useCallback(() => {
    following.current = true;
    setAtEnd(true);
    toEnd();
  }, [toEnd]);

  const onScroll = useCallback(() => {
    const list = scroller.current;
    if (!list) return;
    const before = last.current;
    const now = (last.current = { top: list.scrollTop, most: list.scrollHeight - list.clientHeight });
    const near = now.most - now.top < NEAR;
    // What grows or shrinks scrolls too; only a reader who scrolls up leaves the end.
    const left = now.top < before.top - 1 && now.most >= before.most;
    if (near) following.current = true;
    else if (left) following.current = false;
    setAtEnd(following.current);
    if (!near) toEnd();
  }, [toEnd]);

  useLayoutEffect(toEnd);
  useEffect(() => {
    const seen = new ResizeObserver(toEnd);
    if (scroller.current) seen.observe(scroller.current);
    if (content.current) seen.observe(content.current);
    return () => seen.disconnect();
  }, [toEnd]);

  return { scroller, content, atEnd, follow, onScroll };
}
