import assert from "node:assert/strict";
import { test } from "node:test";
import { BSON } from "mongodb";
import { rawDocument, rawElement } from "../bson/build.ts";
import { ejsonToRaw, rawToEjson } from "../bson/ejson.ts";
import { formatMetadata, hasFewValues, parseMetadata } from "./metadata.ts";
import { formatManifest, isSealed } from "./seal.ts";
import { formatVerification, parseVerification } from "./verification.ts";
import type { ManifestBody } from "./manifest.ts";
import type { Verification } from "./verification.ts";

const ordered = (...fields: [string, unknown][]) => BSON.serialize(new Map(fields));

test("metadata comes back byte for byte, with integer-like keys in their places", () => {
  const metadata = {
    collectionName: 'a"b\n手💉',
    type: "collection",
    uuid: "0123456789abcdef0123456789abcdef",
    options: ordered(
      ["z", 1.5],
      ["10", new BSON.Int32(3)],
      ["2", BSON.Long.MAX_VALUE],
      ["d", new Date(-5)],
    ),
    indexes: [
      ordered(
        ["v", 2],
        [
          "key",
          new Map([
            ["z", 1],
            ["10", -1],
            ["2", 1],
          ]),
        ],
        ["name", "order"],
      ),
      ordered(["v", 2], ["key", new Map([["$**", 1]])], ["name", ""]),
    ],
  };
  const back = parseMetadata(formatMetadata(metadata));
  assert.deepEqual(
    {
      ...back,
      options: Buffer.from(back.options),
      indexes: back.indexes.map((i) => Buffer.from(i)),
    },
    {
      ...metadata,
      options: Buffer.from(metadata.options),
      indexes: metadata.indexes.map((i) => Buffer.from(i)),
    },
  );
});

test("each kind of value that an option can hold keeps its type", () => {
  const raw = ordered(
    ["int", new BSON.Int32(1)],
    ["long", BSON.Long.fromNumber(1)],
    ["double", new BSON.Double(1)],
    ["negative zero", new BSON.Double(-0)],
    ["infinity", new BSON.Double(Infinity)],
    ["nan", new BSON.Double(NaN)],
    ["decimal", BSON.Decimal128.fromString("1.10")],
    ["id", new BSON.ObjectId("0123456789abcdef01234567")],
    ["date", new Date(0)],
    ["far date", new Date(8.64e15)],
    ["stamp", new BSON.Timestamp({ t: 4294967295, i: 1 })],
    ["regex", new BSON.BSONRegExp("a/b", "i")],
    ["binary", new BSON.Binary(Buffer.from("x"), 0)],
    ["uuid", new BSON.UUID("01234567-89ab-cdef-0123-456789abcdef")],
    ["code", new BSON.Code("f()")],
    ["min", new BSON.MinKey()],
    ["max", new BSON.MaxKey()],
    ["null", null],
    [
      "list",
      [
        1,
        "a",
        [
          new Map([
            ["1", true],
            ["0", false],
          ]),
        ],
      ],
    ],
    [
      "operator",
      new Map([
        ["$regex", "^a"],
        ["$options", "i"],
      ]),
    ],
    ["$date", "a field that looks like a wrapper among others"],
  );
  assert.deepEqual(Buffer.from(ejsonToRaw(rawToEjson(raw))), Buffer.from(raw));
});

test("a deprecated type is written down as what it is, never as text that is not JSON", () => {
  const raw = rawDocument(
    rawElement(0x06, "u", Buffer.alloc(0)),
    rawElement(0x0e, "s", Buffer.from("\x02\0\0\0s\0")),
  );
  assert.deepEqual(JSON.parse(rawToEjson(raw)), { u: { $undefined: true }, s: { $symbol: "s" } });
});

test("metadata of older tools, in relaxed numbers and without type, is understood", () => {
  const { type, uuid, indexes } = parseMetadata(
    '{"options":{},"indexes":[{"v":2,"key":{"_id":1},"name":"_id_","ns":"a.b"}]}',
  );
  assert.deepEqual([type, uuid, indexes.length], ["collection", null, 1]);
});

test("a field of another kind is refused, not passed over: its indexes would be lost without a word", () => {
  for (const field of ["options", "indexes", "uuid", "collectionName", "type", "bson"]) {
    assert.throws(
      () => parseMetadata(`{"${field}":1}`),
      new RegExp(`^SyntaxError: ${field} `),
      field,
    );
    assert.deepEqual(parseMetadata(`{"${field}":null}`).indexes, []);
  }
});

test("text that is no metadata is a SyntaxError", () => {
  for (const text of [
    "",
    "{",
    "[]",
    "1",
    '{"a":}',
    '{"a":1}x',
    "{'a':1}",
    '{"indexes":[1]}',
    "[".repeat(1000),
  ])
    assert.throws(() => parseMetadata(text), SyntaxError, text.slice(0, 20));
});

test("a long text of escapes does not exhaust the stack", () => {
  const text = '\\n\\"'.repeat(500_000);
  assert.ok(ejsonToRaw(`{"a":"${text}"}`).length > 1_000_000);
});

const body = { schema: 1, note: "ünï �" } as ManifestBody;
const verification: Verification = {
  schema: 1,
  id: "2026-11-23_02-00-00",
  ok: true,
  level: "full",
  verifiedAt: "2026-11-23T02:00:09.000Z",
  seconds: 1.5,
  problems: [{ file: "a/b.bson.gz", chunk: 1, document: null, problem: "cut" }],
  collections: [
    { database: "a", name: "b", documents: 2, rawBytes: 50, contentHash: "0".repeat(32) },
  ],
};

test("any flipped bit of a manifest breaks its seal", () => {
  const { text } = formatManifest(body);
  assert.ok(isSealed(text));
  eachFlip(Buffer.from(text), (bad, where) => {
    assert.ok(!isSealed(bad.toString("utf8")), where);
  });
  for (let length = 0; length < text.length; length++) assert.ok(!isSealed(text.slice(0, length)));
  assert.ok(!isSealed(`${text}\n`));
});

test("a flipped bit of a verification is found, or it still says the same", () => {
  const text = formatVerification(verification);
  assert.deepEqual(parseVerification(text), verification);
  eachFlip(Buffer.from(text), (bad, where) => {
    const parsed = parseVerification(bad.toString("utf8"));
    if (parsed !== null) assert.deepEqual(parsed, verification, where);
  });
});

test("what is no verification at all is null", () => {
  for (const text of ["", "null", "1", "[]", "{}", '"x"', "{"])
    assert.equal(parseVerification(text), null);
});

function eachFlip(good: Buffer, look: (bad: Buffer, where: string) => void): void {
  for (let at = 0; at < good.length; at++)
    for (let bit = 0; bit < 8; bit++) {
      const bad = Buffer.from(good);
      bad[at] = (bad[at] ?? 0) ^ (1 << bit);
      look(bad, `byte ${at}, bit ${bit}`);
    }
}

test("options of more values than are read as text come back from their bytes", () => {
  const metadata = (length: number) => ({
    ...{ collectionName: "a", type: "collection", uuid: null },
    options: BSON.serialize({ in: Array.from({ length }, () => "") }),
    indexes: [BSON.serialize({ v: 2, key: { _id: 1 }, name: "_id_" })],
  });
  for (const [length, isText] of [
    [199_900, true],
    [200_100, false],
  ] as const) {
    const text = formatMetadata(metadata(length));
    assert.ok(hasFewValues(Buffer.from(text)));
    assert.equal("bson" in (JSON.parse(text) as object), !isText);
    const { options, indexes } = parseMetadata(text);
    assert.ok(Buffer.from(metadata(length).options).equals(options));
    assert.equal(indexes.map((raw) => String(BSON.deserialize(raw).name)).join(), "_id_"); // prettier-ignore
  }
});
