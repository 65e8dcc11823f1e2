/** Code in a box of its own. A diff is coloured; it stays the same text. */
import { memo, type ReactNode } from "react";

const FILE = /^(?:---|\+\+\+) /;

/** The class of each line of a diff, null for other texts: Slack colours only what is said to be a diff. */
function kinds(lines: string[], language: string): (string | undefined)[] | null {
  if (language !== "diff") return null;
  const first = lines.findIndex((line) => line.startsWith("@@"));
  return lines.map((line, index) => {
    if (line.startsWith("@@") || (index < first && FILE.test(line))) return "hunk";
    return line.startsWith("+") ? "added" : line.startsWith("-") ? "removed" : undefined;
  });
}

/** A box of code. `children` take the place of the text where there are links or mentions in it. */
export const Code = memo(function Code(props: { text: string; language?: string; children?: ReactNode }) {
  const { text, language = "", children } = props;
  const lines = text.replace(/\n$/, "").split("\n");
  const marks = children ? null : kinds(lines, language);
  if (!marks) {
    return (
      <pre className="code" tabIndex={0} aria-label="Code">
        <code>{children ?? text.replace(/\n$/, "")}</code>
      </pre>
    );
  }
  return (
    <pre className="code diff" tabIndex={0} aria-label="Changes">
      <code>
        {lines.map((line, index) => (
          <span key={index} className={marks[index]}>
            {index < lines.length - 1 ? `${line}\n` : line}
          </span>
        ))}
      </code>
    </pre>
  );
});
