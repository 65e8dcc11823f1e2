/** Select menus. */
import { useEffect } from "react";
import { useFact } from "../../live";
import { usePlace } from "../../place";
import type { Json, Me, Workspace } from "../../types";
import { wordsOf } from "../Text";
import { choiceFrom, conversationsOf, groupsFrom, peopleOf, type Choice, type ChoiceGroup } from "./choices";
import { ExternalList, List } from "./List";
import { useElement, type ElementProps } from "./use";

/** Any select menu, with one or several choices. */
export function Select(props: ElementProps) {
  const { element } = props;
  const workspace = useFact<Workspace>("workspace");
  const me = useFact<Me>("me");
  const type = String(element.type);
  if (type.endsWith("external_select")) return <External {...props} />;
  const groups = type.endsWith("static_select")
    ? groupsFrom(element)
    : type.endsWith("users_select")
      ? peopleOf(workspace)
      : conversationsOf(workspace, me, element);
  return type.startsWith("multi_") ? <Several {...props} groups={groups} /> : <One {...props} groups={groups} />;
}

/** An element that begins with the conversation that is open has it as its value, as if it had been chosen. */
function useCurrent(element: Json, value: any, set: (value: any) => void): void {
  const { channel } = usePlace();
  const begins = element.default_to_current_conversation && value === undefined && channel !== null;
  useEffect(() => {
    if (begins) set(element.type.startsWith("multi_") ? [channel] : channel);
  }, [begins]);
}

function One({ element, block, acts, labels, groups }: ElementProps & { groups: ChoiceGroup[] }) {
  const { value, set, choose, busy } = useElement({ element, block, acts });
  useCurrent(element, value, set);
  const option = (choice: Choice) => (
    <option key={choice.key} value={choice.value}>
      {choice.words}
    </option>
  );
  return (
    <select
      {...labels}
      className="bk-select"
      value={value ?? ""}
      aria-busy={busy || undefined}
      onChange={(event) => void choose(event.target.value)}
    >
      <option value="" disabled={acts || labels["aria-required"] || Boolean(value)}>
        {wordsOf(element.placeholder) || "Select an option"}
      </option>
      {groups.map((group, index) =>
        group.label ? (
          <optgroup key={index} label={group.label}>
            {group.choices.map(option)}
          </optgroup>
        ) : (
          group.choices.map(option)
        ),
      )}
    </select>
  );
}

function Several({ element, block, acts, labels, groups }: ElementProps & { groups: ChoiceGroup[] }) {
  const { value, set, act, busy } = useElement({ element, block, acts });
  useCurrent(element, value, set);
  const chosen = ((value ?? []) as any[]).map(
    (each) =>
      groups.flatMap((group) => group.choices).find((choice) => choice.value === each) ?? {
        key: each,
        words: each,
        value: each,
      },
  );
  return (
    <List
      labels={labels}
      several
      most={element.max_selected_items}
      placeholder={wordsOf(element.placeholder) || "Select options"}
      groups={groups}
      chosen={chosen}
      busy={busy}
      onChange={(next) => set(next.map((choice) => choice.value))}
      onDone={(next) => acts && void act(next.map((choice) => choice.value))}
    />
  );
}

function External({ element, block, acts, labels }: ElementProps) {
  const several = String(element.type).startsWith("multi_");
  const { value, set, act, choose, busy, scope } = useElement({ element, block, acts });
  const options = (several ? (value ?? []) : value ? [value] : []) as Json[];
  const chosen = options.map((option) => choiceFrom(option, true));
  return (
    <ExternalList
      labels={labels}
      several={several}
      most={element.max_selected_items}
      placeholder={wordsOf(element.placeholder) || "Select an option"}
      chosen={chosen}
      busy={busy}
      ask={{ ...scope.target, block_id: block, action_id: element.action_id }}
      least={element.min_query_length ?? 3}
      onChange={(next) => (several ? set(next.map((each) => each.value)) : void choose(next[0].value))}
      onDone={(next) => several && acts && void act(next.map((each) => each.value))}
    />
  );
}
