/** Files that are uploaded with a form. */
import { useContext, useState } from "react";
import { complain } from "../../notices";
import { acting } from "../../place";
import { FailureContext } from "../target";
import { useElement, type ElementProps } from "./use";

interface Uploaded {
  id: string;
  name: string;
}

async function upload(file: File): Promise<Uploaded> {
  const to = new URL("upload", document.baseURI);
  to.searchParams.set("as", acting());
  to.searchParams.set("name", file.name);
  const answer = await fetch(to, { method: "POST", body: file });
  if (!answer.ok) throw new Error((await answer.text()) || `${file.name} could not be uploaded.`);
  return { id: (await answer.json()).id as string, name: file.name };
}

/** A file_input: uploads at once, and sends the ids. */
export function FileInput({ element, block, acts, labels }: ElementProps) {
  const fail = useContext(FailureContext) ?? complain;
  const { value, set } = useElement({ element, block, acts });
  const [busy, setBusy] = useState(false);
  const files = (value ?? []) as Uploaded[];
  const most = (element.max_files as number | undefined) ?? 10;
  const accept = ((element.filetypes ?? []) as string[]).map((type) => `.${type}`).join(",");

  const add = async (chosen: File[]) => {
    setBusy(true);
    const added: Uploaded[] = [];
    try {
      for (const file of chosen.slice(0, most - files.length)) added.push(await upload(file));
      if (chosen.length > most - files.length) fail(`No more than ${most} files can be added here.`);
    } catch (error) {
      fail(error);
    } finally {
      set([...files, ...added]);
      setBusy(false);
    }
  };
  return (
    <div className="bk-files">
      <input
        {...labels}
        type="file"
        multiple={most > 1}
        accept={accept || undefined}
        aria-busy={busy || undefined}
        onChange={(event) => {
          const chosen = [...(event.target.files ?? [])];
          event.target.value = "";
          if (!busy) void add(chosen);
        }}
      />
      <ul>
        {files.map((file) => (
          <li key={file.id}>
            {file.name}{" "}
            <button
              type="button"
              className="bk-icon"
              aria-label={`Remove ${file.name}`}
              onClick={() => set(files.filter((each) => each.id !== file.id))}
            >
              ✕
            </button>
          </li>
        ))}
      </ul>
    </div>
  );
}
