// The format on disk, held by backups that were frozen when it was new: every later version must read them,
// docs/format.md must be enough to read them, and so must the stock commands.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { listCatalog } from "../../src/archive/catalog.ts";
import type { Manifest } from "../../src/archive/manifest.ts";
import { openBackup } from "../../src/archive/reader.ts";
import { readMetadata } from "../../src/archive/metadata-file.ts";
import { createEncoder } from "../../src/codec/create.ts";
import { verifyBackup } from "../../src/verify/verify.ts";
import { quiet } from "../support/small-backup.ts";
import { temporaryFolder } from "../support/temporary.ts";
import { chunksOf, contentHashOf, documentsOf, sealOf, xxh64 } from "./by-the-book.ts";
import { ALGORITHMS, FROZEN_ID, readFrozen, thaw } from "./frozen.ts";

const DATA = /\.bson(\.gz|\.zst)?$/;
const COMMANDS = { gzip: ["gunzip", "-c"], zstd: ["zstd", "-dqc"], none: ["cat"] } as const;

/** The documents of a frozen backup by collection, read by the book. */
async function readByTheBook(name: string): Promise<Map<string, Buffer>> {
  const files = await readFrozen(name);
  const manifest = JSON.parse(files.get("manifest.json")?.toString() ?? "") as Manifest;
  const found = new Map<string, Buffer>();
  for (const collection of manifest.collections) {
    const path = collection.files.find((file) => DATA.test(file));
    const file = path === undefined ? undefined : files.get(path);
    if (path !== undefined && file) found.set(collection.name, Buffer.concat(chunksOf(path, file)));
  }
  return found;
}

for (const algorithm of ALGORITHMS) {
  const name = `v1-${algorithm}`;

  test(`a frozen backup is good, whatever version reads it (${name})`, async (t) => {
    const root = await temporaryFolder(t);
    const path = await thaw(name, root);
    const [entry] = await listCatalog(root);
    assert.deepEqual([entry?.id, entry?.state, entry?.problem], [FROZEN_ID, "good", null]);
    for (const level of ["quick", "full"] as const)
      assert.deepEqual((await verifyBackup(path, level, quiet())).problems, [], level);
  });

  test(`its metadata says what it said when it was frozen (${name})`, async (t) => {
    const { collections } = await openBackup(await thaw(name, await temporaryFolder(t)));
    const names: string[] = [];
    for (const collection of collections) {
      const metadata = await readMetadata(collection);
      assert.equal(metadata?.collectionName, collection.name);
      assert.equal(metadata.type, collection.type);
      names.push(collection.name);
      const [, order] = metadata.indexes;
      // The order of keys on disk, integer-like ones in their places.
      const keys = order && /z\0.*10\0.*2\0/s.test(Buffer.from(order).toString("latin1"));
      assert.equal(keys, collection.type === "view" ? undefined : true);
    }
    assert.deepEqual(names, ["patients", "empty", "手術 a/b", "手".repeat(80), "view"]);
  });

  test(`docs/format.md is enough to read it: chunks, checksums, content (${name})`, async () => {
    const files = await readFrozen(name);
    const text = files.get("manifest.json")?.toString("utf8") ?? "";
    const manifest = JSON.parse(text) as Manifest;
    assert.equal(sealOf(text), manifest.sha256);
    const read = await readByTheBook(name);
    assert.equal(read.size, 4);
    for (const { name: collection, ...expected } of manifest.collections) {
      const bytes = read.get(collection);
      if (!bytes) continue;
      const documents = documentsOf(bytes);
      assert.deepEqual(
        [documents.length, bytes.length, contentHashOf(documents)],
        [expected.documents, expected.rawBytes, expected.contentHash],
        collection,
      );
    }
  });

  test(`the stock commands of docs/format.md read it (${name})`, async (t) => {
    const path = await thaw(name, await temporaryFolder(t));
    const read = await readByTheBook(name);
    const { collections } = await openBackup(path);
    for (const { name: collection, dataFile } of collections) {
      if (dataFile === null) continue;
      const [command, ...args] = COMMANDS[algorithm];
      const bytes = execFileSync(command, [...args, dataFile.path]);
      assert.deepEqual(bytes, read.get(collection), collection);
    }
    const script = `perl -0pe 's/,\\n  "sha256": "[0-9a-f]{64}"\\n\\}\\n\\z//' manifest.json | sha256sum`;
    const page = await readFile(join(import.meta.dirname, "../../docs/format.md"), "utf8");
    assert.ok(page.includes(script), "the page gives another command than the one tried here");
    const said = execFileSync("sh", ["-c", script], { cwd: path }).toString().slice(0, 64);
    const { sha256 } = JSON.parse(await readFile(join(path, "manifest.json"), "utf8")) as Manifest;
    assert.equal(said, sha256);
  });
}

test("all three compressions were frozen with the same documents", async () => {
  const [first, ...others] = await Promise.all(ALGORITHMS.map((a) => readByTheBook(`v1-${a}`)));
  for (const other of others) assert.deepEqual(other, first);
});

test("what is written today is read by the book", async () => {
  const chunks = [(await readByTheBook("v1-none")).get("patients") ?? Buffer.alloc(0)];
  for (const [algorithm, path] of [
    ["gzip", "c.bson.gz"],
    ["zstd", "c.bson.zst"],
  ] as const)
    for (const list of [[], chunks, [...chunks, ...chunks]]) {
      const encoder = createEncoder({ algorithm, level: null });
      const stored = await Promise.all(list.map((c) => encoder.encode(c)));
      const sizes = stored.map((s, i) => ({ storedBytes: s.length, rawBytes: list[i]?.length ?? 0 }));
      const file = Buffer.concat([...stored, await encoder.finish(sizes)]);
      assert.deepEqual(Buffer.concat(chunksOf(path, file)), Buffer.concat(list));
    }
});

test("the book's xxHash64 is xxHash64", () => {
  // From the algorithm's own sanity checks: empty input, and a short one.
  assert.equal(xxh64(Buffer.alloc(0), 0n), 0xef46db3751d8e999n);
  assert.equal(xxh64(Buffer.from("a"), 0n), 0xd24ec4f1a98c6e5bn);
  assert.equal(xxh64(Buffer.from("abc"), 0n), 0x44bc2cf5ad770999n);
});
