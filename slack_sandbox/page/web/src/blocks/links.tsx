/** Addresses that may be opened, and how they are shown. */
import type { ReactNode } from "react";

const SAFE = new Set(["http:", "https:", "mailto:"]);

/** The address as a browser takes it, null for one that is no web or mail address. */
export function safeAddress(address: unknown): string | null {
  try {
    const url = new URL(String(address));
    return SAFE.has(url.protocol) ? url.href : null;
  } catch {
    return null;
  }
}

/** A link to a web or mail address that opens beside the page; anything else is only its text. */
export function Link({ to, children, className }: { to: unknown; children?: ReactNode; className?: string }) {
  const address = safeAddress(to);
  const shown = children ?? String(to ?? "");
  if (address === null) return <span className={className}>{shown}</span>;
  return (
    <a href={address} className={className} target="_blank" rel="noopener noreferrer">
      {shown}
    </a>
  );
}
