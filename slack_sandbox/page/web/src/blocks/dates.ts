/**
 * Dates by Slack's templates, in the reader's own time zone.
 *
 * https://docs.slack.dev/messaging/formatting-message-text#date-formatting
 */
const LOCALE = "en-US";
const HALF_A_YEAR_MS = 182 * 24 * 3_600_000;
const NEAR: Record<string, string> = { "-1": "yesterday", "0": "today", "1": "tomorrow" };

/** A moment (seconds since 1970) as the template has it: `{date_short_pretty} at {time}`. Unknown names stay. */
export function slackDate(seconds: number, template: string, now: Date = new Date()): string {
  const at = new Date(seconds * 1000);
  if (Number.isNaN(at.getTime())) return template;
  return template.replace(/\{(\w+)\}/g, (whole, name: string) => values(at, now, name) ?? whole);
}

function values(at: Date, now: Date, name: string): string | undefined {
  const part = (options: Intl.DateTimeFormatOptions) => at.toLocaleString(LOCALE, options);
  const year = Math.abs(at.getTime() - now.getTime()) < HALF_A_YEAR_MS ? "" : `, ${at.getFullYear()}`;
  const day = at.getDate();
  const two = (number: number) => String(number).padStart(2, "0");
  switch (name) {
    case "date_num":
      return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(day)}`;
    case "date_slash":
      return `${two(at.getMonth() + 1)}/${two(day)}/${at.getFullYear()}`;
    case "date":
      return `${part({ month: "long" })} ${day}${ending(day)}${year}`;
    case "date_short":
      return `${part({ month: "short" })} ${day}${year}`;
    case "date_long":
      return `${part({ weekday: "long" })}, ${part({ month: "long" })} ${day}${ending(day)}, ${at.getFullYear()}`;
    case "date_pretty":
    case "date_short_pretty":
    case "date_long_pretty":
      return NEAR[daysBetween(now, at)] ?? values(at, now, name.slice(0, -"_pretty".length));
    case "time":
      return part({ hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
    case "time_secs":
      return part({ hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
    case "ago":
      return ago(at, now);
    default:
      return undefined;
  }
}

function ending(day: number): string {
  if (day > 10 && day < 14) return "th";
  return { 1: "st", 2: "nd", 3: "rd" }[day % 10] ?? "th";
}

function daysBetween(from: Date, to: Date): number {
  const midnight = (date: Date) => Date.UTC(date.getFullYear(), date.getMonth(), date.getDate());
  return (midnight(to) - midnight(from)) / (24 * 3_600_000);
}

function ago(at: Date, now: Date): string {
  const minutes = Math.round((at.getTime() - now.getTime()) / 60_000);
  const relative = new Intl.RelativeTimeFormat(LOCALE, { numeric: "auto" });
  if (Math.abs(minutes) < 60) return relative.format(minutes, "minute");
  if (Math.abs(minutes) < 24 * 60) return relative.format(Math.round(minutes / 60), "hour");
  return relative.format(Math.round(minutes / (24 * 60)), "day");
}
