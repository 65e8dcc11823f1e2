/** Any element of a block. */
import type { Json } from "../../types";
import { Picture } from "../Media";
import { useActing } from "../../place";
import { wordsOf } from "../Text";
import { Button, FeedbackButtons, IconButton } from "./Buttons";
import { Choices } from "./Choices";
import { FileInput } from "./FileInput";
import { RichInput, TextInput } from "./Inputs";
import { Overflow } from "./Overflow";
import { Select } from "./Selects";
import { Times } from "./Times";
import type { ElementProps, Labels } from "./use";

const ELEMENTS: Record<string, (props: ElementProps) => React.ReactNode> = {
  button: Button,
  workflow_button: Button,
  icon_button: IconButton,
  feedback_buttons: FeedbackButtons,
  overflow: Overflow,
  checkboxes: Choices,
  radio_buttons: Choices,
  datepicker: Times,
  timepicker: Times,
  datetimepicker: Times,
  plain_text_input: TextInput,
  email_text_input: TextInput,
  url_text_input: TextInput,
  number_input: TextInput,
  rich_text_input: RichInput,
  file_input: FileInput,
  image: ({ element }) => <Picture image={element} small />,
  ...Object.fromEntries(
    ["static", "external", "users", "conversations", "channels"].flatMap((kind) => [
      [`${kind}_select`, Select],
      [`multi_${kind}_select`, Select],
    ]),
  ),
};

/** What an element is called where no label says it. */
const NAMES: Record<string, string> = {
  datepicker: "Date",
  timepicker: "Time",
  datetimepicker: "Date and time",
  checkboxes: "Choices",
  radio_buttons: "Choices",
};

/** An element, hidden from those who are not to see it. Outside of an input block it acts at once. */
export function Element(props: { element: Json; block: string; acts?: boolean; labels?: Labels }) {
  const { element, block, acts = true, labels } = props;
  const person = useActing();
  const seen = element.visible_to_user_ids as string[] | undefined;
  if (seen && !seen.includes(person)) return null;
  const Kind = Object.hasOwn(ELEMENTS, element.type) ? ELEMENTS[element.type] : undefined;
  if (!Kind)
    return <span className="bk-unknown">{`This page cannot draw an element of the type ${element.type}.`}</span>;
  const named = { "aria-label": wordsOf(element.placeholder) || NAMES[element.type] || "Select an option" };
  return <Kind element={element} block={block} acts={acts} labels={labels ?? named} />;
}
