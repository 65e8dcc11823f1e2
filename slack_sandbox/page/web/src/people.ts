/** The people and conversations by their ids: names, initials, colours. */
import { live, useFact } from "./live";
import type { ChannelFacts, Me, Person, Workspace } from "./types";

/** The workspace, undefined until the server has sent it. */
export function useWorkspace(): Workspace | undefined {
  return useFact<Workspace>("workspace");
}

/** What the acting person sees, undefined until it is known for the person of this id. */
export function useMe(person: string): Me | undefined {
  const me = useFact<Me>("me");
  return me?.person === person ? me : undefined;
}

/** The name by which a person is called and mentioned. */
export function calledName(person: Person): string {
  return person.display_name || person.name;
}

/** A person by id, among those that are known now. */
export function personOf(id: string | undefined): Person | undefined {
  return (live.get("workspace") as Workspace | undefined)?.people.find((person) => person.id === id);
}

/** The name of a person by id; the id itself for somebody unknown. */
export function nameOf(id: string): string {
  const person = personOf(id);
  return person ? calledName(person) : id;
}

/** Whether the person is the app under trial. */
export function isTheApp(id: string | undefined): boolean {
  return (live.get("workspace") as Workspace | undefined)?.app.user_id === id;
}

/** `#general` for public channels, the bare name for private ones, and for a direct message who it is with. */
export function conversationName(channel: ChannelFacts, workspace: Workspace | undefined): string {
  if (channel.kind === "im") return workspace?.app.name ?? "Direct message";
  if (channel.kind === "channel") return `#${channel.name}`;
  return channel.name || channel.members.map(nameOf).join(", ");
}

/** Whoever is in the direct message with the app reads "Message Colleague"; elsewhere "Message #general". */
export function composerLabel(channel: ChannelFacts, workspace: Workspace | undefined): string {
  return `Message ${conversationName(channel, workspace)}`;
}

/** The channels and groups by name, those the person is in first. */
export function listed(me: Me): ChannelFacts[] {
  return me.channels
    .filter((channel) => channel.kind !== "im")
    .sort((a, b) => Number(b.member) - Number(a.member) || a.name.localeCompare(b.name));
}

/** The direct message with the app. */
export function appChannel(me: Me | undefined): ChannelFacts | undefined {
  return me?.channels.find((channel) => channel.kind === "im" && channel.members.some(isTheApp));
}

/** Two letters for an avatar. */
export function initials(name: string): string {
  const words = name.split(/[\s._-]+/).filter(Boolean);
  const letters = words.length > 1 ? [words[0], words[words.length - 1]] : words;
  return (
    letters
      .map((word) => [...word][0])
      .join("")
      .toUpperCase() || "?"
  );
}

/** The colour of an avatar, always the same for an id and dark enough for white letters. */
export function colour(id: string): string {
  let sum = 7;
  for (const letter of id) sum = (sum * 31 + letter.charCodeAt(0)) % 9973;
  return `hsl(${(sum * 47) % 360} 48% 33%)`;
}

/** "Alice", "Alice and Bob", "Alice, Bob and 3 others". */
export function namesOf(ids: string[], most = 8): string {
  const names = ids.slice(0, most).map(nameOf);
  const others = ids.length - names.length;
  if (others > 0) names.push(others === 1 ? "1 other" : `${others} others`);
  return names.length > 1 ? `${names.slice(0, -1).join(", ")} and ${names[names.length - 1]}` : (names[0] ?? "");
}
