// Slack's text, where the block renderer reads it otherwise than Slack does; dates; emoji.
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { emojify } from "node-emoji";
import { Complaint } from "./check.mjs";

const EMOJI = path.dirname(createRequire(import.meta.url).resolve("@twemoji/svg/package.json"));
const SHORTCODE = /:[a-z0-9_+'-]+:(?::skin-tone-[2-6]:)?/;

const ENTITY = /&(?:amp|lt|gt);/g;
const ENTITIES = { "&amp;": "&", "&lt;": "<", "&gt;": ">" };
// What stays as it is (a link, a mention or a date), or: code, a quote, an entity, something that only Markdown knows.
const MARKUP =
  /<[^<>]*>|(```|`(?!`))([^]+?)\1|^(&gt;)|(&(?:amp|lt|gt);)|(^[ \t]*(?:[#+=|-]+|\d+[.)]|_{3,}$)|[[\]\\])/gm;
const BOLD = /(?<![\p{L}\p{N}*])\*(?=\S)[^*\n]*[^*\s]\*(?![\p{L}\p{N}*])|\*/gu;

// The renderer reads Markdown in every text object. Characters that are no markup for Slack stand in the last private
// plane of Unicode while it works, and come back in `finished`.
const SHIFT = 0x100000;
const shifted = (text, characters = /[^]/gu) =>
  text.replace(characters, (c) => (c.length > 1 ? c : String.fromCodePoint(SHIFT + c.codePointAt(0))));
const SHIFTED = /[\u{100000}-\u{10ffff}]/gu;

/** A plain_text where the renderer has no part in it: the emoji of its shortcodes, and those that nobody knows. */
export function shown(text) {
  return emojify(text, { fallback: (name) => `:${name}:` });
}

/** A plain_text as the renderer takes it: nothing in it is markup, except the shortcodes of emoji. */
export function plain(text, emoji = true) {
  const pieces = new RegExp(`(${emoji ? SHORTCODE.source : "(?!)"})|[^a-zA-Z0-9 ]|^ +`, "gu");
  return text.replace(pieces, (piece, code) => code ?? shifted(piece));
}

/**
 * A mrkdwn text as the renderer takes it. Slack knows no headings, lists, tables, rules or backslashes there, nothing
 * at all in code, and bold only between whole words of one line.
 */
export function mrkdwn(text) {
  const read = text.replace(MARKUP, (piece, fence, code, quote, entity, literal) => {
    if (code) return fence + shifted(code.replace(ENTITY, (name) => ENTITIES[name]), /[^a-zA-Z0-9\n]/gu) + fence;
    return quote || !(entity ?? literal) ? piece : shifted(ENTITIES[entity] ?? literal);
  });
  return read.replace(BOLD, (piece) => (piece === "*" ? shifted(piece) : piece));
}

/** The HTML with the characters back that stood elsewhere, and with pictures for emoji. */
export function finished(html) {
  const back = html.replace(SHIFTED, (c) => escaped(String.fromCodePoint(c.codePointAt(0) - SHIFT)));
  return back.replace(/<[^>]*>|\p{RGI_Emoji}/gv, (piece) => (piece.startsWith("<") ? piece : picture(piece)));
}

function escaped(text) {
  return text.replace(/[&<>"]/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[c]);
}

function picture(emoji) {
  const points = [...emoji].map((c) => c.codePointAt(0).toString(16));
  const name = (points.includes("200d") ? points : points.filter((point) => point !== "fe0f")).join("-");
  const file = path.join(EMOJI, `${name}.svg`);
  if (!existsSync(file)) throw new Complaint(`There is no picture of the emoji ${emoji} (${name}).`);
  return `<img class="emoji" alt="${emoji}" src="data:image/svg+xml;base64,${readFileSync(file, "base64")}">`;
}

const MONTHS = "January February March April May June July August September October November December".split(" ");
const DAYS = "Sunday Monday Tuesday Wednesday Thursday Friday Saturday".split(" ");
const DAY = 86_400;
const HALF_A_YEAR = 182 * DAY;

/**
 * A date by Slack's templates, in UTC; `now` (seconds) decides about "today" and about leaving the year out.
 * https://docs.slack.dev/messaging/formatting-message-text#date-formatting
 */
export function date(timestamp, template, now) {
  const at = Number(timestamp);
  const d = new Date(at * 1000);
  const [year, month, day] = [d.getUTCFullYear(), d.getUTCMonth(), d.getUTCDate()];
  const two = (number) => String(number).padStart(2, "0");
  const ending = (day % 100 > 10 && day % 100 < 14 ? undefined : { 1: "st", 2: "nd", 3: "rd" }[day % 10]) ?? "th";
  const end = now !== undefined && Math.abs(at - now) < HALF_A_YEAR ? "" : `, ${year}`;
  const clock = (seconds) =>
    `${d.getUTCHours() % 12 || 12}:${two(d.getUTCMinutes())}${seconds} ${d.getUTCHours() < 12 ? "AM" : "PM"}`;
  const away = now === undefined ? undefined : Math.floor(at / DAY) - Math.floor(now / DAY);
  const near = { "-1": "yesterday", 0: "today", 1: "tomorrow" }[away];
  const values = {
    date_num: `${year}-${two(month + 1)}-${two(day)}`,
    date: `${MONTHS[month]} ${day}${ending}${end}`,
    date_short: `${MONTHS[month].slice(0, 3)} ${day}${end}`,
    date_long: `${DAYS[d.getUTCDay()]}, ${MONTHS[month]} ${day}${ending}, ${year}`,
    time: clock(""),
    time_secs: clock(`:${two(d.getUTCSeconds())}`),
  };
  for (const name of ["date", "date_short", "date_long"]) values[`${name}_pretty`] = near ?? values[name];
  return template.replace(/\{(\w+)\}/g, (whole, name) => {
    if (!Object.hasOwn(values, name)) throw new Complaint(`The date template ${whole} cannot be drawn.`);
    return values[name];
  });
}
