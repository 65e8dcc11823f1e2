/** Asking for older messages of a conversation. */
import { createContext } from "react";

/** How many top-level messages are shown at first, and how many more each time. */
export const CHUNK = 60;

/** Shows more of the channel with this id. */
export const EarlierContext = createContext<(channel: string) => void>(() => undefined);
