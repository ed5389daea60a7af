// Interrupted restores and rollbacks of which a part is dropped and loaded: a time series beside collections and views.
import assert from "node:assert/strict";
import { mkdir, readdir, rename, rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { TestContext } from "node:test";
import type { FreshDatabase } from "../support/fresh-database.ts";
import { requires } from "../support/requires.ts";
import { workspace } from "../support/workspace.ts";
import type { Workspace } from "../support/workspace.ts";

const RS = { topology: "replicaSet" } as const;
const KILLER = resolve(import.meta.dirname, "../support/kill-at-journal.ts");

/** A backup with "old" in it, and "new" in the live data. */
async function changedSince(t: TestContext, { db, uri }: FreshDatabase) {
  const place = await workspace(t, { MONGODB_URI: uri });
  await db.createCollection("ts", { timeseries: { timeField: "t" } });
  await db.collection("ts").insertOne({ t: new Date(0), v: "old" });
  await db.collection("a").insertOne({ v: "old" });
  await db.createCollection("view", { viewOn: "a", pipeline: [] });
  assert.equal((await place.run(["backup", "--manual"])).code, 0);
  await db.collection("a").updateMany({}, { $set: { v: "new" } });
  await db.collection("ts").insertOne({ t: new Date(1), v: "new" });
  await db.collection("view").drop();
  await db.createCollection("view", { viewOn: "a", pipeline: [{ $match: { v: "new" } }] });
  return place;
}

async function done(place: Workspace, ...args: string[]) {
  const run = await place.run([...args, "--confirm", "--json"]);
  assert.equal(run.code, 0, `${args.join(" ")}: ${run.stdout}${run.stderr}`);
  return run.json();
}

async function killedAt(place: Workspace, match: string, ...args: string[]) {
  const env = { NODE_OPTIONS: `--import=${KILLER}`, KILL_AT_JOURNAL_MATCH: match };
  const run = await place.run([...args, "--confirm", "--json"], { env });
  assert.equal(run.signal, "SIGKILL", run.stdout + run.stderr);
}

async function stateOf({ db }: FreshDatabase) {
  const values = async (name: string) => (await db.collection(name).distinct("v")).sort();
  const [view] = await db.listCollections({ name: "view" }, { nameOnly: false }).toArray();
  const filters = (view?.options as { pipeline: unknown[] }).pipeline.length;
  return { a: await values("a"), ts: await values("ts"), filters };
}

const OLD = { a: ["old"], ts: ["old"], filters: 0 };
const NEW = { a: ["new"], ts: ["new", "old"], filters: 1 };
const SWAP_BEGUN = '"step":"swap","state":"begin"';

requires(RS, "an interrupted rollback of a rollback is resumed, views too", async (t, fresh) => {
  const place = await changedSince(t, fresh);
  await done(place, "restore", "latest");
  let { restoreId } = await done(place, "rollback");
  for (const [at, after] of [
    [SWAP_BEGUN, OLD],
    ['"live-change","state":"done"', NEW],
  ] as const) {
    await killedAt(place, at, "rollback", restoreId);
    ({ restoreId } = await done(place, "restore", "--resume"));
    const again = await place.run(["restore", "--resume", "--confirm", "--json"]);
    assert.equal(again.json().error.code, "usage", "it did not end");
    assert.deepEqual(await stateOf(fresh), after);
  }
});

requires(RS, "nothing is dropped in place where the record cannot tell it", async (t, fresh) => {
  const place = await changedSince(t, fresh);
  await killedAt(place, SWAP_BEGUN, "restore", "latest");
  const [id = ""] = await readdir(join(place.backupDir, "restores"));
  const log = join(place.backupDir, "restores", id, "restore.log");
  await rename(log, `${log}.away`);
  await mkdir(log);
  const run = await place.run(["restore", "--resume", "--confirm", "--json"]);
  assert.equal(run.code, 8, run.stdout + run.stderr);
  assert.match(run.json().error.message, /\.ts cannot be replaced in place while the record/);
  assert.deepEqual((await stateOf(fresh)).ts, NEW.ts);
  await rm(log, { recursive: true });
  await rename(`${log}.away`, log);
  await done(place, "rollback");
  assert.deepEqual(await stateOf(fresh), NEW);
});

for (const verb of [["rollback"], ["restore", "--resume"]])
  requires(RS, `${verb.join(" ")} says what half-restored data it drops`, async (t, fresh) => {
    const place = await changedSince(t, fresh);
    await killedAt(place, '"load","state":"done","namespace":"[^"]*.ts"', "restore", "latest");
    await fresh.db.collection("ts").insertOne({ t: new Date(5), v: "since" });
    const told = /half restored is dropped .*\.ts\. To have that in a backup/;
    const planned = (await place.run([...verb, "--json"])).json();
    assert.match(planned.warnings.join("\n"), told);
    const { code, stderr } = await place.run(["backup", "--manual"]);
    assert.equal(code, 0, stderr);
    const { warnings } = await done(place, ...verb);
    assert.match(warnings.join("\n"), told);
    assert.deepEqual(await stateOf(fresh), verb[0] === "rollback" ? NEW : OLD);
  });
