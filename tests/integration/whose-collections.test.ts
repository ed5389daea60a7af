// Whose a collection is: what the server's own rule gives to users is backed up, compared, protected and restored,
// whatever its name; what is left out is named; and what could not be restored is no backup.
import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import * as BSON from "bson";
import type { MongoClient } from "mongodb";
import { freshDatabase } from "../support/fresh-database.ts";
import { ownServer, replicaSet } from "../support/servers.ts";
import { pathWithTools } from "../support/stock-tools.ts";
import { workspace } from "../support/workspace.ts";

/** Writes to `local` are refused otherwise. */
function withoutRetries(uri: string): string {
  const url = new URL(uri);
  url.searchParams.set("retryWrites", "false");
  return url.toString();
}

/** Names that look like the server's own and are a user's. */
const LOOK_ALIKE = [
  "tmp.mr.visits",
  "tmp.mr.visits_1",
  "tmp.agg_out.report",
  "tmpAbCdE.renameCollection",
  "tmpAbCdE.convertToCapped",
  "tmpAbCdE.convertToCapped.rooms",
  "tempusers",
  "enxcol_.patients.esc",
  "__mongokeep_notes",
  "oplog",
  "local.oplog.rs",
  "system",
];

async function fill(client: MongoClient, database: string): Promise<void> {
  const db = client.db(database);
  for (const name of ["patients", ...LOOK_ALIKE]) {
    await db.collection<{ _id: number }>(name).insertOne({ _id: 1 });
    await db.collection(name).createIndex({ a: 1 });
  }
  const stored = { _id: "f" as never, value: new BSON.Code("() => 1") };
  await db.collection("system.js").insertOne(stored);
  // Not even $out lets a user ask for this by name, but the option stays where it is.
  const passes = { op: "c", ns: `${database}.$cmd`, o: { create: "passes", temp: true } };
  await client.db("admin").command({ applyOps: [passes] });
  await db.collection("passes").insertOne({ n: 1 });
}

const namesIn = (collections: readonly { database: string; name: string }[], database: string) =>
  collections
    .filter((c) => c.database === database)
    .map((c) => c.name)
    .sort();
const WHOLE = ["patients", "system.js", ...LOOK_ALIKE].sort();

for (const engine of ["native", "mongodump"])
  test(`collections of users that are called like the server's come back whole (${engine})`, async (t) => {
    const server = await ownServer(t, { topology: "replicaSet" });
    const { client, db, name } = await freshDatabase(t, withoutRetries(server.uri));
    await fill(client, name);
    const of = (database: string) => client.db(database).collection<{ _id: string }>("mine");
    await of("local").insertOne({ _id: "a" });
    await of("config").insertOne({ _id: "a" });
    await of("__mdb_internal_search").insertOne({ _id: "a" });
    for (const one of ["tempusers", "temproles_2024"])
      await client.db("admin").collection(one).insertOne({ n: 1 });
    await client.db("admin").command({ createRole: "nurse", privileges: [], roles: [] });
    const stored = { _id: "g" as never, value: new BSON.Code("() => 2") };
    await client.db("admin").collection("system.js").insertOne(stored);
    const place = await workspace(t, { MONGODB_URI: server.uri, BACKUP_ENGINE: engine });
    const env = { PATH: await pathWithTools() };

    const backup = await place.run(["backup", "--json"], { env });
    assert.equal(backup.code, 0, backup.stdout + backup.stderr);
    const { id, leftOut, warnings, engine: used } = backup.json();
    assert.equal(used, engine);
    const named = [`${name}.passes`, "config.mine", "local.mine", "__mdb_internal_search"];
    const found = leftOut.map((one: { namespace: string }) => one.namespace);
    assert.deepEqual(found.sort(), named.sort());
    for (const one of named) assert.ok(warnings.join().includes(one), `${one}: ${warnings.join()}`);
    const { manifest } = (await place.run(["show", id, "--json"])).json();
    assert.deepEqual(manifest.leftOut, leftOut);
    assert.deepEqual(namesIn(manifest.collections, name), WHOLE);
    const inAdmin = namesIn(manifest.collections, "admin");
    for (const one of ["system.js", "tempusers", "temproles_2024"])
      assert.ok(inAdmin.includes(one), one);

    if (engine === "mongodump") return;
    const same = (await place.run(["diff", id, "--json"])).json();
    assert.equal(
      same.equal,
      true,
      JSON.stringify(same.collections.filter((c: { equal: boolean }) => !c.equal)),
    );
    for (const one of named) assert.ok(same.notCompared.includes(one), one);
    const drill = await place.run(["drill", id, "--json"]);
    assert.equal(drill.code, 0, drill.stdout + drill.stderr);
    const drilled = drill.json().collections.map((c: { namespace: string }) => c.namespace);
    assert.ok(drilled.includes("admin.system.js"), drilled.join());

    for (const one of LOOK_ALIKE) await db.collection(one).drop();
    await client.db("admin").collection("system.js").deleteMany({});
    await client.db("admin").command({ dropRole: "nurse" });
    await db.collection<{ _id: number }>("tmp.agg_out.later").insertOne({ _id: 2 });
    const differs = (await place.run(["diff", id, "--json"])).json();
    assert.equal(
      differs.collections.filter((c: { equal: boolean }) => !c.equal).length,
      LOOK_ALIKE.length + 2,
    );

    const how = ["--exact", "--in-place", "--confirm", "--json"];
    const restored = await place.run(["restore", id, ...how]);
    assert.equal(restored.code, 0, restored.stdout + restored.stderr);
    const now = async () =>
      (await db.listCollections({}, { nameOnly: true }).toArray()).map((c) => c.name).sort();
    assert.deepEqual(await now(), [...WHOLE, "passes"].sort());
    assert.equal(
      await db.collection("passes").countDocuments(),
      1,
      "what no backup has is not removed",
    );
    assert.equal(await client.db("admin").collection("system.js").countDocuments(), 1);
    assert.equal(await client.db("admin").collection("tempusers").countDocuments(), 1);
    const { roles } = await client.db("admin").command({ rolesInfo: "nurse" });
    assert.equal(roles.length, 1, "roles come back where nobody has an account");
    const back = await place.run(["rollback", "--confirm", "--json"]);
    assert.equal(back.code, 0, back.stdout + back.stderr);
    const later = await db.collection<{ _id: number }>("tmp.agg_out.later").findOne();
    assert.deepEqual(later, { _id: 2 });
    assert.equal(await db.collection("patients").countDocuments(), 1);
  });

test("measurements without their time series are named", async (t) => {
  const { db, name, serverUri } = await freshDatabase(t);
  await db.collection("patients").insertOne({ n: 1 });
  await db.createCollection("pulse", { timeseries: { timeField: "t" } });
  await db.collection("pulse").insertOne({ t: new Date() });
  await db.createCollection("system.buckets.lost", { timeseries: { timeField: "t" } });
  const place = await workspace(t, { MONGODB_URI: serverUri, MONGODB_DATABASE: name });
  const run = (await place.run(["backup", "--json"])).json();
  assert.deepEqual(run.leftOut, [
    { namespace: `${name}.system.buckets.lost`, because: "no-time-series" },
  ]);
  assert.match(run.warnings.join(), /system\.buckets\.lost/);
  const without = await place.run(["backup", "--exclude", `${name}.lost`, "--json"]);
  assert.deepEqual(without.json().leftOut, []);
});

test("a database of the server is refused by name, before anything", async (t) => {
  const server = await ownServer(t, { topology: "replicaSet" });
  const { client, db, name } = await freshDatabase(t, withoutRetries(server.uri));
  await db.collection("patients").insertOne({ n: 1 });
  await client.db("local").collection("mine").insertOne({ n: 1 });
  await client.db("config").collection("mine").insertOne({ n: 1 });
  const place = await workspace(t);
  for (const database of ["local", "config", `${name},config`, "__mdb_internal_search"]) {
    await place.writeEnv({ MONGODB_URI: server.uri, MONGODB_DATABASE: database });
    const backup = await place.run(["backup"]);
    assert.equal(backup.code, 2, backup.stderr);
    assert.match(backup.stderr, /belongs to the server.*could not be restored/);
    assert.deepEqual(await place.backupNames(), []);
    const doctor = await place.run(["doctor"]);
    assert.equal(doctor.code, 1, doctor.stdout);
    assert.match(doctor.stdout, /belongs to the server/);
  }
  await place.writeEnv({ MONGODB_URI: server.uri });
  for (const database of ["local", "config"])
    assert.equal((await place.run(["backup", "--db", name, "--db", database])).code, 2);
});

test("a server without data of a user gives no backup", async (t) => {
  const server = await ownServer(t, { topology: "replicaSet" });
  const place = await workspace(t, { MONGODB_URI: server.uri });
  for (const more of [[], ["--db", "admin"]]) {
    const run = await place.run(["backup", ...more]);
    assert.equal(run.code, 1, run.stdout);
    assert.match(run.stderr, /nothing is left to back up: there is no collection of a user/);
  }
});

test("a backup that would restore nothing fails its restore and its drill", async (t) => {
  const place = await workspace(t, { MONGODB_URI: await replicaSet() });
  const dump = place.at("dump");
  for (const [database, name] of [
    ["local", "mine"],
    ["config", "system.sessions"],
  ] as const) {
    await mkdir(join(dump, database), { recursive: true });
    await writeFile(join(dump, database, `${name}.bson`), BSON.serialize({ _id: 1 }));
  }
  for (const args of [
    ["restore", dump],
    ["restore", dump, "--confirm"],
  ]) {
    const run = await place.run(args);
    assert.equal(run.code, 1, run.stdout + run.stderr);
    assert.match(
      run.stderr,
      /nothing that a restore brings back.*config\.system\.sessions.*local\.mine/,
    );
  }
  const drill = await place.run(["drill", dump]);
  assert.equal(drill.code, 3, drill.stdout + drill.stderr);
  assert.match(drill.stdout, /DRILL FAILED[^]*nothing that a restore brings back/);

  await mkdir(join(dump, "surg"));
  await writeFile(join(dump, "surg", "patients.bson"), BSON.serialize({ _id: 1 }));
  const part = await place.run(["drill", dump, "--json"]);
  assert.equal(part.code, 0, part.stdout + part.stderr);
  assert.match(
    part.json().warnings.join(),
    /not restored: config\.system\.sessions.*not restored: local\.mine/,
  );
  const plan = (await place.run(["restore", dump, "--json"])).json();
  assert.deepEqual(plan.plan.leftOut, ["config.system.sessions", "local.mine"]);
});
