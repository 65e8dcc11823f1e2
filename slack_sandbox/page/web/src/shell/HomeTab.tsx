/** The app's Home. */
import { HomeView } from "../blocks/HomeView";
import { useFact } from "../live";
import { useWorkspace } from "../people";
import type { Json } from "../types";

/** What the app has published for the acting person. */
export function HomeTab() {
  const view = useFact<Json | null>("home");
  const workspace = useWorkspace();
  const name = workspace?.app.name ?? "The app";
  return (
    <div className="scroll home" tabIndex={0} role="region" aria-label={`Home of ${name}`}>
      {view ? <HomeView view={view} /> : <p className="muted">{name} has not put anything here yet.</p>}
    </div>
  );
}
