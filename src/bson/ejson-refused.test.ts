// Lines that somebody else wrote: each form that is not ours is refused with the reason, and the longest is found.
import assert from "node:assert/strict";
import { test } from "node:test";
import { BSON } from "mongodb";
import { rawDocument, rawElement } from "./build.ts";
import { keepAll, LineError, LONGEST_LINE, readLines, writeLines } from "./ejson-lines.ts";
import { findLost } from "./ejson-lost.ts";
import { createSink } from "./ejson-text.ts";
import { DEEPEST, LONGEST_DOCUMENT } from "./validate.ts";

function read(text: string | Buffer, pieceBytes = 1_000): Buffer[] {
  return [...readLines(Buffer.from(text), pieceBytes)].map((piece) => Buffer.from(piece.documents));
}

function reasonOf(text: string | Buffer): string {
  try {
    read(text);
  } catch (error) {
    assert.ok(error instanceof LineError, String(error));
    return error.message;
  }
  return "";
}

const REFUSED: readonly (readonly [value: string, reason: RegExp])[] = [
  ['{"$numberInt":"1.5"}', /keys of a type wrapper/],
  ['{"$numberInt":"2147483648"}', /keys of a type wrapper/],
  ['{"$numberLong":"x"}', /keys of a type wrapper/],
  ['{"$numberLong":"9223372036854775808"}', /keys of a type wrapper/],
  ['{"$numberDouble":"x"}', /keys of a type wrapper/],
  ['{"$numberDecimal":"x"}', /keys of a type wrapper/],
  ['{"$numberDecimal":"1E99999999"}', /keys of a type wrapper/],
  [`{"$numberInt":"${"1".repeat(80)}"}`, /keys of a type wrapper/],
  ['{"$oid":"abc', /without an end|not canonical/],
  ['{"$oid":"zz0000000000000000000000"}', /keys of a type wrapper/],
  ['{"$binary":{"base64":"AAAA', /without an end/],
  ['{"$binary":{"base64":"A","subType":"00"}}', /keys of a type wrapper/],
  ['{"$binary":{"base64":"A?==","subType":"00"}}', /keys of a type wrapper/],
  ['{"$timestamp":{"t":,"i":1}}', /not canonical/],
  ['{"$timestamp":{"t":4294967296,"i":1}}', /not canonical/],
  ['"\\ud800"', /not canonical/],
  ['"\\ud800\\u0041"', /half a character/],
  ['"\\udc00"', /half a character/],
  ['"\\u00g0"', /hex digits/],
  ['"\\x"', /not canonical/],
  ['"a', /without an end/],
  ["1", /not canonical/],
  ["nul", /not canonical/],
  ['{"$code":"x","$scope":{}', /not canonical/],
  ['{"$scope":{},"$code":"x"}', /keys of a type wrapper/],
];

test("values that are not in the one form of each are refused with the reason", () => {
  for (const [value, reason] of REFUSED) assert.match(reasonOf(`{"a":${value}}\n`), reason, value);
});

test("a document's own form is refused where it is not ours", () => {
  assert.match(reasonOf('{"a":null} \n'), /more behind its end/);
  assert.match(reasonOf('{"a\\u0000b":null}\n'), /null character/);
  assert.match(reasonOf('{"a":null}'), /cut short/);
  assert.match(reasonOf(Buffer.from('{"a":"\xff"}\n', "latin1")), /not UTF-8/);
  const nested = (open: string, close: string, levels: number) =>
    `{"a":${open.repeat(levels)}null${close.repeat(levels)}}\n`;
  assert.match(reasonOf(nested("[", "]", DEEPEST)), /nested deeper/);
  assert.match(reasonOf(nested('{"a":', "}", DEEPEST)), /nested deeper/);
  assert.equal(reasonOf(nested("[", "]", DEEPEST - 1)), "");
  const long = `"${"x".repeat(LONGEST_DOCUMENT)}"`;
  assert.match(reasonOf(`{"a":${long}}\n`), /longer than 16 MB/);
  assert.match(
    reasonOf(Buffer.alloc(LONGEST_LINE + 2, "x").fill("\n", LONGEST_LINE + 1)),
    /too long/,
  );
});

test("escapes of every length come back as the characters that they are", () => {
  const [raw = Buffer.alloc(0)] = read(
    '{"a":"\\u0041\\u00fc\\u20ac\\ud83e\\ude7a\\u0000\\/\\b\\f"}\n',
  );
  assert.equal(BSON.deserialize(raw).a, "Aü€🩺\0/\b\f");
  const text = "\u0085\u2028é\xc2\u0080" + "long text that is copied in one go, without escapes";
  const sink = createSink(8);
  const document = Buffer.from(BSON.serialize({ a: text }));
  writeLines(sink, document);
  assert.deepEqual(read(sink.bytes.subarray(0, sink.length)), [document]);
  assert.match(sink.bytes.toString("latin1", 0, sink.length), /\\u0085\\u2028/);
});

test("lines come in pieces of whole documents, each about as long as was asked", () => {
  const lines = '{"a":null}\n'.repeat(10);
  const one = read('{"a":null}\n')[0]?.length ?? 0;
  assert.deepEqual(
    read(lines, 1).map((piece) => piece.length),
    Array(10).fill(one),
  );
  assert.deepEqual(
    read(lines, 3 * one).map((piece) => piece.length),
    [3 * one, 3 * one, 3 * one, one],
  );
});

test("lines that are other documents, more or fewer, or none, keep nothing", () => {
  const documents = Buffer.concat(read('{"a":null}\n{"b":true}\n'));
  const keeps = (lines: string) => keepAll(Buffer.from(lines), documents, Buffer.alloc(1_000));
  assert.equal(keeps('{"a":null}\n{"b":true}\n'), true);
  for (const lines of [
    '{"a":null}\n',
    '{"a":null}\n{"b":false}\n',
    '{"a":null}\n{"b":true}\n{}\n',
    "{",
    "x\n",
  ])
    assert.equal(keeps(lines), false, lines);
});

test("a value that JSON loses is named, also one of an unknown type", () => {
  const nan = rawElement(0x01, "n", Buffer.from("010000000000f87f", "hex"));
  assert.deepEqual(findLost(rawDocument(nan)), ["a NaN with a sign or a payload (double)"]);
  const inArray = rawDocument(
    rawElement(0x04, "a", rawDocument(rawElement(0x0a, "7", Buffer.alloc(0)))),
  );
  const [form, ...others] = findLost(inArray);
  assert.ok(form !== undefined && others.length === 0, "an array whose keys are not 0, 1, 2");
});
