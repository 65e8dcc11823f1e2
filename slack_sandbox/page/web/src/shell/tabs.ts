/** The tabs of the app's direct message. */
import type { Place } from "../place";

/** Each tab and its name, in the order of showing. */
export const TABS: [Place["tab"], string][] = [
  ["home", "Home"],
  ["messages", "Messages"],
  ["about", "About"],
];
