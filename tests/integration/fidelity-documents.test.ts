// Documents that tools have lost or changed before come back byte for byte (docs/pitfalls.md).
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  Binary,
  BSON,
  BSONSymbol,
  Code,
  Decimal128,
  Double,
  Int32,
  Long,
  MaxKey,
  MinKey,
  ObjectId,
  Timestamp,
} from "mongodb";
import type { Document } from "mongodb";
import { freshDatabase } from "../support/fresh-database.ts";
import type { FreshDatabase } from "../support/fresh-database.ts";
import { insertRaw, rawDocument, rawOddities } from "../support/raw-insert.ts";
import type { RawElement } from "../support/raw-insert.ts";
import { requires } from "../support/requires.ts";
import { ownServer } from "../support/servers.ts";
import { thereAndBack } from "../support/there-and-back.ts";

const EMPTY_TIMESTAMP = { $literal: new Timestamp({ t: 0, i: 0 }) };

/** Sets an empty timestamp in a top-level field, where an insert would replace it by the present. */
async function setEmptyTimestamps({ db }: FreshDatabase, collection: string, field = "empty") {
  await db.collection(collection).updateMany({}, [{ $set: { [field]: EMPTY_TIMESTAMP } }]);
}

const int = (n: number) => Buffer.from(Int32Array.of(n).buffer);
const long = (n: bigint) => Buffer.from(BigInt64Array.of(n).buffer);
const bits = (hex: string) => Buffer.from(hex, "hex");

requires(
  { topology: "replicaSet" },
  "documents that no driver would write are restored unchanged: duplicate names, deprecated types, NaNs, broken UTF-8",
  async (t, fresh) => {
    await insertRaw(fresh.serverUri, fresh.name, "raw", rawOddities());
    const id = (n: number): RawElement => ({ type: 0x10, name: "_id", value: int(n) });
    const nested = rawDocument([
      { type: 0x10, name: "", value: int(1) },
      { type: 0x10, name: "", value: int(2) },
      { type: 0x10, name: "a.b", value: int(3) },
      { type: 0x10, name: "$set", value: int(4) },
      { type: 0x10, name: "$set", value: int(5) },
      { type: 0x11, name: "_id", value: long(0n) },
    ]);
    const more = [
      [id(1), { type: 0x03, name: "", value: nested }, { type: 0x04, name: "$[]", value: nested }],
      [
        id(2),
        { type: 0x10, name: "\u00ff", value: int(1) },
        { type: 0x02, name: "k", value: Buffer.from([2, 0, 0, 0, 0xff, 0]) },
      ],
      [
        id(3),
        { type: 0x11, name: "later", value: long(-1n) },
        { type: 0x11, name: "half", value: long(1n << 32n) },
      ],
      [id(4), { type: 0x0b, name: "re", value: Buffer.from("a\0zyx\0") }],
      [id(5), { type: 0x05, name: "old", value: bits("07000000020300000001020a".slice(0, 24)) }],
      [
        id(6),
        { type: 0x01, name: "sNaN", value: bits("010000000000f07f") },
        { type: 0x01, name: "-NaN", value: bits("ffffffffffffffff") },
      ],
      [id(7), { type: 0x13, name: "d", value: bits("ffffffffffffffffffffffffffffffff") }],
    ];
    await insertRaw(fresh.serverUri, fresh.name, "more", more.map(rawDocument));
    await thereAndBack(t, fresh);
  },
);

const IDS: readonly unknown[] = [
  new Double(1.5),
  new Double(NaN),
  new Double(-Infinity),
  "text",
  "",
  {},
  { "a.b": 1, "": 2 },
  { a: { b: [1, "x"] } },
  new Binary(Buffer.from([1, 2, 3]), 0),
  new Binary(Buffer.alloc(16, 7), 4),
  new Binary(Buffer.alloc(0), 128),
  new ObjectId(),
  true,
  false,
  new Date(-1),
  null,
  new BSONSymbol("symbol"),
  new Code("return 1"),
  new Code("return x", { x: 1 }),
  new Int32(7),
  new Timestamp({ t: 5, i: 6 }),
  new Timestamp({ t: 0, i: 0 }),
  Long.MAX_VALUE,
  Decimal128.fromString("7.10"),
  new MinKey(),
  new MaxKey(),
];

requires(
  { topology: "replicaSet" },
  "an _id of every type comes back, also beside an empty timestamp",
  async (t, fresh) => {
    const documents = IDS.map((_id, n) => BSON.serialize({ _id, n, after: _id }));
    for (const name of ["ids", "ids with empty timestamps"])
      await insertRaw(
        fresh.serverUri,
        fresh.name,
        name,
        documents.map((d) => Buffer.from(d)),
      );
    await setEmptyTimestamps(fresh, "ids with empty timestamps");
    await thereAndBack(t, fresh);
  },
);

requires(
  { topology: "replicaSet" },
  "empty timestamps stay empty: in every field, several, beside odd names, in the largest document",
  async (t, fresh) => {
    const { db } = fresh;
    await insertRaw(fresh.serverUri, fresh.name, "odd", [...rawOddities()]);
    await setEmptyTimestamps(fresh, "odd");
    const documents: Document[] = [{ first: 1 }, { $dollar: 1 }, { "a.b": 1 }, { "": 1 }];
    await db.collection("many").insertMany(documents);
    for (const field of ["first", "x", "y"]) await setEmptyTimestamps(fresh, "many", field);
    await db
      .collection<{ _id: number; fill: string }>("largest")
      .insertOne({ _id: 1, fill: largest(-40) });
    await setEmptyTimestamps(fresh, "largest");
    await db.createCollection("validated", { validator: { never: { $exists: true } } });
    await db.collection("validated").insertOne({ a: 1 }, { bypassDocumentValidation: true });
    await db.collection("validated").updateMany({}, [{ $set: { empty: EMPTY_TIMESTAMP } }], {
      bypassDocumentValidation: true,
    });
    await thereAndBack(t, fresh);
  },
);

/** Text that fills a document `{_id: 1, fill}` to the server's 16 MB, and `more` bytes. */
function largest(more: number): string {
  const rest = BSON.calculateObjectSize({ _id: 1, fill: "" });
  return "x".repeat(16 * 1024 * 1024 - rest + more);
}

requires(
  { topology: "replicaSet" },
  "documents of 16 MB come back, several in one collection, and so do the smallest",
  async (t, fresh) => {
    const large = fresh.db.collection<{ _id: number; fill: string }>("large");
    for (const _id of [1, 2, 3]) await large.insertOne({ _id, fill: largest(0) });
    await fresh.db.collection("small").insertMany(Array.from({ length: 5_000 }, () => ({})));
    await thereAndBack(t, fresh);
  },
);

/** Inserts documents and arrays of all depths that the server takes. @returns the deepest of them */
async function insertNested({ db }: FreshDatabase): Promise<number> {
  let taken = 0;
  for (const wrap of [(inner: unknown) => ({ d: inner }), (inner: unknown) => [inner]])
    for (let depth = 100; depth < 300; depth++)
      try {
        let inner: unknown = 1;
        for (let level = 0; level < depth; level++) inner = wrap(inner);
        await db.collection("deep").insertOne({ inner });
        taken = Math.max(taken, depth);
      } catch {
        break;
      }
  return taken;
}

requires(
  { topology: "replicaSet" },
  "documents as deeply nested as the server takes them come back",
  async (t, fresh) => {
    assert.ok((await insertNested(fresh)) >= 150);
    await thereAndBack(t, fresh);
  },
);

test("documents come back from a server that was set to take the deepest nesting of all", async (t) => {
  const server = await ownServer(t, {
    topology: "standalone",
    setParameters: { maxBSONDepth: 250 },
  });
  const fresh = await freshDatabase(t, server.uri);
  assert.ok((await insertNested(fresh)) > 200);
  await thereAndBack(t, fresh);
});
