import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, test } from "node:test";
import fc from "fast-check";
import { fabricateBackup } from "../../tests/support/fabricate.ts";
import { temporaryFolder } from "../../tests/support/temporary.ts";
import type { Manifest } from "./manifest.ts";
import { parseManifest } from "./manifest-check.ts";
import { formatManifest, isSealed } from "./seal.ts";

const root = await temporaryFolder({ after });
const { manifest, path } = await fabricateBackup(root, "2026-11-23T02:00:00Z");
const { sha256: _, ...body } = manifest;
const text = await readFile(join(path, "manifest.json"), "utf8");

const problemOf = (changes: object) => {
  const parsed = parseManifest(formatManifest({ ...body, ...changes }).text);
  return "problem" in parsed ? parsed.problem : null;
};

test("every change of one character is found", () => {
  const change = fc.record({
    at: fc.nat({ max: text.length - 1 }),
    to: fc.constantFrom("0", "7", "x", " ", '"', "}", ","),
  });
  fc.assert(
    fc.property(change, ({ at, to }) => {
      fc.pre(text[at] !== to);
      assert.ok("problem" in parseManifest(text.slice(0, at) + to + text.slice(at + 1)));
    }),
  );
});

test("no text makes it throw", () => {
  for (const odd of ["", "null", "[]", "1", '{"schema":"x"}', "\u0000", text.slice(0, 500)])
    assert.ok("problem" in parseManifest(odd), odd);
});

test("a newer schema is told apart from damage, whatever its seal looks like", () => {
  const newer = "was made by a newer mongokeep (schema 2)";
  assert.equal(problemOf({ schema: 2 }), newer);
  assert.deepEqual(parseManifest('{"schema": 2}'), { problem: newer });
});

test("a path that leads out of the backup is refused, sealed or not", () => {
  for (const bad of ["../evil", "surg/../../evil", "/etc/passwd", "a/b/c", "surg/..", ""]) {
    const files = manifest.files.map((file, i) => (i === 0 ? { ...file, path: bad } : file));
    assert.match(problemOf({ files }) ?? "", /leads out of the backup/, bad);
  }
});

test("ids and names that could lead elsewhere are refused", () => {
  assert.match(problemOf({ id: "../x" }) ?? "", /id/);
  assert.match(problemOf({ parent: ".." }) ?? "", /parent/);
  assert.match(problemOf({ databases: ["../x"] }) ?? "", /no name of a database/);
  const collections = manifest.collections.map((c) => ({ ...c, database: ".." }));
  assert.match(problemOf({ collections }) ?? "", /no name of a database/);
});

test("text of a million brackets is refused before it is parsed, brackets in a note are no nesting", () => {
  for (const deep of ["[".repeat(1_000_000), '{"a":'.repeat(1_000_000)])
    assert.deepEqual(parseManifest(deep), { problem: "is no manifest: it is nested too deeply" });
  for (const note of [
    "[{".repeat(100),
    '"["'.repeat(100),
    '\\"['.repeat(100),
    "\\[".repeat(100),
    '\\\\"{'.repeat(100),
  ])
    assert.equal(problemOf({ note }), null, note);
});

test("a collection of a database that the manifest does not name is refused", () => {
  assert.match(problemOf({ databases: [] }) ?? "", /does not name the database surg/);
});

test("totals that do not add up are named", () => {
  for (const key of ["collections", "documents", "rawBytes", "storedBytes"] as const) {
    const totals = { ...manifest.totals, [key]: manifest.totals[key] + 1 };
    assert.match(problemOf({ totals }) ?? "", new RegExp(`totals\\.${key} is `));
  }
});

test("each file is listed once, with its checksum", () => {
  const [first] = manifest.files;
  assert.match(problemOf({ files: [...manifest.files, first] }) ?? "", /twice/);
  assert.match(problemOf({ files: [first] }) ?? "", /no size and checksum/);
  const own = { ...first, path: "manifest.json" } as Manifest["files"][number];
  assert.match(problemOf({ files: [...manifest.files, own] }) ?? "", /twice/);
});

test("fields that a later version adds to this schema are no problem", () => {
  assert.equal(problemOf({ later: { added: true } }), null);
});

test("fifty brackets within one another are read, one more is not; those before that are closed do not count", () => {
  const nested = (depth: number) => "[".repeat(depth) + "]".repeat(depth);
  const shallow = `${"[],".repeat(60)}[]`;
  const deep = { problem: "is no manifest: it is nested too deeply" };
  assert.deepEqual(parseManifest(nested(51)), deep);
  assert.notDeepEqual(parseManifest(nested(50)), deep);
  assert.notDeepEqual(parseManifest(`[${shallow}]`), deep);
  assert.deepEqual(parseManifest('{"schema":"2"}'), {
    problem: "was changed after it was written: its own checksum does not fit",
  });
});

test("a text that is only a seal was never sealed", () => {
  const { text: sealed } = formatManifest(body);
  assert.equal(isSealed(sealed), true);
  assert.equal(isSealed(sealed.slice(0, -1)), false);
  assert.equal(isSealed("{}"), false);
  assert.equal(isSealed(""), false);
});
