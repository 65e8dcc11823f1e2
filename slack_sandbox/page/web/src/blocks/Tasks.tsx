/** What an app says that it is doing: task cards and plans. */
import type { Json } from "../types";
import { Link } from "./links";
import { Rich } from "./Rich";
import { Plain } from "./Text";

const WORDS: Record<string, string> = {
  pending: "To do",
  in_progress: "In progress",
  complete: "Done",
  error: "Failed",
};

/** The sign of a task's status, with its word for those who do not see it. */
function Status({ status }: { status: string }) {
  const shapes: Record<string, string> = {
    complete: "M4 8.5l2.5 2.5L12 5.5",
    error: "M5 5l6 6M11 5l-6 6",
  };
  return (
    <svg className={`bk-status ${status}`} viewBox="0 0 16 16" role="img" aria-label={WORDS[status] ?? status}>
      <circle cx="8" cy="8" r="7" />
      {shapes[status] && <path d={shapes[status]} />}
    </svg>
  );
}

/** A task card. */
export function TaskCard({ block }: { block: Json }) {
  const status = String(block.status ?? "pending");
  const sources = (block.sources ?? []) as Json[];
  return (
    <div className={`bk-task ${status}`} role="group" aria-label={`Task: ${block.title}`} data-status={status}>
      <div className="title">
        <Status status={status} />
        <Plain text={String(block.title ?? "")} />
      </div>
      {["details", "output"].map((name) => block[name] && <Detail key={name} name={name} given={block[name]} />)}
      {sources.length > 0 && (
        <div className="sources">
          {sources.map((source, index) => (
            <Link key={index} to={source.url}>
              {source.text || source.url}
            </Link>
          ))}
        </div>
      )}
    </div>
  );
}

function Detail({ name, given }: { name: string; given: Json | string }) {
  return (
    <div className={name}>
      {typeof given === "string" ? <Plain text={given} /> : <Rich elements={given.elements ?? []} />}
    </div>
  );
}

/** A plan: its title and its tasks. */
export function Plan({ block }: { block: Json }) {
  const tasks = (block.tasks ?? []) as Json[];
  const done = tasks.filter((task) => task.status === "complete").length;
  return (
    <div className="bk-plan" role="group" aria-label={`Plan: ${block.title}`}>
      <div className="title">
        <Plain text={String(block.title ?? "")} />
        {tasks.length > 0 && <small>{`${done} of ${tasks.length}`}</small>}
      </div>
      {tasks.map((task, index) => (
        <TaskCard key={task.task_id ?? index} block={task} />
      ))}
    </div>
  );
}
