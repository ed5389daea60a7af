// docs/pitfalls.md says which test shows what: each of them must be there.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";

const root = new URL("../", import.meta.url);
const read = (path: string) => readFile(new URL(path, root), "utf8");

test("every test and every limit that docs/pitfalls.md names exists", async () => {
  const table = await read("docs/pitfalls.md");
  const limits = await read("docs/limits.md");
  const named = [...table.matchAll(/`((?:src|tests)\/[\w./-]+\.test\.ts)` "([^"]+)"/g)];
  assert.ok(named.length > 40, "the table is read");
  for (const [, file = "", title = ""] of named)
    assert.ok((await read(file)).includes(title), `${file}: ${title}`);
  const stated = [...table.matchAll(/limits, "([^"]+)"/g)];
  assert.ok(stated.length > 5);
  for (const [, begin = ""] of stated)
    assert.ok(limits.replaceAll("**", "").includes(begin), begin);
  const lines = table.split("\n").filter((line) => /^\| (?!case|-)/.test(line));
  for (const line of lines)
    assert.match(line, /\.test\.ts`|limits, "|\| — /, "a line that shows nothing");
});
