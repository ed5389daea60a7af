// What each operator answers and refuses, by what the server's manual says of it; tests/integration/query.test.ts
// asks the server the same at random.
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  Binary,
  BSON,
  BSONRegExp,
  Code,
  DBRef,
  Double,
  Long,
  MaxKey,
  MinKey,
  ObjectId,
  Timestamp,
} from "bson";
import { KeepError } from "../../errors.ts";
import { parseQuery } from "./query.ts";
import { compareValues, MISSING, TYPE_UNDEFINED } from "./value.ts";
import type { Value } from "./value.ts";

const holds = (query: string, document: object) =>
  parseQuery(query)(Buffer.from(BSON.serialize(document, { ignoreUndefined: false })), 0);

type Case = readonly [query: string, document: object, wanted: boolean];

function check(cases: readonly Case[]): void {
  for (const [query, document, wanted] of cases)
    assert.equal(holds(query, document), wanted, `${query} of ${BSON.EJSON.stringify(document)}`);
}

test("a path goes through documents, arrays, and by number into them", () => {
  check([
    ['{"a.b": 1}', { a: { b: 1 } }, true],
    ['{"a.b": 1}', { a: 1 }, false],
    ['{"a.b": null}', { a: 1 }, true],
    ['{"a.b": null}', {}, true],
    ['{"a.b": null}', { a: { b: 1 } }, false],
    ['{"a": [1, 2]}', { a: [1, 2] }, true],
    ['{"a": 2}', { a: [1, 2] }, true],
    ['{"a": 3}', { a: [1, 2] }, false],
    ['{"a.1": 2}', { a: [1, 2] }, true],
    ['{"a.1": 1}', { a: [1, 2] }, false],
    ['{"a.0.b": 1}', { a: [{ b: 1 }] }, true],
    ['{"a.0.0": 1}', { a: [[1]] }, true],
    ['{"a.0.b": 1}', { a: [1] }, false],
    ['{"a.b": 1}', { a: [2, { b: 2 }, { b: [1] }] }, true],
    ['{"a.b": 1}', { a: [[{ b: 1 }]] }, false],
  ]);
});

test("values of two kinds are neither less nor greater, and the two ends are beyond all", () => {
  check([
    ['{"a": {"$gt": 1}}', { a: "2" }, false],
    ['{"a": {"$lt": "x"}}', { a: 2 }, false],
    ['{"a": {"$gte": null}}', {}, true],
    ['{"a": {"$gt": null}}', {}, false],
    ['{"a": {"$lt": {"$maxKey": 1}}}', { a: 1 }, true],
    ['{"a": {"$gt": {"$maxKey": 1}}}', { a: 1 }, false],
    ['{"a": {"$gt": {"$minKey": 1}}}', { a: 1 }, true],
    ['{"a": {"$lte": {"$minKey": 1}}}', { a: 1 }, false],
    ['{"a": {"$minKey": 1}}', { a: new MinKey() }, true],
    ['{"a": {"$maxKey": 1}}', { a: new MaxKey() }, true],
    ['{"a": {"$numberDouble": "NaN"}}', { a: NaN }, true],
    ['{"a": {"$gte": {"$numberDouble": "NaN"}}}', { a: NaN }, true],
    ['{"a": {"$gt": {"$numberDouble": "NaN"}}}', { a: NaN }, false],
    ['{"a": {"$lt": 5}}', { a: NaN }, false],
    ['{"a": {"$lt": {"$numberDouble": "NaN"}}}', { a: 1 }, false],
  ]);
});

test("$in, $nin, $all and $elemMatch ask of lists and their items", () => {
  check([
    [
      '{"a": {"$in": [1, {"$regularExpression": {"pattern": "^x", "options": ""}}]}}',
      { a: "xy" },
      true,
    ],
    ['{"a": {"$in": [1, null]}}', {}, true],
    ['{"a": {"$in": [[1]]}}', { a: [1] }, true],
    ['{"a": {"$in": []}}', { a: 1 }, false],
    ['{"a": {"$in": [{}, {"b": 1}]}}', { a: { b: 1 } }, true],
    ['{"a": {"$nin": [1, 2]}}', { a: [3, 2] }, false],
    ['{"a": {"$nin": [1]}}', {}, true],
    ['{"a": {"$all": []}}', { a: [] }, false],
    ['{"a": {"$all": [1, 2]}}', { a: [2, 1, 3] }, true],
    ['{"a": {"$all": [1, 4]}}', { a: [2, 1, 3] }, false],
    [
      '{"a": {"$all": [{"$elemMatch": {"b": 1}}, {"$elemMatch": {"b": 2}}]}}',
      { a: [{ b: 1 }, { b: 2 }] },
      true,
    ],
    ['{"a": {"$elemMatch": {"$gt": 1, "$lt": 3}}}', { a: [0, 2] }, true],
    ['{"a": {"$elemMatch": {"$gt": 1, "$lt": 3}}}', { a: [1, 3] }, false],
    ['{"a": {"$elemMatch": {"$gt": 1}}}', { a: 2 }, false],
    ['{"a": {"$elemMatch": {"b": 1, "c": 2}}}', { a: [{ b: 1 }, { c: 2 }] }, false],
    ['{"a": {"$elemMatch": {"b": 1, "c": 2}}}', { a: [1, { b: 1, c: 2 }] }, true],
    ['{"a": {"$elemMatch": {"0": 1}}}', { a: [[1]] }, true],
    ['{"a": {"$elemMatch": {"$or": [{"b": 1}, {"b": 2}]}}}', { a: [{ b: 2 }] }, true],
    ['{"a": {"$elemMatch": {"$nin": [1]}}}', { a: [1, 2] }, true],
    ['{"a": {"$elemMatch": {"$not": {"$gt": 1}}}}', { a: [1] }, true],
  ]);
});

test("$exists, $type, $size and $not", () => {
  check([
    ['{"a": {"$exists": true}}', { a: null }, true],
    ['{"a": {"$exists": false}}', { a: null }, false],
    ['{"a": {"$exists": 0}}', {}, true],
    ['{"a": {"$exists": 1}}', {}, false],
    ['{"a": {"$exists": null}}', {}, true],
    ['{"a": {"$exists": "no"}}', { a: 1 }, true],
    ['{"a": {"$type": "number"}}', { a: Long.ONE }, true],
    ['{"a": {"$type": ["string", 10]}}', { a: null }, true],
    ['{"a": {"$type": -1}}', { a: new MinKey() }, true],
    ['{"a": {"$type": 127}}', { a: new MaxKey() }, true],
    ['{"a": {"$type": "array"}}', { a: [[]] }, true],
    ['{"a": {"$type": "array"}}', { a: 1 }, false],
    ['{"a": {"$size": 0}}', { a: [] }, true],
    ['{"a": {"$size": 2}}', { a: [1, [2, 3]] }, true],
    ['{"a": {"$size": 1}}', { a: 1 }, false],
    ['{"a": {"$not": {"$gt": 1}}}', { a: [1, 2] }, false],
    ['{"a": {"$not": {"$regularExpression": {"pattern": "x", "options": ""}}}}', { a: "y" }, true],
    ['{"$and": [{"a": 1}, {"$nor": [{"b": 1}, {"b": 2}]}]}', { a: 1, b: 3 }, true],
    ['{"$or": [{"a": 1}, {"b": 1}]}', { a: 2, b: 2 }, false],
    ['{"a": {}}', { a: {} }, true],
  ]);
});

test("a pattern asks text, and the same pattern that is stored as a value", () => {
  const ab = '{"$regularExpression": {"pattern": "ab", "options": "i"}}';
  check([
    [`{"a": ${ab}}`, { a: "xABx" }, true],
    [`{"a": ${ab}}`, { a: new BSONRegExp("ab", "i") }, true],
    [`{"a": ${ab}}`, { a: new BSONRegExp("ab", "") }, false],
    [`{"a": ${ab}}`, { a: new BSONRegExp("b", "i") }, false],
    [`{"a": ${ab}}`, { a: 5 }, false],
    [`{"a": {"$regex": ${ab}}}`, { a: "AB" }, true],
    [
      '{"a": {"$regex": {"$regularExpression": {"pattern": "ab", "options": ""}}, "$options": "i"}}',
      { a: "AB" },
      true,
    ],
    [`{"a": {"$eq": ${ab}}}`, { a: new BSONRegExp("ab", "i") }, true],
    [`{"a": {"$eq": ${ab}}}`, { a: "ab" }, false],
  ]);
});

const REFUSED = [
  '{"a": {"$type": []}}',
  '{"a": {"$type": 99}}',
  '{"a": {"$type": null}}',
  '{"a": {"$size": 1.5}}',
  '{"$and": 1}',
  '{"a": {"$regex": "x", "$options": 1}}',
  '{"a": {"$in": 1}}',
  '{"a": {"$all": [1, {"$elemMatch": {}}]}}',
  '{"a": {"$regex": {"$regularExpression": {"pattern": "a", "options": "i"}}, "$options": "m"}}',
  '{"a": {"$regex": "[a\\\\S]"}}',
  '{"$nor": [1]}',
  '{"born": {"$lt": {"$date": "yesterday"}}}',
  '{"n": {"$numberInt": "seven"}}',
  '{"a": {"$elemMatch": {"$ref": "x"}}}',
];

test("a query that would be answered wrongly is refused with exit 2", () => {
  for (const query of REFUSED)
    assert.throws(
      () => parseQuery(query),
      (error) => error instanceof KeepError && error.exitCode === 2,
      query,
    );
});

test("an error in the program is not hidden behind the refusal of a query", () => {
  assert.throws(
    () => parseQuery(null as never),
    (error: Error) => error.cause instanceof TypeError,
  );
});

/** In the order of the server; in each row the values are equal. */
const ORDER: readonly (readonly unknown[])[] = [
  [new MinKey()],
  [null],
  [1, new Double(1), Long.ONE],
  [2],
  [""],
  ["a"],
  ["ab"],
  [{}],
  [{ a: 1 }],
  [{ a: 1, b: 1 }],
  [{ a: 2 }],
  [{ b: 1 }],
  [{ a: "x" }],
  [[]],
  [[1]],
  [[2]],
  [new Binary(Buffer.from("b"))],
  [new Binary(Buffer.from("b"), 5)],
  [new Binary(Buffer.from("aa"))],
  [new ObjectId("0".repeat(24))],
  [new ObjectId("1".repeat(24))],
  [false],
  [true],
  [new Date(-1)],
  [new Date(5)],
  [new Timestamp({ t: 1, i: 2 })],
  [new Timestamp({ t: 4294967295, i: 0 })],
  [new BSONRegExp("a")],
  [new BSONRegExp("b")],
  [new Code("x")],
  [new Code("y")],
  [new Code("x", { a: 1 })],
  [new MaxKey()],
];

function stored(value: unknown): Value {
  const b = Buffer.from(BSON.serialize({ v: value }, { ignoreUndefined: false }));
  return { b, type: b[4] ?? 0, at: 7 };
}

test("all kinds of values stand in the server's order, and each is equal to itself", () => {
  const all = ORDER.flatMap((row, rank) => row.map((value) => ({ rank, value: stored(value) })));
  for (const x of all)
    for (const y of all)
      assert.equal(
        Math.sign(compareValues(x.value, y.value)),
        Math.sign(x.rank - y.rank),
        `${x.rank} ${y.rank}`,
      );
  assert.equal(compareValues(MISSING, { ...MISSING, type: TYPE_UNDEFINED }), 0);
  assert.equal(compareValues(MISSING, MISSING), 0);
});

test("pointers of old are ordered by the length of their names first", () => {
  const pointer = (name: string, id: string) => {
    const text = Buffer.from(`${name}\0`);
    const length = Buffer.alloc(4);
    length.writeInt32LE(text.length);
    return { b: Buffer.concat([length, text, Buffer.from(id.repeat(12))]), type: 0x0c, at: 0 };
  };
  assert.ok(compareValues(pointer("b", "a"), pointer("aa", "a")) < 0);
  assert.ok(compareValues(pointer("a", "b"), pointer("a", "a")) > 0);
  assert.equal(holds('{"r": {"$ref": "x", "$id": 1}}', { r: new DBRef("x", 1 as never) }), true);
});
