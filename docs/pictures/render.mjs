// Draws every entry of a JSON file as a PNG: node render.mjs INPUT.json OUTDIR. The README says what an entry is.
import { execFileSync } from "node:child_process";
import { accessSync, constants, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { Complaint, checked } from "./check.mjs";

const MISSING_CHROMIUM =
  "No Chromium was found: install it (Debian and Ubuntu: `apt install chromium`) or name it with CHROMIUM=/path/to/it.";
const MISSING_PACKAGES = "The packages of docs/pictures are not installed: run `make pictures`, or `npm ci` in there.";

// playwright-core adds a fresh user-data-dir of its own and removes it afterwards. The last four keep the machine's
// screen and font settings out of the pictures.
const FLAGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--disable-lcd-text",
  "--font-render-hinting=none",
  "--force-color-profile=srgb",
  "--hide-scrollbars",
];

try {
  await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof Complaint)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}

async function main([input, outdir, ...rest]) {
  if (!input || !outdir || rest.length) throw new Complaint("Usage: node render.mjs INPUT.json OUTDIR");
  const entries = checked(entriesOf(input));
  const executablePath = browser();
  const { page, playwright, upng } = await packages();
  const pages = entries.map((entry) => [entry, page(entry)]);
  mkdirSync(outdir, { recursive: true });
  const chromium = await playwright.chromium.launch({ executablePath, args: FLAGS, chromiumSandbox: false });
  try {
    await shoot(chromium, pages, (entry, png) => {
      const file = path.join(outdir, `${entry.name}.png`);
      writeFileSync(file, smaller(upng, png));
      console.log(`${file}  ${entry.title ?? ""}`.trimEnd());
    });
  } finally {
    await chromium.close();
  }
}

/** What comes from the packages; loaded late, so that a missing package is a sentence. */
async function packages() {
  try {
    const [{ page }, playwright, { default: upng }] = await Promise.all(
      ["./page.mjs", "playwright-core", "upng-js"].map((name) => import(name)),
    );
    return { page, playwright, upng };
  } catch (error) {
    const missing = ["ERR_MODULE_NOT_FOUND", "MODULE_NOT_FOUND"].includes(error.code);
    throw missing ? new Complaint(MISSING_PACKAGES) : error;
  }
}

/** A picture of each page. Everything is in the pages: a request would be a mistake. */
async function shoot(chromium, pages, keep) {
  const tab = await chromium.newPage({
    viewport: { width: 720, height: 800 },
    deviceScaleFactor: 2,
    colorScheme: "light",
    locale: "en-US",
    timezoneId: "UTC",
  });
  const asked = [];
  await tab.route(/^(?!data:)/, (route) => {
    asked.push(route.request().url());
    return route.abort();
  });
  for (const [entry, html] of pages) {
    await tab.setContent(html, { waitUntil: "load" });
    await tab.evaluate("document.fonts.ready.then(() => null)");
    const png = await tab.locator(".picture").screenshot({ animations: "disabled" });
    if (asked.length) throw new Complaint(`${entry.name}: the page asked for ${asked[0]}.`);
    keep(entry, png);
  }
}

/** The picture in 256 colours, which nobody sees and which halves it. */
function smaller(upng, png) {
  const image = upng.decode(new Uint8Array(png).buffer);
  return Buffer.from(upng.encode(upng.toRGBA8(image), image.width, image.height, 256));
}

function entriesOf(input) {
  try {
    return JSON.parse(readFileSync(input, "utf8"));
  } catch (error) {
    throw new Complaint(`${input} cannot be read as JSON: ${error.message}`);
  }
}

function browser() {
  const named = process.env.CHROMIUM;
  if (named) {
    if (runs(named)) return named;
    throw new Complaint(`CHROMIUM names ${named}, which is no program that can be started.`);
  }
  const found = ["/usr/bin/chromium", ...["chromium", "chromium-browser", "google-chrome"].map(which)].find(runs);
  if (!found) throw new Complaint(MISSING_CHROMIUM);
  return found;
}

function which(name) {
  try {
    return execFileSync("/bin/sh", ["-c", 'command -v "$1"', "sh", name], { encoding: "utf8" }).trim();
  } catch {
    return "";
  }
}

function runs(file) {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
