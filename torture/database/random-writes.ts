// The changes of an application between two commands: documents, collections, indexes, a view and a time series come
// and go.
import type { Db, IndexDescription } from "mongodb";
import type { Random } from "../../tests/support/random.ts";

/** Never dropped: a database without data is no backup. */
const STAYING = "patients";
const NAMES = [STAYING, "operations", "audit", "scans", "labs", "notes"];
const VIEW = "adults";
const SERIES = "visits";
const MOST = 400;
const AT_ONCE = 120;
const KEYS: readonly IndexDescription["key"][] = [
  { n: 1 },
  { name: 1, n: -1 },
  { state: 1 },
  { name: "hashed" },
];

/** A few changes; the names of what was done. */
export async function writeRandomly(db: Db, random: Random): Promise<string[]> {
  const done = [];
  for (let n = 1 + random.below(3); n > 0; n--) {
    const change = random.pick(CHANGES);
    await change(db, random);
    done.push(change.name);
  }
  return done;
}

type Change = (db: Db, random: Random) => Promise<unknown>;

const CHANGES: readonly Change[] = [
  insert,
  insert,
  update,
  update,
  remove,
  createIndex,
  dropIndex,
  dropCollection,
  makeView,
  dropView,
  record,
  dropSeries,
];

async function insert(db: Db, random: Random): Promise<void> {
  const collection = db.collection(random.pick(NAMES));
  const documents = Array.from({ length: 1 + random.below(AT_ONCE) }, () => ({
    _id: random.below(2 ** 32) as never,
    n: random.below(1_000),
    name: `name ${random.below(1e6)}`,
    scan: random.bytes(random.below(900)),
  }));
  await collection.insertMany(documents);
  // Otherwise hours of this fill the disk.
  if ((await collection.countDocuments()) > MOST) await collection.deleteMany({ n: { $lt: 700 } });
}

async function update(db: Db, random: Random): Promise<void> {
  const to = { $set: { state: random.below(1e9) } };
  await db.collection(random.pick(NAMES)).updateMany({ n: { $gte: random.below(1_000) } }, to);
}

async function remove(db: Db, random: Random): Promise<void> {
  await db.collection(random.pick(NAMES)).deleteMany({ n: { $lt: random.below(400) } });
}

async function createIndex(db: Db, random: Random): Promise<void> {
  await db.collection(random.pick(NAMES)).createIndexes([{ key: random.pick(KEYS) }]);
}

async function dropIndex(db: Db, random: Random): Promise<void> {
  const name = random.pick(NAMES);
  if (await exists(db, name)) await db.collection(name).dropIndexes();
}

async function dropCollection(db: Db, random: Random): Promise<void> {
  const name = random.pick(NAMES);
  if (name !== STAYING) await db.collection(name).drop();
}

async function makeView(db: Db, random: Random): Promise<void> {
  if (await exists(db, VIEW)) await db.collection(VIEW).drop();
  const pipeline = [{ $match: { n: { $gt: random.below(1_000) } } }];
  await db.createCollection(VIEW, { viewOn: random.pick(NAMES), pipeline });
}

async function dropView(db: Db): Promise<void> {
  await db.collection(VIEW).drop();
}

async function record(db: Db, random: Random): Promise<void> {
  const timeseries = { timeField: "at", metaField: "ward" };
  if (!(await exists(db, SERIES))) await db.createCollection(SERIES, { timeseries });
  const rows = Array.from({ length: 1 + random.below(AT_ONCE) }, () => ({
    at: new Date(1.7e12 + random.below(1e9)),
    ward: random.below(3),
    pulse: 50 + random.below(100),
  }));
  await db.collection(SERIES).insertMany(rows);
}

async function dropSeries(db: Db): Promise<void> {
  await db.collection(SERIES).drop();
}

const exists = async (db: Db, name: string) =>
  (await db.listCollections({ name }, { nameOnly: true }).toArray()).length > 0;
