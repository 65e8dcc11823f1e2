/** Sending files to the sandbox, and where they are fetched. */
import { acting } from "./place";
import type { Attached } from "./drafts";
import type { Json } from "./types";

/** Upload one file as the acting person. Rejects with the server's sentence when it is not taken. */
export async function upload(file: File): Promise<Attached> {
  const name = file.name || "file";
  if (!file.size) throw new Error(`${name} was not uploaded: the file is empty.`);
  const query = new URLSearchParams({ as: acting(), name });
  let answer: Response;
  try {
    answer = await fetch(new URL(`upload?${query}`, document.baseURI), { method: "POST", body: file });
  } catch {
    throw new Error(`${name} was not uploaded: there is no connection to the sandbox just now.`);
  }
  const told = await answer.text();
  const said = parsed(told);
  if (!answer.ok || typeof said?.id !== "string") {
    throw new Error(`${name} was not uploaded: ${said?.error ?? (told || answer.statusText)}`);
  }
  return { id: said.id, name, size: file.size };
}

function parsed(text: string): Json | null {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** The address of a file; with `show` of what the page may draw itself. */
export function fileAddress(file: Json, show = false): string {
  return `files/${encodeURIComponent(file.id)}/${encodeURIComponent(file.name || "file")}${show ? "?show=1" : ""}`;
}
