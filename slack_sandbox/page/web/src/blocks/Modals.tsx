/** Windows. */
import { useCallback, useEffect, useId, useLayoutEffect, useRef, useState, type FormEvent } from "react";
import { live, useFact } from "../live";
import { acting } from "../place";
import type { Json, ModalFacts } from "../types";
import { Blocks } from "./Blocks";
import { problemsOf } from "./check";
import { Confirmation } from "./Confirm";
import { forgetForm, valuesOf } from "./form";
import { FailureContext, ProblemsContext, type Scope } from "./target";
import { TextObject, wordsOf } from "./Text";

const NONE: ModalFacts[] = [];
const FIELDS = "input, select, textarea, .bk-choices, button.bk-select";

/** The open windows of the acting person, of which the newest is shown, and questions that are asked before a click. */
export function Modals() {
  const modals = useFact<ModalFacts[]>("modals") ?? NONE;
  const open = modals.map(({ view }) => view.id).join(" ");
  const before = useRef("");
  useEffect(() => {
    const gone = before.current.split(" ").filter((view) => !open.split(" ").includes(view));
    gone.forEach(forgetForm);
    before.current = open;
  }, [open]);
  return (
    <>
      {modals.length > 0 && <Stack modals={modals} />}
      <Confirmation />
    </>
  );
}

/** One dialog for the whole stack, so that focus returns to where it was before the first. */
function Stack({ modals }: { modals: ModalFacts[] }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const title = useId();
  const top = modals[modals.length - 1];
  useLayoutEffect(() => {
    const shown = dialog.current;
    shown?.showModal();
    return () => shown?.close();
  }, []);
  const [failure, setFailure] = useState("");
  const fail = useCallback((error: unknown) => setFailure(error instanceof Error ? error.message : String(error)), []);
  const close = () => live.ask("close", { as: acting(), view_id: top.view.id }).catch(fail);
  useEffect(() => setFailure(""), [top.view]);
  return (
    <dialog
      ref={dialog}
      className="bk-window"
      aria-labelledby={title}
      onCancel={(event) => {
        if (event.target !== dialog.current) return;
        event.preventDefault();
        void close();
      }}
      onKeyDown={(event) => event.key !== "Tab" && event.stopPropagation()}
    >
      <FailureContext value={fail}>
        <View
          key={top.view.id}
          facts={top}
          title={title}
          deep={modals.length > 1}
          failure={failure}
          onFailure={setFailure}
          onClose={() => void close()}
        />
      </FailureContext>
    </dialog>
  );
}

function View(props: {
  facts: ModalFacts;
  title: string;
  /** There are others under it. */
  deep: boolean;
  failure: string;
  onFailure: (text: string) => void;
  onClose: () => void;
}) {
  const { facts, title, deep, failure, onFailure, onClose } = props;
  const { view, errors } = facts;
  const form = useRef<HTMLFormElement>(null);
  const [busy, setBusy] = useState(false);
  const [tries, setTries] = useState(0);
  const [own, setOwn] = useState<Record<string, string>>({});
  const problems = { ...errors, ...own };
  const shown = JSON.stringify(problems);
  const blocks = view.blocks as Json[];

  useEffect(() => focusOnLoad(form.current, blocks), []);
  useEffect(() => {
    if (shown === "{}") return;
    form.current?.querySelector(".bk-field.wrong")?.querySelector<HTMLElement>(FIELDS)?.focus();
  }, [shown, tries]);

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (busy || !view.submit) return;
    const scope: Scope = { target: { view_id: view.id }, key: view.id, blocks: { current: blocks } };
    const found = problemsOf(scope);
    setOwn(found);
    setTries((before) => before + 1);
    if (Object.keys(found).length) return;
    setBusy(true);
    onFailure("");
    try {
      await live.ask("submit", { as: acting(), view_id: view.id, values: valuesOf(scope) });
    } catch (error) {
      onFailure(error instanceof Error ? error.message : String(error));
    } finally {
      setBusy(false);
      setTries((before) => before + 1);
    }
  };
  return (
    <form ref={form} noValidate onSubmit={(event) => void submit(event)}>
      <header>
        <h2 id={title}>
          <TextObject text={view.title} />
        </h2>
        <button type="button" className="bk-icon" aria-label="Close" onClick={onClose}>
          ✕
        </button>
      </header>
      <div className="body" tabIndex={-1}>
        <ProblemsContext value={problems}>
          <Blocks blocks={blocks} target={{ view_id: view.id }} />
        </ProblemsContext>
      </div>
      {failure && (
        <div className="failure" role="alert">
          {failure}
        </div>
      )}
      {(view.submit || view.close || deep) && (
        <footer>
          <button type="button" className="bk-button" onClick={onClose}>
            {wordsOf(view.close) || (deep ? "Back" : "Cancel")}
          </button>
          {view.submit && (
            <button
              type="submit"
              className="bk-button filled primary"
              aria-busy={busy || undefined}
              aria-disabled={busy || undefined}
            >
              {wordsOf(view.submit)}
            </button>
          )}
        </footer>
      )}
    </form>
  );
}

function focusOnLoad(form: HTMLFormElement | null, blocks: Json[]): void {
  if (!form) return;
  const named = blocks.find((block) => block.type === "input" && block.element?.focus_on_load);
  const inputs = [...form.querySelectorAll<HTMLElement>(".bk-field")];
  const field = named ? inputs.find((each) => each.dataset.block === named.block_id) : inputs[0];
  const wanted = field?.querySelector<HTMLElement>(FIELDS) ?? form.querySelector<HTMLElement>(".body");
  wanted?.focus({ preventScroll: !field });
}
