// doctor against real servers: what it finds there, and that its advice fits.
import assert from "node:assert/strict";
import { truncate } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { freshDatabase } from "../support/fresh-database.ts";
import { standaloneWithAuth } from "../support/servers.ts";
import { workspace } from "../support/workspace.ts";
import { reportOf } from "./read.ts";

type Checks = ReturnType<typeof reportOf>["checks"];
const statesOf = (checks: Checks, name: string) =>
  checks.filter((one) => one.name === name).map(({ state }) => state);

test("a replica set with data passes, and one is told who hears of failures", async (t) => {
  const { uri, db, name } = await freshDatabase(t);
  await db.collection("patients").insertOne({ name: "x" });
  const place = await workspace(t, { MONGODB_URI: uri, MONGODB_DATABASE: name });
  const run = await place.run(["doctor", "--json"]);
  const { ok, checks } = reportOf(run);
  assert.equal(run.code, 0, run.stdout);
  assert.equal(ok, true);
  for (const check of ["server", "topology", "clock"])
    assert.deepEqual(statesOf(checks, check), ["ok"], check);
  assert.equal(statesOf(checks, "rights")[0], "ok");
  assert.deepEqual(statesOf(checks, "alerts"), ["warn", "warn"]);
});

test("a standalone is told how to become a replica set", async (t) => {
  const { uri, db, name } = await freshDatabase(t, await standaloneWithAuth());
  await db.collection("patients").insertOne({ name: "x" });
  const place = await workspace(t, { MONGODB_URI: uri, MONGODB_DATABASE: name });
  const { stdout, code } = await place.run(["doctor"]);
  assert.equal(code, 0, stdout);
  assert.match(stdout, /warn +topology .*standalone/);
  assert.match(stdout, /replSetName.*rs\.initiate\(\)/);
});

test("an unknown database fails the check of rights", async (t) => {
  const { uri } = await freshDatabase(t);
  const place = await workspace(t, { MONGODB_URI: uri, MONGODB_DATABASE: "no_such_database" });
  const run = await place.run(["doctor", "--json"]);
  assert.equal(run.code, 1);
  assert.ok(statesOf(reportOf(run).checks, "rights").includes("fail"));
});

test("a .gitignore in the backup folder that ignores nothing is told, and the next backup repairs it", async (t) => {
  const { uri, db, name } = await freshDatabase(t);
  await db.collection("patients").insertOne({ name: "x" });
  const place = await workspace(t, { MONGODB_URI: uri, MONGODB_DATABASE: name });
  const gitState = async () =>
    statesOf(reportOf(await place.run(["doctor", "--json"])).checks, "git");
  assert.equal((await place.run(["backup"])).code, 0);
  assert.deepEqual(await gitState(), ["ok"]);
  await truncate(join(place.backupDir, ".gitignore"));
  assert.deepEqual(await gitState(), ["warn"]);
  assert.equal((await place.run(["backup", "--manual"])).code, 0);
  assert.deepEqual(await gitState(), ["ok"]);
});
