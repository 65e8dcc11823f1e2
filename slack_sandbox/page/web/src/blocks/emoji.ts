/** Emoji by the names that Slack gives them. */
import { get } from "node-emoji";

/** Slack's names that the list of node-emoji has under another one. */
const OTHERWISE: Record<string, string> = {
  thumbsup: "👍",
  thumbsdown: "👎",
  octagonal_sign: "🛑",
  black_square_for_stop: "⏹️",
  double_vertical_bar: "⏸️",
  large_green_circle: "🟢",
  large_yellow_circle: "🟡",
  large_orange_circle: "🟠",
  large_purple_circle: "🟣",
  large_brown_circle: "🟤",
  large_red_square: "🟥",
  large_green_square: "🟩",
  large_yellow_square: "🟨",
  large_blue_square: "🟦",
  robot_face: "🤖",
  simple_smile: "🙂",
  slightly_smiling_face: "🙂",
  face_with_monocle: "🧐",
  thinking_face: "🤔",
  shrug: "🤷",
  "man-shrugging": "🤷‍♂️",
  "woman-shrugging": "🤷‍♀️",
  hugging_face: "🤗",
  face_palm: "🤦",
  white_circle: "⚪",
  black_circle: "⚫",
};
const TONES = ["🏻", "🏼", "🏽", "🏾", "🏿"];
const FLAG = /^flag-([a-z])([a-z])$/;
const REGIONAL_A = 0x1f1e6;

/** The characters of an emoji, null for a name that nobody knows. `tone` is 2 to 6. */
export function emojiOf(name: string, tone?: number): string | null {
  const [bare, suffix] = name.split("::skin-tone-");
  const flag = FLAG.exec(bare);
  const letter = (char: string) => String.fromCodePoint(REGIONAL_A + char.charCodeAt(0) - 97);
  const found = flag ? letter(flag[1]) + letter(flag[2]) : Object.hasOwn(OTHERWISE, bare) ? OTHERWISE[bare] : get(bare);
  if (!found) return null;
  return found + (TONES[(tone ?? Number(suffix ?? 0)) - 2] ?? "");
}

/** A text in pieces: texts, and the names of emoji that are known, without their colons. */
export function withEmoji(text: string): (string | { emoji: string })[] {
  const pieces: (string | { emoji: string })[] = [];
  let at = 0;
  for (const match of text.matchAll(/:([a-z0-9_+'-]+(?:::skin-tone-[2-6])?):/g)) {
    if (match.index < at || emojiOf(match[1]) === null) continue;
    if (match.index > at) pieces.push(text.slice(at, match.index));
    pieces.push({ emoji: match[1] });
    at = match.index + match[0].length;
  }
  if (at < text.length) pieces.push(text.slice(at));
  return pieces;
}
