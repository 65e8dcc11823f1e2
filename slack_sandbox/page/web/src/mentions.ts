/**
 * From what is typed to what Slack stores, and back.
 *
 * - `@Name` becomes `<@U…>`, `@handle` of a group `<!subteam^S…>`, `#name` of a channel `<#C…>`, a web address
 *   `<https://…>`.
 * - The sign must not follow a letter or digit, the name must not be followed by one: `a@Bob` and `@Bobby` are no
 *   mention of Bob.
 * - Upper and lower case are the same. Where several names fit, the longest wins; among equal ones the exact spelling,
 *   then who is not deactivated, then the order of the lists.
 * - Between backticks there are no mentions and no links.
 * - Everything else is text: `& < >` are escaped, so that a typed `<!channel>` notifies nobody.
 */
import type { Workspace } from "./types";

/** Something that can be mentioned. */
export interface Mentionable {
  sign: "@" | "#";
  name: string;
  /** What Slack stores. */
  stored: string;
  /** Beside the name where it is offered. */
  hint: string;
  id: string;
  deleted: boolean;
}

type Known = Pick<Workspace, "people" | "groups" | "channels"> & { app?: Workspace["app"] };

const CODE = /(```[\s\S]*?```|`[^`\n]+`)/;
const ADDRESS = /^https?:\/\/[^\s<>|]+/i;
const WORD = /[\p{L}\p{N}_]/u;
const CONTROL = /<([@#!]|https?:\/\/|mailto:)([^<>|]*)(?:\|([^<>]*))?>/g;

/** Everything that can be mentioned, each by every name it goes by. */
export function mentionables(known: Known): Mentionable[] {
  const found: Mentionable[] = [];
  for (const { id, name, display_name, deleted, bot } of known.people) {
    const about = { sign: "@" as const, stored: `<@${id}>`, id, deleted };
    const called = display_name || name;
    found.push({ ...about, name: called, hint: bot ? "App" : called === name ? "" : name });
    if (name && name !== called) found.push({ ...about, name, hint: called });
  }
  for (const { id, handle, name } of known.groups) {
    found.push({ sign: "@", name: handle, stored: `<!subteam^${id}>`, hint: name || "Group", id, deleted: false });
  }
  for (const { id, name, kind } of known.channels) {
    if (!name || kind === "im" || kind === "mpim") continue;
    found.push({ sign: "#", name, stored: `<#${id}>`, hint: kind === "group" ? "Private" : "", id, deleted: false });
  }
  return found;
}

/** What Slack stores for a typed text. */
export function encode(text: string, known: Known): string {
  const names = mentionables(known).filter((each) => each.name);
  return text
    .split(CODE)
    .map((part, index) => (index % 2 ? escape(part) : encodePart(part, names)))
    .join("");
}

function escape(text: string): string {
  return text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
}

function encodePart(text: string, names: Mentionable[]): string {
  let out = "";
  let at = 0;
  while (at < text.length) {
    const sign = text[at];
    const free = at === 0 || !WORD.test(text[at - 1]);
    if (free && (sign === "@" || sign === "#")) {
      const found = longest(text, at, names);
      if (found) {
        out += found.stored;
        at += 1 + found.name.length;
        continue;
      }
    }
    const address = free && /h/i.test(sign) ? addressAt(text.slice(at)) : "";
    if (address && text[at - 1] !== "<") {
      out += `<${address}>`;
      at += address.length;
      continue;
    }
    out += escape(sign);
    at += 1;
  }
  return out;
}

function longest(text: string, at: number, names: Mentionable[]): Mentionable | undefined {
  let best: Mentionable | undefined;
  let rank = 0;
  for (const each of names) {
    const { name } = each;
    if (each.sign !== text[at]) continue;
    const typed = text.slice(at + 1, at + 1 + name.length);
    const next = text[at + 1 + name.length] ?? "";
    if (typed.toLowerCase() !== name.toLowerCase() || WORD.test(next)) continue;
    const ranked = name.length * 4 + (typed === name ? 2 : 0) + (each.deleted ? 0 : 1);
    if (ranked > rank) [best, rank] = [each, ranked];
  }
  return best;
}

function addressAt(text: string): string {
  const found = ADDRESS.exec(text)?.[0].replace(/[.,;:!?'")\]}*_~]+$/, "") ?? "";
  return /^https?:\/\/./i.test(found) ? found : "";
}

/** What to type for a stored text to come out again. */
export function decode(stored: string, known: Known): string {
  const names = mentionables(known);
  const by = (value: string) => names.find((each) => each.stored === `<${value}>`);
  return stored
    .replace(CONTROL, (whole, kind: string, rest: string, label?: string) => {
      if (kind === "@" || kind === "#" || kind === "!") {
        const found = by(kind + rest);
        return found
          ? found.sign + found.name
          : label
            ? (kind === "#" ? "#" : "@") + label.replace(/^[@#]/, "")
            : whole;
      }
      return kind + rest;
    })
    .replace(/&lt;/g, "<")
    .replace(/&gt;/g, ">")
    .replace(/&amp;/g, "&");
}

/** What is being typed right before the caret: a mention or a slash command. */
export interface Typing {
  sign: "@" | "#" | "/";
  query: string;
  /** Where the sign stands. */
  start: number;
}

/** The mention or command that ends at the caret; null when none is being typed. */
export function typingAt(text: string, caret: number): Typing | null {
  const before = text.slice(0, caret);
  const command = /^\/([^\s]*)$/.exec(before);
  if (command) return { sign: "/", query: command[1], start: 0 };
  const mention = /(?:^|[^\p{L}\p{N}_])([@#])([^\s@#]*(?: [^\s@#]*)?)$/u.exec(before);
  if (!mention) return null;
  const query = mention[2];
  return { sign: mention[1] as "@" | "#", query, start: caret - query.length - 1 };
}

/** Those that fit what was typed: names that begin with it first, then names with a word that does. */
export function fitting(query: string, known: Known, sign: "@" | "#", most = 8): Mentionable[] {
  const wanted = query.toLowerCase();
  const ranked: { each: Mentionable; rank: number }[] = [];
  for (const each of mentionables(known)) {
    const name = each.name.toLowerCase();
    if (each.sign !== sign || each.deleted) continue;
    const rank = name.startsWith(wanted) ? 0 : name.split(/[\s._-]+/).some((word) => word.startsWith(wanted)) ? 1 : 2;
    if (rank < 2 && !ranked.some((other) => other.each.id === each.id)) ranked.push({ each, rank });
  }
  const app = known.app?.user_id;
  ranked.sort((a, b) => a.rank - b.rank || Number(b.each.id === app) - Number(a.each.id === app));
  return ranked.slice(0, most).map(({ each }) => each);
}
