// Fields of a window. The block renderer draws a line as a tall box and says nothing of errors, so they are drawn here.
import { createElement as h } from "react";
import { shown } from "./text.mjs";

const ELEMENTS = {
  plain_text_input: Line,
  number_input: Line,
  static_select: Menu,
  radio_buttons: Choices,
  checkboxes: Choices,
};

/** An input block: its label, its field, what is wrong with it and its hint. */
export function Input({ block, error }) {
  const { label, element, hint, optional } = block;
  return h(
    "div",
    { className: error ? "field wrong" : "field" },
    h("div", { className: "label" }, shown(label.text), optional ? h("span", null, " (optional)") : null),
    h(ELEMENTS[element.type], element),
    error ? h("div", { className: "error" }, error) : null,
    hint ? h("div", { className: "hint" }, shown(hint.text)) : null,
  );
}

function Line({ initial_value: value, placeholder, multiline }) {
  const empty = value === undefined || value === "";
  const text = empty ? shown(placeholder?.text ?? "\u00a0") : value;
  return h("div", { className: `box${multiline ? " tall" : ""}${empty ? " empty" : ""}` }, text);
}

function Menu({ initial_option: chosen, placeholder }) {
  const text = shown((chosen?.text ?? placeholder)?.text ?? "Select an option");
  const arrow = h("path", { d: "M2 4.5 6 8.5 10 4.5", fill: "none", stroke: "currentColor", strokeWidth: 1.5 });
  return h("div", { className: `box menu${chosen ? "" : " empty"}` }, text, h("svg", { viewBox: "0 0 12 12" }, arrow));
}

function Choices({ type, options, initial_option: one, initial_options: several = [] }) {
  const chosen = new Set([one, ...several].filter(Boolean).map((option) => option.value));
  return options.map((option) =>
    h(
      "div",
      { key: option.value, className: "choice" },
      h("span", { className: `${type}${chosen.has(option.value) ? " chosen" : ""}` }),
      h("div", null, shown(option.text.text), option.description ? h("small", null, shown(option.description.text)) : null),
    ),
  );
}
