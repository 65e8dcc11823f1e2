// What can be drawn. Slack knows more kinds than these; one that is not here stops the run instead of leaving a hole.

/** Something wrong with the input or the machine, in words for the person who runs the command. */
export class Complaint extends Error {}

const BLOCKS = {
  section: sectionBlock,
  header: (block, where) => text(block.text, where),
  divider: () => {},
  context: (block, where) => block.elements.forEach((element) => text(element, where)),
  actions: (block, where) => block.elements.forEach((element) => one(ELEMENTS, element, where)),
  rich_text: (block, where) => block.elements.forEach((element) => one(RICH, element, where)),
  markdown: () => {},
  input: inputBlock,
};
const choices = (element, where) => element.options.forEach((option) => text(option.text, where));
const ELEMENTS = {
  button: (element, where) => text(element.text, where),
  overflow: choices,
  static_select: choices,
  radio_buttons: choices,
  checkboxes: choices,
};
// Fields are drawn in inputs.mjs, which reads no markup.
const plainChoices = (element, where) =>
  element.options.forEach(({ text: object, description }) =>
    [object, description ?? object].forEach((each) => text(each, where, ["plain_text"])),
  );
const INPUTS = {
  plain_text_input: () => {},
  number_input: () => {},
  static_select: plainChoices,
  radio_buttons: plainChoices,
  checkboxes: plainChoices,
};
const parts = (element, where) => element.elements.forEach((part) => one(PARTS, part, where));
const RICH = {
  rich_text_section: parts,
  rich_text_preformatted: parts,
  rich_text_quote: parts,
  rich_text_list: (list, where) => list.elements.forEach((element) => one(RICH, element, where)),
};
const PARTS = Object.fromEntries(
  ["text", "link", "user", "usergroup", "channel", "broadcast", "emoji", "date"].map((type) => [type, () => {}]),
);
const SURFACES = ["message", "modal", "home"];

/** The entries of the input, each with its `blocks`. Raises Complaint for what cannot be drawn. */
export function checked(entries) {
  if (!Array.isArray(entries)) throw new Complaint("The input is not a list of pictures.");
  if (/[\u{100000}-\u{10ffff}]/u.test(JSON.stringify(entries))) {
    throw new Complaint("The input has characters of Unicode's last private plane, which are needed while drawing.");
  }
  const names = new Set();
  return entries.map((entry, index) => {
    const where = entry?.name ?? `picture ${index + 1}`;
    if (!/^[a-z0-9][a-z0-9_-]*$/.test(entry?.name ?? "")) {
      throw new Complaint(`${where}: a name is made of small letters, digits, - and _.`);
    }
    if (names.has(where)) throw new Complaint(`${where}: two pictures have this name.`);
    names.add(where);
    if (!SURFACES.includes(entry.surface)) throw new Complaint(`${where}: surface is none of ${SURFACES.join(", ")}.`);
    const blocks = blocksOf(entry, where);
    for (const block of blocks) one(BLOCKS, block, where);
    return { ...entry, names: entry.names ?? {}, blocks };
  });
}

function blocksOf(entry, where) {
  const { payload, surface } = entry;
  if (payload?.attachments || payload?.files) throw new Complaint(`${where}: attachments and files cannot be drawn.`);
  if (Array.isArray(payload?.blocks) && payload.blocks.length) return payload.blocks;
  if (surface === "message" && payload?.text) return [{ type: "section", text: { type: "mrkdwn", text: payload.text } }];
  throw new Complaint(`${where}: the payload has no blocks.`);
}

function one(kinds, thing, where) {
  const check = Object.hasOwn(kinds, thing?.type) ? kinds[thing.type] : undefined;
  if (!check) throw new Complaint(`${where}: "${thing?.type}" cannot be drawn here.`);
  const place = `${where}, ${thing.type}`;
  try {
    check(thing, place);
  } catch (error) {
    throw error instanceof TypeError ? new Complaint(`${place}: a field is missing or of another kind.`) : error;
  }
}

function text(object, where, types = ["plain_text", "mrkdwn"]) {
  if (!types.includes(object?.type) || typeof object.text !== "string") {
    throw new Complaint(`${where}: "${object?.type}" cannot be drawn as text.`);
  }
}

function sectionBlock(block, where) {
  if (!block.text && !block.fields) throw new Complaint(`${where}: neither text nor fields.`);
  if (block.text) text(block.text, where);
  block.fields?.forEach((field) => text(field, where));
  if (block.accessory) one(ELEMENTS, block.accessory, where);
}

function inputBlock(block, where) {
  text(block.label, where, ["plain_text"]);
  if (block.hint) text(block.hint, where, ["plain_text"]);
  one(INPUTS, block.element, where);
}
