/** What is wrong with a form before it is sent, in the words that Slack shows at the fields. */
import type { Json } from "../types";
import { fieldsOf, isEmpty, valueOf } from "./form";
import { safeAddress } from "./links";
import type { Scope } from "./target";

/** What is wrong, by block_id; empty when the form can be sent. */
export function problemsOf(scope: Scope): Record<string, string> {
  const problems: Record<string, string> = {};
  for (const { block, element } of fieldsOf(scope.blocks.current)) {
    if (block.type !== "input") continue;
    const problem = problemOf(element, valueOf(scope, block.block_id, element), Boolean(block.optional));
    if (problem) problems[block.block_id] = problem;
  }
  return problems;
}

function problemOf(element: Json, value: any, optional: boolean): string {
  const blank = isEmpty(value) || (typeof value === "string" && !value.trim());
  if (blank) return optional ? "" : "Please complete this required field.";
  switch (element.type) {
    case "plain_text_input":
      return lengthOf(element, String(value));
    case "number_input":
      return numberIn(element, String(value));
    case "email_text_input":
      return /^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(String(value)) ? "" : "Please enter a valid email address.";
    case "url_text_input":
      return safeAddress(value) ? "" : "Please enter a valid URL, including http:// or https://.";
    default:
      return "";
  }
}

function lengthOf(element: Json, text: string): string {
  const { min_length: least = 0, max_length: most = 3000 } = element;
  const length = [...text].length;
  if (length < least) return `Must be at least ${least} characters long.`;
  return length > most ? `Must be no more than ${most} characters long.` : "";
}

function numberIn(element: Json, text: string): string {
  const number = Number(text);
  if (Number.isNaN(number)) return "Please enter a valid number.";
  if (!element.is_decimal_allowed && !Number.isInteger(number)) return "Please enter a whole number.";
  if (element.min_value !== undefined && number < Number(element.min_value)) {
    return `Please enter a number greater than or equal to ${element.min_value}.`;
  }
  if (element.max_value !== undefined && number > Number(element.max_value)) {
    return `Please enter a number less than or equal to ${element.max_value}.`;
  }
  return "";
}
