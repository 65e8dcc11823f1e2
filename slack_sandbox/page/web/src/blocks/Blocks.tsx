/** Block Kit. What is only shown comes from renderers; what people use is in `elements`. */
import { memo, useMemo, useRef, type ReactNode } from "react";
import type { Json } from "../types";
import { Boundary, Undrawn } from "./Boundary";
import { Alert, Card, Carousel, Container } from "./Cards";
import { DataTable } from "./DataTable";
import { Actions, Context, Header, Input, Section } from "./Layout";
import { Markdown } from "./Markdown";
import { FileBlock, ImageBlock, VideoBlock } from "./Media";
import { Rich } from "./Rich";
import { Table } from "./Table";
import { keyOf, ScopeContext, type Scope, type Target } from "./target";
import { Plan, TaskCard } from "./Tasks";

export type { Target } from "./target";

const draw = (blocks: Json[]): ReactNode =>
  blocks.map((block, index) => <Block key={keyFor(block, index)} block={block} />);

const BLOCKS: Record<string, (props: { block: Json }) => ReactNode> = {
  section: Section,
  header: Header,
  context: Context,
  divider: () => <hr className="bk-divider" />,
  actions: Actions,
  context_actions: Actions,
  input: Input,
  rich_text: ({ block }) => <Rich elements={block.elements} />,
  markdown: ({ block }) => <Markdown text={String(block.text)} />,
  table: Table,
  data_table: DataTable,
  image: ImageBlock,
  video: VideoBlock,
  file: FileBlock,
  task_card: TaskCard,
  plan: Plan,
  alert: Alert,
  card: Card,
  carousel: ({ block }) => <Carousel block={block} draw={draw} />,
  container: ({ block }) => <Container block={block} draw={draw} />,
};

/** Inputs keep their place by their id, so that one who is writing is not interrupted by an update. */
function keyFor(block: Json, index: number): string {
  return `${block?.type} ${block?.type === "input" ? block.block_id : index}`;
}

const Block = memo(
  function Block({ block }: { block: Json }) {
    const Kind = Object.hasOwn(BLOCKS, block?.type) ? BLOCKS[block.type] : undefined;
    return (
      <Boundary block={block}>
        <div className={`bk bk-of-${block?.type}`}>{Kind ? <Kind block={block} /> : <Undrawn block={block} />}</div>
      </Boundary>
    );
  },
  (before, after) => before.block === after.block || JSON.stringify(before.block) === JSON.stringify(after.block),
);

/** The blocks of a message or a view. Only those that have changed are drawn again. */
export function Blocks({ blocks, target }: { blocks: Json[]; target: Target }) {
  const key = keyOf(target);
  const current = useRef(blocks);
  current.current = blocks;
  // The target is another object each time; the key stands for it.
  const scope = useMemo<Scope>(() => ({ target, key, blocks: current }), [key]);
  return (
    <ScopeContext value={scope}>
      <div className="blocks">{draw(blocks)}</div>
    </ScopeContext>
  );
}
