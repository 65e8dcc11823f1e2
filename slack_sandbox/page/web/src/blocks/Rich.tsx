/** Rich text. Paragraphs, quotations and lists are drawn by slack-blocks-to-jsx, code here. */
import { Fragment, memo, useLayoutEffect, useRef, type ComponentProps, type ReactNode } from "react";
import { Message } from "slack-blocks-to-jsx";
import type { Json } from "../types";
import { Code } from "./Code";
import { slackDate } from "./dates";
import { Link } from "./links";
import { Broadcast, ChannelMention, GroupMention, UserMention } from "./mentions";
import { Emoji } from "./Text";

type Drawn = ComponentProps<typeof Message>;

const styled = (style?: Json): string =>
  ["bold", "italic", "strike", "underline", "code", "highlight"].filter((name) => style?.[name]).join(" ");

const HOOKS: Drawn["hooks"] = {
  user: ({ id, name, style }) => <UserMention id={id} label={name === id ? "" : name} className={styled(style)} />,
  channel: ({ id, style }) => <ChannelMention id={id} className={styled(style)} />,
  usergroup: ({ id, style }) => <GroupMention id={id} className={styled(style)} />,
  atHere: () => <Broadcast range="here" />,
  atChannel: () => <Broadcast range="channel" />,
  atEveryone: () => <Broadcast range="everyone" />,
  emoji: ({ name, skin_tone: tone }: { name: string; skin_tone?: number }) => <Emoji name={name} tone={tone} />,
  link: ({ href, children, className }) => (
    <Link to={href} className={className}>
      {children as ReactNode}
    </Link>
  ),
};

/** Blocks as slack-blocks-to-jsx draws them, with our own styles. It gives each the same id, which is taken off. */
export function Drawing({ blocks }: { blocks: Json[] }) {
  const place = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => place.current?.querySelector("#slack_blocks_to_jsx")?.removeAttribute("id"));
  return (
    <div className="rich" ref={place}>
      <Message blocks={blocks as Drawn["blocks"]} name="" logo="" theme="light" hooks={HOOKS} unstyled withoutWrapper />
    </div>
  );
}

/** The elements of a rich_text block. */
export const Rich = memo(function Rich({ elements }: { elements: Json[] }) {
  return (
    <>
      {runs(elements).map((run, index) => {
        const [first] = run;
        if (first.type === "rich_text_preformatted") return <Preformatted key={index} element={first} />;
        return <Drawing key={index} blocks={[{ type: "rich_text", elements: run.map(readable) }]} />;
      })}
    </>
  );
});

/** Code and lists by themselves: the renderer counts on from any list before, Slack only from one of the same kind. */
function runs(elements: Json[]): Json[][] {
  const found: Json[][] = [];
  for (const element of elements) {
    const last = found.at(-1)?.[0];
    const list = element.type === "rich_text_list";
    const joins = list
      ? last?.type === "rich_text_list" && (element.indent || element.style === last.style)
      : element.type !== "rich_text_preformatted" && last && !/list|preformatted/.test(last.type);
    if (joins) found.at(-1)?.push(element);
    else found.push([element]);
  }
  return found;
}

/** An element with every part in a form that the renderer takes without losing something of it. */
export function readable(element: Json): Json {
  if (!Array.isArray(element.elements)) return element;
  const parts = element.elements as Json[];
  const nested = element.type === "rich_text_list" || element.type === "rich_text";
  return { ...element, elements: nested ? parts.map(readable) : parts.map(part) };
}

function part(each: Json): Json {
  const more = each.style ? { style: each.style } : {};
  switch (each.type) {
    case "text":
    case "user":
    case "usergroup":
    case "channel":
    case "broadcast":
    case "emoji":
    case "color":
      return each;
    case "link":
      return { ...each, text: each.text || each.url };
    case "date": {
      const text = each.format ? slackDate(Number(each.timestamp), String(each.format)) : String(each.fallback ?? "");
      return each.url ? { type: "link", url: each.url, text, ...more } : { type: "text", text, ...more };
    }
    default:
      return { type: "text", text: String(each.text ?? each.fallback ?? each.team_id ?? `[${each.type}]`), ...more };
  }
}

function Preformatted({ element }: { element: Json }) {
  const parts = (element.elements ?? []) as Json[];
  const text = parts.map((each) => String(each.text ?? each.url ?? "")).join("");
  const only = parts.every((each) => each.type === "text");
  return (
    <Code text={text} language={element.language}>
      {only ? undefined : parts.map((each, index) => <Fragment key={index}>{inCode(each)}</Fragment>)}
    </Code>
  );
}

function inCode(each: Json): ReactNode {
  if (each.type === "link") return <Link to={each.url}>{each.text || each.url}</Link>;
  if (each.type === "user") return <UserMention id={each.user_id} />;
  if (each.type === "channel") return <ChannelMention id={each.channel_id} />;
  if (each.type === "usergroup") return <GroupMention id={each.usergroup_id} />;
  if (each.type === "emoji") return <Emoji name={each.name} />;
  return each.text;
}
