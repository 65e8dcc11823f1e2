/** The markdown block: CommonMark with GitHub's tables and task lists, and Slack's mentions and emoji in its texts. */
import { memo } from "react";
import Renderer, { type Components } from "react-markdown";
import remarkGfm from "remark-gfm";
import type { Json } from "../types";
import { Code } from "./Code";
import { withEmoji } from "./emoji";
import { Link, safeAddress } from "./links";
import { Broadcast, ChannelMention, GroupMention, UserMention } from "./mentions";
import { Emoji } from "./Text";

const MENTION = /<(@[UW][A-Z0-9]+|#[CG][A-Z0-9]+|!subteam\^[A-Z0-9]+|!(?:here|channel|everyone))(?:\|[^<>]*)?>/;

/** Mentions and emoji become elements of their own; code stays as it is. */
function rehypeSlack() {
  const walk = (node: Json): void => {
    if (!Array.isArray(node.children) || node.tagName === "code") return;
    node.children = (node.children as Json[]).flatMap((child) => {
      if (child.type === "text") return pieces(String(child.value));
      walk(child);
      return [child];
    });
  };
  return walk;
}

function pieces(text: string): Json[] {
  return text.split(new RegExp(`(${MENTION.source.replace("(@", "(?:@")})`)).flatMap((piece) => {
    const mention = MENTION.exec(piece);
    if (mention) return [made("slack-mention", mention[1])];
    return withEmoji(piece).map((each) =>
      typeof each === "string" ? { type: "text", value: each } : made("slack-emoji", each.emoji),
    );
  });
}

function made(tagName: string, name: string): Json {
  return { type: "element", tagName, properties: { name }, children: [] };
}

function Mention({ name }: { name: string }) {
  if (name.startsWith("@")) return <UserMention id={name.slice(1)} />;
  if (name.startsWith("#")) return <ChannelMention id={name.slice(1)} />;
  if (name.startsWith("!subteam^")) return <GroupMention id={name.slice(9)} />;
  return <Broadcast range={name.slice(1)} />;
}

/** What a node of the tree says. */
function said(node: Json | undefined): string {
  if (!node) return "";
  return node.type === "text" ? String(node.value) : ((node.children ?? []) as Json[]).map(said).join("");
}

const COMPONENTS = {
  a: ({ href, children }) => <Link to={href}>{children}</Link>,
  img: ({ src, alt }) => <Link to={src}>{alt || src}</Link>,
  pre: ({ node }) => {
    const code = (node?.children as Json[] | undefined)?.[0];
    const name = String((code?.properties?.className as string[] | undefined)?.[0] ?? "");
    return <Code text={said(code)} language={name.replace("language-", "")} />;
  },
  table: ({ children }) => (
    <div className="table" tabIndex={0} role="group" aria-label="Table">
      <table>{children}</table>
    </div>
  ),
  input: ({ checked }) => (
    <input type="checkbox" disabled checked={Boolean(checked)} aria-label={checked ? "Done" : "To do"} />
  ),
  ...["h1", "h2", "h3", "h4", "h5", "h6"].reduce<Components>((all, name) => {
    const Heading: Components["h1"] = ({ children }) => (
      <p className={`heading ${name}`} role="heading" aria-level={Math.min(6, Number(name[1]) + 2)}>
        {children}
      </p>
    );
    return { ...all, [name]: Heading };
  }, {}),
  "slack-mention": Mention,
  "slack-emoji": ({ name }: { name: string }) => <Emoji name={name} />,
} as Components;

/** A text in Markdown. HTML in it is shown as it stands; images are links, as nothing is loaded from outside. */
export const Markdown = memo(function Markdown({ text }: { text: string }) {
  return (
    <div className="markdown">
      <Renderer
        remarkPlugins={[remarkGfm, literalHtml]}
        rehypePlugins={[rehypeSlack]}
        urlTransform={(url) => safeAddress(url) ?? ""}
        components={COMPONENTS}
      >
        {text}
      </Renderer>
    </div>
  );
});

/** HTML is text here, as in Slack: left as HTML it would vanish. */
function literalHtml() {
  const walk = (node: Json): void => {
    for (const child of (node.children ?? []) as Json[]) {
      if (child.type === "html") child.type = "text";
      walk(child);
    }
  };
  return walk;
}
