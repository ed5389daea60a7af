import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { appendFile, readFile, truncate, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { gzipSync, zstdCompressSync } from "node:zlib";
import fc from "fast-check";
import { BSON } from "mongodb";
import { staysOpenIn } from "../../tests/support/open-files.ts";
import { temporaryFolder } from "../../tests/support/temporary.ts";
import type { Cleanup } from "../../tests/support/temporary.ts";
import type { CompressionAlgorithm } from "../codec/codec.ts";
import { createEncoder, suffixOf } from "../codec/create.ts";
import { seekTable } from "../codec/zstd-frames.ts";
import { KeepError } from "../errors.ts";
import { readChunks } from "./chunk-reader.ts";
import { openDataFile } from "./data-file.ts";
import { onDisk } from "./place.ts";

const ALGORITHMS = ["gzip", "zstd", "none"] as const;
const { signal } = new AbortController();
const documentsOf = (n: number, from = 0) =>
  Array.from({ length: n }, (_, i) =>
    Buffer.from(BSON.serialize({ _id: from + i, text: "what the surgeon noted ".repeat(i % 50) })),
  );

async function ours(path: string, algorithm: CompressionAlgorithm, chunks: readonly Buffer[]) {
  const file = await openDataFile(onDisk(path), "f", createEncoder({ algorithm, level: 1 }), 2);
  for (const chunk of chunks) await file.append(chunk);
  await file.close();
}

async function readAll(path: string, width = 2) {
  const stored: Uint8Array[] = [];
  const raws: Buffer[] = [];
  const onStored = (bytes: Uint8Array) => stored.push(bytes);
  for await (const { raw, index } of readChunks(onDisk(path), { width, signal, onStored })) {
    assert.ok(index >= raws.length);
    raws.push(raw);
  }
  return { raws, stored: Buffer.concat(stored), raw: Buffer.concat(raws) };
}

/** What reading the file ends with, and how many documents came before. */
async function damageOf(path: string) {
  const raws: Buffer[] = [];
  try {
    for await (const { raw } of readChunks(onDisk(path), { width: 3, signal })) raws.push(raw);
  } catch (error) {
    assert.ok(error instanceof KeepError, String(error));
    assert.equal(error.code, "damaged");
    return { message: error.message, chunk: error.details.chunk, before: raws.length };
  }
  return null;
}

function flip(bytes: Buffer, at: number): void {
  bytes[at] = (bytes[at] ?? 0) ^ 4;
}

const inFolder = async (t: Cleanup, name: string) => join(await temporaryFolder(t), name);

for (const algorithm of ALGORITHMS) {
  test(`files of ours (${algorithm}) give their chunks back and show every stored byte once`, async (t) => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 1, max: 40 }), { maxLength: 8 }),
        fc.integer({ min: 1, max: 5 }),
        async (sizes, width) => {
          const path = await inFolder(t, `c.bson${suffixOf(algorithm)}`);
          const chunks = sizes.map((n, i) => Buffer.concat(documentsOf(n, i * 100)));
          await ours(path, algorithm, chunks);
          const { raws, raw, stored } = await readAll(path, width);
          if (algorithm !== "none") assert.deepEqual(raws, chunks);
          assert.deepEqual(raw, Buffer.concat(chunks));
          assert.deepEqual(stored, await readFile(path));
        },
      ),
      { numRuns: 15 },
    );
  });
}

test("files made by gzip and zstd are read whole, and cut at document borders", async (t) => {
  const folder = await temporaryFolder(t);
  const plain = Buffer.concat(documentsOf(20_000));
  await writeFile(join(folder, "c.bson"), plain);
  execFileSync("gzip", ["-k", join(folder, "c.bson")]);
  execFileSync("zstd", ["-q", join(folder, "c.bson")]);
  for (const name of ["c.bson", "c.bson.gz", "c.bson.zst"]) {
    const { raws, raw, stored } = await readAll(join(folder, name));
    assert.ok(raw.equals(plain), name);
    assert.ok(stored.equals(await readFile(join(folder, name))), name);
    assert.ok(raws.length > 1, name);
    for (const piece of raws) assertWholeDocuments(piece);
  }
});

function assertWholeDocuments(piece: Buffer): void {
  let at = 0;
  while (at < piece.length) at += piece.readInt32LE(at);
  assert.equal(at, piece.length);
}

test("members of others one after the other are read whole", async (t) => {
  const path = await inFolder(t, "c.bson.gz");
  const parts = [documentsOf(300), documentsOf(300, 300)].map((d) => Buffer.concat(d));
  await writeFile(path, Buffer.concat(parts.map((p) => gzipSync(p))));
  assert.deepEqual((await readAll(path)).raw, Buffer.concat(parts));
});

test("zstd files of several frames without seek table are read whole or refused, never in part", async (t) => {
  for (const bytes of [1000, 5 << 20]) {
    const path = await inFolder(t, "c.bson.zst");
    const document = Buffer.from(BSON.serialize({ b: Buffer.alloc(0), s: "x".repeat(bytes) }));
    // The second case ends its first frame far before the end of a read block, and at one.
    const frame = zstdCompressSync(document);
    await writeFile(path, Buffer.concat([frame, frame, frame]));
    const read = await readAll(path).catch((error: unknown) => error as KeepError);
    if (read instanceof Error) assert.equal(read.code, "damaged");
    else assert.deepEqual(read.raw, Buffer.concat([document, document, document]));
  }
});

test("a zstd frame that ends exactly where a read block does hides nothing behind it", async (t) => {
  const path = await inFolder(t, "c.bson.zst");
  const noise = Buffer.allocUnsafe((4 << 20) - 200);
  for (let i = 0; i < noise.length; i++) noise[i] = Math.imul(i, 2654435761) >>> 24;
  const document = Buffer.from(BSON.serialize({ noise }));
  const frame = zstdCompressSync(document, { params: { 100: 1 } });
  // A skippable frame of no meaning fills up to the block's end.
  const skippable = Buffer.alloc((4 << 20) - frame.length);
  if (skippable.length < 8) return;
  skippable.writeUInt32LE(0x184d2a50, 0);
  skippable.writeUInt32LE(skippable.length - 8, 4);
  await writeFile(path, Buffer.concat([skippable, frame, frame]));
  const read = await readAll(path).catch((error: unknown) => error as KeepError);
  if (read instanceof Error) assert.equal(read.code, "damaged");
  else assert.deepEqual(read.raw, Buffer.concat([document, document]));
});

for (const algorithm of ["gzip", "zstd"] as const)
  test(`bytes behind the last chunk (${algorithm}) are found`, async (t) => {
    for (const junk of ["x", "\0".repeat(40), "junk".repeat(100)]) {
      for (const foreign of [false, true]) {
        const path = await inFolder(t, `c.bson${suffixOf(algorithm)}`);
        const raw = Buffer.concat(documentsOf(30));
        if (!foreign) await ours(path, algorithm, [raw, raw]);
        else await writeFile(path, algorithm === "gzip" ? gzipSync(raw) : zstdCompressSync(raw));
        await appendFile(path, junk);
        assert.notEqual(await damageOf(path), null, `${junk.length} bytes, foreign: ${foreign}`);
      }
    }
  });

test("a file cut anywhere is found, except between two documents, members or frames: the manifest tells those", async (t) => {
  for (const algorithm of ALGORITHMS) {
    const path = await inFolder(t, `c.bson${suffixOf(algorithm)}`);
    const documents = documentsOf(4);
    await ours(path, algorithm, [
      Buffer.concat(documents.slice(0, 2)),
      Buffer.concat(documents.slice(2)),
    ]);
    const whole = await readFile(path);
    const borders = new Set([0]);
    if (algorithm === "none")
      for (const d of documents) borders.add(Math.max(...borders) + d.length);
    if (algorithm === "gzip") borders.add(whole.readUInt32LE(16));
    // What is left is a file of one frame, as others make them.
    if (algorithm === "zstd") borders.add(whole.readUInt32LE(whole.length - 25));
    for (let length = 0; length < whole.length; length++) {
      await writeFile(path, whole.subarray(0, length));
      const damage = await damageOf(path);
      const hidden = borders.has(length) && !(length === 0 && algorithm !== "none");
      assert.equal(damage === null, hidden, `${algorithm} cut to ${length}`);
    }
  }
});

test("the first damaged chunk is the one that is told, with all before it given", async (t) => {
  const path = await inFolder(t, "c.bson.gz");
  const chunks = [0, 1, 2, 3, 4].map((i) => Buffer.concat(documentsOf(20, i * 20)));
  await ours(path, "gzip", chunks);
  const bytes = await readFile(path);
  const starts = [0];
  for (let i = 0; i < 4; i++)
    starts.push((starts[i] ?? 0) + bytes.readUInt32LE((starts[i] ?? 0) + 16));
  flip(bytes, (starts[3] ?? 0) + 12);
  await writeFile(path, bytes);
  assert.deepEqual(await damageOf(path), {
    message: "the chunk has no header",
    chunk: 3,
    before: 3,
  });
  flip(bytes, (starts[2] ?? 0) + 40);
  await writeFile(path, bytes);
  const earlier = await damageOf(path);
  assert.deepEqual([earlier?.chunk, earlier?.before], [2, 2]);
});

test("impossible lengths are refused before memory is taken for them", async (t) => {
  const path = await inFolder(t, "c.bson.gz");
  await ours(path, "gzip", [Buffer.concat(documentsOf(20))]);
  const bytes = await readFile(path);
  for (const length of [0, 1, 20, 28, 0x7fffffff, 0xffffffff]) {
    bytes.writeUInt32LE(length, 16);
    await writeFile(path, bytes);
    assert.notEqual(await damageOf(path), null, String(length));
  }
  const plain = await inFolder(t, "c.bson");
  for (const length of [-1, 0, 4, 0x7fffffff, 17 << 20]) {
    const head = Buffer.alloc(100);
    head.writeInt32LE(length, 0);
    await writeFile(plain, head);
    assert.match((await damageOf(plain))?.message ?? "", /impossible length/);
  }
});

test("a bomb of one gzip stream is refused at its first impossible document, without reading on", async (t) => {
  const path = await inFolder(t, "c.bson.gz");
  const member = gzipSync(Buffer.alloc(200 << 20));
  await writeFile(path, Buffer.concat(Array<Buffer>(60).fill(member)));
  let seen = 0;
  const options = { width: 2, signal, onStored: (bytes: Uint8Array) => (seen += bytes.length) };
  await assert.rejects(readChunks(onDisk(path), options).next(), { code: "damaged" });
  assert.ok(seen <= 2 * (4 << 20), `${seen} bytes read`);
});

test("an abort ends the reading with its reason", async (t) => {
  for (const algorithm of ALGORITHMS) {
    const path = await inFolder(t, `c.bson${suffixOf(algorithm)}`);
    await ours(path, algorithm, [Buffer.concat(documentsOf(20))]);
    const reason = new Error("stop");
    const chunks = readChunks(onDisk(path), { width: 2, signal: AbortSignal.abort(reason) });
    await assert.rejects(chunks.next(), reason);
  }
  const foreign = await inFolder(t, "c.bson.gz");
  await writeFile(foreign, gzipSync(Buffer.concat(documentsOf(20))));
  const reason = new Error("stop");
  await assert.rejects(
    readChunks(onDisk(foreign), { width: 2, signal: AbortSignal.abort(reason) }).next(),
    reason,
  );
});

test("a reader that stops early leaves nothing behind that keeps the process busy", async (t) => {
  const path = await inFolder(t, "c.bson.gz");
  await writeFile(path, gzipSync(Buffer.concat(documentsOf(40_000))));
  for await (const chunk of readChunks(onDisk(path), { width: 2, signal })) {
    assert.ok(chunk.raw.length > 0);
    break;
  }
});

test("a member's length that cannot be is told before it is read", async (t) => {
  const path = await inFolder(t, "c.bson.gz");
  const first = Buffer.concat(documentsOf(20));
  await ours(path, "gzip", [first, first]);
  const bytes = await readFile(path);
  const second = bytes.readUInt32LE(16);
  const impossible = "the chunk's header has an impossible length";
  const cut = "the file is cut short";
  const cases: readonly (readonly [number, string])[] = [
    ...([0, 12, 20, 27, 28, (64 << 20) + 1, 0xffffffff] as const).map((n) => [n, impossible] as const), // prettier-ignore
    ...([bytes.length - second + 1, 64 << 20] as const).map((n) => [n, cut] as const),
  ];
  for (const [length, message] of cases) {
    const changed = Buffer.from(bytes);
    changed.writeUInt32LE(length, second + 16);
    await writeFile(path, changed);
    assert.deepEqual(await damageOf(path), { message, chunk: 1, before: 1 }, String(length));
  }
  for (const left of [1, 19]) {
    await writeFile(path, bytes.subarray(0, second + left));
    assert.deepEqual(await damageOf(path), { message: cut, chunk: 1, before: 1 }, String(left));
    await writeFile(path, bytes.subarray(0, left));
    assert.deepEqual(await damageOf(path), { message: cut, chunk: 0, before: 0 }, String(left));
  }
});

test("a seek table that promises more than any chunk has is refused by its number", async (t) => {
  const path = await inFolder(t, "c.bson.zst");
  const zeros = zstdCompressSync(Buffer.alloc(1 << 20));
  for (const [bytes, fits] of [
    [48 << 20, true],
    [(48 << 20) + 1, false],
  ] as const) {
    const sizes = [zeros, zeros].map((b, i) => ({ storedBytes: b.length, rawBytes: i === 0 ? 1 << 20 : bytes })); // prettier-ignore
    await writeFile(path, Buffer.concat([zeros, zeros, seekTable(sizes)]));
    const damage = await damageOf(path);
    assert.equal(damage?.chunk, 1);
    assert.equal(damage.message === "the seek table has an impossible length", !fits, damage.message); // prettier-ignore
    assert.equal(damage.before, fits ? 1 : 0);
  }
  // Its frames would be read into memory whole: a file may be that long, and a frame of ours never is.
  const stored = (64 << 20) + 1;
  const table = seekTable([{ storedBytes: stored, rawBytes: 1 << 20 }]);
  await writeFile(path, "");
  await truncate(path, stored);
  await appendFile(path, table);
  assert.deepEqual(await damageOf(path), {
    ...{ message: "the seek table has an impossible length", chunk: 0, before: 0 },
  });
});

test("so many chunks are read ahead as are asked for, and no more", async (t) => {
  const path = await inFolder(t, "c.bson.gz");
  const chunks = [0, 1, 2, 3, 4, 5].map((i) => Buffer.concat(documentsOf(2, i * 2)));
  await ours(path, "gzip", chunks);
  const bytes = await readFile(path);
  const ends: number[] = [];
  for (let end = 0; end < bytes.length;) ends.push((end += bytes.readUInt32LE(end + 16)));
  assert.equal(ends.length, chunks.length);
  for (const width of [1, 3]) {
    let read = 0;
    let given = 0;
    const onStored = (bytes: Uint8Array) => (read += bytes.length);
    for await (const { index } of readChunks(onDisk(path), { width, signal, onStored })) {
      assert.equal(index, given++);
      assert.equal(read, ends[Math.min(chunks.length, index + width) - 1]);
    }
    assert.equal(given, chunks.length);
  }
});

test("no file stays open, and no failure is left over, whoever stops and wherever it is damaged", async (t) => {
  const unhandled: unknown[] = [];
  const note = (reason: unknown) => unhandled.push(reason);
  process.on("unhandledRejection", note);
  t.after(() => process.off("unhandledRejection", note));
  const path = await inFolder(t, "c.bson.gz");
  await ours(path, "gzip", [0, 1, 2, 3].map((i) => Buffer.concat(documentsOf(20, i * 20)))); // prettier-ignore
  const bytes = await readFile(path);
  const [second] = [bytes.readUInt32LE(16)];
  flip(bytes, second + 40);
  await writeFile(path, bytes);
  for await (const { index } of readChunks(onDisk(path), { width: 4, signal })) {
    assert.equal(index, 0);
    await sleep(20);
    break;
  }
  assert.equal((await damageOf(path))?.chunk, 1);
  await writeFile(path, bytes.subarray(0, second + 12));
  for await (const { index } of readChunks(onDisk(path), { width: 4, signal })) {
    assert.equal(index, 0);
    await sleep(20);
    break;
  }
  assert.deepEqual(await staysOpenIn(dirname(path)), []);
  assert.deepEqual(unhandled, []);
});
