// Random edits on random documents: a comparison must say exactly what was done, with and without a file.
import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { test } from "node:test";
import { BSON, Long } from "bson";
import fc from "fast-check";
import { createLanes } from "../bson/content-hash.ts";
import { temporaryFolder } from "../../tests/support/temporary.ts";
import { createComparer } from "./compare.ts";
import { comparePartition, noDifference } from "./compare-partition.ts";
import { createRecordStore, PARTITIONS } from "./compare-records.ts";
import type { Description, SideCollection } from "./compare-sides.ts";

const NO_DESCRIPTION: Description = {
  options: BSON.serialize({}),
  indexes: [],
  lostOrder: false,
};

/** A side that promises nothing, in batches of three. */
function sideOf(documents: readonly object[], promise?: Partial<SideCollection>): SideCollection {
  const raw = documents.map((one) => Buffer.from(BSON.serialize(one)));
  return {
    database: "surg",
    name: "patients",
    type: "collection",
    documents: null,
    contentHash: null,
    describe: () => Promise.resolve(NO_DESCRIPTION),
    count: () => Promise.resolve(raw.length),
    async *read() {
      for (let at = 0; at < raw.length; at += 3) {
        await Promise.resolve();
        yield { bytes: Buffer.concat(raw.slice(at, at + 3)), release: () => undefined };
      }
    },
    ...promise,
  };
}

async function compare(
  folder: string,
  backup: SideCollection | null,
  other: SideCollection | null,
  samples = 1_000,
) {
  const signal = new AbortController().signal;
  await using comparer = await createComparer({ emit: () => undefined, signal, folder, samples });
  return await comparer.compare({ namespace: "surg.patients", backup, other });
}

const edit = fc.constantFrom("keep", "remove", "change", "retype", "add");

test("any script of edits is reported as it was, whatever the order of the documents", async (t) => {
  const folder = await temporaryFolder(t);
  await fc.assert(
    fc.asyncProperty(fc.array(edit, { maxLength: 40 }), fc.boolean(), async (edits, reversed) => {
      const expected = { added: [] as number[], removed: [] as number[], changed: [] as number[] };
      const before: object[] = [];
      const after: object[] = [];
      for (const [_id, what] of edits.entries()) {
        const one = { _id, name: `patient ${_id}` };
        if (what !== "add") before.push(one);
        if (what === "keep") after.push(one);
        if (what === "change") after.push({ ...one, name: "other" });
        if (what === "retype") after.push({ ...one, _id: Long.fromNumber(_id) });
        if (what === "add") after.push(one);
        if (what === "add") expected.added.push(_id);
        if (what === "remove") expected.removed.push(_id);
        if (what === "change" || what === "retype") expected.changed.push(_id);
      }
      if (reversed) after.reverse();
      const found = await compare(folder, sideOf(before), sideOf(after));
      const shown = (ids: readonly string[]) =>
        ids.map((id) => Number((JSON.parse(id) as { $numberInt: string }).$numberInt));
      const sorted = (ids: readonly number[]) => [...ids].sort((a, b) => a - b);
      for (const kind of ["added", "removed", "changed"] as const) {
        assert.equal(found[kind], expected[kind].length);
        assert.deepEqual(sorted(shown(found.samples[kind])), sorted(expected[kind]));
      }
      assert.equal(
        found.equal,
        edits.every((what) => what === "keep"),
      );
    }),
    { numRuns: 60 },
  );
});

test("documents that share an _id, or have none, are counted as often as they are there", async (t) => {
  const folder = await temporaryFolder(t);
  const [x, y, z] = [{ a: 1 }, { a: 2 }, { _id: 1, a: 1 }];
  const found = await compare(folder, sideOf([x, x, x, y, z, z]), sideOf([x, y, y, z, { _id: 1 }]));
  const { added, removed, changed } = found;
  assert.deepEqual({ added, removed, changed }, { added: 1, removed: 2, changed: 1 });
  assert.deepEqual(found.samples, { added: [], removed: [], changed: ['{"$numberInt":"1"}'] });
});

test("no more _ids are named than were asked for, and no other content at all", async (t) => {
  const folder = await temporaryFolder(t);
  const many = Array.from({ length: 30 }, (_, _id) => ({ _id, name: "Zoë" }));
  const found = await compare(folder, sideOf(many), sideOf([]), 4);
  assert.equal(found.removed, 30);
  assert.equal(found.samples.removed.length, 4);
  const gone = await compare(folder, sideOf(many), null, 4);
  assert.deepEqual(gone.documents, { backup: 30, other: null });
  assert.equal(gone.samples.removed.length, 4);
  assert.doesNotMatch(JSON.stringify([found, gone]), /Zoë/);
  assert.deepEqual((await compare(folder, sideOf(many), sideOf([]), 0)).samples.removed, []);
});

test("what equals its promise is not read on the promising side", async (t) => {
  const folder = await temporaryFolder(t);
  const documents = [{ _id: 1 }, { _id: 2 }];
  const promise = { documents: 2, contentHash: await hashOf(documents) };
  const read = () => assert.fail("was read");
  const found = await compare(folder, sideOf(documents, { ...promise, read }), sideOf(documents));
  assert.equal(found.equal, true);
  const both = await compare(folder, sideOf([], { ...promise, read }), sideOf([], { ...promise, read })); // prettier-ignore
  assert.deepEqual(both.documents, { backup: 2, other: 2 });
});

test("a backup that is not what its manifest says is damaged, not different", async (t) => {
  const folder = await temporaryFolder(t);
  const promise = { documents: 1, contentHash: await hashOf([{ _id: 1, a: 1 }]) };
  const wrong = sideOf([{ _id: 1, a: 2 }], promise);
  await assert.rejects(compare(folder, wrong, sideOf([{ _id: 3 }])), { code: "damaged" });
});

async function hashOf(documents: readonly object[]): Promise<string> {
  const { createContentHash } = await import("../bson/content-hash.ts");
  const hash = await createContentHash();
  for (const one of documents) hash.add(Buffer.from(BSON.serialize(one)));
  return hash.digest();
}

test("more documents than are kept in memory give the same answer, and leave no file behind", async (t) => {
  const folder = await temporaryFolder(t);
  const lanes = await createLanes();
  const found = noDifference();
  await using left = createRecordStore(folder, 0);
  await using right = createRecordStore(folder, 0);
  const count = 600_000;
  for (let n = 0; n < count; n++) {
    const raw = Buffer.from([n & 255, (n >> 8) & 255, (n >> 16) & 255]);
    const [a, b] = [lanes.a(raw), lanes.b(raw)];
    if (n % 1_000 !== 1) left.add(a, b, a, b);
    if (n % 1_000 !== 2) right.add(a, b, n % 1_000 === 3 ? b : a, b);
    if (n % 100_000 === 0) await Promise.all([left.spill(), right.spill()]);
  }
  assert.deepEqual(await readdir(folder), [], "the file has no name");
  for (let n = 0; n < PARTITIONS; n++)
    comparePartition(await left.read(n), await right.read(n), found, 5);
  const { added, removed, changed } = found;
  assert.deepEqual({ added, removed, changed }, { added: 600, removed: 600, changed: 600 });
  left.clear();
  assert.equal((await left.read(7)).length, 0);
});
