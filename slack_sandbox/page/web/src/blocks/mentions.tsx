/** Names of people, channels and groups in a text. */
import type { ReactNode } from "react";
import { useFact } from "../live";
import { useActing } from "../place";
import type { Workspace } from "../types";

/** What is shown of a person: the display name, else the name. */
export function nameOf(workspace: Workspace | undefined, id: string): string | null {
  const person = workspace?.people.find((each) => each.id === id);
  if (person) return person.display_name || person.name;
  return workspace?.app.user_id === id || workspace?.app.bot_id === id ? workspace.app.name : null;
}

function Name({ mine, className = "", children }: { mine?: boolean; className?: string; children: ReactNode }) {
  return <span className={`mention ${mine ? "mine" : ""} ${className}`}>{children}</span>;
}

/** `@Alice`; marked when it is the acting person. */
export function UserMention({ id, label, className }: { id: string; label?: string; className?: string }) {
  const workspace = useFact<Workspace>("workspace");
  const mine = useActing() === id;
  return (
    <Name mine={mine} className={className}>
      @{nameOf(workspace, id) ?? (label || id)}
    </Name>
  );
}

/** `#general`. */
export function ChannelMention({ id, label, className }: { id: string; label?: string; className?: string }) {
  const found = useFact<Workspace>("workspace")?.channels.find((each) => each.id === id);
  return (
    <Name className={className}>{found?.name || label ? `#${found?.name || label}` : "a private conversation"}</Name>
  );
}

/** `@releasers`; marked when the acting person is in the group. */
export function GroupMention({ id, label, className }: { id: string; label?: string; className?: string }) {
  const group = useFact<Workspace>("workspace")?.groups.find((each) => each.id === id);
  const person = useActing();
  const name = group?.handle || (label ?? "").replace(/^@/, "") || id;
  return (
    <Name mine={group?.users.includes(person)} className={className}>
      @{name}
    </Name>
  );
}

/** `@here`, `@channel` or `@everyone`. */
export function Broadcast({ range, className }: { range: string; className?: string }) {
  return (
    <Name mine className={className}>
      @{range}
    </Name>
  );
}
