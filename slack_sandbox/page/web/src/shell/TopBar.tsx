/** The bar at the top: whom one acts as, the switcher, the theme, the inspector. */
import { InspectorButton } from "../inspector/Inspector";
import { useFact } from "../live";
import { calledName } from "../people";
import { go, here } from "../place";
import { setTheme, useTheme } from "../theme";
import type { BotFacts, Workspace } from "../types";
import { APP } from "./arrival";
import { MoonIcon, SearchIcon } from "./icons";

/** The bar. `onSwitch` opens the switcher. */
export function TopBar({
  workspace,
  person,
  onSwitch,
}: {
  workspace: Workspace;
  person: string;
  onSwitch: () => void;
}) {
  const theme = useTheme();
  return (
    <header className="topbar">
      <strong className="workspace">{workspace.team.name}</strong>
      <BotState name={workspace.app.name} />
      <button type="button" className="find" onClick={onSwitch} aria-keyshortcuts="Control+K" aria-label="Go to…">
        <SearchIcon />
        <span aria-hidden="true">Go to…</span>
        <kbd aria-hidden="true">Ctrl K</kbd>
      </button>
      <label className="acting">
        <span>Act as</span>
        <select
          aria-label="Act as"
          value={person}
          onChange={(event) => actAs(event.target.value, workspace)}
          title="Everything you do on this page is done by this person"
        >
          {workspace.people
            .filter((each) => !each.bot && !each.deleted)
            .map((each) => (
              <option key={each.id} value={each.id}>
                {calledName(each)}
              </option>
            ))}
        </select>
      </label>
      <button
        type="button"
        className="icon"
        aria-label="Dark mode"
        title="Dark mode"
        aria-pressed={theme === "dark"}
        onClick={() => setTheme(theme === "dark" ? "light" : "dark")}
      >
        <MoonIcon />
      </button>
      <InspectorButton />
    </header>
  );
}

function actAs(person: string, workspace: Workspace): void {
  const { channel } = here();
  const named = workspace.channels.find((each) => each.id === channel && each.kind !== "im");
  if (channel === null || named) go({ person });
  else go({ person, channel: APP, thread: null, tab: here().tab });
}

const STATES: Record<BotFacts["state"], string> = {
  starting: "is starting",
  running: "is running",
  stopping: "is stopping",
  stopped: "is stopped",
  crashed: "has crashed",
};

function BotState({ name }: { name: string }) {
  const bot = useFact<BotFacts | null>("bot");
  if (!bot) return null;
  const model = bot.model.kind === "offline" ? "offline model" : bot.model.name;
  return (
    <span className={`botstate ${bot.state}`} title={`${name} ${STATES[bot.state]}; model: ${bot.model.name}`}>
      <span className="dot" aria-hidden="true" />
      <span>
        {name}{" "}
        <span className="wide">
          {STATES[bot.state]}, {model}
        </span>
      </span>
    </span>
  );
}
