// Data files and archives that no run of ours wrote: each is read whole, or refused with where it is wrong.
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import {
  archiveOf,
  block,
  end,
  entry,
  header,
  MAGIC,
  patients,
  raw,
  TERMINATOR,
} from "../../tests/support/mongodump-archive.ts";
import { temporaryFolder } from "../../tests/support/temporary.ts";
import { seekTable } from "../codec/zstd-frames.ts";
import { KeepError } from "../errors.ts";
import { readChunks } from "./chunk-reader.ts";
import { encodingOf, isOplog, oplogPath } from "./layout.ts";
import { archiveKind } from "./mongodump-archive-file.ts";
import { readMongodumpArchive } from "./mongodump-archive.ts";
import { onDisk } from "./place.ts";

const { signal } = new AbortController();

async function damageOf(path: string, bytes: Buffer) {
  await writeFile(path, bytes);
  const read: Buffer[] = [];
  try {
    for await (const chunk of readChunks(onDisk(path), { width: 2, signal })) read.push(chunk.raw);
  } catch (error) {
    assert.ok(error instanceof KeepError && error.code === "damaged", String(error));
    return error.message;
  }
  return Buffer.concat(read);
}

test("a file of Extended JSON gives the documents of its lines, packed or not", async (t) => {
  const folder = await temporaryFolder(t);
  const lines = Buffer.from('{"a":null}\n{"b":true}\n');
  const documents = Buffer.concat([raw({ a: null }), raw({ b: true })]);
  assert.deepEqual(await damageOf(join(folder, "c.ejson"), lines), documents);
  assert.deepEqual(await damageOf(join(folder, "c.ejson.gz"), gzipSync(lines)), documents);
  assert.match(String(await damageOf(join(folder, "c.ejson"), lines.subarray(0, 15))), /cut short/);
});

test("a seek table that cannot be is damage before anything is read by it", async (t) => {
  const path = join(await temporaryFolder(t), "c.bson.zst");
  const frame = (storedBytes: number, rawBytes: number) => seekTable([{ storedBytes, rawBytes }]);
  const long = frame(100, 100);
  long.writeUInt32LE(1_000_000, long.length - 9);
  assert.match(String(await damageOf(path, long)), /longer than the file/);
  const wrong = frame(100, 100);
  wrong.writeUInt32LE(7, 4);
  assert.match(String(await damageOf(path, wrong)), /wrong header/);
  const bomb = Buffer.concat([Buffer.alloc(100), frame(100, 1 << 30)]);
  assert.match(String(await damageOf(path, bomb)), /impossible length/);
});

test("the name of a file tells its encoding, and whether it is the oplog", () => {
  assert.deepEqual(["a.ejson", "a.ejson.gz", "a.bson.gz"].map(encodingOf), ["ejson", "ejson", "bson"]); // prettier-ignore
  const paths = (["none", "gzip", "zstd"] as const).map(oplogPath);
  assert.deepEqual(paths, ["oplog.bson", "oplog.bson", "oplog.bson.zst"]);
  assert.deepEqual([...paths, "surg/oplog.bson"].map(isOplog), [true, true, true, false]);
});

async function* blocksOf(bytes: Buffer) {
  yield await Promise.resolve(bytes);
}

async function listOf(bytes: Buffer) {
  const parts = readMongodumpArchive(blocksOf(bytes));
  const { value } = await parts.next();
  await parts.return();
  return value ?? null;
}

test("an archive without a header, or with an entry that names nothing, is damage", async () => {
  await assert.rejects(listOf(Buffer.concat([MAGIC, TERMINATOR])), /the archive has no header/);
  for (const odd of [raw({}), raw({ db: "surg" }), raw({ collection: "a" })])
    await assert.rejects(listOf(archiveOf([odd], [])), { code: "damaged" });
  const twice = archiveOf([entry("surg", "a"), entry("surg", "a")], []);
  await assert.rejects(listOf(twice), /lists it twice/);
  await assert.rejects(listOf(Buffer.concat([MAGIC, header("9.9"), TERMINATOR])), /version "9\.9" cannot be read/); // prettier-ignore
});

test("an entry of older tools, without type and metadata, is a collection of its name", async () => {
  const one = patients(1);
  const bytes = archiveOf([raw({ db: "surg", collection: "a" })], [block("surg", "a", one), end("surg", "a", one)]); // prettier-ignore
  const part = await listOf(bytes);
  assert.ok(part?.kind === "list");
  assert.deepEqual(part.list.collections, [
    { database: "surg", name: "a", type: "", metadata: "", described: null },
  ]);
});

test("a file is told to be an archive by its first bytes, and a broken gzip is none", async (t) => {
  const path = join(await temporaryFolder(t), "x");
  const kinds = [];
  for (const bytes of [
    MAGIC,
    gzipSync(MAGIC),
    gzipSync(MAGIC).subarray(0, 9),
    Buffer.from([0x1f, 0x8b, 1, 2, 3]),
  ]) {
    await writeFile(path, bytes);
    kinds.push(await archiveKind(onDisk(path)));
  }
  assert.deepEqual(kinds, ["plain", "gzip", null, null]);
});
