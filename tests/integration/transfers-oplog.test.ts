// One instant by the oplog: money moves in transactions all the while a dump outlasts the server's history, and
// collections, indexes and views come and go; what is restored has every cent, and is what the server had then.
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { test } from "node:test";
import type { Db } from "mongodb";
import type { Json } from "../support/cli.ts";
import { dbHash, describeCatalog } from "../support/fidelity.ts";
import { freshDatabase } from "../support/fresh-database.ts";
import { untilForgotten, untilReading, whileStopped } from "../support/held-dump.ts";
import { mongod, ownServer } from "../support/servers.ts";
import { ALL_CENTS, centsIn, openAccounts, startTransfers } from "../support/transfers.ts";
import { workspace } from "../support/workspace.ts";

const RUNS = process.env.SLOW === "1" ? 50 : 3;

/** Forgets instants after a second. */
const FORGETFUL = {
  topology: "replicaSet",
  setParameters: { minSnapshotHistoryWindowInSeconds: 1 },
} as const;
/** MB a second; `between` is 2.5 MB. */
const SLOW = { BACKUP_MAX_RATE: "1", BACKUP_COMPRESSION: "none" };

test(`the sums are exact in every one of ${RUNS} backups that outlast the history`, async (t) => {
  const { uri } = await ownServer(t, FORGETFUL);
  const fresh = await freshDatabase(t, uri);
  const copy = fresh.otherName();
  const place = await workspace(t, { MONGODB_URI: fresh.uri, ...SLOW });
  await openAccounts(fresh.db);
  const writers = startTransfers(fresh.client, fresh.name);
  try {
    for (let run = 1; run <= RUNS; run++) {
      const backup = await place.run(["backup", "--json"]);
      assert.equal(backup.code, 0, backup.stderr);
      const { id, consistency } = backup.json();
      assert.equal(consistency.mode, "oplog", backup.stderr);
      const args = ["restore", id, "--db", `${fresh.name}=${copy}`, "--skip-pre-backup"];
      const restored = await place.run([...args, "--confirm", "--json"]);
      assert.equal(restored.code, 0, restored.stdout + restored.stderr);
      assert.ok(restored.json().oplog.applied > 0, restored.stdout);
      assert.equal(await centsIn(fresh.client, copy), ALL_CENTS, `run ${run}`);
    }
  } finally {
    await writers.stop();
  }
});

/** What a day of an application may bring, each after the one before it. */
const CHANGES: readonly ((db: Db) => Promise<unknown>)[] = [
  (db) => db.collection("wards").insertMany([{ _id: 1 as never, beds: 4 }, { beds: 5 }]),
  (db) => db.collection("between").createIndexes([{ key: { i: 1 }, name: "by_i" }]),
  (db) =>
    db.createCollection("full_wards", { viewOn: "wards", pipeline: [{ $match: { beds: 4 } }] }),
  (db) => db.collection("between").updateMany({ i: { $lt: 500 } }, { $set: { seen: true } }),
  (db) =>
    db
      .collection("wards")
      .aggregate([{ $out: "wards_copy" }])
      .toArray(),
  (db) => db.collection("between").deleteMany({ i: { $gte: 2_900 } }),
  (db) => db.collection("wards_copy").rename("wards_old"),
  (db) => db.command({ collMod: "wards", validator: { beds: { $gt: 0 } } }),
  (db) =>
    db.command({ collMod: "full_wards", viewOn: "wards", pipeline: [{ $match: { beds: 5 } }] }),
  (db) => db.collection("wards_old").drop(),
  (db) => db.createCollection("pulse", { timeseries: { timeField: "at", metaField: "bed" } }),
  (db) => db.collection("gone").drop(),
];

test("a dump longer than the server's history restores to the state at its end", async (t) => {
  const { uri } = await ownServer(t, FORGETFUL);
  const fresh = await freshDatabase(t, uri);
  const copy = fresh.otherName();
  const place = await workspace(t, { MONGODB_URI: fresh.uri, ...SLOW });
  await openAccounts(fresh.db);
  await fresh.db.collection("gone").insertOne({ soon: true });
  const running = place.start(["backup", "--json"]);
  await untilReading(place, running, fresh.name);
  // A transaction of more than one entry of the oplog.
  const long = Array.from({ length: 20 }, (_, n) => ({ n, text: "l".repeat(1_000_000) }));
  await whileStopped(running, async () => {
    for (const change of CHANGES) await change(fresh.db);
    await untilForgotten(fresh.client, fresh.name, "savings");
    await fresh.client.withSession((session) =>
      session.withTransaction(() =>
        fresh.db.collection("wards").insertMany(
          long.map((one) => ({ ...one, beds: 1 })),
          { session },
        ),
      ),
    );
  });
  const backup = await running.result;
  assert.equal(backup.code, 0, backup.stdout + backup.stderr);
  const { id, consistency } = backup.json();
  assert.equal(consistency.mode, "oplog", backup.stderr);
  const args = ["restore", id, "--db", `${fresh.name}=${copy}`, "--confirm", "--json"];
  const restored = await place.run([...args, "--skip-pre-backup"]);
  assert.equal(restored.code, 0, restored.stdout + restored.stderr);
  const hashes = async (name: string) => {
    // Views have the database's name in them: they are compared by the catalogue.
    const { "system.views": _, ...rest } = await dbHash(fresh.client, name);
    return rest;
  };
  assert.deepEqual(await hashes(copy), await hashes(fresh.name));
  const catalogs = [await describeCatalog(fresh.db), await describeCatalog(fresh.client.db(copy))];
  assert.deepEqual(catalogs[1], catalogs[0]);
  await t.test("a drill replays the oplog too, and its checks see the end of it", async () => {
    const checks = [
      `wards: ${fresh.name}.wards.countDocuments = ${await fresh.db.collection("wards").countDocuments()}`,
      `seen: ${fresh.name}.between.countDocuments({"seen": true}) = 500`,
    ];
    await writeFile(place.at("checks.txt"), checks.join("\n"));
    const { path: MONGOD_BINARY } = await mongod();
    await place.writeEnv({ MONGODB_URI: fresh.uri, DRILL_CHECKS: "checks.txt", MONGOD_BINARY });
    const run = await place.run(["drill", id, "--json"]);
    assert.equal(run.code, 0, run.stdout + run.stderr);
    const { collections, checks: judged } = run.json();
    assert.deepEqual(
      judged.map((one: Json) => one.ok),
      [true, true],
    );
    const content = new Map(collections.map((one: Json) => [one.namespace, one.content]));
    assert.equal(content.get(`${fresh.name}.wards`), "replayed");
    assert.equal(content.get(`${fresh.name}.savings`), "equal");
    assert.ok(!content.has(`${fresh.name}.gone`) && !content.has(`${fresh.name}.wards_old`));
    assert.ok(collections.every((one: Json) => one.equal));
  });
});
