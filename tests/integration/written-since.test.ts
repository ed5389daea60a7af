// What the oplog says of writes since an instant, against every way in which a collection can be written to.
import assert from "node:assert/strict";
import type { Collection, Document } from "mongodb";
import { findNewest } from "../../src/oplog/tailer-origin.ts";
import { findUnwritten } from "../../src/oplog/written-since.ts";
import type { FreshDatabase } from "../support/fresh-database.ts";
import { requires } from "../support/requires.ts";

type Act = (collection: Collection, fresh: FreshDatabase) => Promise<unknown>;

const WRITES: Readonly<Record<string, Act>> = {
  "one is inserted": (c) => c.insertOne({}),
  "one is updated": (c) => c.updateOne({ n: 1 }, { $inc: { n: 10 } }),
  "one is replaced": (c) => c.replaceOne({ n: 2 }, { n: 20 }),
  "one is deleted": (c) => c.deleteOne({ n: 3 }),
  "many at once": (c) =>
    c.bulkWrite([{ deleteOne: { filter: { n: 1 } } }, { insertOne: { document: { n: 5 } } }]),
  "in a transaction": (c, { client }) =>
    client.withSession((session) =>
      session.withTransaction(async () => {
        await c.updateOne({ n: 1 }, { $set: { a: 1 } }, { session });
        await c.insertOne({ b: 1 }, { session });
      }),
    ),
  "a large transaction": (c, { client }) =>
    client.withSession((session) =>
      session.withTransaction(() =>
        c.insertMany(
          Array.from({ length: 20 }, () => ({ text: "x".repeat(1_000_000) })),
          { session },
        ),
      ),
    ),
  "a document that looks like a command": (c) => c.insertOne({ applyOps: [], to: "x", collMod: 1 }),
  "another one is renamed over it": async (c, { db }) => {
    await db.collection(`${c.collectionName} other`).insertMany([{ n: 1 }, { n: 2 }, { n: 3 }]);
    await db.collection(`${c.collectionName} other`).rename(c.collectionName, { dropTarget: true });
  },
  "away and back": async (c, { db }) => {
    const away = await c.rename(`${c.collectionName} away`);
    assert.ok(away.collectionName.endsWith("away"));
    await db.collection(away.collectionName).rename(c.collectionName);
  },
};

const HARMLESS: Readonly<Record<string, Act>> = {
  "nothing happens": () => Promise.resolve(),
  "it is read": (c) => c.find().toArray(),
  "an index comes and goes": async (c) => {
    await c.createIndexes([{ key: { n: 1 }, name: "by_n" }]);
    await c.dropIndex("by_n");
  },
  "its options change": (c, { db }) =>
    db.command({
      collMod: c.collectionName,
      validator: { n: { $gt: 0 } },
      validationLevel: "moderate",
    }),
  "an aborted transaction": (c, { client }) =>
    client.withSession(async (session) => {
      session.startTransaction();
      await c.insertOne({ a: 1 }, { session });
      await session.abortTransaction();
    }),
  "it is renamed as we do": (c) => c.rename(`${c.collectionName} aside`),
};

const uuidOf = async ({ db }: FreshDatabase, name: string): Promise<string> => {
  const [info] = await db.listCollections({ name }, { nameOnly: false }).toArray();
  return String((info as Document | undefined)?.info.uuid).replaceAll("-", "");
};

requires(
  { topology: "replicaSet", server: ">=5" },
  "whatever writes to a collection is seen in the oplog, and what does not is not",
  async (_, fresh) => {
    const { client, db } = fresh;
    const acts = { ...WRITES, ...HARMLESS };
    const watched = new Map<string, string>();
    for (const name of Object.keys(acts)) {
      await db.collection(name).insertMany([{ n: 1 }, { n: 2 }, { n: 3 }]);
      watched.set(name, await uuidOf(fresh, name));
    }
    const since = await findNewest(client);
    assert.ok(since);
    for (const [name, act] of Object.entries(acts)) await act(db.collection(name), fresh);
    const asked = [...watched].map(([name, uuid]) => ({
      ...{ uuid, renamedTo: [`${fresh.name}.${name} aside`] },
    }));
    const unwritten = await findUnwritten(client, since, asked);
    const found = [...watched].filter(([, uuid]) => unwritten.has(uuid)).map(([name]) => name);
    // Its own UUID is gone; who asks compares the UUIDs first.
    assert.deepEqual(
      found.filter((name) => name !== "another one is renamed over it").sort(),
      Object.keys(HARMLESS).sort(),
    );
    const over = await uuidOf(fresh, "another one is renamed over it");
    const renamed = await findUnwritten(client, since, [{ uuid: over, renamedTo: [] }]);
    assert.equal(renamed.size, 0);
    const beforeAll = { t: 1, i: 1 };
    assert.equal((await findUnwritten(client, beforeAll, asked)).size, 0, "the oplog begins later");
  },
);
