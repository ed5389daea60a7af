// A restore in place never leaves you worse off: failures in the middle, the service, Ctrl-C, kill -9.
// Staged restores have restore-staged.test.ts.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import type { TestContext } from "node:test";
import type { MongoClient } from "mongodb";
import { dbHash, keptBeside } from "../support/fidelity.ts";
import type { FreshDatabase } from "../support/fresh-database.ts";
import { ownServer } from "../support/servers.ts";
import { freshDatabase } from "../support/fresh-database.ts";
import { gated, noted, serviceLog } from "../support/noted-service.ts";
import { requires } from "../support/requires.ts";
import { workspace } from "../support/workspace.ts";
import type { Workspace } from "../support/workspace.ts";
import { test } from "node:test";

const rows = (n: number, v: string) =>
  Array.from({ length: n }, (_, i) => ({ _id: i as never, v, fill: "x".repeat(200) }));

interface Changed {
  readonly place: Workspace;
  readonly now: Record<string, string>;
}

/** A backup, and live data that has changed since. */
async function changedSince(t: TestContext, fresh: FreshDatabase): Promise<Changed> {
  const place = await workspace(t);
  await place.writeEnv({ MONGODB_URI: fresh.uri, ...noted(place) });
  for (const name of ["a", "b", "c"])
    await fresh.db.collection(name).insertMany(rows(3_000, "old"));
  const backup = await place.run(["backup", "--json"]);
  assert.equal(backup.code, 0, backup.stderr);
  await fresh.db.collection("a").updateMany({}, { $set: { v: "new" } });
  await fresh.db.collection("b").drop();
  await fresh.db.collection("d").insertOne({ only: "live" });
  return { place, now: await dbHash(fresh.client, fresh.name) };
}

/** Makes the server refuse the given commands of mongokeep: `skip` calls pass first, then `times` fail. */
async function refuse(
  client: MongoClient,
  command: string,
  mode: "off" | "alwaysOn" | { skip?: number; times?: number },
): Promise<void> {
  await client.db("admin").command({
    configureFailPoint: "failCommand",
    mode,
    ...(mode === "off"
      ? {}
      : { data: { failCommands: [command], errorCode: 8, appName: "mongokeep" } }),
  });
}

/** Fail points are the server's own: a server of its own for each of these tests. */
async function ownDatabase(t: TestContext): Promise<FreshDatabase> {
  const server = await ownServer(t, { topology: "replicaSet", testCommands: true });
  return await freshDatabase(t, server.uri);
}

test("a restore that fails half-way puts the old state back and starts the service (exit 7)", async (t) => {
  const fresh = await ownDatabase(t);
  const { place, now } = await changedSince(t, fresh);
  // The indexes of b cannot be settled: by then a is replaced already.
  await refuse(fresh.client, "createIndexes", { times: 1 });
  const restored = await place.run(["restore", "latest", "--in-place", "--confirm", "--json"]);
  await refuse(fresh.client, "createIndexes", "off");
  assert.equal(restored.code, 7, restored.stdout + restored.stderr);
  assert.equal(restored.json().error.code, "restore-undone");
  assert.deepEqual(await dbHash(fresh.client, fresh.name), now);
  assert.deepEqual(await serviceLog(place), ["stop", "start"]);
});

test("a failed undo exits 8, says how to return to the old state, and rollback works", async (t) => {
  const fresh = await ownDatabase(t);
  const { place, now } = await changedSince(t, fresh);
  await refuse(fresh.client, "createIndexes", "alwaysOn");
  const restored = await place.run(["restore", "latest", "--in-place", "--confirm", "--json"]);
  await refuse(fresh.client, "createIndexes", "off");
  assert.equal(restored.code, 8, restored.stdout + restored.stderr);
  assert.match(restored.json().error.hint, /mongokeep rollback .* --confirm/);
  assert.deepEqual(await serviceLog(place), ["stop"], "the service stays stopped");
  const back = await place.run(["rollback", "--confirm", "--json"]);
  assert.equal(back.code, 0, back.stdout + back.stderr);
  assert.deepEqual(await dbHash(fresh.client, fresh.name), now);
});

test("a restore that cannot read the live data fails before it changes any of it", async (t) => {
  const fresh = await ownDatabase(t);
  const { place, now } = await changedSince(t, fresh);
  // The plan and the rehearsal may still list; the protection may not.
  await refuse(fresh.client, "listCollections", { skip: 2 });
  const restored = await place.run(["restore", "latest", "--in-place", "--confirm", "--json"]);
  await refuse(fresh.client, "listCollections", "off");
  assert.equal(restored.code, 1, restored.stdout + restored.stderr);
  assert.deepEqual(await dbHash(fresh.client, fresh.name), now);
  assert.deepEqual(await serviceLog(place), ["stop", "start"]);
});

test("Ctrl-C while live data is replaced puts the old state back first (exit 7)", async (t) => {
  const fresh = await ownDatabase(t);
  const { place, now } = await changedSince(t, fresh);
  const data = { failCommands: ["insert"], blockConnection: true, blockTimeMS: 4_000 };
  await fresh.client.db("admin").command({
    configureFailPoint: "failCommand",
    mode: { times: 2 },
    data: { ...data, appName: "mongokeep" },
  });
  const running = place.start([
    "restore",
    "latest",
    "--in-place",
    "--confirm",
    "--verbose",
    "--json",
  ]);
  await running.says(/replacing the live data/);
  running.kill("SIGINT");
  const ended = await running.result;
  await refuse(fresh.client, "insert", "off");
  assert.equal(ended.code, 7, ended.stdout + ended.stderr);
  assert.equal(ended.json().error.code, "restore-undone");
  assert.deepEqual(await dbHash(fresh.client, fresh.name), now);
  assert.deepEqual(await serviceLog(place), ["stop", "start"]);
});

requires(
  { topology: "replicaSet" },
  "the service is stopped before the present is protected, and its down-time is told",
  async (t, fresh) => {
    const { place } = await changedSince(t, fresh);
    const restored = (
      await place.run(["restore", "latest", "--in-place", "--confirm", "--json"])
    ).json();
    assert.equal(restored.ok, true, JSON.stringify(restored));
    assert.deepEqual(await serviceLog(place), ["stop", "start"]);
    assert.ok(restored.serviceDownSeconds >= 0);
    const log = await readFile(restored.log, "utf8");
    assert.match(log, /service stopped[^]*safety backup[^]*load[^]*service started[^]*done/);
  },
);

requires(
  { topology: "replicaSet" },
  "a restore that is killed can be taken back, whenever it was killed",
  async (t, fresh) => {
    const { place, now } = await changedSince(t, fresh);
    const running = place.start(["restore", "latest", "--in-place", "--confirm", "--verbose"]);
    await running.says(/replacing the live data/);
    running.kill("SIGKILL");
    await running.result;
    const back = await place.run(["rollback", "--confirm", "--json"]);
    assert.equal(back.code, 0, back.stdout + back.stderr);
    assert.deepEqual(await dbHash(fresh.client, fresh.name), now);
  },
);

requires(
  { topology: "replicaSet" },
  "Ctrl-C before the live data is touched leaves everything as it was (exit 130)",
  async (t, fresh) => {
    const { place, now } = await changedSince(t, fresh);
    const service = gated(place);
    await place.writeEnv({ MONGODB_URI: fresh.uri, ...service.env });
    const running = place.start(["restore", "latest", "--in-place", "--confirm", "--verbose"]);
    await service.reached();
    running.kill("SIGINT");
    await service.letGo();
    const ended = await running.result;
    assert.equal(ended.code, 130, ended.stderr);
    assert.deepEqual(await dbHash(fresh.client, fresh.name), now);
    assert.equal((await serviceLog(place)).at(-1), "start", "the service was started again");
  },
);

test("collections tried by a killed restore are in no backup, and rollback drops them", async (t) => {
  const fresh = await ownDatabase(t);
  const { place, now } = await changedSince(t, fresh);
  // What was tried stays until it is dropped, which waits: the state cannot pass unseen.
  const data = { failCommands: ["drop"], blockConnection: true, blockTimeMS: 120_000 };
  await fresh.client.db("admin").command({
    configureFailPoint: "failCommand",
    mode: "alwaysOn",
    data: { ...data, appName: "mongokeep" },
  });
  const running = place.start(["restore", "latest", "--in-place", "--confirm", "--json"]);
  const tried = /^__mongokeep_.*_\d+$/;
  while (!(await keptBeside(fresh.client, fresh.name)).some((name) => tried.test(name)))
    await sleep(2);
  running.kill("SIGKILL");
  await running.result;
  await fresh.client.db("admin").command({ configureFailPoint: "failCommand", mode: "off" });

  const { stdout } = await place.run(["backup", "--json"]);
  const show = await place.run(["show", (JSON.parse(stdout) as { id: string }).id, "--json"]);
  const names = (show.json().manifest.collections as { name: string }[]).map(({ name }) => name);
  assert.deepEqual(names.sort(), ["a", "c", "d"]);
  const back = await place.run(["rollback", "--confirm", "--json"]);
  assert.equal(back.code, 0, back.stdout + back.stderr);
  assert.deepEqual(await keptBeside(fresh.client, fresh.name), []);
  assert.deepEqual(await dbHash(fresh.client, fresh.name), now);
});
