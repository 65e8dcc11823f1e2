/** Where one lands when the address does not say it, or says what is not there for the acting person. */
import { useEffect } from "react";
import { appChannel, listed } from "../people";
import { go, type Place } from "../place";
import type { Me, Workspace } from "../types";

/** Where one pane at a time is shown. */
export const NARROW = "(max-width: 720px)";

/** In the address of a person the channel `app` stands for the direct message with the app. */
export const APP = "app";

/** Puts the address right: a person who exists, and a conversation that this person may see. */
export function useArrival(workspace: Workspace | undefined, me: Me | undefined, place: Place): void {
  useEffect(() => {
    if (!workspace) return;
    const people = workspace.people.filter((person) => !person.bot && !person.deleted);
    if (!people.some((person) => person.id === place.person)) {
      if (people.length) go({ person: people[0].id, channel: "first" }, true);
      return;
    }
    if (!me) return;
    const app = appChannel(me)?.id;
    if (place.channel === APP && app) return go({ channel: app, tab: place.tab }, true);
    if (place.channel === null && matchMedia(NARROW).matches) return;
    if (me.channels.some((channel) => channel.id === place.channel)) return;
    const known = listed(me).filter((channel) => channel.member);
    const withApp = known.filter((channel) => channel.members.includes(workspace.app.user_id));
    const first = withApp.find((channel) => channel.kind === "channel") ?? withApp[0] ?? known[0];
    const there = first?.id ?? app;
    if (there) go({ channel: there, thread: null, tab: "messages" }, true);
  }, [workspace, me, place]);
}
