// Extended JSON of other tools and of people: read as what it says, or refused; never as another value.
import assert from "node:assert/strict";
import { test } from "node:test";
import { BSON } from "bson";
import fc from "fast-check";
import { ejsonToRaw, rawToEjson } from "./ejson.ts";

const valueOf = (json: string) =>
  BSON.EJSON.stringify(
    BSON.deserialize(ejsonToRaw(`{"v":${json}}`), { promoteValues: false, bsonRegExp: true }),
    { relaxed: false },
  );

const ANOTHER_VALUE = [
  '{"$numberInt":"abc"}',
  '{"$numberInt":[1]}',
  '{"$numberInt":"2147483648"}',
  '{"$numberInt":"-2147483649"}',
  '{"$numberInt":"1.5"}',
  '{"$numberInt":true}',
  '{"$numberInt":{"x":1}}',
  '{"$numberLong":"9223372036854775808"}',
  '{"$numberLong":"99999999999999999999"}',
  '{"$numberLong":"-9223372036854775809"}',
  '{"$numberLong":""}',
  '{"$numberDouble":"abc"}',
  '{"$numberDouble":"1,5"}',
  '{"$numberDecimal":"abc"}',
  '{"$oid":"abc"}',
  '{"$date":"yesterday"}',
  '{"$date":"2026-99-99"}',
  '{"$date":{"$numberLong":"99999999999999999999"}}',
  '{"$date":{}}',
  '{"$date":[1]}',
  '{"$timestamp":{"t":4294967296,"i":1}}',
  '{"$timestamp":{"t":1}}',
  '{"$timestamp":{"t":-1,"i":1}}',
  '{"$timestamp":{"t":1,"i":"x"}}',
  '{"$timestamp":5}',
  '{"$code":1}',
  '{"$undefined":false}',
  '{"$minKey":0}',
  '{"$maxKey":"1"}',
  '{"$binary":{"base64":"!!","subType":"00"}}',
  '{"$binary":{"base64":"AQ==","subType":"zz"}}',
  '{"$binary":{"base64":"AQ=="}}',
  '{"$binary":[1]}',
  '{"$regularExpression":{"pattern":"a\\u0000b","options":""}}',
  '{"$regularExpression":{"pattern":"a"}}',
  '{"$dbPointer":{"$ref":"a","$id":{"$oid":"zz"}}}',
  '{"$dbPointer":{"$ref":"a"}}',
  '{"$code":"x","$scope":1}',
  '{"a\\u0000b":1}',
];

test("query and metadata: a wrapper around another value is refused, where the library reads 0 or 1970", () => {
  for (const json of ANOTHER_VALUE) assert.throws(() => valueOf(json), SyntaxError, json);
});

test("the ends of every range are still read, and numbers without quotes", () => {
  const same = [
    '{"$numberInt":"2147483647"}',
    '{"$numberInt":"-2147483648"}',
    '{"$numberLong":"-9223372036854775808"}',
    '{"$numberLong":"9223372036854775807"}',
    '{"$numberDouble":"-Infinity"}',
    '{"$numberDouble":"NaN"}',
    '{"$numberDouble":"1.5"}',
    '{"$timestamp":{"t":4294967295,"i":0}}',
    '{"$minKey":1}',
    '{"$maxKey":1}',
    '{"$date":{"$numberLong":"-1"}}',
    '{"$binary":{"base64":"AQI=","subType":"02"}}',
    '{"$code":"x","$scope":{"a":{"$numberInt":"1"}}}',
    '{"$regularExpression":{"pattern":"a/b","options":"ix"}}',
    '[{"$numberInt":"1"},null,true,"x"]',
  ];
  for (const json of same) assert.equal(valueOf(json), `{"v":${json}}`);
  assert.equal(valueOf('{"$numberInt":7}'), '{"v":{"$numberInt":"7"}}');
  assert.equal(valueOf('{"$numberDouble":"1e3"}'), '{"v":{"$numberDouble":"1000.0"}}');
  const day = '{"$date":"2026-11-23T02:00:00Z"}';
  assert.equal(valueOf(day), `{"v":{"$date":{"$numberLong":"${Date.UTC(2026, 10, 23, 2)}"}}}`);
});

test("text that is no JSON object is refused, wherever it ends or goes on", () => {
  const texts = [
    "",
    "1",
    "[]",
    "null",
    "{",
    '{"a"',
    '{"a":',
    '{"a":1',
    '{"a":1,',
    '{"a" 1}',
    '{"a":1 "b":2}',
    "{a:1}",
    "{1:2}",
    "{null:1}",
    '{"a":1}}',
    '{"a":1} x',
    '{"a":01}',
    '{"a":[1 2]}',
    '{"a":[1',
    `{"a":${"[".repeat(500)}`,
  ];
  for (const text of texts) assert.throws(() => ejsonToRaw(text), SyntaxError, text);
});

test("an error in the program is not taken for wrong text", () => {
  assert.throws(() => ejsonToRaw(null as never), TypeError);
});

test("any text of JSON's letters is read as it is written again, or refused", () => {
  const piece = fc.constantFrom(
    ...('{}[]:,"\\ 019-.e'.match(/./g) ?? []),
    '"a"',
    '"$numberInt"',
    '"$date"',
    "null",
    "true",
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
      const text = `{"a":${pieces.join("")}}`;
      let raw: Uint8Array;
      try {
        raw = ejsonToRaw(text);
      } catch (error) {
        assert.ok(error instanceof SyntaxError);
        return;
      }
      assert.deepEqual(ejsonToRaw(rawToEjson(raw)), raw);
    }),
  );
});
