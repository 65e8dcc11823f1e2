/** Uploading files for a message that is being written. */
import { useState } from "react";
import { draft, setDraft } from "../drafts";
import { complain } from "../notices";
import { upload } from "../uploads";

/** `add` uploads files, one after the other, and puts them into the draft; `pending` are the names of those under way. */
export function useUploads(key: string): { add: (files: FileList | null) => void; pending: string[] } {
  const [pending, setPending] = useState<string[]>([]);
  const add = async (given: FileList | null) => {
    const files = [...(given ?? [])];
    setPending((before) => [...before, ...files.map((file) => file.name)]);
    for (const file of files) {
      try {
        const done = await upload(file);
        setDraft(key, { files: [...draft(key).files, done] });
      } catch (error) {
        complain(error);
      }
      setPending((before) => without(before, file.name));
    }
  };
  return { add: (files) => void add(files), pending };
}

function without(names: string[], name: string): string[] {
  const at = names.indexOf(name);
  return names.filter((_, index) => index !== at);
}
