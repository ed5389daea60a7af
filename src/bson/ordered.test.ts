import assert from "node:assert/strict";
import { test } from "node:test";
import { BSON } from "mongodb";
import { rawDocument, rawElement } from "./build.ts";
import { findEmptyTimestamps } from "./empty-timestamp.ts";
import { toOrdered } from "./ordered.ts";

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
