/** An error in one block must not take the page down. */
import { Component, type ReactNode } from "react";
import type { Json } from "../types";

const SAID = new Set(["text", "title", "label", "body", "alt_text", "fallback"]);

/** Everything readable in a block, each text once. */
export function textsOf(node: unknown): string {
  const found = new Set<string>();
  const walk = (each: unknown): void => {
    if (Array.isArray(each)) each.forEach(walk);
    else if (each && typeof each === "object") {
      for (const [key, value] of Object.entries(each)) {
        if (typeof value === "string" && SAID.has(key)) found.add(value);
        else walk(value);
      }
    }
  };
  walk(node);
  return [...found].join("\n");
}

/** In place of a block that cannot be drawn: why, and its text. */
export function Undrawn({ block }: { block: Json }) {
  const text = textsOf(block);
  return (
    <div className="bk-unknown">
      <div>{`This page cannot draw a block of the type ${String(block?.type ?? "unknown")}.`}</div>
      {text && <div className="said">{text}</div>}
    </div>
  );
}

/** Draws a block, or its text when that fails; a changed block is tried anew. */
export class Boundary extends Component<{ block: Json; children: ReactNode }, { failed: boolean; block: Json | null }> {
  state = { failed: false, block: null as Json | null };

  static getDerivedStateFromError() {
    return { failed: true };
  }

  static getDerivedStateFromProps(props: { block: Json }, state: { failed: boolean; block: Json | null }) {
    return state.block === props.block ? null : { failed: false, block: props.block };
  }

  render(): ReactNode {
    return this.state.failed ? <Undrawn block={this.props.block} /> : this.props.children;
  }
}
