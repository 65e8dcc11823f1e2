/** Sections, lines of small texts, rows of elements and inputs. */
import { useContext, useId, useLayoutEffect, useRef, useState } from "react";
import type { Json } from "../types";
import { Element } from "./elements/Element";
import { Picture } from "./Media";
import { ProblemsContext } from "./target";
import { Plain, TextObject, wordsOf } from "./Text";

/** A section: text, fields, and an element beside them. */
export function Section({ block }: { block: Json }) {
  const accessory = block.accessory as Json | undefined;
  const fields = (block.fields ?? []) as Json[];
  const name = accessory && (wordsOf(accessory.placeholder) || nameFrom(block));
  return (
    <div className="bk-section">
      <div className="texts">
        {block.text && (
          <Folded open={Boolean(block.expand)}>
            <TextObject text={block.text} />
          </Folded>
        )}
        {fields.length > 0 && (
          <div className="fields">
            {fields.map((field, index) => (
              <div key={index}>
                <TextObject text={field} />
              </div>
            ))}
          </div>
        )}
      </div>
      {accessory && (
        <div className="accessory">
          <Element element={accessory} block={block.block_id} labels={{ "aria-label": name }} />
        </div>
      )}
    </div>
  );
}

function nameFrom(block: Json): string {
  return (
    wordsOf(block.text)
      .replace(/[*_~`]/g, "")
      .slice(0, 80) || "Select an option"
  );
}

const FOLDED_PX = 500;

/** Long texts show their beginning, as in Slack; `open` ones all of it. */
function Folded({ open, children }: { open: boolean; children: React.ReactNode }) {
  const place = useRef<HTMLDivElement>(null);
  const [long, setLong] = useState(false);
  const [all, setAll] = useState(false);
  useLayoutEffect(() => {
    if (place.current && !open) setLong(place.current.scrollHeight > FOLDED_PX + 100);
  }, [open, children]);
  const folded = long && !all && !open;
  return (
    <>
      <div ref={place} style={folded ? { maxHeight: FOLDED_PX, overflow: "hidden" } : undefined}>
        {children}
      </div>
      {long && !open && (
        <button type="button" className="bk-more" aria-expanded={all} onClick={() => setAll(!all)}>
          {all ? "See less" : "See more"}
        </button>
      )}
    </>
  );
}

/** A heading. */
export function Header({ block }: { block: Json }) {
  return (
    <div className="bk-header" role="heading" aria-level={3}>
      <TextObject text={block.text} />
    </div>
  );
}

/** Small texts and pictures in a line. */
export function Context({ block }: { block: Json }) {
  return (
    <div className="bk-context">
      {(block.elements as Json[]).map((element, index) =>
        element.type === "image" ? (
          <Picture key={index} image={element} small />
        ) : (
          <div key={index}>
            <TextObject text={element} />
          </div>
        ),
      )}
    </div>
  );
}

/** A row of elements. */
export function Actions({ block }: { block: Json }) {
  return (
    <div className="bk-actions">
      {(block.elements as Json[]).map((element, index) => (
        <Element key={element.action_id ?? index} element={element} block={block.block_id} />
      ))}
    </div>
  );
}

const GROUPS = new Set(["checkboxes", "radio_buttons"]);

/** An input block: label, field, hint and what is wrong with it. */
export function Input({ block }: { block: Json }) {
  const id = useId();
  const problem = useContext(ProblemsContext)[block.block_id];
  const element = block.element as Json;
  const described = [problem && `${id}-problem`, block.hint && `${id}-hint`].filter(Boolean).join(" ");
  const field = GROUPS.has(element.type) ? undefined : `${id}-field`;
  const labels = {
    id: field,
    "aria-labelledby": `${id}-label`,
    "aria-describedby": described || undefined,
    "aria-invalid": problem ? true : undefined,
    "aria-required": block.optional ? undefined : true,
  };
  return (
    <div className={problem ? "bk-field wrong" : "bk-field"} data-block={block.block_id}>
      <div className="label">
        <label htmlFor={field} id={`${id}-label`}>
          <TextObject text={block.label} />
        </label>
        {block.optional && <span className="muted"> (optional)</span>}
      </div>
      <Element element={element} block={block.block_id} acts={Boolean(block.dispatch_action)} labels={labels} />
      {problem && (
        <div className="problem" id={`${id}-problem`}>
          <Plain text={problem} />
        </div>
      )}
      {block.hint && (
        <div className="hint" id={`${id}-hint`}>
          <TextObject text={block.hint} />
        </div>
      )}
    </div>
  );
}
