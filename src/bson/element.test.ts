// Stepping over values: every type has its size, and what is unknown ends the walk instead of misleading it.
import assert from "node:assert/strict";
import { test } from "node:test";
import { rawDocuments } from "../../tests/support/raw-documents.ts";
import { rawDocument, rawElement } from "./build.ts";
import { findElement, findString, isCapped, skipValue } from "./element.ts";
import { findEmptyTimestamps } from "./empty-timestamp.ts";
import { fieldsOf } from "./fields.ts";
import { BSON } from "mongodb";

test("the walk over random documents of every type ends where each document ends", () => {
  for (const raw of rawDocuments(7, 300)) {
    let end = 4;
    for (const field of fieldsOf(raw)) end = field.end;
    assert.equal(end, raw.length - 1);
  }
});

test("an unknown type ends the search, and later fields are not found", () => {
  const unknown = rawElement(0x42, "x", Buffer.alloc(1));
  const zero = rawElement(0x11, "t", Buffer.alloc(8));
  const raw = rawDocument(unknown, zero);
  assert.equal(skipValue(raw, 0x42, 7), -1);
  assert.equal(findElement(raw, 0, "t"), undefined);
  assert.equal(findElement(rawDocument(zero), 0, "t")?.type, 0x11);
  assert.throws(() => [...fieldsOf(raw)], RangeError);
  assert.deepEqual(findEmptyTimestamps(raw), []);
});

test("an empty timestamp is found in any field but _id, and none where nothing is zero", () => {
  const zero = (name: string) => rawDocument(rawElement(0x11, name, Buffer.alloc(8)));
  const full = rawDocument(rawElement(0x11, "t", Buffer.alloc(8, 1)));
  const other = rawDocument(rawElement(0x12, "n", Buffer.alloc(8)));
  const documents = [zero("_id"), full, zero("t"), other, zero("")];
  const at = (n: number) => Buffer.concat(documents.slice(0, n)).length;
  assert.deepEqual(findEmptyTimestamps(Buffer.concat(documents)), [at(2), at(4)]);
  assert.deepEqual(findEmptyTimestamps(full), []);
});

test("a string is found by its name, and nothing else passes for one", () => {
  const b = Buffer.from(BSON.serialize({ n: 1, s: "ü", capped: true }));
  assert.deepEqual(
    [findString(b, 0, "s"), findString(b, 0, "n"), findString(b, 0, "x")],
    ["ü", null, null],
  );
  assert.equal(isCapped(b), true);
  for (const options of [{}, { capped: false }])
    assert.equal(isCapped(BSON.serialize(options)), false);
});
