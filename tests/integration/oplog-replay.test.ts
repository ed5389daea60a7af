// Logs that a real server wrote, replayed under other names: the same state, judged by the server's dbHash.
import assert from "node:assert/strict";
import { BSON } from "mongodb";
import type { Db, Document } from "mongodb";
import { IndexCatalog } from "../../src/oplog/index-catalog.ts";
import { replayOplog } from "../../src/oplog/replay.ts";
import type { ReplayOptions, ReplaySummary } from "../../src/oplog/replay-state.ts";
import { buildIndexes, splitIndexes } from "../../src/restore/load/indexes.ts";
import {
  collectionExpiry,
  createNamespace,
  orderViews,
  setExpiry,
} from "../../src/restore/load/create.ts";
import { deploymentFor } from "../support/deployment.ts";
import { dbHash, describeCatalog } from "../support/fidelity.ts";
import { asEntries, copyOplog, oplogNow } from "../support/oplog-copy.ts";
import { requires } from "../support/requires.ts";
import { temporaryFolder } from "../support/temporary.ts";
import type { Cleanup } from "../support/temporary.ts";
import type { FreshDatabase } from "../support/fresh-database.ts";

const LATER = 10 * 365 * 86_400;

/** Replays `entries` of `fresh` as the database `as`, builds indexes and views, and gives the summary. */
async function replayAs(
  t: Cleanup,
  fresh: FreshDatabase,
  as: string,
  entries: readonly Buffer[],
  more: Partial<ReplayOptions> = {},
): Promise<ReplaySummary> {
  const { deployment } = await deploymentFor(t, fresh.serverUri);
  const summary = await replayOplog(deployment, asEntries(entries), {
    locate: (database, collection) =>
      database === fresh.name ? { database: as, collection } : null,
    from: null,
    to: null,
    catalog: new IndexCatalog(),
    spillFolder: await temporaryFolder(t),
    emit: () => undefined,
    signal: new AbortController().signal,
    ...more,
  });
  const { client } = deployment;
  for (const collection of summary.catalog.collectionsOf(fresh.name)) {
    const found = summary.catalog.get({ database: fresh.name, collection });
    assert.ok(found);
    const metadata = { ...found, collectionName: collection, type: "collection", uuid: null };
    const { plain, expiring } = splitIndexes(metadata);
    const target = { database: as, name: collection };
    await buildIndexes(deployment, target, [...plain, ...expiring]);
    const expiry = collectionExpiry(metadata);
    if (expiry !== null) await setExpiry(client, target, expiry);
  }
  const views = summary.views.defined.map((view) => ({
    ...view,
    viewOn: String(BSON.deserialize(view.options).viewOn),
  }));
  for (const { name, options } of orderViews(views))
    await createNamespace(
      client,
      { database: as, name },
      { collectionName: name, type: "view", uuid: null, options, indexes: [] },
    );
  return summary;
}

/** What `act` does is done again by its log in another database, which must be equal then. */
function replays(name: string, act: (db: Db, fresh: FreshDatabase) => Promise<void>): void {
  requires({ topology: "replicaSet" }, name, async (t, fresh) => {
    const before = await oplogNow(fresh.client);
    await act(fresh.db, fresh);
    const entries = await copyOplog(fresh.client, before);
    const as = fresh.otherName();
    await replayAs(t, fresh, as, entries);
    await assertSame(fresh, as);
  });
}

async function assertSame(fresh: FreshDatabase, as: string): Promise<void> {
  assert.deepEqual(await hashOf(fresh, as), await hashOf(fresh, fresh.name));
  assert.deepEqual(await describeCatalog(fresh.client.db(as)), await describeCatalog(fresh.db));
}

/** Definitions of views hold the database's name; they are compared by what listCollections says. */
async function hashOf(fresh: FreshDatabase, database: string): Promise<Record<string, string>> {
  const { "system.views": _views, ...hashes } = await dbHash(fresh.client, database);
  return hashes;
}

replays("inserts, updates of every form and deletes", async (db) => {
  const patients = db.collection("patients");
  await patients.insertMany(
    Array.from({ length: 300 }, (_, n) => ({
      _id: n as never,
      n,
      list: [1, 2, { a: n }],
      in: { x: 1 },
    })),
  );
  await patients.updateMany(
    { n: { $lt: 200 } },
    { $set: { "in.y": 2, late: true }, $push: { list: 7 } as never },
  );
  await patients.updateMany({ n: { $lt: 100 } }, { $unset: { in: 1 }, $set: { "list.2.a": -1 } });
  await patients.updateMany({ n: 5 }, [{ $set: { computed: { $add: ["$n", 1] } } }]);
  await patients.replaceOne({ n: 6 }, { replaced: true });
  await patients.deleteMany({ n: { $gte: 250 } });
  await patients.updateOne({ _id: "upserted" as never }, { $set: { a: 1 } }, { upsert: true });
});

replays("documents that end with another one's _id, or hold empty timestamps", async (db) => {
  const odd = db.collection("odd");
  const empty = { $literal: new BSON.Timestamp({ t: 0, i: 0 }) };
  await odd.updateOne({ _id: 1 as never }, [{ $set: { empty } }], { upsert: true });
  await odd.insertOne({
    _id: { a: 1, b: [2] } as never,
    inside: { t: new BSON.Timestamp({ t: 0, i: 0 }) },
  });
  await odd.insertOne({ _id: 2 as never, a: 1 });
  await odd.updateOne({ _id: 2 as never }, [{ $set: { empty, b: 2 } }]);
  await odd.updateOne({ _id: { a: 1, b: [2] } }, [
    { $replaceWith: { $mergeObjects: [{ _id: "$_id" }, { empty }] } },
  ]);
});

replays(
  "transactions: committed, aborted, over several collections, and one of more than 16 MB",
  async (db, fresh) => {
    const names = ["accounts", "ledger", "large"];
    for (const name of names) await db.createCollection(name);
    await db.collection("accounts").insertMany([
      { _id: 1 as never, sum: 100 },
      { _id: 2 as never, sum: 0 },
    ]);
    const session = fresh.client.startSession();
    await session.withTransaction(async () => {
      await db
        .collection("accounts")
        .updateOne({ _id: 1 as never }, { $inc: { sum: -30 } }, { session });
      await db
        .collection("accounts")
        .updateOne({ _id: 2 as never }, { $inc: { sum: 30 } }, { session });
      await db.collection("ledger").insertOne({ from: 1, to: 2, sum: 30 }, { session });
      await db.createCollection("made inside", { session });
      await db.collection("made inside").insertOne({ a: 1 }, { session });
    });
    session.startTransaction();
    await db.collection("ledger").insertOne({ never: true }, { session });
    await session.abortTransaction();
    await session.withTransaction(async () => {
      for (let n = 0; n < 5; n++)
        await db
          .collection("large")
          .insertOne({ n, text: "x".repeat(5 * 1024 * 1024) }, { session });
      await db.collection("large").updateOne({ n: 1 }, { $set: { text: "y" } }, { session });
      await db.collection("large").deleteOne({ n: 2 }, { session });
    });
    await session.endSession();
  },
);

replays("a document of the longest size, written and replaced", async (db) => {
  const text = "x".repeat(16 * 1024 * 1024 - 64);
  const large = db.collection("large");
  await large.insertOne({ _id: 1 as never, text });
  await large.replaceOne({ _id: 1 as never }, { text: text.replace("x", "y") });
  await large.insertOne({ _id: 2 as never, small: 1 });
});

replays(
  "collections made, dropped, renamed, converted, and written by $out and $merge",
  async (db, fresh) => {
    await db.createCollection("strict", {
      validator: { a: { $type: "int" } },
      validationAction: "error",
      collation: { locale: "de", strength: 2 },
    });
    await db.collection("strict").insertOne({ b: 1 }, { bypassDocumentValidation: true });
    await db.collection("gone").insertOne({ a: 1 });
    await db.collection("gone").drop();
    await db.collection("old").insertMany([{ a: 1 }, { a: 2 }, { a: 3 }]);
    await db.collection("old").createIndexes([{ key: { a: -1 }, unique: true }]);
    await db.collection("other").insertOne({ will: "be replaced" });
    await db.collection("old").rename("other", { dropTarget: true });
    await db.collection("other").insertOne({ a: 4 });
    await db
      .collection("other")
      .aggregate([{ $match: { a: { $gt: 1 } } }, { $out: "out" }])
      .toArray();
    await db
      .collection("other")
      .aggregate([{ $match: { a: 3 } }, { $out: "out" }])
      .toArray();
    await db
      .collection("other")
      .aggregate([{ $set: { m: 1 } }, { $merge: "merged" }])
      .toArray();
    await db.command({ convertToCapped: "merged", size: 8192 });
    await db.command({
      collMod: "strict",
      validator: { a: { $type: "long" } },
      validationLevel: "moderate",
    });
    await db.command({ collMod: "out", changeStreamPreAndPostImages: { enabled: true } });
    await db.command({
      create: "clustered",
      clusteredIndex: { key: { _id: 1 }, unique: true },
      expireAfterSeconds: LATER,
    });
    await db.collection("clustered").insertMany([{ _id: 1 as never }, { _id: 2 as never }]);
    await db.command({ collMod: "clustered", expireAfterSeconds: LATER + 1 });
    await db.createCollection("capped", { capped: true, size: 4096, max: 4 });
    await db
      .collection("capped")
      .insertMany(Array.from({ length: 9 }, (_, n) => ({ _id: n as never })));
    const aside = fresh.client.db(fresh.otherName());
    await aside.collection("from another").insertMany([{ a: 1 }, { a: 2 }]);
    await fresh.client.db("admin").command({
      renameCollection: `${aside.databaseName}.from another`,
      to: `${fresh.name}.moved here`,
    });
  },
);

replays("a database that was dropped and begun anew", async (db) => {
  await db.collection("a").insertOne({ a: 1 });
  await db.createCollection("v", { viewOn: "a", pipeline: [] });
  await db.dropDatabase();
  await db.collection("a").insertOne({ a: 2 });
  await db.createCollection("v2", { viewOn: "a", pipeline: [{ $match: { a: 2 } }] });
});

replays("indexes built, changed and dropped, by commits of builds and at creation", async (db) => {
  const one = db.collection("one");
  await one.createIndexes([
    { key: { b: 1, a: -1 }, unique: true, name: "on the empty one" },
    { key: { at: 1 }, expireAfterSeconds: LATER },
  ]);
  await one.insertMany(Array.from({ length: 50 }, (_, n) => ({ a: n, b: -n, at: new Date() })));
  await one.createIndexes([
    { key: { text: "text" }, weights: { text: 3 } },
    { key: { a: 1 }, partialFilterExpression: { a: { $gt: 5 } } },
    { key: { x: "hashed" } },
    { key: { "$**": 1 }, name: "wild" },
    { key: { soon: 1 } },
  ]);
  await one.dropIndex("a_1");
  await one.dropIndex({ x: "hashed" } as never);
  const change = (index: Document) => db.command({ collMod: "one", index });
  await change({ keyPattern: { at: 1 }, expireAfterSeconds: LATER + 5 });
  await change({ name: "wild", hidden: true });
  await change({ name: "on the empty one", hidden: true });
  await change({ name: "on the empty one", hidden: false });
  await change({ name: "soon_1", prepareUnique: true });
  const two = db.collection("two");
  await two.insertOne({ a: 1 });
  await two.createIndex({ a: 1 });
  await two.dropIndexes();
  await two.createIndexes([{ key: { b: 1 }, collation: { locale: "fr" } }]);
  await two.rename("three");
  await db.collection("three").createIndex({ c: 1 });
});

replays("a unique index over values that swapped places", async (db) => {
  const seats = db.collection("seats");
  await seats.createIndexes([{ key: { seat: 1 }, unique: true }]);
  await seats.insertMany([
    { _id: 1 as never, seat: "a" },
    { _id: 2 as never, seat: "b" },
  ]);
  await seats.updateOne({ _id: 1 as never }, { $set: { seat: "free" } });
  await seats.updateOne({ _id: 2 as never }, { $set: { seat: "a" } });
  await seats.updateOne({ _id: 1 as never }, { $set: { seat: "b" } });
});

replays("views made, changed and dropped, and one in the place of a collection", async (db) => {
  await db.collection("base").insertOne({ a: 1 });
  await db.createCollection("v1", {
    viewOn: "base",
    pipeline: [{ $match: { a: 1 } }],
    collation: { locale: "en" },
  });
  await db.createCollection("v2", { viewOn: "v1", pipeline: [], collation: { locale: "en" } });
  await db.createCollection("v3", { viewOn: "base", pipeline: [] });
  await db.command({ collMod: "v2", viewOn: "v1", pipeline: [{ $project: { a: 1 } }] });
  await db.collection("v3").drop();
  await db.collection("was a collection").insertOne({ a: 1 });
  await db.collection("was a collection").drop();
  await db.createCollection("was a collection", { viewOn: "base", pipeline: [] });
  await db.createCollection("was a view", { viewOn: "base", pipeline: [] });
  await db.collection("was a view").drop();
  await db.collection("was a view").insertOne({ a: 5 });
});

replays("time series with their buckets, indexes and changed options", async (db) => {
  await db.createCollection("weather", {
    timeseries: { timeField: "at", metaField: "place", granularity: "seconds" },
    expireAfterSeconds: LATER,
  });
  const weather = db.collection("weather");
  const measure = (n: number) => ({ at: new Date(1.7e12 + n * 1000), place: { id: n % 3 }, t: n });
  for (let n = 0; n < 60; n += 20)
    await weather.insertMany(Array.from({ length: 20 }, (_, m) => measure(n + m)));
  await weather.createIndex({ "place.id": 1, at: -1 });
  await weather.createIndex({ t: 1 });
  await weather.createIndex({ at: 1 });
  await weather.dropIndex("at_1");
  await db.command({ collMod: "weather", timeseries: { granularity: "minutes" } });
  await weather.deleteMany({ "place.id": 2 });
  await db.createCollection("short", { timeseries: { timeField: "at" } });
  await db.collection("short").drop();
});

requires(
  { topology: "replicaSet" },
  "a log replayed twice leaves what it leaves once",
  async (t, fresh) => {
    const before = await oplogNow(fresh.client);
    const { db } = fresh;
    const one = db.collection("one");
    await one.insertMany(Array.from({ length: 40 }, (_, n) => ({ _id: n as never, n, list: [n] })));
    await one.updateMany({}, { $inc: { n: 3 }, $push: { list: 1 } as never });
    await one.updateMany({ n: { $gt: 20 } }, { $unset: { list: 1 } });
    await one.deleteMany({ n: { $gt: 30 } });
    await one.createIndex({ n: 1 });
    await db.collection("brief").insertOne({ a: 1 });
    await db.collection("brief").rename("kept");
    await one.aggregate([{ $match: { n: 7 } }, { $out: "out" }]).toArray();
    await db.collection("out").drop();
    const entries = await copyOplog(fresh.client, before);
    const as = fresh.otherName();
    await replayAs(t, fresh, as, entries);
    await replayAs(t, fresh, as, entries, { catalog: await catalogOf(fresh, as) });
    await assertSame(fresh, as);
  },
);

/** As a backup of `as` would hold it, under the names of the log. */
async function catalogOf(fresh: FreshDatabase, as: string): Promise<IndexCatalog> {
  const catalog = new IndexCatalog();
  for (const { name, options, indexes } of await describeCatalog(fresh.client.db(as)))
    catalog.add(
      { database: fresh.name, collection: String(name) },
      {
        options: BSON.serialize(options as Document),
        indexes: (indexes as Document[]).map((index) => BSON.serialize(index)),
      },
    );
  return catalog;
}

requires(
  { topology: "replicaSet" },
  "what is not part of the restore is passed over and counted, and what the log made and removed is told",
  async (t, fresh) => {
    const { db } = fresh;
    await db.createCollection("there");
    const as = fresh.otherName();
    await fresh.client.db(as).createCollection("there");
    const before = await oplogNow(fresh.client);
    await db.collection("there").drop();
    await db.collection("a").insertOne({ a: 1 });
    await db.collection("left out").insertOne({ a: 1 });
    await db.collection("a").rename("b");
    await db.collection("b").rename("c");
    await db.createCollection("v", { viewOn: "c", pipeline: [] });
    const made: string[] = [];
    const summary = await replayAs(t, fresh, as, await copyOplog(fresh.client, before), {
      locate: (database, collection) =>
        database === fresh.name && collection !== "left out" ? { database: as, collection } : null,
      beforeCreate: (namespace) => {
        made.push(namespace);
        return Promise.resolve();
      },
    });
    const named = (...names: string[]) => names.map((name) => `${fresh.name}.${name}`);
    assert.deepEqual(summary.created, named("c"));
    assert.deepEqual(summary.dropped, named("there"));
    assert.deepEqual(made, named("a", "b", "c"));
    assert.deepEqual(
      summary.renamed.map((r) => r.to),
      named("b", "c"),
    );
    assert.ok(summary.skipped >= 2, "the creation and the insert");
    assert.deepEqual(Object.keys(await hashOf(fresh, as)), ["c"]);
  },
);

requires(
  { topology: "replicaSet" },
  "entries before the instant of the backup and after that of the restore do not count",
  async (t, fresh) => {
    const { db } = fresh;
    const before = await oplogNow(fresh.client);
    await db.createCollection("a");
    for (let _id = 0; _id < 5; _id++) await db.collection("a").insertOne({ _id: _id as never });
    const entries = await copyOplog(fresh.client, before);
    const own = entries.filter((entry) => BSON.deserialize(entry).ns === `${fresh.name}.a`);
    const time = (n: number) => {
      const ts = BSON.deserialize(own[n] ?? Buffer.alloc(0)).ts as BSON.Timestamp;
      return { t: ts.t, i: ts.i };
    };
    const as = fresh.otherName();
    await fresh.client.db(as).createCollection("a");
    await replayAs(t, fresh, as, entries, { from: time(1), to: time(3) });
    const ids = await fresh.client
      .db(as)
      .collection("a")
      .find()
      .map(({ _id }) => _id)
      .toArray();
    assert.deepEqual(ids, [1, 2, 3]);
  },
);

requires(
  { topology: "replicaSet" },
  "an entry that is not known, a missing collection and a broken transaction end the replay, each by name",
  async (t, fresh) => {
    const as = fresh.otherName();
    await fresh.client.db(as).createCollection("a", { validator: { a: 1 } });
    await fresh.client
      .db(as)
      .collection("a")
      .createIndexes([{ key: { unique: 1 }, unique: true }]);
    const ts = new BSON.Timestamp({ t: 1_700_000_000, i: 4 });
    const lsid = {
      id: new BSON.Binary(Buffer.alloc(16, 1), 4),
      uid: new BSON.Binary(Buffer.alloc(32)),
    };
    const session = { lsid, txnNumber: BSON.Long.fromNumber(1) };
    const entry = (fields: Document) => Buffer.from(BSON.serialize({ ts, v: 2, ...fields }));
    const command = (o: Document, more: Document = {}) =>
      entry({ op: "c", ns: `${fresh.name}.$cmd`, o, ...more });
    const write = (op: string, collection: string, o: Document) =>
      entry({ op, ns: `${fresh.name}.${collection}`, o });
    const at = /Timestamp\(1700000000, 4\)/;
    for (const [entries, expected] of [
      [
        [command({ importCollection: "a" })],
        { code: "not-in-this-version", message: /importCollection/ },
      ],
      [[write("x", "a", {})], { code: "not-in-this-version", message: at }],
      [
        [command({ collMod: "a", index: { name: "unique_1", strange: 1 } })],
        { code: "not-in-this-version", message: /"strange"/ },
      ],
      [
        [command({ collMod: "a", strange: "secret" })],
        { code: "not-in-this-version", message: /"strange" of collMod .*\.a / },
      ],
      [
        [command({ collMod: "a", validationLevel: "secret" })],
        { code: "server-error", message: at },
      ],
      [
        [write("i", "nowhere", { a: "secret" })],
        { code: "damaged", message: /insert of .*nowhere at Timestamp/ },
      ],
      [
        [
          write("i", "a", { _id: 1, unique: "secret" }),
          write("i", "a", { _id: 2, unique: "secret" }),
        ],
        { code: "server-error", message: /insert of .*\.a at Timestamp/ },
      ],
      [[command({ commitTransaction: 1 }, session)], { code: "damaged", message: at }],
      [
        [command({ applyOps: [] }, { ...session, prevOpTime: { ts, t: BSON.Long.ONE } })],
        { code: "damaged", message: /an earlier part/ },
      ],
    ] as const) {
      // A catalog with the index, so that its change is looked at.
      const catalog = await catalogOf(fresh, as);
      await assert.rejects(replayAs(t, fresh, as, entries, { catalog }), (error: Error) => {
        assert.equal((error as Error & { code: string }).code, expected.code, error.message);
        assert.match(error.message, expected.message);
        assert.doesNotMatch(error.message + String(error.cause), /secret/);
        return true;
      });
    }
  },
);

requires(
  { topology: "replicaSet" },
  "writes to a collection that the backup never saw do no harm where the log drops it",
  async (t, fresh) => {
    const { db } = fresh;
    await db.createCollection("dropped");
    await db.createCollection("renamed");
    const before = await oplogNow(fresh.client);
    await db.collection("dropped").insertOne({ a: 1 });
    await db.collection("dropped").createIndex({ a: 1 });
    await db.collection("dropped").drop();
    await db.collection("renamed").insertOne({ a: 1 });
    await db.collection("renamed").rename("new name");
    const as = fresh.otherName();
    // The dump saw the collection under its new name only, with everything in it until then.
    await fresh.client.db(as).createCollection("new name");
    const [document] = await db.collection("new name").find().toArray();
    await fresh.client
      .db(as)
      .collection("new name")
      .insertOne(document ?? {});
    await db.collection("new name").insertOne({ a: 2 });
    await replayAs(t, fresh, as, await copyOplog(fresh.client, before));
    await assertSame(fresh, as);
  },
);
