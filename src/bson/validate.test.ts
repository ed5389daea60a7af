import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { BSON } from "mongodb";
import { rawDocument, rawElement } from "./build.ts";
import { createContentHash } from "./content-hash.ts";
import { ejsonToRaw, rawToEjson } from "./ejson.ts";
import { DEEPEST, validateDocuments } from "./validate.ts";

const leaf = fc.oneof(
  fc.string(),
  fc.double(),
  fc.integer(),
  fc.boolean(),
  fc.constant(null),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map((n) => BSON.Long.fromBigInt(n)),
  fc.date({ noInvalidDate: true }),
  fc.uint8Array({ maxLength: 20 }).map((bytes) => new BSON.Binary(bytes)),
  fc.constantFrom(
    new BSON.ObjectId("0123456789abcdef01234567"),
    new BSON.Timestamp({ t: 7, i: 9 }),
    new BSON.BSONRegExp("^a", "i"),
    new BSON.Code("f()", { x: 1 }),
    new BSON.Code("f()"),
    new BSON.BSONSymbol("s"),
    new BSON.MinKey(),
    new BSON.MaxKey(),
    new BSON.DBRef("c", new BSON.ObjectId("0123456789abcdef01234567")),
    BSON.Decimal128.fromString("1.50"),
  ),
);
const key = fc.string({ maxLength: 8 }).filter((k) => !k.includes("\0") && !k.startsWith("$"));
const { document } = fc.letrec<{ document: Map<string, unknown>; value: unknown }>((tie) => ({
  document: fc.array(fc.tuple(key, tie("value")), { maxLength: 6 }).map((pairs) => new Map(pairs)),
  value: fc.oneof({ depthSize: "small" }, leaf, tie("document"), fc.array(leaf, { maxLength: 3 })),
}));
const raw = document.map((d) => Buffer.from(BSON.serialize(d)));

test("whole documents are counted", () => {
  fc.assert(
    fc.property(fc.array(raw, { maxLength: 5 }), (docs) => {
      assert.deepEqual(validateDocuments(Buffer.concat(docs)), { documents: docs.length });
    }),
  );
});

test("a cut document is damage, named by its number", () => {
  fc.assert(
    fc.property(raw, raw, fc.nat(), (first, second, at) => {
      const cut = 1 + (at % (second.length - 1));
      const found = validateDocuments(Buffer.concat([first, second.subarray(0, cut)]));
      assert.ok("problem" in found);
      assert.equal(found.document, 1);
    }),
  );
});

test("no bytes make the walk fail or read outside of them", () => {
  fc.assert(
    fc.property(raw, fc.nat(), fc.nat({ max: 255 }), (doc, at, value) => {
      const changed = Buffer.from(doc);
      changed[at % changed.length] = value;
      const found = validateDocuments(changed);
      assert.ok("documents" in found || found.problem !== "");
    }),
  );
});

test("deprecated types and duplicate names are documents like others", () => {
  const awkward = rawDocument(
    rawElement(0x06, "undefined", Buffer.alloc(0)),
    rawElement(0x0c, "pointer", Buffer.concat([Buffer.from("\x02\0\0\0a\0"), Buffer.alloc(12)])),
    rawElement(0x0e, "symbol", Buffer.from("\x02\0\0\0s\0")),
    rawElement(0x0e, "symbol", Buffer.from("\x02\0\0\0s\0")),
  );
  assert.deepEqual(validateDocuments(awkward), { documents: 1 });
});

test("nesting deeper than a server accepts is damage, and needs no stack", () => {
  let doc = rawDocument();
  for (let i = 0; i < DEEPEST + 5; i++) doc = rawDocument(rawElement(0x03, "a", doc));
  assert.ok("problem" in validateDocuments(doc));
});

test("Extended JSON gives the same bytes back", () => {
  fc.assert(
    fc.property(raw, (doc) => {
      assert.deepEqual(Buffer.from(ejsonToRaw(rawToEjson(doc))), doc);
    }),
  );
});

test("Extended JSON is what the library writes, and keeps integer-like keys in place", () => {
  const plain = BSON.serialize({ a: 1, b: [1.5, "x"], c: { d: new Date(0) } });
  const library = BSON.EJSON.stringify(BSON.deserialize(plain, { promoteValues: false }), {
    relaxed: false,
  });
  assert.equal(rawToEjson(plain), library);
  const keyed = '{"b":{"$numberInt":"1"},"0":{"$numberInt":"-1"}}';
  assert.equal(rawToEjson(ejsonToRaw(keyed)), keyed);
});

const int64 = (value: bigint) => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64LE(value, 0);
  return bytes;
};
const text = (value: string) => {
  const bytes = Buffer.from(`0000${value}\0`, "utf8");
  bytes.writeInt32LE(bytes.length - 4, 0);
  return bytes;
};
const int32 = (value: number) =>
  Buffer.from(BSON.serialize({ v: new BSON.Int32(value) })).subarray(7, 11);

/** What servers hold and a JavaScript object cannot. */
const AWKWARD: Readonly<Record<string, Buffer>> = {
  "fields that share a name": rawDocument(
    rawElement(0x10, "a", int32(1)),
    rawElement(0x03, "a", rawDocument(rawElement(0x10, "b", int32(2)))),
    rawElement(0x10, "0", int32(3)),
    rawElement(0x10, "a", int32(4)),
  ),
  "fields called __proto__": rawDocument(
    rawElement(0x10, "__proto__", int32(1)),
    rawElement(0x10, "__proto__", int32(2)),
  ),
  "Java's never": rawDocument(rawElement(0x09, "d", int64(2n ** 63n - 1n))),
  "the earliest date": rawDocument(rawElement(0x09, "d", int64(-(2n ** 63n)))),
  "the first date beyond Date": rawDocument(rawElement(0x09, "d", int64(8_640_000_000_000_001n))),
  undefined: rawDocument(rawElement(0x06, "u", Buffer.alloc(0))),
  "a pointer": rawDocument(rawElement(0x0c, "p", Buffer.concat([text("c"), Buffer.alloc(12, 7)]))),
  "options of a regular expression out of order": rawDocument(
    rawElement(0x0b, "r", Buffer.from("a\0xmi\0")),
  ),
  "code with the scope's fields in their order": rawDocument(
    rawElement(
      0x0f,
      "c",
      Buffer.concat([
        int32(4 + 6 + 19),
        text("f"),
        rawDocument(rawElement(0x10, "b", int32(1)), rawElement(0x10, "0", int32(2))),
      ]),
    ),
  ),
  "the old kind of binary": rawDocument(
    rawElement(
      0x05,
      "b",
      Buffer.concat([int32(7), Buffer.from([2]), int32(3), Buffer.from("abc")]),
    ),
  ),
  "a UUID too short": rawDocument(
    rawElement(0x05, "b", Buffer.concat([int32(2), Buffer.from([4]), Buffer.from("ab")])),
  ),
};

for (const [what, doc] of Object.entries(AWKWARD))
  test(`Extended JSON gives ${what} back, byte for byte`, () => {
    assert.deepEqual(validateDocuments(doc), { documents: 1 });
    assert.deepEqual(Buffer.from(ejsonToRaw(rawToEjson(doc))), doc, rawToEjson(doc));
  });

test("operators in validators stay documents", () => {
  const text = '{"validator":{"name":{"$regex":"^a","$options":"i"},"x":{"$type":"int"}}}';
  assert.equal(rawToEjson(ejsonToRaw(text)), text);
});

test("the content hash ignores the order of documents and sees every bit", async () => {
  const hash = async (docs: readonly Buffer[]) => {
    const h = await createContentHash();
    for (const doc of docs) h.add(doc);
    return h.digest();
  };
  const docs = [{ a: 1 }, { a: 2 }, { a: 3 }].map((d) => Buffer.from(BSON.serialize(d)));
  const [first = Buffer.alloc(0), ...rest] = docs;
  assert.equal(await hash(docs), await hash([...rest, first]));
  const together = await createContentHash();
  together.add(Buffer.concat(docs));
  assert.equal(together.digest(), await hash(docs));
  assert.notEqual(await hash(docs), await hash([...docs, first]));
  const flipped = Buffer.from(first);
  flipped[7] = (flipped[7] ?? 0) ^ 1;
  assert.notEqual(await hash([flipped, ...rest]), await hash(docs));
});
