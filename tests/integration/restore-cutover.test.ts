// What keeps the server from renaming and dropping live collections: waited for before the service is stopped, and
// only for RESTORE_CUTOVER_TIMEOUT while it is.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { MongoClient } from "mongodb";
import { dbHash, keptBeside } from "../support/fidelity.ts";
import type { FreshDatabase } from "../support/fresh-database.ts";
import { freshDatabase } from "../support/fresh-database.ts";
import { gated, noted, serviceLog } from "../support/noted-service.ts";
import { requires } from "../support/requires.ts";
import { ownServer } from "../support/servers.ts";
import { atEnd } from "../support/temporary.ts";
import { workspace } from "../support/workspace.ts";
import type { Workspace } from "../support/workspace.ts";

const RS = { topology: "replicaSet" } as const;
const WAYS = [
  { way: "staged", flags: [] },
  { way: "in place", flags: ["--in-place"] },
] as const;

interface Changed {
  readonly place: Workspace;
  readonly then: Record<string, string>;
  readonly now: Record<string, string>;
}

/** A backup of `a` and `b`, and live data that has changed since. */
async function changedSince(
  t: TestContext,
  fresh: FreshDatabase,
  uri = fresh.uri,
): Promise<Changed> {
  const place = await workspace(t, { MONGODB_URI: uri });
  await place.writeEnv({ MONGODB_URI: uri, ...noted(place) });
  for (const name of ["a", "b"])
    await fresh.db.collection(name).insertMany([
      { _id: 1 as never, v: "old" },
      { _id: 2 as never, v: "old" },
    ]);
  const then = await dbHash(fresh.client, fresh.name);
  const backup = await place.run(["backup", "--json", "--manual"]);
  assert.equal(backup.code, 0, backup.stderr);
  for (const name of ["a", "b"])
    await fresh.db.collection(name).updateMany({}, { $set: { v: "new" } });
  return { place, then, now: await dbHash(fresh.client, fresh.name) };
}

/** A transaction that holds `b` until it is ended: the client whose it is hangs. */
async function hold(t: TestContext, fresh: FreshDatabase) {
  const client = await new MongoClient(fresh.serverUri, { appName: "hung-shell" }).connect();
  atEnd(t, () => client.close());
  const session = client.startSession();
  session.startTransaction();
  await client
    .db(fresh.name)
    .collection("b")
    .updateOne({ _id: 1 as never }, { $set: { v: "never" } }, { session });
  return { end: () => session.abortTransaction() };
}

for (const { way, flags } of WAYS)
  requires(
    RS,
    `an open transaction is waited for with the service up, and named (${way})`,
    async (t, fresh) => {
      const { place, then } = await changedSince(t, fresh);
      const transaction = await hold(t, fresh);
      const running = place.start(["restore", "latest", "--confirm", "--json", ...flags]);
      await running.says(
        /\.b waits for a transaction of hung-shell, .*before the service is stopped/,
      );
      assert.deepEqual(await serviceLog(place), [""]);
      await transaction.end();
      const run = await running.result;
      assert.equal(run.code, 0, run.stdout + run.stderr);
      assert.deepEqual(await dbHash(fresh.client, fresh.name), then);
      assert.deepEqual(await serviceLog(place), ["stop", "start"]);
    },
  );

for (const { way, flags } of WAYS)
  requires(
    RS,
    `what holds a collection once the service is stopped costs RESTORE_CUTOVER_TIMEOUT and nothing else (${way})`,
    async (t, fresh) => {
      const { place, now } = await changedSince(t, fresh);
      const service = gated(place);
      const settings = { MONGODB_URI: fresh.uri, RESTORE_CUTOVER_TIMEOUT: "1s" };
      await place.writeEnv({ ...settings, ...service.env });
      const running = place.start([
        "restore",
        "latest",
        "--confirm",
        "--json",
        "--skip-pre-backup",
        ...flags,
      ]);
      await service.reached();
      const transaction = await hold(t, fresh);
      await service.letGo();
      const run = await running.result;
      await transaction.end();
      assert.equal(run.code, 1, run.stdout + run.stderr);
      assert.equal(run.json().error.code, "server-waits");
      assert.match(run.json().error.message, /\.b waits for a transaction of hung-shell/);
      assert.deepEqual(await dbHash(fresh.client, fresh.name), now);
      assert.deepEqual(await keptBeside(fresh.client, fresh.name), []);
      assert.deepEqual(await serviceLog(place), ["start"]);
    },
  );

requires(
  RS,
  "Ctrl-C while a transaction is waited for leaves everything as it was (exit 130)",
  async (t, fresh) => {
    const { place, now } = await changedSince(t, fresh);
    const transaction = await hold(t, fresh);
    const running = place.start(["restore", "latest", "--confirm", "--json"]);
    await running.says(/waits for a transaction/);
    running.kill("SIGINT");
    const run = await running.result;
    await transaction.end();
    assert.equal(run.code, 130, run.stdout + run.stderr);
    assert.deepEqual(await dbHash(fresh.client, fresh.name), now);
    assert.deepEqual(await keptBeside(fresh.client, fresh.name), []);
    assert.deepEqual(await serviceLog(place), [""]);
  },
);

test("an index build on a live collection is waited for with the service up, and named", async (t) => {
  const server = await ownServer(t, { topology: "replicaSet", testCommands: true });
  const fresh = await freshDatabase(t, server.uri);
  const { place, then } = await changedSince(t, fresh);
  const hang = (mode: string) =>
    fresh.client.db("admin").command({ configureFailPoint: "hangAfterStartingIndexBuild", mode });
  const { count } = await hang("alwaysOn");
  const building = fresh.db.collection("b").createIndex({ v: 1 });
  await fresh.client.db("admin").command({
    waitForFailPoint: "hangAfterStartingIndexBuild",
    timesEntered: Number(count) + 1,
    maxTimeMS: 60_000,
  });
  const running = place.start(["restore", "latest", "--confirm", "--json"]);
  await running.says(/\.b waits for an index build/);
  assert.deepEqual(await serviceLog(place), [""]);
  const planned = await place.run(["restore", "latest", "--json"]);
  assert.match(planned.json().warnings.join("\n"), /an index build.*if it holds what is restored/);
  await hang("off");
  await building;
  const run = await running.result;
  assert.equal(run.code, 0, run.stdout + run.stderr);
  assert.deepEqual(await dbHash(fresh.client, fresh.name), then);
});

test("an account that may not ask what others do finds out by trying", async (t) => {
  const auth = { user: "root", password: "root-pass-word" };
  const server = await ownServer(t, { topology: "replicaSet", auth });
  const fresh = await freshDatabase(t, server.uri);
  const roles = [
    { role: "readWrite", db: fresh.name },
    ...["backup", "restore"].map((role) => ({ role, db: "admin" })),
  ];
  await fresh.client.db("admin").command({ createUser: "keeper", pwd: "keeper-pass-word", roles });
  const uri = new URL(fresh.uri);
  uri.username = "keeper";
  uri.password = "keeper-pass-word";
  const { place, then } = await changedSince(t, fresh, uri.toString());
  const transaction = await hold(t, fresh);
  const running = place.start(["restore", "latest", "--confirm", "--json"]);
  await running.says(/\.b waits for something that holds it, which this account may not see/);
  assert.deepEqual(await serviceLog(place), [""]);
  await transaction.end();
  const run = await running.result;
  assert.equal(run.code, 0, run.stdout + run.stderr);
  assert.deepEqual(await dbHash(fresh.client, fresh.name), then);
});
