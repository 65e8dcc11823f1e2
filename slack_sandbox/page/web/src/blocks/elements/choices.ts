/** What can be chosen in a select. */
import type { ChannelFacts, Json, Me, Workspace } from "../../types";
import { wordsOf } from "../Text";

/** One thing to choose. `value` is what is sent: the option itself where it comes from the app's answer. */
export interface Choice {
  key: string;
  words: string;
  description?: string;
  value: any;
}

/** Choices under a heading; "" for none. */
export interface ChoiceGroup {
  label: string;
  choices: Choice[];
}

/** The options and option groups of an element or an answer. With `whole`, an option itself is the value. */
export function groupsFrom(given: Json, whole = false): ChoiceGroup[] {
  const groups = ((given.option_groups ?? []) as Json[]).map((group) => ({
    label: wordsOf(group.label),
    choices: ((group.options ?? []) as Json[]).map((option) => choiceFrom(option, whole)),
  }));
  const loose = ((given.options ?? []) as Json[]).map((option) => choiceFrom(option, whole));
  return loose.length ? [{ label: "", choices: loose }, ...groups] : groups;
}

/** An option as a choice. */
export function choiceFrom(option: Json, whole: boolean): Choice {
  const description = option.description ? wordsOf(option.description) : undefined;
  return { key: String(option.value), words: wordsOf(option.text), description, value: whole ? option : option.value };
}

/** The people that can be chosen. */
export function peopleOf(workspace: Workspace | undefined): ChoiceGroup[] {
  const people = (workspace?.people ?? []).filter((person) => !person.deleted);
  const choices = people.map(({ id, display_name, name }) => ({ key: id, words: display_name || name, value: id }));
  return [{ label: "", choices }];
}

const KINDS: Record<ChannelFacts["kind"], string> = { channel: "public", group: "private", mpim: "mpim", im: "im" };

/** The conversations that can be chosen: public channels, or those that the filter of the element lets through. */
export function conversationsOf(workspace: Workspace | undefined, me: Me | undefined, element: Json): ChoiceGroup[] {
  const publicOnly = element.type.endsWith("channels_select");
  const wanted = (element.filter?.include ?? Object.values(KINDS)) as string[];
  const choices = (me?.channels ?? [])
    .filter((each) => !each.archived && (publicOnly ? each.kind === "channel" : wanted.includes(KINDS[each.kind])))
    .map((each) => {
      const words = each.kind === "im" ? each.name || workspace?.app.name || "Direct message" : `#${each.name}`;
      return { key: each.id, words, value: each.id };
    });
  return [{ label: "", choices }];
}
