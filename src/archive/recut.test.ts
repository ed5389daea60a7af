// Streams of documents, in blocks cut anywhere: chunks of whole documents, or damage at its document.
import assert from "node:assert/strict";
import { test } from "node:test";
import * as BSON from "bson";
import fc from "fast-check";
import { LONGEST_LINE } from "../bson/ejson-lines.ts";
import { LONGEST_DOCUMENT } from "../bson/validate.ts";
import { KeepError } from "../errors.ts";
import { asTheyCome, readLineChunks } from "./line-chunks.ts";
import { recutDocuments } from "./recut.ts";
import type { Chunk } from "./recut.ts";

async function* cut(bytes: Buffer, sizes: readonly number[]) {
  let at = 0;
  for (let n = 0; at < bytes.length; n++) {
    const size = sizes[n % sizes.length] ?? 1;
    yield await Promise.resolve(bytes.subarray(at, at + size));
    at += size;
  }
}

async function collect(chunks: AsyncIterable<Chunk>): Promise<Chunk[]> {
  const all: Chunk[] = [];
  for await (const chunk of chunks) all.push(chunk);
  return all;
}

const damageOf = async (chunks: AsyncIterable<Chunk>) => {
  const error: unknown = await collect(chunks).catch((e: unknown) => e);
  assert.ok(error instanceof KeepError, "no damage was found");
  return { code: error.code, message: error.message, details: error.details };
};

const documents = (count: number) =>
  Array.from({ length: count }, (_, n) => Buffer.from(BSON.serialize({ n, text: "x".repeat(n) })));

const lengthsOf = (raw: Buffer): number[] => {
  const found: number[] = [];
  for (let at = 0; at < raw.length; at += raw.readInt32LE(at)) found.push(raw.readInt32LE(at));
  return found;
};

test("documents come whole and in order, in chunks that are numbered and never empty", async () => {
  const sizes = fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1, maxLength: 6 });
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 0, max: 60 }), sizes, async (count, blockSizes) => {
      const all = documents(count);
      const chunks = await collect(recutDocuments(cut(Buffer.concat(all), blockSizes)));
      assert.deepEqual(Buffer.concat(chunks.map(({ raw }) => raw)), Buffer.concat(all));
      for (const [n, { index, raw }] of chunks.entries()) {
        assert.equal(index, n);
        assert.ok(raw.length > 0);
        assert.ok(lengthsOf(raw).length > 0);
      }
    }),
  );
});

test("a document of many small blocks is joined once", async (t) => {
  const concat = t.mock.method(Buffer, "concat");
  const long = Buffer.from(BSON.serialize({ text: "x".repeat(100_000) }));
  const before = concat.mock.callCount();
  const [chunk, ...more] = await collect(recutDocuments(cut(long, [100])));
  assert.ok(concat.mock.callCount() - before <= 3, `joined ${concat.mock.callCount() - before} times`); // prettier-ignore
  assert.deepEqual([chunk?.raw.length, more], [long.length, []]);
});

test("damage is told with the number of its document, counted over all blocks", async () => {
  const all = Buffer.concat(documents(7));
  for (const length of [-1, 0, 4, LONGEST_DOCUMENT + 1]) {
    const head = Buffer.alloc(4);
    head.writeInt32LE(length);
    const message = `a document has an impossible length of ${length} bytes`;
    for (const sizes of [[1], [33], [1 << 20]])
      assert.deepEqual(await damageOf(recutDocuments(cut(Buffer.concat([all, head]), sizes))), {
        ...{ code: "damaged", message, details: { document: 7 } },
      });
  }
  const message = "the last document is cut short";
  for (const left of [1, 3, 4, 12])
    for (const sizes of [[1], [33], [1 << 20]]) {
      const bytes = Buffer.concat([all, (documents(9)[8] ?? all).subarray(0, left)]);
      assert.deepEqual(await damageOf(recutDocuments(cut(bytes, sizes))), {
        ...{ code: "damaged", message, details: { document: 7 } },
      });
    }
  const smallest = Buffer.from("0500000000", "hex");
  assert.equal((await collect(recutDocuments(cut(smallest, [5])))).length, 1);
});

const line = (n: number) => `{"n":{"$numberInt":"${n}"}}\n`;
const lines = (count: number) => Buffer.from(Array.from({ length: count }, (_, n) => line(n)).join("")); // prettier-ignore
const byLines = (bytes: Buffer, sizes: readonly number[]) =>
  readLineChunks(asTheyCome(cut(bytes, sizes)));

test("lines become documents whatever the blocks, each chunk with the number of its block", async () => {
  const expected = Buffer.concat(Array.from({ length: 50 }, (_, n) => Buffer.from(BSON.serialize({ n: new BSON.Int32(n) })))); // prettier-ignore
  for (const sizes of [[1], [7, 100], [1 << 20]]) {
    const chunks = await collect(byLines(lines(50), sizes));
    assert.deepEqual(Buffer.concat(chunks.map(({ raw }) => raw)), expected);
    const indexes = chunks.map(({ index }) => index);
    assert.deepEqual(
      indexes,
      [...indexes].sort((a, b) => a - b),
    );
    assert.ok((indexes[0] ?? -1) >= 0);
  }
  assert.equal((await collect(byLines(lines(50), [1]))).at(-1)?.index, lines(50).length - 1);
});

test("documents of more than a piece are given on in pieces of about 2 MB", async () => {
  const text = "x".repeat(100_000);
  const many = Buffer.from(Array.from({ length: 50 }, (_, n) => `{"n":{"$numberInt":"${n}"},"t":"${text}"}\n`).join("")); // prettier-ignore
  const chunks = await collect(byLines(many, [many.length]));
  assert.equal(chunks.length, 3);
  for (const { raw } of chunks) assert.ok(raw.length < 3 << 20, String(raw.length));
});

test("a line that is no document is told by its chunk and number, one without an end as cut short", async () => {
  const bad = Buffer.concat([lines(5), Buffer.from(`${line(5)}{"n":\n`), lines(2)]);
  for (const size of [lines(1).length, 1 << 20]) {
    const { code, message, details } = await damageOf(byLines(bad, [size]));
    assert.equal(code, "damaged");
    assert.match(message, /^a line /);
    assert.equal(details.document, 6, String(size));
    assert.equal(details.chunk, size === 1 << 20 ? 0 : 6);
  }
  const first = lines(3);
  assert.deepEqual(
    await damageOf(byLines(Buffer.concat([first, Buffer.from('{"n"')]), [first.length])),
    { code: "damaged", message: "a line is cut short", details: { chunk: 1, document: 3 } },
  );
  const disk = new Error("EIO");
  const failing = async function* () {
    yield await Promise.resolve({ index: 0, raw: lines(1) });
    throw disk;
  };
  await assert.rejects(collect(readLineChunks(failing())), (error) => error === disk);
});

test("a line without an end is not gathered for ever", async () => {
  let given = 0;
  const block = Buffer.alloc(1 << 20, 0x20);
  const endless = async function* () {
    for (let index = 0; ; index++) {
      given += block.length;
      yield await Promise.resolve({ index, raw: block });
    }
  };
  const { message } = await damageOf(readLineChunks(endless()));
  assert.equal(message, "a line is too long");
  assert.ok(given > LONGEST_LINE && given <= LONGEST_LINE + block.length, String(given));
});
