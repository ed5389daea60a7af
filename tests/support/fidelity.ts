// Data that is hard to keep exactly, and a judge that is not ours: the server's own dbHash.
import {
  Binary,
  BSONRegExp,
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
import type { Db, Document, MongoClient } from "mongodb";
import { createRandom } from "./random.ts";
import type { Random } from "./random.ts";

const LATER_SECONDS = 10 * 365 * 86_400;
const PATIENTS = 500;

/**
 * The server's MD5 per collection over documents in `_id` order. Equal before and after a restore means
 * equal bytes, whatever our own counting says. `collections` limits it.
 */
export async function dbHash(
  client: MongoClient,
  database: string,
  collections: readonly string[] = [],
): Promise<Record<string, string>> {
  const reply = await client
    .db(database)
    .command({ dbHash: 1, ...(collections.length > 0 ? { collections } : {}) });
  const hashes = Object.entries(reply.collections as Record<string, string>);
  return Object.fromEntries(hashes.filter(([name]) => !name.startsWith("__mongokeep_")));
}

/** What restores keep beside the live collections of a database. */
export async function keptBeside(client: MongoClient, database: string): Promise<string[]> {
  const all = await client.db(database).listCollections({}, { nameOnly: true }).toArray();
  return all.map(({ name }) => name).filter((name) => name.startsWith("__mongokeep_"));
}

/** Options and indexes of everything in a database, sorted by name and without UUIDs. */
export async function describeCatalog(db: Db): Promise<Document[]> {
  const infos = await db.listCollections({}, { nameOnly: false }).toArray();
  const described = infos
    .filter(({ name }) => !name.startsWith("system.") && !name.startsWith("__mongokeep_"))
    .map(async ({ name, type, options }) => {
      const indexes = type === "collection" ? await db.collection(name).indexes() : [];
      const sorted = indexes.sort((a, b) => (a.name ?? "").localeCompare(b.name ?? ""));
      return { name, type, options, indexes: sorted };
    });
  return (await Promise.all(described)).sort((a, b) => a.name.localeCompare(b.name));
}

/** Fills a database with patients, awkward documents, and every kind of collection and index. */
export async function fillInteresting(db: Db, seed = 1): Promise<void> {
  await fillPatients(db, createRandom(seed));
  await db.collection("oddities").insertMany(oddities(), { checkKeys: false });
  // An insert would replace an empty timestamp at the top level by the present (TOOLS-3540).
  const empty = { $literal: new Timestamp({ t: 0, i: 0 }) };
  await db.collection("oddities").updateOne({ value: "" }, [{ $set: { empty } }]);
  await fillSpecial(db);
}

async function fillPatients(db: Db, random: Random): Promise<void> {
  await db.createCollection("patients", {
    validator: {
      $jsonSchema: { required: ["mrn", "name"], properties: { mrn: { bsonType: "string" } } },
    },
    validationLevel: "moderate",
    collation: { locale: "de", strength: 2 },
  });
  const patients = db.collection("patients");
  await patients.insertMany(Array.from({ length: PATIENTS }, (_, n) => patient(n, random)));
  await patients.createIndexes([
    { key: { mrn: 1 }, name: "mrn_unique", unique: true },
    { key: { "name.family": 1, born: -1 }, collation: { locale: "fr", strength: 1 } },
    { key: { risk: 1 }, partialFilterExpression: { risk: { $gt: 0.5 } } },
    { key: { email: 1 }, sparse: true },
    { key: { admitted: 1 }, expireAfterSeconds: LATER_SECONDS },
    { key: { note: "text" }, weights: { note: 3 }, collation: { locale: "simple" } },
    { key: { home: "2dsphere" }, collation: { locale: "simple" } },
    { key: { ward: "hashed" } },
    { key: { "$**": 1 }, wildcardProjection: { labs: 1 }, name: "labs_wildcard" },
    { key: { tags: 1 }, hidden: true },
  ]);
}

function patient(n: number, random: Random): Document {
  return {
    _id: new ObjectId(random.bytes(12)),
    mrn: `MRN-${String(n).padStart(6, "0")}`,
    name: { family: random.pick(FAMILY), given: [random.pick(GIVEN), random.pick(GIVEN)] },
    born: new Date(-1e12 + random.below(2e12)),
    admitted: new Date(1.7e12 + random.below(6e10)),
    ...(random.below(3) === 0 ? { email: `p${n}@example.org` } : {}),
    risk: random.unit(),
    ward: new Int32(random.below(12)),
    balance: Decimal128.fromString(`${random.below(1e6)}.${random.below(100)}0`),
    home: { type: "Point", coordinates: [random.unit() * 360 - 180, random.unit() * 170 - 85] },
    labs: { hb: new Double(12), ferritin: Long.fromNumber(random.below(1e9)), crp: null },
    tags: Array.from({ length: random.below(5) }, () => random.pick(TAGS)),
    note: Array.from({ length: 30 }, () => random.pick(TAGS)).join(" "),
    scan: new Binary(random.bytes(random.below(400)), random.pick([0, 5, 128])),
  };
}

const FAMILY = ["Müller", "O'Brien", "Nguyễn", "Ångström", "李", "de la Cruz", "Öztürk", "Šimić"];
const GIVEN = ["Zoë", "Anna", "José", "Ólafur", "小明", "Marie-Claire", "Ivan", "Ada"];
const TAGS = [
  "urgent",
  "diabetes",
  "post-op",
  "allergy: latex",
  "fasting",
  "naïve",
  "🩺",
  "smoker",
];

/** One document a BSON type and habit that tools have lost before (docs/pitfalls.md: TOOLS-2931, -3540, -3611…). */
function oddities(): Document[] {
  const values: unknown[] = [
    new Double(1),
    new Double(-0),
    new Double(NaN),
    new Double(Infinity),
    new Int32(1),
    Long.fromNumber(1),
    Long.MIN_VALUE,
    Decimal128.fromString("NaN"),
    Decimal128.fromString("1.10"),
    Decimal128.fromString("-0E+3"),
    "",
    "nul\u0000inside",
    "\u{1F9EC}",
    null,
    true,
    new Date(-62_135_596_800_001),
    new Date(8.64e15),
    new Timestamp({ t: 4_294_967_295, i: 4_294_967_295 }),
    new MinKey(),
    new MaxKey(),
    new ObjectId("000000000000000000000000"),
    new BSONRegExp("^a/b$", "imsx"),
    new Code("return x", { x: 1 }),
    new Code("return 1"),
    new Binary(Buffer.alloc(0), 0),
    new Binary(Buffer.from([1, 2, 3]), 3),
    new Binary(Buffer.alloc(16, 7), 4),
    [],
    {},
    [[[]]],
    { $ref: "patients", $id: 1 },
    { 10: "integer-like", 9: "keys", b: 1, a: 2 },
  ];
  const documents: Document[] = values.map((value, n) => ({
    _id: n as unknown as ObjectId,
    value,
  }));
  const keys: Document[] = [
    { "": "empty key" },
    { "a.b": "dotted" },
    { $dollar: 1 },
    { __proto__x: 1 },
    { _id: { compound: 1, b: 2 } },
    { nested: nest(60) },
    { inside: { ts: new Timestamp({ t: 0, i: 0 }) } },
  ];
  return [...documents, ...keys];
}

function nest(depth: number): Document {
  return depth === 0 ? { bottom: true } : { d: nest(depth - 1) };
}

async function fillSpecial(db: Db): Promise<void> {
  await db.createCollection("audit", { capped: true, size: 1 << 20, max: 1_000 });
  await db
    .collection("audit")
    .insertMany(Array.from({ length: 50 }, (_, n) => ({ n, at: new Date(n) })));
  await db.createCollection("empty");
  await db.createCollection("adults", {
    viewOn: "patients",
    pipeline: [{ $match: { risk: { $gt: 0.5 } } }, { $project: { name: 1, mrn: 1 } }],
    collation: { locale: "de", strength: 2 },
  });
  await db.createCollection("adults_by_ward", {
    viewOn: "adults",
    pipeline: [{ $limit: 10 }],
    collation: { locale: "de", strength: 2 },
  });
  await db.createCollection("visits", { timeseries: { timeField: "at", metaField: "ward" } });
  const visits = Array.from({ length: 40 }, (_, n) => ({
    at: new Date(1.7e12 + n * 6e4),
    ward: n % 3,
    hr: n,
  }));
  await db.collection("visits").insertMany(visits);
  await db.createCollection("by_key", {
    clusteredIndex: { key: { _id: 1 }, unique: true, name: "cluster" },
  });
  await db.collection<{ _id: string }>("by_key").insertMany([{ _id: "b" }, { _id: "a" }]);
  await db.collection("weird.name with spaces & ünï%2e").insertOne({ ok: true });
}
