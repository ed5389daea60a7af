// Servers and settings that a backup or a restore must get along with: a short memory for instants, an
// application's time limits in the URI, stored functions, a database that goes while it is read.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { gunzipSync } from "node:zlib";
import { dbHash } from "../support/fidelity.ts";
import { freshDatabase } from "../support/fresh-database.ts";
import { holdReads } from "../support/held-dump.ts";
import { requires } from "../support/requires.ts";
import { ownServer } from "../support/servers.ts";
import { workspace } from "../support/workspace.ts";

const some = (count: number) =>
  Array.from({ length: count }, (_, n) => ({ n, text: "y".repeat(400) }));

test("a dump that outlasts the server's history still has the accounts", async (t) => {
  const setParameters = { minSnapshotHistoryWindowInSeconds: 1, periodicNoopIntervalSecs: 1 };
  const server = await ownServer(t, { topology: "replicaSet", setParameters });
  const fresh = await freshDatabase(t, server.uri);
  const other = fresh.client.db(fresh.otherName()).collection("writes");
  await fresh.db.collection("notes").insertMany(some(8_000));
  const place = await workspace(t, { MONGODB_URI: fresh.uri, BACKUP_MAX_RATE: "0.8" });
  const running = place.start(["backup", "--json"]);
  // Time passes on a server by its writes.
  const writing = setInterval(() => void other.insertOne({}).catch(() => undefined), 100);
  const run = await running.result.finally(() => {
    clearInterval(writing);
  });
  assert.equal(run.code, 0, run.stdout + run.stderr);
  assert.equal(run.json().users, "included");
});

test("a database that is dropped while all are read leaves nothing in what is restored", async (t) => {
  const server = await ownServer(t, { topology: "replicaSet", testCommands: true });
  const fresh = await freshDatabase(t, server.uri);
  const gone = fresh.client.db(fresh.otherName());
  await fresh.db.collection("notes").insertMany(some(2_000));
  // More than one batch.
  await gone.collection("notes").insertMany(some(6_000));
  const place = await workspace(t, { MONGODB_URI: fresh.serverUri });
  const held = await holdReads(t, fresh.client, `${gone.databaseName}.notes`);
  const running = place.start(["backup", "--json"]);
  await held.reached(running);
  await gone.dropDatabase();
  await held.letGo();
  const run = await running.result;
  assert.equal(run.code, 0, run.stdout + run.stderr);
  assert.equal(run.json().consistency.mode, "oplog", run.stderr);
  assert.doesNotMatch(run.stderr, /starts over|damaged/);
  assert.deepEqual(
    (await place.backupNames()).filter((name) => name.endsWith(".damaged")),
    [],
  );
  const restored = await place.run(["restore", "latest", "--confirm", "--skip-pre-backup"]);
  assert.equal(restored.code, 0, restored.stderr);
  const names = (await gone.listCollections().toArray()).map(({ name }) => name);
  assert.deepEqual(
    names.filter((name) => name !== "__mongokeep_restores"),
    [],
  );
});

test("an application's time limit and read preference in the URI do not break a restore", async (t) => {
  const server = await ownServer(t, { topology: "replicaSet", testCommands: true });
  const fresh = await freshDatabase(t, server.uri);
  await fresh.db.collection("notes").insertMany(some(10));
  await fresh.db.collection("notes").createIndex({ n: 1 });
  const before = await dbHash(fresh.client, fresh.name);
  const uri = `${fresh.uri}&socketTimeoutMS=500&readPreference=secondary`;
  const place = await workspace(t, { MONGODB_URI: uri });
  const backup = await place.run(["backup", "--json"]);
  assert.equal(backup.code, 0, backup.stdout + backup.stderr);
  const data = { failCommands: ["createIndexes"], blockConnection: true, blockTimeMS: 1_500 };
  const slow = { configureFailPoint: "failCommand", mode: { times: 1 }, data };
  await fresh.client.db("admin").command(slow);
  const run = await place.run(["restore", "latest", "--confirm", "--json"]);
  assert.equal(run.code, 0, run.stdout + run.stderr);
  assert.deepEqual(await dbHash(fresh.client, fresh.name), before);
});

test("accounts whose instant the server has given up are backed up as they are", async (t) => {
  const server = await ownServer(t, { topology: "replicaSet", testCommands: true });
  const fresh = await freshDatabase(t, server.uri);
  await fresh.db.collection("notes").insertMany(some(10));
  await fresh.db.command({ createRole: "auditor", privileges: [], roles: [] });
  const place = await workspace(t, { MONGODB_URI: fresh.uri });
  const tooOld = { failCommands: ["find"], namespace: "admin.system.roles", errorCode: 239 };
  const refuse = { configureFailPoint: "failCommand", mode: { times: 1 }, data: tooOld };
  await fresh.client.db("admin").command(refuse);
  const backup = await place.run(["backup", "--json"]);
  assert.equal(backup.code, 0, backup.stdout + backup.stderr);
  const { path } = backup.json();
  const roles = await readFile(join(path, fresh.name, "$admin.system.roles.bson.gz"));
  assert.match(gunzipSync(roles).toString("latin1"), /auditor/);
  await fresh.db.command({ dropRole: "auditor" });
});

test("Ctrl-C while a plan is made is exit 130, and not a fault of the settings", async (t) => {
  const server = await ownServer(t, { topology: "replicaSet", testCommands: true });
  const fresh = await freshDatabase(t, server.uri);
  await fresh.db.collection("notes").insertMany(some(10));
  const place = await workspace(t, { MONGODB_URI: fresh.uri });
  assert.equal((await place.run(["backup"])).code, 0);
  const data = { failCommands: ["listIndexes"], blockConnection: true, blockTimeMS: 20_000 };
  const slow = { configureFailPoint: "failCommand", mode: { times: 1 }, data };
  const admin = fresh.client.db("admin");
  const { count } = await admin.command(slow);
  const running = place.start(["restore", "latest", "--json"]);
  const entered = { timesEntered: Number(count) + 1, maxTimeMS: 60_000 };
  await admin.command({ waitForFailPoint: "failCommand", ...entered });
  running.kill("SIGINT");
  const run = await running.result;
  assert.equal(run.code, 130, run.stdout + run.stderr);
  assert.equal(run.json().error.code, "interrupted");
});

requires(
  { topology: "replicaSet" },
  "stored functions are restored, which nobody can drop",
  async (t, fresh) => {
    const functions = fresh.db.collection<{ _id: string; value: number }>("system.js");
    await functions.insertOne({ _id: "one", value: 1 });
    const place = await workspace(t, { MONGODB_URI: fresh.uri });
    const backup = await place.run(["backup", "--json"]);
    assert.equal(backup.code, 0, backup.stdout + backup.stderr);
    await functions.updateOne({ _id: "one" }, { $set: { value: 2 } });
    await functions.insertOne({ _id: "two", value: 2 });
    const run = await place.run(["restore", "latest", "--confirm", "--json"]);
    assert.equal(run.code, 0, run.stdout + run.stderr);
    assert.deepEqual(await functions.find().toArray(), [{ _id: "one", value: 1 }]);
    const target = fresh.otherName();
    const copy = await place.run([
      "restore",
      "latest",
      "--db",
      `${fresh.name}=${target}`,
      "--confirm",
    ]);
    assert.equal(copy.code, 0, copy.stdout + copy.stderr);
  },
);
