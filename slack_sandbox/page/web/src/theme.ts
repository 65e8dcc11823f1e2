/** Light or dark: as the system prefers, until the reader says otherwise. */
import { useSyncExternalStore } from "react";

export type Theme = "light" | "dark";

const KEY = "theme";
const preference = matchMedia("(prefers-color-scheme: dark)");
const listeners = new Set<() => void>();
let current: Theme = wanted();

function chosen(): string | null {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null;
  }
}

function wanted(): Theme {
  const choice = chosen();
  if (choice === "light" || choice === "dark") return choice;
  return preference.matches ? "dark" : "light";
}

function apply(): void {
  current = wanted();
  document.documentElement.dataset.theme = current;
  for (const listener of [...listeners]) listener();
}

/** Put the theme on the document, and follow the system's from then on. */
export function startTheme(): void {
  preference.addEventListener("change", apply);
  apply();
}

/** Choose a theme; it is remembered in this browser. */
export function setTheme(theme: Theme): void {
  try {
    localStorage.setItem(KEY, theme);
  } catch {
    // Storage is switched off in this browser.
  }
  apply();
  if (current !== theme) {
    current = theme;
    document.documentElement.dataset.theme = theme;
    for (const listener of [...listeners]) listener();
  }
}

/** The theme of now. */
export function useTheme(): Theme {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => current,
  );
}
