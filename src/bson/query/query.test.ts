// What is asked and how it is refused; that the answers are the server's own, tests/integration/query.test.ts proves.
import assert from "node:assert/strict";
import { test } from "node:test";
import { BSON, Decimal128, Long, ObjectId } from "bson";
import { KeepError } from "../../errors.ts";
import { createPattern } from "./pattern.ts";
import { parseQuery } from "./query.ts";

const holds = (query: string, document: object) =>
  parseQuery(query)(Buffer.from(BSON.serialize(document)), 0);

test("relaxed and canonical Extended JSON ask for the same", () => {
  const _id = new ObjectId();
  const oid = `{"_id": {"$oid": "${_id.toHexString()}"}}`;
  assert.equal(holds(oid, { _id }), true);
  assert.equal(holds(oid, { _id: new ObjectId() }), false);
  for (const five of ["5", "5.0", '{"$numberLong": "5"}', '{"$numberDecimal": "5.00"}'])
    for (const stored of [5, Long.fromNumber(5), Decimal128.fromString("5.0")])
      assert.equal(holds(`{"a.b": ${five}}`, { a: [{ b: stored }] }), true, five);
  const at = new Date("2026-11-23T02:00:00Z");
  assert.equal(holds('{"at": {"$gte": {"$date": "2026-11-23T02:00:00Z"}}}', { at }), true);
  assert.equal(holds('{"at": {"$lt": {"$date": "2026-11-23T02:00:00Z"}}}', { at }), false);
  assert.equal(holds("{}", {}), true);
});

test("several conditions on one field, and a comment, are read together", () => {
  const query = '{"$comment": "x", "n": {"$gt": 1, "$lte": 3, "$ne": 2}}';
  assert.deepEqual(
    [1, 2, 3, 4].map((n) => holds(query, { n })),
    [false, false, true, false],
  );
  assert.equal(holds('{"n": {"$regex": "^ZO", "$options": "i"}}', { n: "Zoë" }), true);
  assert.equal(holds('{"r": {"$ref": "x", "$id": 1}}', { r: { $ref: "x", $id: 1 } }), true);
});

const REFUSED = [
  "",
  "[]",
  "{",
  "{a: 1}",
  "1",
  '{"a": {"$near": 1}}',
  '{"$where": "1"}',
  '{"$expr": {}}',
  '{"$text": {"$search": "a"}}',
  '{"a": {"$gt": 1, "b": 2}}',
  '{"a": {"$in": 1}}',
  '{"a": {"$in": [{"$gt": 1}]}}',
  '{"a": {"$mod": [2, 0]}}',
  '{"$and": []}',
  '{"$or": [1]}',
  '{"a": {"$size": -1}}',
  '{"a": {"$size": "2"}}',
  '{"a": {"$type": "text"}}',
  '{"a": {"$not": 1}}',
  '{"a": {"$not": {}}}',
  '{"a": {"$elemMatch": 1}}',
  '{"a": {"$regex": 1}}',
  '{"a": {"$regex": "("}}',
  '{"a": {"$regex": "\\\\Ax"}}',
  '{"a": {"$regex": "(?i)x"}}',
  '{"a": {"$regex": "a++"}}',
  '{"a": {"$regex": "x", "$options": "x"}}',
  '{"a": {"$options": "i"}}',
  '{"a": {"$gt": 1, "$gt": 2}}',
  '{"a": {"$ne": {"$regularExpression": {"pattern": "a", "options": ""}}}}',
  '{"a": {"$all": [{"$gt": 1}]}}',
  '{"a": {"$eq": {"$undefined": true}}}',
  '{"a": {"$all": [{"$elemMatch": {"b": 1}}, 2]}}',
];

test("a query that is not understood is refused with exit 2, not answered with nothing", () => {
  for (const query of REFUSED)
    assert.throws(
      () => parseQuery(query),
      (error) => error instanceof KeepError && error.exitCode === 2 && error.code === "usage",
      query,
    );
});

test("a refusal does not repeat the values that were asked for", () => {
  for (const query of ['{"name": "Müller"', '{"name": {"$near": "Müller"}}'])
    assert.throws(
      () => parseQuery(query),
      (error) => !JSON.stringify([String(error), (error as KeepError).hint]).includes("Müller"),
    );
});

test("a pattern means what it means to the server", () => {
  const cases: readonly (readonly [string, string, string, boolean])[] = [
    ["b$", "", "b\n", true],
    ["b$", "", "b\n\n", false],
    ["^b$", "", "a\nb", false],
    ["^b$", "m", "a\nb\nc", true],
    ["^$", "m", "a\n", false],
    ["^.$", "", "\r", true],
    ["^.$", "", "\n", false],
    ["^.$", "s", "\n", true],
    ["^\\s$", "", "\u00a0", false],
    ["^[\\s.$^]$", "", "$", true],
    ["^\\.\\$$", "", ".$", true],
    ["^[^\\]a]$", "", "]", false],
  ];
  for (const [source, options, text, wanted] of cases)
    assert.equal(createPattern(source, options).test(text), wanted, `${source} ${options} ${text}`);
});
