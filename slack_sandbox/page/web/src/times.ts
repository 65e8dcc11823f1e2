/** How times are shown: in the reader's own zone. */

const CLOCK = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });
const FULL = new Intl.DateTimeFormat("en-GB", { dateStyle: "full", timeStyle: "medium" });
const DAY = new Intl.DateTimeFormat("en-GB", { weekday: "long", day: "numeric", month: "long" });
const DAY_AND_YEAR = new Intl.DateTimeFormat("en-GB", { dateStyle: "full" });

/** The moment of a message's ts. */
export function moment(ts: string): Date {
  return new Date(Number(ts) * 1000);
}

/** `14:05`. */
export function clock(ts: string): string {
  return CLOCK.format(moment(ts));
}

/** The whole date and time. */
export function fullTime(ts: string): string {
  return FULL.format(moment(ts));
}

/** The same text for all moments of one day. */
export function dayOf(ts: string): string {
  return moment(ts).toDateString();
}

/** `Today`, `Yesterday`, `Monday 3 May`, with the year when it is another one. */
export function dayName(ts: string, now = new Date()): string {
  const when = moment(ts);
  const yesterday = new Date(now);
  yesterday.setDate(now.getDate() - 1);
  if (when.toDateString() === now.toDateString()) return "Today";
  if (when.toDateString() === yesterday.toDateString()) return "Yesterday";
  return (when.getFullYear() === now.getFullYear() ? DAY : DAY_AND_YEAR).format(when);
}

/** `today at 14:05`, `Monday 3 May at 14:05`. */
export function dayAndClock(ts: string): string {
  const day = dayName(ts);
  return `${day === "Today" || day === "Yesterday" ? day.toLowerCase() : day} at ${clock(ts)}`;
}

/** `812 B`, `3.4 kB`, `1.2 MB`. */
export function size(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  if (bytes < 1_000_000) return `${(bytes / 1000).toFixed(1)} kB`;
  return `${(bytes / 1_000_000).toFixed(1)} MB`;
}
