/** The windows that add a channel or a person. */
import { useState, type FormEvent, type ReactNode } from "react";
import { live } from "../live";
import { inform } from "../notices";
import { acting, go } from "../place";
import { Dialog } from "./Dialog";

/** Makes a channel and goes there. */
export function AddChannel({ onClose }: { onClose: () => void }) {
  const [closed, setClosed] = useState(false);
  const make = async (name: string) => {
    const made = await live.ask("create_channel", { as: acting(), name: name.replace(/^#/, ""), private: closed });
    onClose();
    go({ channel: made.id, thread: null, tab: "messages" });
  };
  return (
    <AddForm title="Add channel" label="Name" hint="e.g. release" button="Create" onClose={onClose} make={make}>
      <label className="check">
        <input type="checkbox" checked={closed} onChange={(event) => setClosed(event.target.checked)} />
        Private: only for those who are invited
      </label>
    </AddForm>
  );
}

/** Makes a person whom one can act as. */
export function AddPerson({ onClose }: { onClose: () => void }) {
  const make = async (name: string) => {
    await live.ask("create_person", { as: acting(), name });
    onClose();
    inform(`${name} is here now: choose the name under “Act as” to write as this person.`);
  };
  return <AddForm title="Add person" label="Name" hint="e.g. Dana Scott" button="Add" onClose={onClose} make={make} />;
}

interface FormProps {
  title: string;
  label: string;
  hint: string;
  button: string;
  onClose: () => void;
  make: (name: string) => Promise<void>;
  children?: ReactNode;
}

function AddForm({ title, label, hint, button, onClose, make, children }: FormProps) {
  const [name, setName] = useState("");
  const [wrong, setWrong] = useState("");
  const [busy, setBusy] = useState(false);
  const send = async (event: FormEvent) => {
    event.preventDefault();
    if (!name.trim()) return setWrong("Give it a name first.");
    setBusy(true);
    try {
      await make(name.trim());
    } catch (error) {
      setWrong((error as Error).message);
      setBusy(false);
    }
  };
  return (
    <Dialog title={title} onClose={onClose}>
      <form onSubmit={send}>
        <div className="body">
          <label className="field">
            <span>{label}</span>
            <input
              value={name}
              placeholder={hint}
              maxLength={80}
              aria-invalid={Boolean(wrong)}
              aria-describedby={wrong ? "add-wrong" : undefined}
              onChange={(event) => {
                setName(event.target.value);
                setWrong("");
              }}
            />
          </label>
          {wrong && (
            <p className="wrong" id="add-wrong" role="alert">
              {wrong}
            </p>
          )}
          {children}
        </div>
        <footer>
          <button type="button" className="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" className="button primary" disabled={busy}>
            {button}
          </button>
        </footer>
      </form>
    </Dialog>
  );
}
