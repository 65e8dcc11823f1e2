/** Keeps the keyboard near what was used when that goes away, such as a button of a card that is decided. */

const TAKES_FOCUS = "[tabindex], a[href], button, input, select, textarea, dialog";
const PASSING = ".notices";

/** Watch the page. Returns what ends that. */
export function keepFocus(): () => void {
  let around: HTMLElement[] = [];
  let before: HTMLElement | null = null;

  const focused = (event: FocusEvent) => {
    const element = event.target as HTMLElement;
    around = [];
    for (let each: HTMLElement | null = element; each; each = each.parentElement) around.push(each);
    if (!element.closest(PASSING)) before = element;
  };

  const changed = () => {
    const [lost] = around;
    if (!lost || lost.isConnected || (document.activeElement && document.activeElement !== document.body)) return;
    const passing = around.some((each) => each.matches(PASSING));
    const near = passing ? before : around.find((each) => each.isConnected && each.matches(TAKES_FOCUS));
    around = [];
    if (near?.isConnected) near.focus({ preventScroll: true });
  };

  const observer = new MutationObserver(changed);
  document.addEventListener("focusin", focused);
  observer.observe(document.body, { childList: true, subtree: true });
  return () => {
    document.removeEventListener("focusin", focused);
    observer.disconnect();
  };
}
