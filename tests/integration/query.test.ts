// Our reading of the query language, judged by the server's own: any query on any document, the same answer.
import assert from "node:assert/strict";
import {
  BSON,
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
import { parseQuery } from "../../src/bson/query/query.ts";
import { rawToEjson } from "../../src/bson/ejson.ts";
import { escapeText } from "../../src/report/escape.ts";
import { fillInteresting } from "../support/fidelity.ts";
import { insertRaw, rawOddities } from "../support/raw-insert.ts";
import { workspace } from "../support/workspace.ts";
import { createRandom } from "../support/random.ts";
import type { Random } from "../support/random.ts";
import { requires } from "../support/requires.ts";

const DOCUMENTS = 300;
const QUERIES = Number(process.env.QUERIES ?? 600);
const ID = new ObjectId("65f000000000000000000001");

const LEAVES: readonly unknown[] = [
  new Int32(0),
  new Int32(1),
  new Int32(2),
  new Double(1),
  new Double(1.5),
  new Double(-0),
  new Double(NaN),
  Long.fromNumber(2),
  Long.fromBigInt(2n ** 53n + 1n),
  new Double(2 ** 53),
  Decimal128.fromString("1.50"),
  Decimal128.fromString("NaN"),
  Decimal128.fromString("1E+3"),
  "a",
  "b",
  "ab",
  "A\n",
  "zoë\nb",
  "",
  null,
  true,
  false,
  new Date(0),
  new Date(1),
  new Timestamp({ t: 1, i: 1 }),
  ID,
  new ObjectId("65f000000000000000000002"),
  new BSON.Binary(Buffer.from([1]), 0),
  new BSON.Binary(Buffer.from([1]), 5),
  new BSON.Binary(Buffer.from([0, 0]), 0),
  new MinKey(),
  new MaxKey(),
  new BSON.BSONRegExp("^a", "i"),
  new BSON.Code("a"),
  new BSON.BSONSymbol("a"),
];

const NAMES = ["a", "b", "0", "1", "ö"];

function value(random: Random, depth = 0): unknown {
  const kind = random.below(depth > 2 ? 5 : 9);
  if (kind < 5) return random.pick(LEAVES);
  if (kind < 7) return Array.from({ length: random.below(4) }, () => value(random, depth + 1));
  return fields(random, depth + 1);
}

function fields(random: Random, depth: number): Document {
  const count = random.below(3);
  return Object.fromEntries(
    Array.from({ length: count }, () => [random.pick(NAMES), value(random, depth)]),
  );
}

const path = (random: Random) =>
  Array.from({ length: 1 + random.below(3) }, () => random.pick(NAMES)).join(".");

const PATTERNS = ["a", "^A", "b$", "^a.b$", "^.$", "\\s", "[^a]", "(a|z)", "^b", "a\\b", "\\S$"];
const TYPES = [
  "number",
  "string",
  "array",
  "object",
  "null",
  "int",
  18,
  -1,
  ["bool", "decimal"],
  "binData",
  "objectId",
];

function operators(random: Random, depth: number): Document {
  const list = () => Array.from({ length: random.below(4) }, () => value(random, 1));
  const choices: readonly (() => Document)[] = [
    () => ({ [random.pick(["$eq", "$ne"])]: plain(random) }),
    () => ({ [random.pick(["$gt", "$gte", "$lt", "$lte"])]: plain(random) }),
    () => ({ $gt: plain(random), $lte: plain(random) }),
    () => ({ [random.pick(["$in", "$nin", "$all"])]: list() }),
    () => ({ $exists: random.pick([true, false, 0, 1, null]) }),
    () => ({ $type: random.pick(TYPES) }),
    () => ({ $size: random.below(4) }),
    () => ({ $regex: random.pick(PATTERNS), $options: random.pick(["", "i", "m", "s", "im"]) }),
    () => ({ $not: operators(random, depth + 1) }),
    () => ({ $elemMatch: depth > 2 ? { $gt: plain(random) } : operators(random, depth + 1) }),
    () => ({ $elemMatch: query(random, depth + 1) }),
    () => ({ $all: [{ $elemMatch: query(random, depth + 1) }] }),
  ];
  return random.pick(choices)();
}

/** No pattern: the server takes none to be compared with. */
function plain(random: Random): unknown {
  for (;;) {
    const one = value(random, 1);
    if (!(one instanceof BSON.BSONRegExp)) return one;
  }
}

function query(random: Random, depth = 0): Document {
  const kind = random.below(depth > 2 ? 8 : 10);
  if (kind < 3) return { [path(random)]: value(random, 1) };
  if (kind < 8) return { [path(random)]: operators(random, depth) };
  const parts = Array.from({ length: 1 + random.below(2) }, () => query(random, depth + 1));
  return { [random.pick(["$and", "$or", "$nor"])]: parts };
}

requires(
  { topology: "replicaSet" },
  "random queries on random documents find what the server finds",
  async (t, fresh) => {
    const random = createRandom(Number(process.env.QUERY_SEED ?? 7));
    const documents = Array.from({ length: DOCUMENTS }, (_, n) => ({
      _id: new Int32(n) as unknown as ObjectId,
      ...fields(random, 0),
      a: value(random),
    }));
    const collection = fresh.db.collection("any");
    await collection.insertMany(documents);
    const raw = documents.map((one) => Buffer.from(BSON.serialize(one)));
    let matched = 0;
    for (let n = 0; n < QUERIES; n++) {
      const asked = query(random);
      const text = BSON.EJSON.stringify(asked, { relaxed: false });
      const ours = askOurs(text, raw);
      const theirs = await collection
        .find(asked)
        .project({ _id: 1 })
        .sort({ _id: 1 })
        .toArray()
        .then(
          (found) => found.map(({ _id }) => Number(_id)),
          (error: unknown) => String(error),
        );
      if (typeof theirs === "string") {
        assert.equal(typeof ours, "string", `the server refuses ${text}: ${theirs}`);
        continue;
      }
      matched += theirs.length;
      const odd = Array.isArray(ours)
        ? [...ours, ...theirs].find((i) => ours.includes(i) !== theirs.includes(i))
        : undefined;
      const shown =
        odd === undefined ? "" : BSON.EJSON.stringify(documents[odd] ?? {}, { relaxed: false });
      assert.deepEqual(ours, theirs, `${text} on ${shown}`);
    }
    assert.ok(matched > QUERIES, "the queries must find something at all");
    t.diagnostic(`${matched} documents found`);
  },
);

/** The numbers of the documents, or why the query was refused. */
function askOurs(text: string, raw: readonly Buffer[]): number[] | string {
  try {
    const holds = parseQuery(text);
    return [...raw.keys()].filter((n) => holds(raw[n] ?? Buffer.alloc(0), 0));
  } catch (error) {
    return String(error);
  }
}

requires(
  { topology: "replicaSet" },
  "what is extracted from a backup is what the server holds, oddities included",
  async (t, fresh) => {
    const place = await workspace(t, { MONGODB_URI: fresh.uri });
    await fillInteresting(fresh.db);
    await insertRaw(fresh.uri, fresh.name, "raw", rawOddities().slice(0, 6));
    await place.run(["backup", "--manual"]);
    for (const name of ["patients", "oddities", "raw", "visits", "by_key", "empty"]) {
      const stored = name === "visits" ? "system.buckets.visits" : name;
      const cursor = fresh.db.collection(stored).find({}, { raw: true, hint: { $natural: 1 } });
      const raw = (await cursor.toArray()) as unknown as Uint8Array[];
      const { stdout } = await place.run(["extract", "latest", "--ns", `${fresh.name}.${name}`]);
      assert.deepEqual(
        stdout.split("\n").slice(0, -1),
        raw.map((one) => escapeText(rawToEjson(one))),
      );
    }
    const view = await place.run(["extract", "latest", "--ns", `${fresh.name}.adults`]);
    assert.equal(view.code, 2);
    assert.match(view.stderr, /is a view, which holds no documents/);
    const query =
      '{"risk": {"$gt": 0.5}, "tags": {"$all": ["fasting"]}, "name.given": {"$regex": "^A"}}';
    const found = await place.run([
      "extract",
      "latest",
      "--ns",
      `${fresh.name}.patients`,
      "--query",
      query,
      "--json",
    ]);
    const wanted = await fresh.db
      .collection("patients")
      .countDocuments(BSON.EJSON.parse(query) as Document, { collation: { locale: "simple" } });
    assert.ok(wanted > 0);
    assert.equal(found.json().documents.length, wanted);
  },
);
