/** What the built page says of itself: which sources it was made of, and the licences of what is in it. */
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { version as vite } from "vite";

const HERE = path.dirname(fileURLToPath(import.meta.url));
const LICENCE = /^(licen[cs]e|copying|notice)([.-]|$)/i;

/** Everything that decides how the built page comes out. */
function sources() {
  const top = readdirSync(HERE, { withFileTypes: true });
  const below = readdirSync(path.join(HERE, "src"), { recursive: true, withFileTypes: true });
  return [...top, ...below]
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(HERE, path.join(entry.parentPath ?? entry.path, entry.name)))
    .map((name) => name.split(path.sep).join("/"))
    .filter((name) => !name.split("/").some((part) => part.startsWith(".")))
    .sort();
}

/** A SHA-256 over the names and digests of the sources; line ends do not count. */
function digest() {
  const whole = createHash("sha256");
  for (const name of sources()) {
    const text = readFileSync(path.join(HERE, name), "latin1").replaceAll("\r\n", "\n");
    whole.update(`${createHash("sha256").update(text, "latin1").digest("hex")}  ${name}\n`);
  }
  return whole.digest("hex");
}

/** The folder of the package that a file belongs to: the one after the last node_modules. */
function packageOf(file) {
  const parts = file.split("?")[0].replace(/^\0/, "").split(/[\\/]/);
  const at = parts.lastIndexOf("node_modules") + 1;
  if (!at || !parts[at]) return null;
  const folder = parts.slice(0, at + (parts[at].startsWith("@") ? 2 : 1)).join("/");
  return existsSync(path.join(folder, "package.json")) ? folder : null;
}

function licence(folder) {
  const { name, version, license } = JSON.parse(readFileSync(path.join(folder, "package.json"), "utf8"));
  const texts = readdirSync(folder)
    .filter((file) => LICENCE.test(file))
    .sort()
    .map((file) => readFileSync(path.join(folder, file), "utf8").replaceAll("\r\n", "\n").trim());
  return [`${name} ${version}: ${license ?? "see below"}`, ...texts].join("\n\n");
}

/** Writes `built.json` and `licences.txt` beside the built page. */
export function records() {
  return {
    name: "records",
    apply: "build",
    generateBundle(_options, bundle) {
      const files = Object.values(bundle).flatMap((part) =>
        part.type === "chunk" ? part.moduleIds : part.originalFileNames.map((name) => path.resolve(HERE, name)),
      );
      const folders = new Set(files.map(packageOf).filter((folder) => folder !== null));
      const licences = [...new Set([...folders].map(licence))].sort();
      const intro = "The page contains parts of these packages.";
      const rule = `\n\n${"-".repeat(80)}\n\n`;
      this.emitFile({ type: "asset", fileName: "licences.txt", source: [intro, ...licences].join(rule) + "\n" });
      const record = { sources: digest(), vite };
      this.emitFile({ type: "asset", fileName: "built.json", source: JSON.stringify(record, null, 2) + "\n" });
    },
  };
}
