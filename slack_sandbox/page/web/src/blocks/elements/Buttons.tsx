/** Buttons of every kind. */
import { useState } from "react";
import type { Json } from "../../types";
import { Emoji, TextObject, wordsOf } from "../Text";
import { safeAddress } from "../links";
import { useElement, type ElementProps } from "./use";

/** A button or workflow_button; one with an address opens it, too. */
export function Button({ element, block, acts }: ElementProps) {
  const { act, busy } = useElement({ element, block, acts });
  const address = element.url ? safeAddress(element.url) : null;
  const shared = {
    className: `bk-button ${element.style ?? ""}`,
    "aria-label": element.accessibility_label || undefined,
    "aria-busy": busy || undefined,
    "aria-disabled": busy || undefined,
  };
  if (address !== null && !element.confirm) {
    return (
      <a {...shared} href={address} target="_blank" rel="noopener noreferrer" onClick={() => void act()}>
        <TextObject text={element.text} />
      </a>
    );
  }
  const press = async () => {
    if ((await act()) !== "declined" && address !== null) window.open(address, "_blank", "noopener,noreferrer");
  };
  return (
    <button type="button" {...shared} onClick={() => void press()}>
      <TextObject text={element.text} />
    </button>
  );
}

/** An icon with a name. */
export function IconButton({ element, block, acts }: ElementProps) {
  const { act, busy } = useElement({ element, block, acts });
  const name = element.accessibility_label || wordsOf(element.text);
  return (
    <button
      type="button"
      className="bk-icon"
      aria-label={name}
      title={wordsOf(element.text)}
      aria-busy={busy || undefined}
      aria-disabled={busy || undefined}
      onClick={() => void act()}
    >
      <Trash />
    </button>
  );
}

function Trash() {
  return (
    <svg
      viewBox="0 0 20 20"
      width="16"
      height="16"
      aria-hidden="true"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.5"
    >
      <path d="M3.5 5.5h13M8 5.5v-2h4v2M5 5.5l.8 11h8.4l.8-11M8.5 8.5v5M11.5 8.5v5" strokeLinecap="round" />
    </svg>
  );
}

/** A good and a bad mark for an answer. */
export function FeedbackButtons({ element, block, acts }: ElementProps) {
  const { act, busy } = useElement({ element, block, acts });
  const [given, setGiven] = useState<string | null>(null);
  const one = (button: Json, emoji: string) => (
    <button
      type="button"
      className="bk-icon"
      aria-label={button.accessibility_label || wordsOf(button.text)}
      title={wordsOf(button.text)}
      aria-pressed={given === button.value}
      aria-busy={busy || undefined}
      aria-disabled={busy || undefined}
      onClick={async () => {
        if ((await act(button.value)) === "done") setGiven(button.value);
      }}
    >
      <span aria-hidden="true">
        <Emoji name={emoji} />
      </span>
    </button>
  );
  return (
    <span className="bk-feedback">
      {one(element.positive_button, "thumbsup")}
      {one(element.negative_button, "thumbsdown")}
    </span>
  );
}
