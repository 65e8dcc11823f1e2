/** Cards, and what holds other blocks. */
import { useId, useState, type ReactNode } from "react";
import type { Json } from "../types";
import { Element } from "./elements/Element";
import { Picture } from "./Media";
import { Rich } from "./Rich";
import { TextObject, wordsOf } from "./Text";

/** A card. */
export function Card({ block }: { block: Json }) {
  return (
    <div className="bk-card">
      {block.hero_image && <Picture image={block.hero_image} />}
      <div className="bk-head">
        {block.icon && <Picture image={block.icon} small />}
        <div>
          {block.title && (
            <div className="title">
              <TextObject text={block.title} />
            </div>
          )}
          {block.subtitle && (
            <div className="muted">
              <TextObject text={block.subtitle} />
            </div>
          )}
        </div>
      </div>
      {block.body && (
        <div>
          <TextObject text={block.body} />
        </div>
      )}
      {block.subtext && (
        <div className="muted">
          <TextObject text={block.subtext} />
        </div>
      )}
      {block.actions && (
        <div className="bk-actions">
          {(block.actions as Json[]).map((element, index) => (
            <Element key={element.action_id ?? index} element={element} block={block.block_id} />
          ))}
        </div>
      )}
    </div>
  );
}

/** Cards side by side. */
export function Carousel({ block, draw }: { block: Json; draw: (blocks: Json[]) => ReactNode }) {
  return (
    <div className="bk-carousel" role="group" aria-label="Cards" tabIndex={0}>
      {draw(block.elements as Json[])}
    </div>
  );
}

/** Blocks in a frame with a title; it can be folded when the app says so. */
export function Container({ block, draw }: { block: Json; draw: (blocks: Json[]) => ReactNode }) {
  const [open, setOpen] = useState(!(block.is_collapsible && block.default_collapsed));
  const id = useId();
  const title = (
    <>
      {block.icon && <Picture image={block.icon} small />}
      <span className="titles" id={`${id}-title`}>
        <span className="title">
          {block.rich_text_title ? (
            <Rich elements={block.rich_text_title.elements} />
          ) : (
            <TextObject text={block.title} />
          )}
        </span>
        {block.subtitle && (
          <span className="muted">
            <TextObject text={block.subtitle} />
          </span>
        )}
      </span>
    </>
  );
  const ruled = block.has_header_divider ? "ruled" : "";
  return (
    <div className={`bk-container ${block.width ?? "standard"}`} role="group" aria-labelledby={`${id}-title`}>
      {block.is_collapsible ? (
        <button
          type="button"
          className={`bk-head ${ruled}`}
          aria-expanded={open}
          aria-controls={id}
          onClick={() => setOpen(!open)}
        >
          {title}
          <span aria-hidden="true" className="fold">
            {open ? "▾" : "▸"}
          </span>
        </button>
      ) : (
        <div className={`bk-head ${ruled}`}>{title}</div>
      )}
      <div id={id} hidden={!open} className="inside">
        {draw(block.child_blocks as Json[])}
      </div>
    </div>
  );
}

const SIGNS: Record<string, string> = { info: "ℹ", warning: "⚠", error: "✕", success: "✓", default: "•" };

/** A line that stands out. */
export function Alert({ block }: { block: Json }) {
  const level = String(block.level ?? "default");
  return (
    <div
      className={`bk-alert ${level}`}
      role="note"
      aria-label={`${level === "default" ? "Note" : level}: ${wordsOf(block.text)}`}
    >
      <span aria-hidden="true">{SIGNS[level] ?? SIGNS.default}</span>
      <div>
        <TextObject text={block.text} />
      </div>
    </div>
  );
}
