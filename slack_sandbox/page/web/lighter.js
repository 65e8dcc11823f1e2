/**
 * Tables that nothing reads are left out of the built page: they would be a third of it.
 *
 * node-emoji reads the characters of emojilib, not the keywords and the order. slack-blocks-to-jsx is given rich text
 * only, in which the page draws every emoji itself (`src/blocks/emoji.ts`): its own table of emoji is never asked, and
 * neither is that of HTML's entities, which it has for other kinds of text.
 */
const FILES = [
  { file: /[\\/]emojilib[\\/]emojis\.json$/, lighten: charactersOnly },
  { file: /[\\/]emojilib[\\/]ordered\.json$/, lighten: () => "[]" },
  { file: /[\\/]slack-blocks-to-jsx[\\/]dist[\\/]index\.mjs$/, lighten: withoutTables },
];

const STRING = /(?:"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`\n`)/.source;
const EMOJI = new RegExp(String.raw`=\{100:"\\u\{1F4AF\}",(?:${STRING}|[^"'{}])*\}`);
const ENTITIES = new RegExp(String.raw`=\[(?:\{key:\[[\d,]+\],value:${STRING}\},?){1000,}\]`);

function charactersOnly(code) {
  const entries = Object.entries(JSON.parse(code)).map(([name, { char }]) => [name, { char }]);
  return JSON.stringify(Object.fromEntries(entries));
}

function withoutTables(code) {
  for (const table of [EMOJI, ENTITIES]) {
    if (!table.test(code)) throw new Error(`lighter.js: slack-blocks-to-jsx no longer has the table ${table}`);
  }
  return code.replace(EMOJI, "={}").replace(ENTITIES, "=[]");
}

/** Leaves out the tables. */
export function lighter() {
  return {
    name: "lighter",
    apply: "build",
    enforce: "pre",
    transform(code, id) {
      const found = FILES.find(({ file }) => file.test(id));
      return found ? { code: found.lighten(code), map: null } : null;
    },
  };
}
