// A generator of BSON documents as raw bytes: every type of the format, deprecated ones too, names that repeat
// or are empty, dotted, `$`-prefixed or no UTF-8, text with null characters, floats of any bits.
// It builds bytes by itself, so that it shares no line with what it helps to test.
import fc from "fast-check";

type Value = readonly [type: number, bytes: Buffer];

const int32 = (n: number) => Buffer.from(Int32Array.of(n).buffer);
const bytes = (minLength: number, maxLength = minLength) =>
  fc.uint8Array({ minLength, maxLength }).map((array) => Buffer.from(array));
const withoutNull = (b: Buffer) => Buffer.from(b.filter((byte) => byte !== 0));

/** What a byte string of any kind is made of: mostly text, sometimes nonsense. */
const content = fc.oneof(
  { weight: 6, arbitrary: fc.string({ unit: "binary", maxLength: 20 }).map((s) => Buffer.from(s)) },
  { weight: 2, arbitrary: bytes(0, 30) },
  { weight: 1, arbitrary: fc.nat(3_000).map((n) => Buffer.alloc(n, "x")) },
);
const cString = content.map((b) => Buffer.concat([withoutNull(b), Buffer.alloc(1)]));
const string = content.map((b) => Buffer.concat([int32(b.length + 1), b, Buffer.alloc(1)]));

const ODD_NAMES = [
  "",
  "a",
  "a",
  "a.b",
  ".",
  "$",
  "$set",
  "$ref",
  "$$",
  "0",
  "10",
  "__proto__",
  "ü",
  " ",
];
const name = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...ODD_NAMES).map((s) => Buffer.from(`${s}\0`)) },
  { weight: 2, arbitrary: cString },
);

/** The kinds whose inside has no rule; 2 holds its length twice, 3 and 4 are UUIDs. */
const binary = fc
  .oneof(
    fc.tuple(fc.constantFrom(0, 1, 5, 8, 128, 200, 255), bytes(0, 40)),
    fc.tuple(fc.constantFrom(3, 4), bytes(16)),
    fc.tuple(
      fc.constant(2),
      bytes(0, 20).map((b) => Buffer.concat([int32(b.length), b])),
    ),
  )
  .map(([kind, b]) => Buffer.concat([int32(b.length), Buffer.from([kind]), b]));

const SPECIAL_DOUBLES = [
  "0000000000000080",
  "000000000000f07f",
  "010000000000f07f",
  "010000000000f8ff",
];
const double = fc.oneof(
  bytes(8),
  fc.double().map((n) => Buffer.from(Float64Array.of(n).buffer)),
  fc.constantFrom(...SPECIAL_DOUBLES).map((hex) => Buffer.from(hex, "hex")),
);
const eight = fc.oneof(
  bytes(8),
  fc
    .constantFrom(0n, 1n, -1n, 2n ** 63n - 1n, -(2n ** 63n))
    .map((n) => Buffer.from(BigInt64Array.of(n).buffer)),
);

const { document } = fc.letrec<{ value: Value; document: Buffer }>((tie) => ({
  value: fc.oneof(
    { depthSize: "medium", withCrossShrink: true },
    ...leaves(),
    fc.constantFrom(0x03, 0x04).chain((type) => tie("document").map((b): Value => [type, b])),
    fc.tuple(string, tie("document")).map(([code, scope]): Value => {
      const length = int32(4 + code.length + scope.length);
      return [0x0f, Buffer.concat([length, code, scope])];
    }),
  ),
  document: fc.array(fc.tuple(name, tie("value")), { maxLength: 6 }).map(join),
}));

function leaves(): fc.Arbitrary<Value>[] {
  const of = (type: number, arbitrary: fc.Arbitrary<Buffer>) =>
    arbitrary.map((b): Value => [type, b]);
  const nothing = fc.constant(Buffer.alloc(0));
  return [
    of(0x01, double),
    of(0x02, string),
    of(0x05, binary),
    of(0x06, nothing),
    of(0x07, bytes(12)),
    of(
      0x08,
      fc.boolean().map((b) => Buffer.from([b ? 1 : 0])),
    ),
    of(0x09, eight),
    of(0x0a, nothing),
    of(
      0x0b,
      fc.tuple(cString, cString).map((parts) => Buffer.concat(parts)),
    ),
    of(
      0x0c,
      fc.tuple(string, bytes(12)).map((parts) => Buffer.concat(parts)),
    ),
    of(0x0d, string),
    of(0x0e, string),
    of(0x10, bytes(4)),
    of(0x11, eight),
    of(0x12, eight),
    of(0x13, bytes(16)),
    of(0x7f, nothing),
    of(0xff, nothing),
  ];
}

function join(fields: readonly (readonly [Buffer, Value])[]): Buffer {
  const parts = fields.flatMap(([named, [type, value]]) => [Buffer.from([type]), named, value]);
  const length = parts.reduce((sum, b) => sum + b.length, 5);
  return Buffer.concat([int32(length), ...parts, Buffer.alloc(1)]);
}

/** As many documents as asked for, the same for the same seed; `_id` counts from 0, and no other field is so called. */
export function rawDocuments(seed: number, count: number): Buffer[] {
  return fc.sample(document, { seed, numRuns: count }).map(withId);
}

function withId(raw: Buffer, n: number): Buffer {
  const id = Buffer.concat([Buffer.from("\x10_id\0"), int32(n)]);
  const body = raw.subarray(4);
  return Buffer.concat([int32(raw.length + id.length), id, body]);
}
