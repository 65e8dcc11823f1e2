import type { Plugin } from "vite";

/** Writes `built.json` (the digest of the sources) and `licences.txt` beside the built page. */
export function records(): Plugin;
