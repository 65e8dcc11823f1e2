/** The Home tab. */
import type { Json } from "../types";
import { Blocks } from "./Blocks";

/** The Home tab that the app published for the acting person. */
export function HomeView({ view }: { view: Json }) {
  return (
    <div className="bk-home">
      <Blocks blocks={view.blocks ?? []} target={{ view_id: view.id }} />
    </div>
  );
}
