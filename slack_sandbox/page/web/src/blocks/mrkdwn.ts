/**
 * Slack's mrkdwn, read into the elements of rich text. It is no Markdown: there are no headings, lists, tables or
 * backslashes, nothing at all in code, and bold only between whole words of one line.
 *
 * https://docs.slack.dev/messaging/formatting-message-text
 */
import type { Json } from "../types";
import { withEmoji } from "./emoji";

type Style = { bold?: true; italic?: true; strike?: true; code?: true };

const FENCE = /```\n?([^]+?)\n?```/g;
const QUOTE = /^(?:&gt;|>) ?/;
const QUOTED_REST = /^(?:&gt;&gt;&gt;|>>>) ?/;
const MARKS: Record<string, Style> = { "*": { bold: true }, _: { italic: true }, "~": { strike: true } };
/** Brackets and code are whole: no mark ends within them. Each character can be read in one way only. */
const PIECE = "<[^<>\\n]*>|<(?![^<>\\n]*>)|`[^`\\n]+`|`(?![^`\\n]+`)";
const marked = (mark: string) =>
  `(?<![\\p{L}\\p{N}${mark}])${mark}(?=\\S)(?:${PIECE}|[^${mark}<\`\\n])+(?<=\\S)${mark}(?![\\p{L}\\p{N}${mark}])`;
const INLINE = new RegExp(
  `(?<control><[^<>\\n]+>)|(?<code>\`[^\`\\n]+\`)|(?<style>${["\\*", "_", "~"].map(marked).join("|")})` +
    `|(?<url>(?<![\\p{L}\\p{N}])https?:\\/\\/[^\\s<>|*~\`"]+[^\\s<>|*~\`".,;:!?')\\]_])`,
  "gu",
);

/** `&amp;`, `&lt;` and `&gt;` as the characters they stand for. */
export function unescaped(text: string): string {
  return text.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");
}

/** A mrkdwn text as the elements of a rich_text block. */
export function richFrom(text: string): Json[] {
  const elements: Json[] = [];
  let at = 0;
  for (const match of text.matchAll(FENCE)) {
    elements.push(...paragraphs(trimmed(text.slice(at, match.index), at > 0, true)));
    elements.push({ type: "rich_text_preformatted", elements: [{ type: "text", text: unescaped(match[1]) }] });
    at = match.index + match[0].length;
  }
  elements.push(...paragraphs(trimmed(text.slice(at), at > 0, false)));
  return elements;
}

/** Fences stand in lines of their own, whose ends are no empty lines. */
function trimmed(text: string, after: boolean, before: boolean): string {
  const start = after ? text.replace(/^[ \t]*\n/, "") : text;
  return before ? start.replace(/\n[ \t]*$/, "") : start;
}

function paragraphs(text: string): Json[] {
  const elements: Json[] = [];
  let said: string[] = [];
  let quoted: string[] = [];
  const flush = () => {
    if (said.length) elements.push({ type: "rich_text_section", elements: inline(said.join("\n")) });
    if (quoted.length) elements.push({ type: "rich_text_quote", elements: inline(quoted.join("\n")) });
    said = [];
    quoted = [];
  };
  const lines = text ? text.split("\n") : [];
  for (const [index, line] of lines.entries()) {
    if (QUOTED_REST.test(line)) {
      flush();
      quoted = [line.replace(QUOTED_REST, ""), ...lines.slice(index + 1)];
      break;
    }
    const quotes = QUOTE.test(line);
    if (quotes ? said.length : quoted.length) flush();
    if (quotes) quoted.push(line.replace(QUOTE, ""));
    else said.push(line);
  }
  flush();
  return elements;
}

function inline(text: string, style: Style = {}): Json[] {
  const parts: Json[] = [];
  const more = Object.keys(style).length ? { style } : {};
  const plain = (piece: string) => {
    for (const each of withEmoji(unescaped(piece))) {
      parts.push(
        typeof each === "string" ? { type: "text", text: each, ...more } : { type: "emoji", name: each.emoji },
      );
    }
  };
  let at = 0;
  for (const match of text.matchAll(INLINE)) {
    plain(text.slice(at, match.index));
    const [whole] = match;
    const found = match.groups ?? {};
    if (found.control) {
      const part = control(whole.slice(1, -1));
      parts.push(part ? { ...part, ...more } : { type: "text", text: unescaped(whole), ...more });
    } else if (found.code) {
      parts.push({ type: "text", text: unescaped(whole.slice(1, -1)), style: { ...style, code: true } });
    } else if (found.style) parts.push(...inline(whole.slice(1, -1), { ...style, ...MARKS[whole[0]] }));
    else parts.push({ type: "link", url: unescaped(whole), ...more });
    at = match.index + whole.length;
  }
  plain(text.slice(at));
  return parts;
}

function control(body: string): Json | null {
  const bar = body.indexOf("|");
  const target = bar < 0 ? body : body.slice(0, bar);
  const label = bar < 0 ? "" : unescaped(body.slice(bar + 1));
  if (/^@[UWB][A-Z0-9]+$/.test(target)) return { type: "user", user_id: target.slice(1), text: label };
  if (/^#[CGD][A-Z0-9]+$/.test(target)) return { type: "channel", channel_id: target.slice(1), text: label };
  if (/^!subteam\^[A-Z0-9]+$/.test(target)) return { type: "usergroup", usergroup_id: target.slice(9), text: label };
  const date = /^!date\^(-?\d+)\^([^^]*)(?:\^(.*))?$/.exec(target);
  if (date) {
    const [, timestamp, format, url] = date;
    return { type: "date", timestamp: Number(timestamp), format: unescaped(format), url, fallback: label };
  }
  if (/^!(?:here|channel|everyone)$/.test(target)) return { type: "broadcast", range: target.slice(1) };
  if (target.startsWith("!")) return { type: "text", text: label || `<${unescaped(body)}>` };
  if (/^[a-z][a-z0-9+.-]*:/i.test(target)) return { type: "link", url: unescaped(target), text: label || undefined };
  return null;
}

/** The mrkdwn that gives this rich text, as far as there is a way to write it: for editing it in a text field. */
export function mrkdwnFrom(block: Json): string {
  const marks: [keyof Style, string][] = [
    ["code", "`"],
    ["strike", "~"],
    ["italic", "_"],
    ["bold", "*"],
  ];
  const part = (each: Json): string => {
    if (each.type === "emoji") return `:${each.name}:`;
    if (each.type === "user") return `<@${each.user_id}>`;
    if (each.type === "channel") return `<#${each.channel_id}>`;
    if (each.type === "link") return each.text ? `<${each.url}|${each.text}>` : String(each.url);
    const text = String(each.text ?? "");
    return marks.reduce((inner, [name, mark]) => (each.style?.[name] ? `${mark}${inner}${mark}` : inner), text);
  };
  const line = (each: Json) => ((each.elements ?? []) as Json[]).map(part).join("");
  return ((block.elements ?? []) as Json[])
    .map((each) => {
      if (each.type === "rich_text_preformatted") return `\`\`\`\n${line(each)}\n\`\`\``;
      if (each.type === "rich_text_quote") return line(each).replace(/^/gm, "> ");
      const items = each.type === "rich_text_list" ? (each.elements as Json[]) : null;
      if (items) return items.map((item) => `• ${line(item)}`).join("\n");
      return line(each);
    })
    .join("\n");
}
