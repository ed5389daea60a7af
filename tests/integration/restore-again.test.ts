// Restores upon restores, and rollbacks of rollbacks: whatever was written is still somewhere, and said.
import assert from "node:assert/strict";
import { cp, readdir, readFile, writeFile } from "node:fs/promises";
import { resolve } from "node:path";
import type { TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { keptBeside } from "../support/fidelity.ts";
import type { FreshDatabase } from "../support/fresh-database.ts";
import { requires } from "../support/requires.ts";
import { workspace } from "../support/workspace.ts";
import type { EnvValues, Workspace } from "../support/workspace.ts";

const RS = { topology: "replicaSet" } as const;

const KILLER = resolve(import.meta.dirname, "../support/kill-at-journal.ts");

const rows = (n: number, v: string) =>
  Array.from({ length: n }, (_, i) => ({ _id: i as never, v }));

/** A backup with "old" in it, and "new" in the live collections. */
async function changedSince(t: TestContext, fresh: FreshDatabase, env: EnvValues = {}) {
  const place = await workspace(t, { MONGODB_URI: fresh.uri, ...env });
  for (const name of ["a", "b"]) await fresh.db.collection(name).insertMany(rows(20, "old"));
  const backup = (await place.run(["backup", "--manual", "--json"])).json();
  for (const name of ["a", "b"])
    await fresh.db.collection(name).updateMany({}, { $set: { v: "new" } });
  return { place, backup: backup.id as string };
}

async function done(place: Workspace, ...args: string[]) {
  const run = await place.run([...args, "--confirm", "--json"]);
  assert.equal(run.code, 0, `${args.join(" ")}: ${run.stdout}${run.stderr}`);
  return run.json();
}

const valuesOf = async ({ db }: FreshDatabase, name: string) =>
  (await db.collection(name).distinct("v")).sort();

/** All values of `v` in a database, what is kept beside included. */
async function everywhere(fresh: FreshDatabase): Promise<Set<unknown>> {
  const all = await fresh.db.listCollections({}, { nameOnly: true }).toArray();
  const found = new Set<unknown>();
  for (const { name } of all)
    for (const v of await fresh.db.collection(name).distinct("v")) found.add(v);
  return found;
}

requires(
  RS,
  "an update between a rollback and its own rollback is never dropped as if a backup held it",
  async (t, fresh) => {
    const { place } = await changedSince(t, fresh);
    await done(place, "restore", "latest");
    const back = await done(place, "rollback");
    await fresh.db.collection("a").updateMany({}, { $set: { v: "since the rollback" } });
    await place.writeEnv({ MONGODB_URI: fresh.uri, RESTORE_KEEP_ASIDE: "0" });
    const again = await done(place, "rollback", back.restoreId);
    assert.deepEqual(await valuesOf(fresh, "a"), ["old"]);
    assert.ok((await everywhere(fresh)).has("since the rollback"), JSON.stringify(again.setAside));
  },
);

requires(
  RS,
  "an update of a restored stock dump is not dropped after a rollback",
  async (t, fresh) => {
    const { place } = await changedSince(t, fresh);
    const list = (await place.run(["show", "latest", "--json"])).json();
    const dump = place.at("dump");
    await cp(`${list.path}/${fresh.name}`, `${dump}/${fresh.name}`, { recursive: true });
    await done(place, "restore", dump);
    await fresh.db.collection("a").updateMany({}, { $set: { v: "since the restore" } });
    await place.writeEnv({ MONGODB_URI: fresh.uri, RESTORE_KEEP_ASIDE: "0" });
    await done(place, "rollback");
    assert.deepEqual(await valuesOf(fresh, "a"), ["new"]);
    assert.ok((await everywhere(fresh)).has("since the restore"));
  },
);

requires(
  RS,
  "what was written to a collection that is set aside keeps it from being dropped with its time",
  async (t, fresh) => {
    const { place } = await changedSince(t, fresh);
    const { setAside } = await done(place, "restore", "latest");
    assert.ok(setAside.every((one: { inBackup: boolean }) => one.inBackup));
    const [{ collection }] = setAside;
    await fresh.db
      .collection(collection)
      .updateOne({ _id: 1 as never }, { $set: { v: "by hand" } });
    await place.writeEnv({ MONGODB_URI: fresh.uri, RESTORE_KEEP_ASIDE: "1s" });
    await sleep(1_100);
    assert.equal((await place.run(["backup", "--json"])).code, 0);
    assert.deepEqual(
      (await keptBeside(fresh.client, fresh.name)).sort(),
      ["__mongokeep_restores", collection].sort(),
    );
  },
);

requires(
  RS,
  "what a rollback replaces stays where the backup that it came from is deleted",
  async (t, fresh) => {
    const { place, backup } = await changedSince(t, fresh);
    await done(place, "restore", "latest");
    await done(place, "delete", backup);
    await place.writeEnv({ MONGODB_URI: fresh.uri, RESTORE_KEEP_ASIDE: "0" });
    await done(place, "rollback");
    assert.deepEqual(await valuesOf(fresh, "a"), ["new"]);
    assert.ok((await everywhere(fresh)).has("old"), "nothing else holds it");
  },
);

/** Runs a command that is killed once its journal has a line of this kind. */
async function dieAt(place: Workspace, line: RegExp, ...args: string[]) {
  const env = { NODE_OPTIONS: `--import=${KILLER}`, KILL_AT_JOURNAL_MATCH: line.source };
  return await place.run([...args, "--confirm", "--json"], { env });
}

const journalOf = async ({ backupDir }: Workspace, restoreId: string) => {
  const path = `${backupDir}/restores/${restoreId}/journal.jsonl`;
  return { path, lines: (await readFile(path, "utf8")).trim().split("\n") };
};

requires(
  RS,
  "a restore that dies once the service runs again is taken back without losing what was written since",
  async (t, fresh) => {
    const { place } = await changedSince(t, fresh);
    const log = place.at("service.log");
    const service = {
      SERVICE_STOP: `echo stop >> '${log}'`,
      SERVICE_START: `echo start >> '${log}'`,
    };
    await place.writeEnv({ MONGODB_URI: fresh.uri, ...service });
    const run = await dieAt(place, /start-service.*done/, "restore", "latest");
    assert.equal(run.signal, "SIGKILL", run.stderr);
    await fresh.db.collection("a").updateOne({ _id: 1 as never }, { $set: { v: "since" } });
    await done(place, "rollback");
    assert.deepEqual(await valuesOf(fresh, "a"), ["new"]);
    assert.ok((await everywhere(fresh)).has("since"));
  },
);

requires(
  RS,
  "what somebody writes to half-restored data is kept when that is taken back",
  async (t, fresh) => {
    const { place } = await changedSince(t, fresh);
    const restored = await done(place, "restore", "latest");
    const { path, lines } = await journalOf(place, restored.restoreId);
    // As if it had died in its swap.
    const kept = lines.filter((line) => !/"step":"(live-change|end)","state":"done"/.test(line));
    await writeFile(path, kept.join("\n"));
    await fresh.db.collection("a").updateOne({ _id: 1 as never }, { $set: { v: "since" } });
    const back = await done(place, "rollback");
    assert.match(back.warnings.join("\n"), /\.a was written to while the restored data was live/);
    for (const name of ["a", "b"]) assert.deepEqual(await valuesOf(fresh, name), ["new"]);
    assert.ok((await everywhere(fresh)).has("since"));
    const shown = (await place.run(["restore", "--drop-aside", "--json"])).json();
    assert.deepEqual(
      shown.dropAside.map((one: { namespace: string }) => one.namespace),
      [`${fresh.name}.a`],
    );
  },
);

requires(
  RS,
  "what was replaced in place without a pre-restore backup is not said to be back (exit 8)",
  async (t, fresh) => {
    const place = await workspace(t, { MONGODB_URI: fresh.uri });
    await fresh.db.createCollection("ts", { timeseries: { timeField: "t" } });
    await fresh.db.collection("ts").insertOne({ t: new Date(0), v: "old" });
    await fresh.db.collection("a").insertMany(rows(20, "old"));
    assert.equal((await place.run(["backup", "--manual"])).code, 0);
    await fresh.db.collection("ts").insertOne({ t: new Date(1), v: "new" });
    await fresh.db.collection("a").updateMany({}, { $set: { v: "new" } });
    const check = { SERVICE_STOP: "true", SERVICE_START: "false" };
    await place.writeEnv({ MONGODB_URI: fresh.uri, ...check });
    const run = await place.run(["restore", "latest", "--skip-pre-backup", "--confirm", "--json"]);
    assert.equal(run.code, 8, run.stdout + run.stderr);
    assert.match(run.json().error.message, /\.ts: replaced in place/);
    assert.deepEqual(await valuesOf(fresh, "a"), ["new"], "all else is back");
  },
);

requires(
  RS,
  "what a rollback that died needs is not let go, neither on request nor by its time",
  async (t, fresh) => {
    const { place } = await changedSince(t, fresh);
    // Else a backup might find the database empty: names are swapped side by side.
    await fresh.db.collection("other").insertOne({ v: "other" });
    await done(place, "restore", "latest");
    const run = await dieAt(place, /"step":"swap","state":"done"/, "rollback");
    assert.equal(run.signal, "SIGKILL", run.stderr);
    const dropped = await done(place, "restore", "--drop-aside");
    assert.deepEqual(dropped.dropAside, []);
    assert.match(dropped.warnings.join(), /[12] collections? (is|are) kept/);
    await place.writeEnv({ MONGODB_URI: fresh.uri, RESTORE_KEEP_ASIDE: "1s" });
    await sleep(1_100);
    assert.equal((await place.run(["backup", "--json"])).code, 0);
    await done(place, "restore", "--resume");
    for (const name of ["a", "b"]) assert.deepEqual(await valuesOf(fresh, name), ["new"]);
    await done(place, "restore", "--drop-aside");
    assert.deepEqual(await keptBeside(fresh.client, fresh.name), []);
  },
);

requires(
  RS,
  "of two restores the first is taken back over the second, and each rollback once",
  async (t, fresh) => {
    const { place, backup } = await changedSince(t, fresh);
    const first = await done(place, "restore", backup);
    await fresh.db.collection("a").updateMany({}, { $set: { v: "between" } });
    const second = await done(place, "restore", backup);
    await fresh.db.collection("a").updateMany({}, { $set: { v: "after" } });
    const back = await done(place, "rollback", first.restoreId);
    assert.deepEqual(await valuesOf(fresh, "a"), ["new"]);
    for (const v of ["between", "after"]) assert.ok((await everywhere(fresh)).has(v), v);
    const twice = await place.run(["rollback", first.restoreId, "--confirm", "--json"]);
    assert.equal(twice.code, 2, twice.stdout);
    assert.ok(twice.json().error.hint.includes(back.restoreId));
    // Taken back, it is in force again, and can be rolled back again, by renames.
    await done(place, "rollback", back.restoreId);
    assert.deepEqual(await valuesOf(fresh, "a"), ["after"]);
    await fresh.db.collection("b").drop();
    const again = await done(place, "rollback", first.restoreId);
    assert.equal(again.timings.loadSeconds, 0);
    for (const name of ["a", "b"]) assert.deepEqual(await valuesOf(fresh, name), ["new"]);
    await done(place, "rollback", second.restoreId);
    assert.deepEqual(await valuesOf(fresh, "a"), ["between"]);
  },
);

requires(
  RS,
  "what died before it changed anything is begun anew without its id only where it is the last restore",
  async (t, fresh) => {
    const { place, backup } = await changedSince(t, fresh);
    const run = await dieAt(place, /"step":"stage"/, "restore", backup);
    assert.equal(run.signal, "SIGKILL", run.stderr);
    const died = (await readdir(`${place.backupDir}/restores`)).at(-1) ?? "";
    await fresh.db.collection("a").updateMany({}, { $set: { v: "newer" } });
    const newer = (await place.run(["backup", "--manual", "--json"])).json();
    await done(place, "restore", newer.id as string);
    const refused = await place.run(["restore", "--resume", "--confirm", "--json"]);
    assert.equal(refused.code, 2, refused.stdout);
    assert.match(refused.json().error.message, /no restore to resume/);
    assert.ok(refused.json().error.hint.includes(`restore --resume ${died}`), refused.stdout);
    assert.deepEqual(await valuesOf(fresh, "a"), ["newer"]);
    await done(place, "restore", "--resume", died);
    assert.deepEqual(await valuesOf(fresh, "a"), ["old"]);
  },
);

requires(
  RS,
  "a restore that is begun anew and dies again leaves no rollback that takes back the one before it",
  async (t, fresh) => {
    const { place, backup } = await changedSince(t, fresh);
    const first = await done(place, "restore", backup);
    await fresh.db.collection("a").updateMany({}, { $set: { v: "newer" } });
    const died = await dieAt(place, /"step":"stage"/, "restore", backup);
    assert.equal(died.signal, "SIGKILL", died.stderr);
    const again = await dieAt(place, /"step":"protect"/, "restore", "--resume");
    assert.equal(again.signal, "SIGKILL", again.stderr);
    const records = (await readdir(`${place.backupDir}/restores`)).sort();
    // Both are cleared away, the one that was begun anew first.
    for (const [n, id] of records.slice(1).reverse().entries()) {
      const cleared = await done(place, "rollback", ...(n === 0 ? [] : [id]));
      assert.equal(cleared.restoreId, id);
      assert.deepEqual(await valuesOf(fresh, "a"), ["newer"]);
    }
    const nothing = await place.run(["rollback", "--confirm", "--json"]);
    assert.equal(nothing.code, 1, nothing.stdout + nothing.stderr);
    const back = await done(place, "rollback", first.restoreId);
    assert.equal(back.rollbackOf, first.restoreId);
    assert.deepEqual(await valuesOf(fresh, "a"), ["new"]);
  },
);
