// The same `_id` as the server understands it; the numbers were tried on a unique index of 6.0.5.
import assert from "node:assert/strict";
import { test } from "node:test";
import { BSON, BSONSymbol, Decimal128, Double, Int32, Long, ObjectId } from "bson";
import fc from "fast-check";
import { identityOf } from "./identity.ts";
import { compareNumbers, numberKey } from "./number.ts";

const raw = (document: object) => Buffer.from(BSON.serialize(document));
const idOf = (_id: unknown) => identityOf(raw({ _id }), 0)?.toString("hex");
/** A value as raw BSON: type, and where it starts. */
function valueOf(v: unknown): [Buffer, number, number] {
  const b = raw({ v });
  return [b, b[4] ?? 0, 7];
}

const SAME: readonly (readonly unknown[])[] = [
  [
    new Int32(1),
    new Double(1),
    Long.fromNumber(1),
    Decimal128.fromString("1"),
    Decimal128.fromString("1.000"),
  ],
  [new Double(0), new Double(-0), new Int32(0), Decimal128.fromString("-0E+3"), Long.ZERO],
  [new Double(NaN), Decimal128.fromString("NaN")],
  [new Double(Infinity), Decimal128.fromString("Infinity")],
  [new Double(0.5), Decimal128.fromString("0.5"), Decimal128.fromString("5E-1")],
  [new Double(2 ** 60), Long.fromBigInt(2n ** 60n), Decimal128.fromString(String(2n ** 60n))],
  [new Int32(100), Decimal128.fromString("1E+2")],
  ["text", new BSONSymbol("text")],
  [
    { a: new Int32(1), b: [new Double(2)] },
    { a: Long.fromNumber(1), b: [new Int32(2)] },
  ],
];

const ALL_DIFFERENT: readonly unknown[] = [
  ...SAME.map(([first]) => first),
  Long.fromBigInt(2n ** 53n + 1n),
  new Double(2 ** 53),
  new Double(0.1),
  Decimal128.fromString("0.1"),
  new Double(-Infinity),
  "1",
  ["1"],
  { 0: "1" },
  { a: 1, b: 2 },
  { b: 2, a: 1 },
  true,
  false,
  null,
  new Date(1),
  new ObjectId("00000000000000000000000a"),
  "",
];

test("numbers of another type, and symbols, are the same _id as on the server", () => {
  for (const group of SAME)
    for (const one of group) assert.equal(idOf(one), idOf(group[0]), String(one));
});

test("whatever the server tells apart is another _id", () => {
  const ids = ALL_DIFFERENT.map(idOf);
  assert.equal(new Set(ids).size, ids.length);
});

test("an _id counts wherever it stands, and its absence is told", () => {
  const _id = new ObjectId();
  assert.deepEqual(identityOf(raw({ a: 1, _id }), 0), identityOf(raw({ _id, a: 1 }), 0));
  assert.equal(identityOf(raw({ a: 1 }), 0), null);
  // What follows an empty document must not be taken for its `_id`.
  const name = Buffer.from("_id\0rest");
  assert.equal(identityOf(Buffer.concat([raw({}), name]), 0), null);
});

test("the keys of numbers agree with their order, for any two of any type", () => {
  const number = fc.oneof(
    fc.integer().map((n) => new Int32(n)),
    fc.double().map((n) => new Double(n)),
    fc.integer({ min: -20, max: 20 }).map((n) => new Double(n / 4)),
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map((n) => Long.fromBigInt(n)),
    fc
      .tuple(fc.bigInt({ min: -(10n ** 33n), max: 10n ** 33n }), fc.integer({ min: -50, max: 50 }))
      .map(([n, e]) => Decimal128.fromString(`${n}E${e}`)),
  );
  fc.assert(
    fc.property(number, number, (one, two) => {
      const [a, b] = [valueOf(one), valueOf(two)];
      const order = Math.sign(compareNumbers(a[0], a[1], a[2], b[0], b[1], b[2]));
      assert.equal(order === 0, numberKey(...a) === numberKey(...b));
      assert.equal(order, -Math.sign(compareNumbers(b[0], b[1], b[2], a[0], a[1], a[2])) + 0);
      if (one instanceof Double && two instanceof Double && one.value < two.value)
        assert.equal(order, -1);
    }),
    { numRuns: 500 },
  );
});
