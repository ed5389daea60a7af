// One instant under writers that never pause: money moves between two collections in transactions, and every
// backup has every cent.
import assert from "node:assert/strict";
import type { MongoClient } from "mongodb";
import { requires } from "../support/requires.ts";
import type { FreshDatabase } from "../support/fresh-database.ts";
import { workspace } from "../support/workspace.ts";

const RUNS = process.env.SLOW === "1" ? 50 : 8;
const ACCOUNTS = 200;
const START = 1_000;
const WRITERS = 3;

interface Writers {
  readonly transfers: () => number;
  stop(): Promise<void>;
}

/** Each transaction takes from one collection what it gives to the other, or opens and closes an account. */
function startWriters(client: MongoClient, database: string): Writers {
  const db = client.db(database);
  let stopped = false;
  let transfers = 0;
  const pick = () => Math.floor(Math.random() * ACCOUNTS) as never;
  const transfer = async () => {
    const session = client.startSession();
    const amount = 1 + Math.floor(Math.random() * 50);
    const [from, to] = Math.random() < 0.5 ? ["checking", "savings"] : ["savings", "checking"];
    try {
      await session.withTransaction(async () => {
        await db
          .collection(from)
          .updateOne({ _id: pick() }, { $inc: { cents: -amount } }, { session });
        if (Math.random() < 0.2) await db.collection(to).insertOne({ cents: amount }, { session });
        else
          await db
            .collection(to)
            .updateOne({ _id: pick() }, { $inc: { cents: amount } }, { session });
      });
      transfers++;
    } finally {
      await session.endSession();
    }
  };
  const working = Array.from({ length: WRITERS }, async () => {
    while (!stopped) await transfer();
  });
  return {
    transfers: () => transfers,
    stop: async () => {
      stopped = true;
      await Promise.all(working);
    },
  };
}

async function totalOf(client: MongoClient, database: string): Promise<number> {
  let total = 0;
  for (const name of ["checking", "savings"]) {
    const group = { $group: { _id: null, cents: { $sum: "$cents" } } };
    const [sum] = await client.db(database).collection(name).aggregate([group]).toArray();
    total += Number(sum?.cents ?? 0);
  }
  return total;
}

async function open({ db }: FreshDatabase): Promise<void> {
  const accounts = Array.from({ length: ACCOUNTS }, (_, i) => ({ _id: i as never, cents: START }));
  for (const name of ["checking", "savings"]) await db.collection(name).insertMany(accounts);
  // Read between the two: so that without one instant a transfer would be seen by half.
  const filler = Array.from({ length: 3_000 }, (_, i) => ({ i, text: "between ".repeat(100) }));
  await db.collection("between").insertMany(filler);
}

requires(
  { topology: "replicaSet", server: ">=5" },
  `the sums are exact in every one of ${RUNS} backups while money is moved`,
  async (t, fresh) => {
    const place = await workspace(t, { MONGODB_URI: fresh.uri, BACKUP_COMPRESSION: "none" });
    await open(fresh);
    const writers = startWriters(fresh.client, fresh.name);
    const copy = `${fresh.name}_copy`;
    try {
      for (let run = 1; run <= RUNS; run++) {
        const before = writers.transfers();
        const backup = await place.run(["backup", "--json"]);
        assert.equal(backup.code, 0, backup.stderr);
        assert.equal(backup.json().consistency.mode, "snapshot");
        assert.ok(writers.transfers() > before, "money moved meanwhile");
        const rename = `${fresh.name}=${copy}`;
        const args = ["restore", backup.json().id, "--db", rename, "--confirm", "--json"];
        const restored = await place.run([...args, "--skip-pre-backup"]);
        assert.equal(restored.code, 0, restored.stdout + restored.stderr);
        assert.equal(await totalOf(fresh.client, copy), 2 * ACCOUNTS * START, `run ${run}`);
        await fresh.client.db(copy).dropDatabase();
      }
    } finally {
      await writers.stop();
      await fresh.client.db(copy).dropDatabase();
    }
    assert.equal(await totalOf(fresh.client, fresh.name), 2 * ACCOUNTS * START);
  },
);
