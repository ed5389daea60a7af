// The architecture as a test: imports point down, folders of one layer do not know each other, and no file
// imports itself in a circle.
import assert from "node:assert/strict";
import { test } from "node:test";
import { fakeSources, importsOf, readSources } from "./source-files.ts";
import type { Sources } from "./source-files.ts";

const LAYERS = [
  ["errors.ts", "events.ts", "util"],
  ["bson", "codec", "retention"],
  ["config", "storage", "mongo", "tools", "service", "notify", "schedule"],
  ["archive"],
  ["oplog"],
  ["dump", "restore"],
  ["verify"],
  ["jobs"],
  ["report"],
  ["web"],
  ["compose.ts"],
  ["cli", "index.ts"],
];

const homeOf = (path: string) => path.split("/")[0] ?? "";
const layerOf = (path: string) => LAYERS.findIndex((layer) => layer.includes(homeOf(path)));

/**
 * `from -> to` for each import that points up or to a neighbour, and each file that is in no layer.
 * Unit tests may use what all tests share.
 */
function wrongImports(sources: Sources): string[] {
  return [...sources].flatMap(([path, file]) => {
    if (layerOf(path) < 0) return [`${path} is in no layer`];
    return importsOf(path, file)
      .filter((to) => homeOf(to) !== homeOf(path))
      .filter((to) => !(path.endsWith(".test.ts") && to.startsWith("../tests/support/")))
      .filter((to) => layerOf(to) < 0 || layerOf(to) >= layerOf(path))
      .map((to) => `${path} -> ${to}`);
  });
}

/** Each circle once, as `a -> b -> a`, beginning with the file that sorts first. */
function findCycles(sources: Sources): string[] {
  const cycles = new Set<string>();
  const done = new Set<string>();
  const visit = (path: string, trail: readonly string[]) => {
    const seenAt = trail.indexOf(path);
    if (seenAt >= 0) {
      const circle = trail.slice(seenAt);
      const first = circle.indexOf([...circle].sort()[0] ?? "");
      const turned = [...circle.slice(first), ...circle.slice(0, first)];
      cycles.add([...turned, turned[0]].join(" -> "));
      return;
    }
    const file = sources.get(path);
    if (!file || done.has(path)) return;
    for (const to of importsOf(path, file)) visit(to, [...trail, path]);
    done.add(path);
  };
  for (const path of sources.keys()) visit(path, []);
  return [...cycles];
}

test("imports only point down, or stay in their own folder", () => {
  assert.deepEqual(wrongImports(readSources()), []);
});

test("no file imports itself in a circle", () => {
  assert.deepEqual(findCycles(readSources()), []);
});

const WRONG = {
  "up, from archive to jobs": { "archive/a.ts": `import { b } from "../jobs/b.ts";` },
  "to a neighbour": { "dump/a.ts": `export { b } from "../restore/b.ts";` },
  "only for a type": { "bson/a.ts": `import type { B } from "../mongo/b.ts";` },
  "within a type": { "bson/a.ts": `export type A = import("../mongo/b.ts").B;` },
  "while running": { "util/a.ts": `export const a = () => import("../cli/main.ts");` },
  "by require": { "util/a.ts": `const b = require("../cli/main.ts");` },
  "from compose to cli": { "compose.ts": `import "./cli/main.ts";` },
  "from the library to the command line": { "index.ts": `export * from "./cli/main.ts";` },
  "to a folder of no layer": { "cli/a.ts": `import "../helpers/b.ts";` },
};
for (const [how, texts] of Object.entries(WRONG)) {
  test(`the layers would be seen broken: ${how}`, () => {
    assert.equal(wrongImports(fakeSources(texts)).length, 1);
  });
}

test("a file in a folder of no layer would be seen", () => {
  assert.deepEqual(wrongImports(fakeSources({ "helpers/a.ts": "" })), [
    "helpers/a.ts is in no layer",
  ]);
});

test("imports that point down are fine, compose below the command line and the library included", () => {
  const sources = fakeSources({
    "cli/main.ts": `import "../compose.ts"; import "./exit.ts"; import "../errors.ts";`,
    "index.ts": `import "./compose.ts"; import "./jobs/backup.ts";`,
    "compose.ts": `import "./report/text.ts"; import "node:fs";`,
  });
  assert.deepEqual(wrongImports(sources), []);
});

test("a circle would be seen, once, whatever its length", () => {
  const sources = fakeSources({
    "a/x.ts": `import "./y.ts";`,
    "a/y.ts": `import type { Z } from "./z.ts"; import "./w.ts";`,
    "a/z.ts": `export * from "./x.ts";`,
    "a/w.ts": `import "./w.ts";`,
  });
  assert.deepEqual(findCycles(sources), [
    "a/x.ts -> a/y.ts -> a/z.ts -> a/x.ts",
    "a/w.ts -> a/w.ts",
  ]);
});

test("two ways to one file are no circle", () => {
  const sources = fakeSources({
    "a/x.ts": `import "./y.ts"; import "./z.ts";`,
    "a/y.ts": `import "./z.ts";`,
    "a/z.ts": "",
  });
  assert.deepEqual(findCycles(sources), []);
});
