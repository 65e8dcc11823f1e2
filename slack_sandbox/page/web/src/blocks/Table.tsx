/** Tables, drawn by slack-blocks-to-jsx. */
import { useMemo } from "react";
import type { Json } from "../types";
import { Drawing, readable } from "./Rich";

/** A table block. It scrolls sideways where it is too wide, with the keyboard, too. */
export function Table({ block }: { block: Json }) {
  const drawn = useMemo(() => ({ ...block, rows: (block.rows as Json[][]).map((row) => row.map(cell)) }), [block]);
  return (
    <div className="table" tabIndex={0} role="group" aria-label="Table">
      <Drawing blocks={[drawn]} />
    </div>
  );
}

/** Cells as rich text: the renderer would read Markdown in the others. */
function cell(given: Json): Json {
  if (given.type === "rich_text") return readable(given);
  const text = String(given.text ?? given.value ?? "");
  return { type: "rich_text", elements: [{ type: "rich_text_section", elements: [{ type: "text", text }] }] };
}
