/** Sentences to begin with. */
import { draftKey, setDraft } from "../drafts";
import { live, useFact } from "../live";
import { complain } from "../notices";
import { isTheApp, useWorkspace } from "../people";
import { acting } from "../place";
import type { BotFacts, ChannelFacts, Prompts } from "../types";
import { focusComposer, openConversation } from "./composing";

/** What one might ask the bot: a press puts it where one writes. */
export function Examples({ channel, person }: { channel: ChannelFacts; person: string }) {
  const bot = useFact<BotFacts | null>("bot");
  const workspace = useWorkspace();
  if (!bot?.examples.length || !channel.member || !channel.members.some(isTheApp)) return null;
  const mention = channel.kind === "im" ? "" : `@${workspace?.app.name} `;
  return (
    <div className="examples">
      <p>You could say:</p>
      <ul>
        {bot.examples.map((example) => (
          <li key={example}>
            <button
              type="button"
              className="button"
              onClick={() => {
                setDraft(draftKey(person, channel.id, null), { text: mention + example });
                focusComposer("main");
              }}
            >
              {example}
            </button>
          </li>
        ))}
      </ul>
    </div>
  );
}

/** The prompts that the app suggests in its direct message: a press sends one. */
export function SuggestedPrompts({ channel }: { channel: string }) {
  const facts = useFact<Prompts | null>(`prompts:${channel}`);
  if (!facts?.prompts.length) return null;
  const send = (text: string) =>
    live.ask("say", { as: acting(), channel, text }).then((said) => openConversation(channel, said), complain);
  return (
    <div className="prompts" role="group" aria-label={facts.title || "Suggested prompts"}>
      {facts.title && <p>{facts.title}</p>}
      {facts.prompts.map(({ title, message }, index) => (
        <button key={index} type="button" className="button" title={message} onClick={() => send(message)}>
          {title}
        </button>
      ))}
    </div>
  );
}
