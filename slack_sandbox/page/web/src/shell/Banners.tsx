/** What stands across the page while something is not as it should be. */
import { useEffect, useState } from "react";
import { live, useFact } from "../live";
import { complain } from "../notices";
import type { BotFacts } from "../types";

const GRACE_MS = 400;

/** The connection is lost; the bot does not run. */
export function Banners({ person }: { person: string }) {
  return (
    <>
      <Connection />
      <Bot person={person} />
    </>
  );
}

function Connection() {
  const connected = useFact<boolean>("connected");
  const [late, setLate] = useState(false);
  useEffect(() => {
    if (connected !== false) return setLate(false);
    const timer = setTimeout(() => setLate(true), GRACE_MS);
    return () => clearTimeout(timer);
  }, [connected]);
  if (!late) return null;
  return (
    <div className="banner warn" role="alert">
      The connection to the sandbox is lost. Trying again… What you have typed stays here. If the program has ended,
      start it again and open the address that it prints.
    </div>
  );
}

const WORDS: Partial<Record<BotFacts["state"], string>> = {
  starting: "The bot is starting…",
  stopping: "The bot is stopping…",
  stopped: "The bot is stopped. What you write now waits until it runs again.",
  crashed:
    "The bot has ended by itself; its last lines are in the inspector. What you write now waits until it runs again.",
};

function Bot({ person }: { person: string }) {
  const bot = useFact<BotFacts | null>("bot");
  const [asked, setAsked] = useState(false);
  const words = bot ? WORDS[bot.state] : undefined;
  if (!words || !bot) return null;
  const down = bot.state === "stopped" || bot.state === "crashed";
  const start = async () => {
    setAsked(true);
    await live.ask("bot", { as: person, what: "start" }).catch(complain);
    setAsked(false);
  };
  return (
    <div className={`banner ${down ? "warn" : "quiet"}`}>
      <span>{words}</span>
      {down && (
        <button type="button" className="button" disabled={asked} onClick={start}>
          Start
        </button>
      )}
    </div>
  );
}
