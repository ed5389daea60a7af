// Everything that reads bytes of a file, given nonsense and good input with a few bytes changed: it must
// answer or refuse in its own words, soon, and not take memory for lengths that it was only told.
// SLOW=1 runs fifty times as many, with a new seed each time (named on failure).
import assert from "node:assert/strict";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import * as BSON from "bson";
import { readChunks } from "../../src/archive/chunk-reader.ts";
import { unescapeName } from "../../src/archive/layout.ts";
import { parseManifest } from "../../src/archive/manifest-check.ts";
import { parseMetadata } from "../../src/archive/metadata.ts";
import { archiveKind } from "../../src/archive/mongodump-archive-file.ts";
import { spoolMongodumpArchive } from "../../src/archive/spool.ts";
import { parseVerification } from "../../src/archive/verification.ts";
import { ejsonToRaw, rawToEjson } from "../../src/bson/ejson.ts";
import { validateDocuments } from "../../src/bson/validate.ts";
import { memberLength } from "../../src/codec/gzip-members.ts";
import { parseSeekTable, seekTable, seekTableBytes } from "../../src/codec/zstd-frames.ts";
import { KeepError } from "../../src/errors.ts";
import { goodArchive } from "../support/mongodump-archive.ts";
import { createRandom } from "../support/random.ts";
import type { Random } from "../support/random.ts";
import { documents, quiet, smallBackup } from "../support/small-backup.ts";
import { temporaryFolder } from "../support/temporary.ts";
import { verifyBackup } from "../../src/verify/verify.ts";
import { onDisk } from "../../src/archive/place.ts";

const SLOW = process.env.SLOW === "1";
const SEED = SLOW ? process.pid : 20_261_123;
const TIMES = SLOW ? 50 : 1;
const MOST_GROWTH = 256 << 20;

/** Good input with 1–6 places changed: a byte, a run, a cut, a repetition. */
function mutate(random: Random, good: Buffer): Buffer {
  let bytes = Buffer.from(good);
  for (let i = random.below(6); i >= 0; i--) {
    const at = random.below(bytes.length + 1);
    const kind = random.below(5);
    if (kind === 0) bytes[at] = random.below(256);
    else if (kind === 1) bytes[at] = (bytes[at] ?? 0) ^ (1 << random.below(8));
    else if (kind === 2) bytes = bytes.subarray(0, at);
    else if (kind === 3) bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at >> 1)]);
    else random.bytes(4).copy(bytes, Math.min(at, Math.max(0, bytes.length - 4)));
  }
  return bytes.subarray(0, 1 << 16);
}

interface Reader {
  readonly name: string;
  readonly good: readonly Buffer[];
  readonly runs: number;
  /** Throws only what a caller of it expects. */
  readonly read: (bytes: Buffer) => unknown;
}

const awkward = BSON.serialize(
  new Map<string, unknown>([
    ["z", { "10": [1, { a: null }], b: new BSON.Binary(Buffer.from("x")) }],
    ["code", new BSON.Code("f", { x: 1 })],
    ["regex", /a/i],
    ["long", BSON.Long.MAX_VALUE],
  ]),
);
const text = (value: unknown) => Buffer.from(JSON.stringify(value));
const allowSyntax = (read: () => unknown) => {
  try {
    read();
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
};

/** Sound BSON can still hold what has no Extended JSON: a regular expression with unheard-of options. */
const allowBson = (read: () => unknown) => {
  try {
    read();
  } catch (error) {
    if (!(error instanceof BSON.BSONError)) throw error;
  }
};

const READERS: Reader[] = [
  {
    name: "validateDocuments, and what trusts it",
    good: [Buffer.from(awkward), documents(0, 3)],
    runs: 4000,
    read: (bytes) => {
      if ("problem" in validateDocuments(bytes)) return;
      for (let at = 0; at < bytes.length; at += bytes.readInt32LE(at))
        allowBson(() => rawToEjson(bytes.subarray(at, at + bytes.readInt32LE(at))));
    },
  },
  {
    name: "parseMetadata",
    good: [
      text({
        options: { a: { $numberLong: "5" } },
        indexes: [{ v: 2, key: { a: { $numberInt: "1" } } }],
        uuid: "00",
        collectionName: "c",
      }),
    ],
    runs: 3000,
    read: (bytes) => {
      allowSyntax(() => parseMetadata(bytes.toString("utf8")));
    },
  },
  {
    name: "ejsonToRaw",
    good: [
      Buffer.from(rawToEjson(awkward)),
      text({
        $date: { $numberLong: "1" },
        a: [
          { $oid: "0".repeat(24) },
          { $binary: { base64: "eA==", subType: "00" } },
          { $timestamp: { t: 1, i: 2 } },
        ],
      }),
    ],
    runs: 3000,
    read: (bytes) => {
      allowSyntax(() => ejsonToRaw(bytes.toString("utf8")));
    },
  },
  {
    name: "parseManifest",
    good: [text({ schema: 1, id: "2026-11-23_02-00-00", files: [] })],
    runs: 2000,
    read: (bytes) => parseManifest(bytes.toString("utf8")),
  },
  {
    name: "parseVerification",
    good: [text({ schema: 1, sha256: "0" })],
    runs: 2000,
    read: (bytes) => parseVerification(bytes.toString("utf8")),
  },
  {
    name: "the seek table",
    good: [seekTable([1, 2, 3].map((n) => ({ storedBytes: n * 100, rawBytes: n * 1000 })))],
    runs: 4000,
    read: (bytes) => {
      const length = seekTableBytes(bytes.subarray(-9));
      if (length === null || length > bytes.length) return;
      try {
        parseSeekTable(bytes.subarray(bytes.length - length), bytes.length);
      } catch (error) {
        assert.match((error as Error).message, /^the seek table/);
      }
    },
  },
  {
    name: "a gzip member's header and a file's name",
    good: [Buffer.from("1f8b08040000000000ff08004d4b040040000000", "hex")],
    runs: 4000,
    read: (bytes) => [memberLength(bytes), unescapeName(bytes.toString("latin1"))],
  },
];

for (const { name, good, runs, read } of READERS)
  test(`${name} answers or refuses, whatever it is given (seed ${SEED})`, () => {
    const random = createRandom(SEED);
    const before = process.memoryUsage();
    for (let run = 0; run < runs * TIMES; run++) {
      const bytes =
        run % 4 === 0 ? random.bytes(random.below(200)) : mutate(random, random.pick(good));
      try {
        read(bytes);
      } catch (error) {
        throw new Error(`run ${run}: ${bytes.toString("base64")}`, { cause: error });
      }
    }
    assertBounded(before);
  });

function assertBounded(before: NodeJS.MemoryUsage): void {
  const { arrayBuffers, heapUsed } = process.memoryUsage();
  assert.ok(arrayBuffers - before.arrayBuffers < MOST_GROWTH, "buffers grew");
  assert.ok(heapUsed - before.heapUsed < MOST_GROWTH, "the heap grew");
}

test(`data files of nonsense end in damage or in chunks (seed ${SEED})`, async (t) => {
  const random = createRandom(SEED);
  const before = process.memoryUsage();
  for (const algorithm of ["gzip", "zstd", "none"] as const) {
    const { path } = await smallBackup(await temporaryFolder(t), algorithm);
    const folder = join(path, "surg");
    const name = (await readdir(folder)).find((f) => f.startsWith("patients.bson")) ?? "";
    const file = join(folder, name);
    const good = await readFile(file);
    for (let run = 0; run < 150 * TIMES; run++) {
      await writeFile(file, mutate(random, good));
      try {
        for await (const { raw } of readChunks(onDisk(file), { width: 2, signal: quiet().signal }))
          validateDocuments(raw);
      } catch (error) {
        assert.ok(error instanceof KeepError && error.code === "damaged", String(error));
      }
    }
  }
  assertBounded(before);
});

test(`archives of nonsense end in damage or in documents, in a folder of their own (seed ${SEED})`, async (t) => {
  const random = createRandom(SEED);
  const before = process.memoryUsage();
  const root = await temporaryFolder(t);
  const archive = join(root, "a.archive");
  const { signal, clock } = quiet();
  const options = { command: "restore", clock, signal, outlineOnly: false };
  const good = [goodArchive(), gzipSync(goodArchive())];
  for (let run = 0; run < 200 * TIMES; run++) {
    await writeFile(archive, mutate(random, random.pick(good)));
    try {
      await archiveKind(onDisk(archive));
      await (await spoolMongodumpArchive(onDisk(archive), root, options))[Symbol.asyncDispose]();
    } catch (error) {
      assert.ok(error instanceof KeepError && error.code === "damaged", String(error));
    }
    assert.deepEqual(await readdir(root), ["a.archive"], `run ${run}`);
  }
  assertBounded(before);
});

test(`a backup with any of its files changed is verified to an end, and never to ok (seed ${SEED})`, async (t) => {
  const random = createRandom(SEED);
  const { path } = await smallBackup(await temporaryFolder(t), "gzip");
  const names = ["manifest.json", "surg/patients.bson.gz", "surg/operations.metadata.json.gz"];
  for (let run = 0; run < 100 * TIMES; run++) {
    const file = join(path, random.pick(names));
    const good = await readFile(file);
    const bad = mutate(random, good);
    await writeFile(file, bad);
    const { ok } = await verifyBackup(path, "full", quiet());
    assert.equal(ok, bad.equals(good), `run ${run}`);
    await writeFile(file, good);
  }
});
