// The page of a picture: the frame of one of Slack's surfaces, the blocks in it, and everything that they need.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { createElement as h } from "react";
import { renderToStaticMarkup } from "react-dom/server";
// Its CommonJS build requires packages that are ES modules, which not every Node 20 can do.
import { Message } from "slack-blocks-to-jsx/dist/index.mjs";
import { Complaint } from "./check.mjs";
import { Input } from "./inputs.mjs";
import { date, finished, mrkdwn, plain, shown } from "./text.mjs";

const require = createRequire(import.meta.url);
const FONTS = [
  ["Lato", "@fontsource/lato/files/lato-latin", ["400-normal", "400-italic", "700-normal", "700-italic", "900-normal"]],
  ["DejaVu Mono", "@fontsource/dejavu-mono/files/dejavu-mono-latin", ["400-normal", "700-normal"]],
];
const POLICY = "default-src 'none'; img-src data:; font-src data:; style-src 'unsafe-inline'";
const FRAMES = { message: Said, modal: Window, home: Home };
const TABS = ["Home", "Messages", "About"];

const STYLES = [
  readFileSync(require.resolve("slack-blocks-to-jsx/dist/style.css"), "utf8"),
  ...FONTS.flatMap(faces),
  readFileSync(new URL("style.css", import.meta.url), "utf8"),
].join("\n");

/** The HTML of a page with one entry as `check.mjs` returns it, in an element of the class `picture`. */
export function page(entry) {
  const frame = h(FRAMES[entry.surface], { ...entry, author: entry.author ?? "Colleague" });
  const picture = renderToStaticMarkup(h("section", { className: `picture ${entry.surface}` }, frame));
  return [
    '<!doctype html><html lang="en"><head><meta charset="utf-8">',
    `<meta http-equiv="Content-Security-Policy" content="${POLICY}"><style>${STYLES}</style></head>`,
    `<body>${finished(picture)}</body></html>`,
  ].join("");
}

function faces([family, files, kinds]) {
  return kinds.map((kind) => {
    const [weight, style] = kind.split("-");
    const font = readFileSync(require.resolve(`${files}-${kind}.woff2`), "base64");
    const source = `url(data:font/woff2;base64,${font}) format("woff2")`;
    return `@font-face{font-family:"${family}";font-weight:${weight};font-style:${style};src:${source}}`;
  });
}

function Said({ author, at, ...entry }) {
  const time = at === undefined ? null : h("span", { className: "time" }, date(at, "{time}"));
  const by = h("div", { className: "by" }, h("b", null, author), h("span", { className: "app" }, "APP"), time);
  return [h(Avatar, { key: "avatar", author }), h("div", { key: "said", className: "said" }, by, h(Blocks, { at, ...entry }))];
}

function Window({ author, payload, ...entry }) {
  const { title, close, submit } = payload;
  const head = [
    h(Avatar, { key: "avatar", author }),
    h("h1", { key: "title" }, shown(title?.text ?? author)),
    h("span", { key: "cross", className: "cross" }, "✕"),
  ];
  const buttons = [h("span", { key: "close", className: "push" }, shown(close?.text ?? "Cancel"))];
  if (submit) buttons.push(h("span", { key: "submit", className: "push primary" }, shown(submit.text)));
  return [
    h("header", { key: "head" }, head),
    h("div", { key: "body", className: "body" }, h(Blocks, entry)),
    h("footer", { key: "foot" }, submit || close ? buttons : null),
  ];
}

function Home({ author, ...entry }) {
  const tabs = TABS.map((tab) => h("span", { key: tab, className: tab === "Home" ? "tab here" : "tab" }, tab));
  return [
    h("header", { key: "head" }, h(Avatar, { author }), h("h1", null, author)),
    h("nav", { key: "tabs" }, tabs),
    h("div", { key: "body", className: "body" }, h(Blocks, entry)),
  ];
}

function Avatar({ author }) {
  return h("span", { className: "avatar" }, [...author][0]);
}

function Blocks({ blocks, names, errors = {}, at, name }) {
  const hooks = {
    date: ({ timestamp, format }) => date(timestamp, format, at),
    emoji: (emoji, parse) => emojiOr(parse(emoji), `:${emoji.name}:`),
    user: mention("@", names, name),
    usergroup: mention("@", names, name),
    channel: mention("#", names, name),
  };
  const shared = { theme: "light", withoutWrapper: true, data: known(names), hooks };
  return blocks.flatMap(pieces).map((block, key) =>
    block.type === "input"
      ? h(Input, { key, block, error: errors[block.block_id] })
      : h(Message, { key, blocks: [adapted(block)], ...shared }),
  );
}

/** Rich text a list at a time: the renderer counts on from any list before, Slack only from one of the same kind. */
function pieces(block) {
  if (block.type !== "rich_text") return [block];
  const runs = [];
  for (const element of block.elements) {
    const [first] = runs.at(-1) ?? [];
    const continues = isList(element) && isList(first) && (element.indent || element.style === first.style);
    if (continues) runs.at(-1).push(element);
    else runs.push([element]);
  }
  return runs.map((elements) => ({ ...block, elements }));
}

function isList(element) {
  return element?.type === "rich_text_list";
}

function known(names) {
  const of = (letters) => Object.entries(names).flatMap(([id, name]) => (letters.includes(id[0]) ? [{ id, name }] : []));
  return { users: of("UW"), channels: of("C"), user_groups: of("S") };
}

function emojiOr(parsed, shortcode) {
  return /\p{RGI_Emoji}/v.test(parsed) ? parsed : shortcode;
}

function mention(sign, names, where) {
  return ({ id }) => {
    if (!names[id]) throw new Complaint(`${where}: "names" has no name for ${id}.`);
    return h("span", { className: "mention" }, `${sign}${names[id]}`);
  };
}

/** The block with its texts as the renderer takes them, and with what a menu has chosen where it shows its prompt. */
function adapted(value) {
  if (Array.isArray(value)) return value.map(adapted);
  if (value === null || typeof value !== "object") return value;
  if (value.type === "plain_text") return { ...value, text: plain(value.text, value.emoji) };
  if (value.type === "mrkdwn") return { ...value, text: mrkdwn(value.text) };
  const copy = Object.fromEntries(Object.entries(value).map(([key, item]) => [key, adapted(item)]));
  if (value.type === "static_select" && value.initial_option) copy.placeholder = copy.initial_option.text;
  return copy;
}
