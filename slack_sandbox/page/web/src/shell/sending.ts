/** Sending what was written. */
import { live } from "../live";
import { encode } from "../mentions";
import type { Draft } from "../drafts";
import type { ChannelMessages, MessageFacts, ThreadMessages, Workspace } from "../types";
import { openConversation } from "./composing";

interface Sending {
  person: string;
  channel: string;
  thread?: string;
  broadcast: boolean;
  draft: Draft;
  workspace: Workspace;
}

/**
 * Send a message or run a slash command, as Slack's client does: a text that begins with a slash is always taken for a
 * command. Rejects with a sentence when nothing was sent.
 */
export async function send({ person, channel, thread, broadcast, draft, workspace }: Sending): Promise<void> {
  const text = draft.text.trim();
  const command = /^(\/\S*)\s*([\s\S]*)$/.exec(draft.text.trimEnd());
  if (command && !draft.files.length) {
    const known = workspace.commands.find((each) => each.command === command[1].toLowerCase());
    if (!known) throw new Error(`${command[1]} is not a command here. To send it as a message, put a space before it.`);
    if (thread) throw new Error(`${known.command} cannot be used in a thread.`);
    await live.ask("command", { as: person, channel, command: known.command, text: encode(command[2], workspace) });
    return;
  }
  const said = await live.ask("say", {
    as: person,
    channel,
    text: encode(text, workspace),
    ...(thread ? { thread_ts: thread } : null),
    ...(draft.files.length ? { files: draft.files.map((file) => file.id) } : null),
    ...(thread && broadcast ? { broadcast: true } : null),
  });
  const direct = workspace.channels.find((each) => each.id === channel)?.kind === "im";
  const toTheApp = direct || encode(text, workspace).includes(`<@${workspace.app.user_id}>`);
  if (toTheApp && !thread) openConversation(channel, said);
}

/** The ts of the person's newest message that is shown in a conversation or thread. */
export function lastOwn(channel: string, thread: string | undefined, person: string): string | undefined {
  const shown: ChannelMessages | ThreadMessages | undefined = live.get(
    thread ? `thread:${channel}/${thread}` : `channel:${channel}`,
  );
  return (
    shown &&
    [...shown.messages].reverse().find((ts) => {
      const facts: MessageFacts | undefined = live.get(`message:${channel}/${ts}`);
      return facts?.message.user === person && !facts.deleted && !facts.ephemeral;
    })
  );
}
