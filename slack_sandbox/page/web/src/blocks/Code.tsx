/** Code in a box of its own. A diff is coloured; it stays the same text. */
import { memo, type ReactNode } from "react";

const HUNK = /^@@ .* @@/m;
const FILE = /^(?:---|\+\+\+) /;
const ADDED = /^\+/;
const REMOVED = /^-/;

/** The class of each line of a diff, null for a text that is none. */
function kinds(lines: string[], language: string): (string | undefined)[] | null {
  const added = lines.filter((line) => ADDED.test(line)).length;
  const removed = lines.filter((line) => REMOVED.test(line)).length;
  const context = lines.filter((line) => /^[ \\]/.test(line) || line === "").length;
  const marks = added + removed + context + lines.filter((line) => line.startsWith("@@")).length;
  const diff = language === "diff" || HUNK.test(lines.join("\n")) || (added > 0 && marks === lines.length);
  if (!diff) return null;
  const first = lines.findIndex((line) => line.startsWith("@@"));
  return lines.map((line, index) => {
    if (line.startsWith("@@") || (index < first && FILE.test(line))) return "hunk";
    return ADDED.test(line) ? "added" : REMOVED.test(line) ? "removed" : undefined;
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
