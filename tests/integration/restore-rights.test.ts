// A restore that cannot succeed must say so while the live data still stands.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { dbHash } from "../support/fidelity.ts";
import { freshDatabase } from "../support/fresh-database.ts";
import type { FreshDatabase } from "../support/fresh-database.ts";
import { standaloneWithAuth } from "../support/servers.ts";
import { atEnd } from "../support/temporary.ts";
import { workspace } from "../support/workspace.ts";

/** A workspace whose user may back up everything, and has one more role on the database. */
async function withRole(t: TestContext, fresh: FreshDatabase, role: string) {
  const roles = [
    { role: "backup", db: "admin" },
    { role, db: fresh.name },
  ];
  await fresh.db.command({ createUser: "someone", pwd: "x", roles });
  atEnd(t, () => fresh.db.command({ dropAllUsersFromDatabase: 1 }));
  const uri = new URL(fresh.uri);
  uri.username = "someone";
  uri.password = "x";
  uri.searchParams.set("authSource", fresh.name);
  const place = await workspace(t, { MONGODB_URI: uri.toString() });
  await fresh.db.collection("patients").insertMany([{ n: 1 }, { n: 2 }]);
  await fresh.db.collection("patients").createIndex({ n: 1 });
  const backup = await place.run(["backup", "--json"]);
  assert.equal(backup.code, 0, backup.stdout + backup.stderr);
  await fresh.db.collection("patients").insertOne({ n: 3 });
  return place;
}

const namesIn = async ({ db }: FreshDatabase) =>
  (await db.listCollections().toArray()).map(({ name }) => name);

test("a user who may drop but not load is told before anything is dropped", async (t) => {
  const fresh = await freshDatabase(t, await standaloneWithAuth());
  const place = await withRole(t, fresh, "readWrite");
  const before = await dbHash(fresh.client, fresh.name);
  const run = await place.run(["restore", "latest", "--confirm", "--json"]);
  assert.equal(run.code, 1, run.stdout + run.stderr);
  const { error } = run.json();
  assert.equal(error.code, "rights-missing");
  assert.match(error.message, /lacks bypassDocumentValidation on surg_\w+\.patients$/);
  assert.match(error.hint, /"restore"/);
  assert.doesNotMatch(run.stdout, /__mongokeep_/);
  assert.deepEqual(await dbHash(fresh.client, fresh.name), before);
  assert.deepEqual(await namesIn(fresh), ["patients"]);
});

test("a user who may not write accounts restores the data, and is told", async (t) => {
  const fresh = await freshDatabase(t, await standaloneWithAuth());
  const place = await withRole(t, fresh, "dbOwner");
  const run = await place.run(["restore", "latest", "--confirm", "--json"]);
  assert.equal(run.code, 0, run.stdout + run.stderr);
  assert.match(run.json().warnings.join("\n"), /users and roles are not restored/);
  assert.equal(await fresh.db.collection("patients").countDocuments(), 2);
  const back = await place.run(["rollback", "--confirm", "--json"]);
  assert.equal(back.code, 0, back.stdout + back.stderr);
  assert.equal(await fresh.db.collection("patients").countDocuments(), 3);
});

test("a user who may not write the buckets of a time series is told before anything is dropped", async (t) => {
  const fresh = await freshDatabase(t, await standaloneWithAuth());
  const place = await withRole(t, fresh, "readWrite");
  await fresh.db.collection("patients").drop();
  await fresh.db.createCollection("vitals", { timeseries: { timeField: "at", metaField: "of" } });
  await fresh.db.collection("vitals").insertOne({ at: new Date(5), of: 1, hr: 60 });
  assert.equal((await place.run(["backup"])).code, 0);
  const before = await dbHash(fresh.client, fresh.name);
  const run = await place.run(["restore", "latest", "--confirm", "--json"]);
  assert.equal(run.code, 1, run.stdout + run.stderr);
  assert.equal(run.json().error.code, "rights-missing");
  assert.match(run.json().error.message, /vitals cannot be restored here/);
  assert.deepEqual(await dbHash(fresh.client, fresh.name), before);
});

test("a user who may not empty stored functions is told by doctor and plan, and nothing is dropped", async (t) => {
  const fresh = await freshDatabase(t, await standaloneWithAuth());
  const place = await withRole(t, fresh, "dbOwner");
  const admin = fresh.client.db("admin");
  const pwd = "x";
  await admin.command({ createUser: fresh.name, pwd, roles: ["backup", "restore"] });
  atEnd(t, () => admin.command({ dropUser: fresh.name }));
  const functions = fresh.db.collection<{ _id: string; value: string }>("system.js");
  await functions.insertOne({ _id: "double", value: "function (n) { return 2 * n; }" });
  assert.equal((await place.run(["backup"])).code, 0);
  const before = await dbHash(fresh.client, fresh.name);
  const uri = new URL(fresh.uri);
  uri.username = fresh.name;
  uri.password = pwd;
  uri.searchParams.set("authSource", "admin");
  await place.writeEnv({ MONGODB_URI: uri.toString() });
  const missing = new RegExp(`lacks remove on ${fresh.name}\\.system\\.js`);
  const doctor = (await place.run(["doctor", "--json"])).json();
  const told = doctor.checks.filter(({ name }: { name: string }) => name === "rights");
  assert.deepEqual(
    told.map(({ state }: { state: string }) => state),
    ["ok", "warn"],
  );
  assert.match(told[1].message, missing);
  assert.match(told[1].hint, /"readWriteAnyDatabase"/);
  for (const how of [[], ["--confirm"], ["--confirm", "--in-place"]]) {
    const run = await place.run(["restore", "latest", ...how, "--json"]);
    assert.equal(run.code, 1, run.stdout + run.stderr);
    assert.match(run.json().error.message, missing);
  }
  assert.deepEqual(await dbHash(fresh.client, fresh.name), before);
  assert.equal(await functions.countDocuments(), 1);
});
