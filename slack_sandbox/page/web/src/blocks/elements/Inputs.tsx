/** Fields to write in. */
import { useEffect, useRef, useState, type KeyboardEvent } from "react";
import type { Json } from "../../types";
import { mrkdwnFrom, richFrom } from "../mrkdwn";
import { wordsOf } from "../Text";
import { useElement, type ElementProps } from "./use";

const QUIET_MS = 300;
const KINDS: Record<string, string> = {
  plain_text_input: "text",
  email_text_input: "email",
  url_text_input: "url",
  number_input: "text",
};

/** A line or several lines of text, an address, a number. */
export function TextInput({ element, block, acts, labels }: ElementProps) {
  const { value, set, act, busy } = useElement({ element, block, acts });
  const timer = useRef(0);
  useEffect(() => () => window.clearTimeout(timer.current), []);
  const triggers = (element.dispatch_action_config?.trigger_actions_on ?? ["on_enter_pressed"]) as string[];
  const text = String(value ?? "");
  const shared = {
    ...labels,
    placeholder: wordsOf(element.placeholder) || undefined,
    "aria-busy": busy || undefined,
    value: text,
    onChange: (event: { target: { value: string } }) => {
      const next = event.target.value;
      set(next);
      if (!acts || !triggers.includes("on_character_entered")) return;
      window.clearTimeout(timer.current);
      timer.current = window.setTimeout(() => void act(next), QUIET_MS);
    },
    onKeyDown: (event: KeyboardEvent) => {
      if (event.key !== "Enter" || event.shiftKey || !acts || !triggers.includes("on_enter_pressed")) return;
      event.preventDefault();
      void act(text);
    },
  };
  const most = element.type === "plain_text_input" ? (element.max_length as number | undefined) : undefined;
  const left = most === undefined ? null : most - [...text].length;
  return (
    <>
      {element.multiline ? (
        <textarea {...shared} className="bk-input" rows={Math.min(12, Math.max(4, text.split("\n").length))} />
      ) : (
        <input
          {...shared}
          type={KINDS[element.type]}
          inputMode={element.type === "number_input" ? (element.is_decimal_allowed ? "decimal" : "numeric") : undefined}
          className="bk-input"
          autoComplete="off"
        />
      )}
      {left !== null && left < 20 && <span className={left < 0 ? "bk-left over" : "bk-left"}>{left}</span>}
    </>
  );
}

/** Text with Slack's marks; it is sent as rich text. */
export function RichInput({ element, block, acts, labels }: ElementProps) {
  const { value, set, act, busy } = useElement({ element, block, acts });
  const [text, setText] = useState(() => (value ? mrkdwnFrom(value as Json) : ""));
  const rich = (given: string) => (given.trim() ? { type: "rich_text", elements: richFrom(escaped(given)) } : "");
  return (
    <>
      <textarea
        {...labels}
        className="bk-input"
        rows={Math.max(3, element.min_lines ?? 0)}
        value={text}
        placeholder={wordsOf(element.placeholder) || undefined}
        aria-busy={busy || undefined}
        onChange={(event) => {
          setText(event.target.value);
          set(rich(event.target.value));
        }}
        onBlur={() => acts && void act(rich(text))}
      />
      <small className="bk-marks" aria-hidden="true">
        *bold* _italic_ ~struck~ `code` &gt; quotation
      </small>
    </>
  );
}

/** What is typed is text, except mentions and links that stand in brackets of their own. */
function escaped(text: string): string {
  const piece = (each: string, index: number) =>
    index % 2 ? each : each.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
  return text
    .split(/(<(?:[@#][A-Z0-9]+|https?:[^<>\s]+)>)/)
    .map(piece)
    .join("");
}
