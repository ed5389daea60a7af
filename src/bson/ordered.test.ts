import assert from "node:assert/strict";
import { test } from "node:test";
import { BSON } from "mongodb";
import { rawDocument, rawElement } from "./build.ts";
import { findEmptyTimestamps } from "./empty-timestamp.ts";
import { holdsRaw, serializeOrdered, toOrdered } from "./ordered.ts";

test("integer-like keys keep their place", () => {
  const raw = BSON.serialize(
    new Map<string, number>([
      ["b", 1],
      ["0", -1],
      ["10", 1],
    ]),
  );
  assert.deepEqual([...toOrdered(raw).keys()], ["b", "0", "10"]);
});

test("every value goes back to the same bytes", () => {
  const raw = BSON.serialize({
    double: new BSON.Double(1),
    int: new BSON.Int32(1),
    long: BSON.Long.fromNumber(1),
    decimal: BSON.Decimal128.fromString("1.10"),
    date: new Date(0),
    re: new BSON.BSONRegExp("^a", "i"),
    nested: { list: [1, { x: null }], min: new BSON.MinKey(), max: new BSON.MaxKey() },
    binary: new BSON.Binary(Buffer.from([1, 2]), 4),
    ts: new BSON.Timestamp({ t: 1, i: 2 }),
    id: new BSON.ObjectId(),
    bool: true,
    text: "ü",
  });
  assert.deepEqual(BSON.serialize(toOrdered(raw), { ignoreUndefined: false }), raw);
});

test("fields that share a name are all sent, at any depth: each is a condition of its query", () => {
  const condition = (operator: string, value: number) =>
    rawDocument(rawElement(0x01, operator, double(value)));
  const match = rawDocument(
    rawElement(0x03, "a", condition("$gt", 1.5)),
    rawElement(0x03, "a", condition("$lt", 5.5)),
  );
  const raw = rawDocument(rawElement(0x04, "pipeline", rawDocument(rawElement(0x03, "0", match))));
  assert.deepEqual(Buffer.from(BSON.serialize(toOrdered(raw))), raw);
  const fields = toOrdered(match);
  assert.deepEqual(Buffer.from(BSON.serialize(fields)), match);
  fields.delete("a");
  fields.set("b", 1);
  assert.deepEqual([...fields], [["b", 1]]);
});

test("dates beyond JavaScript's are sent as they are, and refused where they cannot be", () => {
  const dated = (ms: bigint) => {
    const bytes = Buffer.alloc(8);
    bytes.writeBigInt64LE(ms, 0);
    return rawDocument(rawElement(0x09, "d", bytes));
  };
  const limits = [2n ** 63n - 1n, -(2n ** 63n), 8_640_000_000_000_001n, -9_007_199_254_740_991n];
  for (const ms of limits)
    assert.deepEqual(Buffer.from(BSON.serialize(toOrdered(dated(ms)))), dated(ms), String(ms));
  assert.throws(() => BSON.serialize(toOrdered(dated(2n ** 62n + 1n))), /cannot carry/);
});

test("what no JavaScript value stands for is kept, never replaced, and the driver refuses it", () => {
  const text = Buffer.from([3, 0, 0, 0, 0xc3, 0x28, 0]);
  const pointer = Buffer.concat([Buffer.from([2, 0, 0, 0, 0x61, 0]), Buffer.alloc(12, 9)]);
  const far = Buffer.from("0100000000000040", "hex");
  const values: readonly (readonly [type: number, value: Buffer])[] = [
    [0x02, text],
    [0x0d, text],
    [0x0e, text],
    [0x0c, pointer],
    [0x09, far],
    [0x0b, Buffer.from("a\0xi\0")],
    [0x03, rawDocument(Buffer.from([0x0a, 0xff, 0x00]))],
  ];
  for (const [type, value] of values) {
    const raw = rawDocument(rawElement(type, "kept", value));
    const nested = rawDocument(
      rawElement(0x04, "list", rawDocument(rawElement(0x03, "0", raw))),
      rawElement(0x10, "n", Buffer.from([1, 0, 0, 0])),
    );
    const fields = toOrdered(nested);
    assert.equal(holdsRaw(fields), true, String(type));
    assert.deepEqual(serializeOrdered(fields), nested, String(type));
    assert.throws(() => BSON.serialize(fields), /cannot carry/, String(type));
  }
});

test("a NaN keeps its payload, whichever way it goes", () => {
  for (const hex of ["010000000000f87f", "000000000000f8ff", "010000000000f07f"]) {
    const raw = rawDocument(rawElement(0x01, "nan", Buffer.from(hex, "hex")));
    assert.deepEqual(serializeOrdered(toOrdered(raw)), raw, hex);
  }
});

const double = (value: number) => {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleLE(value, 0);
  return bytes;
};

test("only documents with an empty timestamp in a top-level field other than _id are found", () => {
  const empty = new BSON.Timestamp({ t: 0, i: 0 });
  const docs = [
    BSON.serialize({ _id: 1, a: 0 }),
    BSON.serialize({ _id: 2, ts: empty }),
    BSON.serialize({ _id: empty, a: 1 }),
    BSON.serialize({ _id: 4, in: { ts: empty } }),
    BSON.serialize({ _id: 5, a: BSON.Long.fromNumber(0), z: empty }),
  ];
  const starts = docs.map((_, i) => docs.slice(0, i).reduce((n, d) => n + d.length, 0));
  assert.deepEqual(findEmptyTimestamps(Buffer.concat(docs)), [starts[1], starts[4]]);
});

test("a document of raw elements is what the library would have written", () => {
  const value = Buffer.alloc(4);
  value.writeInt32LE(5, 0);
  assert.deepEqual(
    rawDocument(rawElement(0x10, "a", value)),
    Buffer.from(BSON.serialize({ a: new BSON.Int32(5) })),
  );
});
