import type { Plugin } from "vite";

/** Leaves tables out of the built page that nothing reads. */
export function lighter(): Plugin;
