/** A button that copies a text. */
import { useEffect, useState } from "react";
import { complain } from "../notices";

const TOLD_MS = 1500;

/** `what` names the thing for those who hear the button only; `text` is asked when it is pressed. */
export function Copy({ what, text }: { what: string; text: () => string }) {
  const [copied, setCopied] = useState(false);

  useEffect(() => {
    if (!copied) return;
    const timer = setTimeout(() => setCopied(false), TOLD_MS);
    return () => clearTimeout(timer);
  }, [copied]);

  function copy(): void {
    navigator.clipboard
      .writeText(text())
      .then(() => setCopied(true))
      .catch(() => complain("This browser did not let the page copy. Select the text and copy it yourself."));
  }

  return (
    <button type="button" className="inspector-small" aria-label={`Copy ${what}`} onClick={copy}>
      {copied ? "Copied" : "Copy"}
    </button>
  );
}
