/** What this page is, and what the program under trial may do. */
import { useFact } from "../live";
import { useWorkspace } from "../people";
import type { BotFacts } from "../types";

/** The app's About tab. */
export function About() {
  const workspace = useWorkspace();
  const bot = useFact<BotFacts | null>("bot");
  const name = workspace?.app.name ?? "The app";
  return (
    <div className="scroll about" tabIndex={0} role="region" aria-label={`About ${name}`}>
      <h2>A sandbox</h2>
      <p>
        This page is a small Slack that runs on your computer only. {name} is the real program; it talks to this sandbox
        as it would talk to Slack, and does not know the difference. Nobody else sees what you write here, and it is
        gone when the program ends.
      </p>
      {bot && (
        <>
          <h2>The model</h2>
          {bot.model.kind === "offline" ? (
            <p>
              {name} answers with the offline model ({bot.model.name}): no key and no network is needed, and it
              understands a small number of plain sentences. Set <code>OPENROUTER_API_KEY</code> and start again to talk
              to a real model.
            </p>
          ) : (
            <p>
              {name} answers with the real model <code>{bot.model.name}</code> through OpenRouter: what you write, and
              what its tools read, is sent there.
            </p>
          )}
          <h2>The folder</h2>
          <p>
            Its tools read and change real files, in this folder only: <code>{bot.folder}</code>
          </p>
        </>
      )}
      <h2>The keyboard</h2>
      <dl className="keys">
        <dt>Ctrl K</dt>
        <dd>go to a conversation</dd>
        <dt>Alt ↑, Alt ↓</dt>
        <dd>the conversation above or below</dd>
        <dt>F6</dt>
        <dd>the next part of the page</dd>
        <dt>Enter, Shift Enter</dt>
        <dd>send, a new line</dd>
        <dt>↑ in an empty field</dt>
        <dd>edit your last message</dd>
        <dt>Esc</dt>
        <dd>close the thread</dd>
      </dl>
    </div>
  );
}
