/** Checkboxes and radio buttons. */
import { useId } from "react";
import type { Json } from "../../types";
import { TextObject } from "../Text";
import { useElement, type ElementProps } from "./use";

/** A group of checkboxes or radio buttons. */
export function Choices({ element, block, acts, labels }: ElementProps) {
  const { value, choose, busy } = useElement({ element, block, acts });
  const name = useId();
  const several = element.type === "checkboxes";
  const chosen: string[] = several ? (value ?? []) : [value];
  const pick = (option: Json, on: boolean) => {
    if (!several) return choose(option.value);
    const kept = (element.options as Json[]).filter(({ value: each }) =>
      each === option.value ? on : chosen.includes(each),
    );
    return choose(kept.map((each) => each.value));
  };
  const { "aria-required": required, "aria-invalid": invalid, ...named } = labels;
  const group = several ? {} : { "aria-required": required, "aria-invalid": invalid };
  return (
    <div
      {...named}
      {...group}
      role={several ? "group" : "radiogroup"}
      className="bk-choices"
      tabIndex={-1}
      aria-busy={busy || undefined}
    >
      {(element.options as Json[]).map((option, index) => (
        <label key={index} className="bk-choice">
          <input
            type={several ? "checkbox" : "radio"}
            name={name}
            aria-describedby={option.description ? `${name}-${index}` : undefined}
            checked={chosen.includes(option.value)}
            onChange={(event) => void pick(option, event.target.checked)}
          />
          <span>
            <TextObject text={option.text} />
            {option.description && (
              <small id={`${name}-${index}`}>
                <TextObject text={option.description} />
              </small>
            )}
          </span>
        </label>
      ))}
    </div>
  );
}
