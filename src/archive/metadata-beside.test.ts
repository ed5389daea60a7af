// What Extended JSON cannot say of options and indexes stands beside them in base64, and is believed only whole.
import assert from "node:assert/strict";
import { test } from "node:test";
import { BSON } from "mongodb";
import { rawDocument, rawElement } from "../bson/build.ts";
import { formatMetadata, parseMetadata } from "./metadata.ts";

const base = { collectionName: "a", type: "collection", uuid: null };
const EMPTY = BSON.serialize({});
/** A NaN with a payload. */
const ODD = rawDocument(rawElement(0x01, "n", Buffer.from("010000000000f87f", "hex")));
/** The keys of a wrapper around what none holds: it cannot be read back from JSON. */
const LOOKALIKE = Buffer.from(BSON.serialize({ w: { $numberInt: "abc" } }));

test("what JSON cannot say comes back byte for byte, and what it can has no second text", () => {
  for (const odd of [ODD, LOOKALIKE]) {
    const text = formatMetadata({ ...base, options: odd, indexes: [odd, EMPTY] });
    assert.ok("bson" in (JSON.parse(text) as object));
    const back = parseMetadata(text);
    assert.deepEqual(Buffer.from(back.options), Buffer.from(odd));
    assert.deepEqual(back.indexes.map((i) => Buffer.from(i)), [Buffer.from(odd), Buffer.from(EMPTY)]); // prettier-ignore
  }
  const plain = formatMetadata({ ...base, uuid: "0".repeat(32), options: EMPTY, indexes: [] });
  assert.deepEqual(Object.keys(JSON.parse(plain) as object), ["options", "indexes", "uuid", "collectionName", "type"]); // prettier-ignore
});

test("exact options or indexes that are half there, or no BSON, are refused", () => {
  const good = Buffer.from(EMPTY).toString("base64");
  const two = Buffer.concat([EMPTY, EMPTY]).toString("base64");
  const cases: readonly (readonly [unknown, RegExp])[] = [
    [{}, /incomplete/],
    [{ options: good }, /incomplete/],
    [{ options: good, indexes: "x" }, /incomplete/],
    [{ indexes: [] }, /incomplete/],
    [{ options: good, indexes: [1] }, /is no text/],
    [{ options: "AAAA", indexes: [] }, /are no BSON/],
    [{ options: "", indexes: [] }, /are no BSON/],
    [{ options: good, indexes: [two] }, /are no BSON/],
    [{ options: good, indexes: [good + good] }, /no base64/],
    [{ options: `${good}?`, indexes: [] }, /no base64/],
  ];
  for (const [bson, message] of cases)
    assert.throws(() => parseMetadata(JSON.stringify({ bson })), { name: "SyntaxError", message });
});

test("a time to live that is no number is refused: the library would have every document expire at once", () => {
  const index = { v: 2, key: { at: 1 }, name: "at_1", expireAfterSeconds: { $numberInt: "3600s" } };
  assert.throws(() => parseMetadata(JSON.stringify({ indexes: [index] })), SyntaxError);
});
