// Documents to lines and back: byte for byte, or refused with the reason; and no line of a stranger does harm.
import assert from "node:assert/strict";
import { test } from "node:test";
import { BSON } from "mongodb";
import { rawDocuments } from "../../tests/support/raw-documents.ts";
import { rawDocument, rawOddities } from "../../tests/support/raw-insert.ts";
import { keepAll, LineError, readLines, writeLines } from "./ejson-lines.ts";
import { findLost, isKept } from "./ejson-lost.ts";
import { createSink } from "./ejson-text.ts";
import { LONGEST_DOCUMENT } from "./validate.ts";

const COUNT = process.env.SLOW === "1" ? 50_000 : 3_000;

function toText(documents: Buffer): Buffer {
  const sink = createSink(16);
  writeLines(sink, documents);
  return sink.bytes.subarray(0, sink.length);
}

function fromText(lines: Buffer, pieceBytes = 1_000): Buffer {
  return Buffer.concat(
    [...readLines(lines, pieceBytes)].map((piece) => Buffer.from(piece.documents)),
  );
}

test("random documents come back byte for byte, or are refused with what is lost", () => {
  let kept = 0;
  for (const raw of rawDocuments(20_261_123, COUNT)) {
    const lines = toText(raw);
    assert.equal(lines.indexOf(0x0a), lines.length - 1, "one line a document");
    if (isKept(raw)) {
      kept++;
      assert.deepEqual(fromText(lines), raw);
      assert.deepEqual(findLost(raw), []);
    } else assert.ok(findLost(raw).length > 0);
  }
  assert.ok(kept > COUNT / 10, `${kept} of ${COUNT}`);
});

test("each line is JSON, and what the official library makes of it are the same values", () => {
  const values = {
    a: 1.5,
    b: -0,
    n: NaN,
    i: Infinity,
    s: '\u2028 \u0000 "\\ ü 🩺',
    d: new Date(-1),
    l: BSON.Long.MIN_VALUE,
    r: new BSON.BSONRegExp("a/b", "ix"),
    bin: new BSON.Binary(Buffer.from([1, 2]), 128),
    id: new BSON.ObjectId("0".repeat(24)),
    ts: new BSON.Timestamp({ t: 1, i: 2 }),
    dec: BSON.Decimal128.fromString("1.10"),
    min: new BSON.MinKey(),
    code: new BSON.Code("x", { y: 1 }),
    arr: [[], {}],
    nil: null,
  };
  const raw = Buffer.from(BSON.serialize(values));
  const text = toText(raw).toString("utf8");
  const same = BSON.EJSON.parse(text, { relaxed: false }) as BSON.Document;
  assert.deepEqual(Buffer.from(BSON.serialize(same)), raw);
  assert.deepEqual(JSON.parse(text), JSON.parse(BSON.EJSON.stringify(values, { relaxed: false })));
});

test("what JSON cannot keep is named by its kind, never by its name or value", () => {
  const lost = rawOddities().flatMap((raw) => (isKept(raw) ? [] : findLost(raw)));
  assert.ok(lost.includes("a NaN with a sign or a payload (double)"), lost.join(", "));
  const wrapper = BSON.serialize({ patient: { $numberInt: "secret" } });
  assert.deepEqual(findLost(Buffer.from(wrapper)), [
    "a document with the keys of a type wrapper ($numberInt)",
  ]);
});

test("fields of one name, and empty and dotted ones, are kept in their order", () => {
  const field = (name: string, n: number) => ({
    type: 0x10,
    name,
    value: Buffer.from([n, 0, 0, 0]),
  });
  const raw = rawDocument([
    field("a", 1),
    field("a", 2),
    field("", 3),
    field("a.b", 4),
    field("$x", 5),
  ]);
  assert.deepEqual(fromText(toText(raw)), raw);
});

test("the document of the longest size whose line grows most comes back", () => {
  const count = Math.floor((LONGEST_DOCUMENT - 100_000) / 4);
  const elements = Buffer.alloc(count * 4);
  for (let at = 0; at < elements.length; at += 4) elements.writeUInt32LE(0x0b, at);
  const raw = Buffer.concat([Buffer.alloc(4), elements, Buffer.of(0)]);
  raw.writeInt32LE(raw.length, 0);
  const lines = toText(raw);
  assert.ok(lines.length > 200e6);
  assert.ok(keepAll(lines, raw, Buffer.allocUnsafe(raw.length + 1_024)));
});

test("lines that are cut, changed or invented are refused or read, and nothing else", () => {
  const [good = Buffer.alloc(0)] = rawDocuments(7, 60)
    .filter(isKept)
    .sort((a, b) => b.length - a.length);
  const lines = toText(good);
  for (let at = 0; at < lines.length; at++)
    for (const bit of [0, 3, 6]) {
      const changed = Buffer.from(lines);
      changed[at] = (changed[at] ?? 0) ^ (1 << bit);
      for (const text of [changed, lines.subarray(0, at)])
        try {
          fromText(text);
        } catch (error) {
          assert.ok(error instanceof LineError, String(error));
        }
    }
});
