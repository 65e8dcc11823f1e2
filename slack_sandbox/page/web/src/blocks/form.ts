/** What people have put into fields. It outlives the elements, so that a view which is drawn anew keeps it. */
import { useSyncExternalStore } from "react";
import type { Json, Values } from "../types";
import type { Scope } from "./target";

const INITIAL: Record<string, string> = {
  plain_text_input: "initial_value",
  email_text_input: "initial_value",
  url_text_input: "initial_value",
  number_input: "initial_value",
  rich_text_input: "initial_value",
  static_select: "initial_option",
  external_select: "initial_option",
  radio_buttons: "initial_option",
  multi_static_select: "initial_options",
  multi_external_select: "initial_options",
  checkboxes: "initial_options",
  users_select: "initial_user",
  multi_users_select: "initial_users",
  channels_select: "initial_channel",
  multi_channels_select: "initial_channels",
  conversations_select: "initial_conversation",
  multi_conversations_select: "initial_conversations",
  datepicker: "initial_date",
  timepicker: "initial_time",
  datetimepicker: "initial_date_time",
  file_input: "",
};

const forms = new Map<string, Map<string, any>>();
const listeners = new Set<() => void>();
const fieldKey = (block: string, action: string) => `${block}\n${action}`;

/** Whether an element has a value that belongs to the state of its form. */
export function isField(element: Json): boolean {
  return Object.hasOwn(INITIAL, element.type);
}

/** Whether nothing has been put into a field. */
export function isEmpty(value: any): boolean {
  return value === undefined || value === null || value === "" || (Array.isArray(value) && !value.length);
}

/** The value that the app gave to a field. */
export function initialOf(element: Json): any {
  const given = element[INITIAL[element.type]];
  if (given === undefined || given === null || element.type.includes("external_select")) return given;
  if (element.type === "checkboxes" || element.type === "multi_static_select") {
    return (given as Json[]).map((option) => option.value);
  }
  return element.type === "static_select" || element.type === "radio_buttons" ? given.value : given;
}

/** Set the value of a field. */
export function setField(scope: Scope, block: string, action: string, value: any): void {
  const form = forms.get(scope.key) ?? new Map<string, any>();
  forms.set(scope.key, form.set(fieldKey(block, action), value));
  for (const listener of [...listeners]) listener();
}

/** The value of a field as it is now: what the person put in, else what the app gave. */
export function valueOf(scope: Scope, block: string, element: Json): any {
  const form = forms.get(scope.key);
  const key = fieldKey(block, element.action_id);
  return form?.has(key) ? form.get(key) : initialOf(element);
}

/** The value of a field; the component is drawn again when it changes. */
export function useField(scope: Scope, block: string, element: Json): any {
  const touched = useSyncExternalStore(subscribe, () => forms.get(scope.key)?.get(fieldKey(block, element.action_id)));
  return touched === undefined ? initialOf(element) : touched;
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Forget the fields of a view that was closed. */
export function forgetForm(view: string): void {
  forms.delete(view);
}

/** Every field of the blocks with the block it stands in. */
export function fieldsOf(blocks: readonly Json[]): { block: Json; element: Json }[] {
  return blocks.flatMap((block) => {
    const inner = [block.element, block.accessory, ...(block.type === "actions" ? (block.elements as Json[]) : [])];
    const own = inner.filter((each) => each && isField(each)).map((element) => ({ block, element: element as Json }));
    return Array.isArray(block.child_blocks) ? [...own, ...fieldsOf(block.child_blocks as Json[])] : own;
  });
}

/** The state of all fields of a message or view, as the server takes it. */
export function valuesOf(scope: Scope): Values {
  const values: Values = {};
  for (const { block, element } of fieldsOf(scope.blocks.current)) {
    const value = valueOf(scope, block.block_id, element);
    const cleared = !isEmpty(initialOf(element)) && value !== undefined && value !== null;
    if (isEmpty(value) && !cleared) continue;
    const sent = element.type === "file_input" ? (value as { id: string }[]).map(({ id }) => id) : value;
    (values[block.block_id] ??= {})[element.action_id] = sent;
  }
  return values;
}
