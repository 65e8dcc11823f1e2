/** Texts: Slack's mrkdwn, plain text and emoji. */
import { memo, useMemo } from "react";
import type { Json } from "../types";
import { emojiOf, withEmoji } from "./emoji";
import { richFrom } from "./mrkdwn";
import { Rich } from "./Rich";

/** A text in Slack's mrkdwn. */
export const Mrkdwn = memo(function Mrkdwn({ text }: { text: string }) {
  const elements = useMemo(() => richFrom(text), [text]);
  return <Rich elements={elements} />;
});

/** A text without markup, emoji names drawn. */
export function Plain({ text }: { text: string }) {
  return (
    <span className="plain">
      {withEmoji(text).map((each, index) =>
        typeof each === "string" ? each : <Emoji key={index} name={each.emoji} />,
      )}
    </span>
  );
}

/** An emoji by its name, without colons. */
export function Emoji({ name, tone }: { name: string; tone?: number }) {
  const found = emojiOf(name, tone);
  if (found === null) return <span>{`:${name}:`}</span>;
  return (
    <span
      className="emoji"
      role="img"
      aria-label={`${name.split("::")[0].replaceAll("_", " ")} emoji`}
      title={`:${name}:`}
    >
      {found}
    </span>
  );
}

/** A text object of a block: plain_text or mrkdwn. */
export function TextObject({ text }: { text: Json | string | undefined | null }) {
  if (text === undefined || text === null) return null;
  if (typeof text === "string") return <Plain text={text} />;
  if (text.type === "mrkdwn") return <Mrkdwn text={String(text.text ?? "")} />;
  return text.emoji === false ? <span className="plain">{text.text}</span> : <Plain text={String(text.text ?? "")} />;
}

/** What a text object says, for names and lists of choices. */
export function wordsOf(text: Json | string | undefined | null): string {
  const words = typeof text === "string" ? text : String(text?.text ?? "");
  if (typeof text === "object" && text?.emoji === false) return words;
  return withEmoji(words)
    .map((each) => (typeof each === "string" ? each : (emojiOf(each.emoji) ?? "")))
    .join("");
}
