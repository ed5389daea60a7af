// A server that refuses, delays or loses renames in the middle of a swap: all names are of one state in the end.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { dbHash, keptBeside } from "../support/fidelity.ts";
import { freshDatabase } from "../support/fresh-database.ts";
import type { FreshDatabase } from "../support/fresh-database.ts";
import { ownServer } from "../support/servers.ts";
import { workspace } from "../support/workspace.ts";

const COLLECTIONS = 30;
const names = Array.from({ length: COLLECTIONS }, (_, i) => `c${i}`);

async function changedSince(t: TestContext, fresh: FreshDatabase) {
  const place = await workspace(t, { MONGODB_URI: fresh.uri });
  for (const name of names)
    await fresh.db.collection(name).insertOne({ _id: 1 as never, v: "old" });
  assert.equal((await place.run(["backup", "--manual", "--json"])).code, 0);
  const then = await dbHash(fresh.client, fresh.name);
  for (const name of names) await fresh.db.collection(name).updateOne({}, { $set: { v: "new" } });
  return { place, then, now: await dbHash(fresh.client, fresh.name) };
}

/** What the server does with renames of mongokeep after `skip` of them. */
async function onRenames(fresh: FreshDatabase, mode: object | "off", data: object = {}) {
  await fresh.client.db("admin").command({
    configureFailPoint: "failCommand",
    mode,
    ...(mode !== "off" && {
      data: { failCommands: ["renameCollection"], appName: "mongokeep", ...data },
    }),
  });
}

test("renames that fail in the midst of a swap leave all names of one state", async (t) => {
  const server = await ownServer(t, { topology: "replicaSet", testCommands: true });
  const fresh = await freshDatabase(t, server.uri);
  const { place, then, now } = await changedSince(t, fresh);
  const restore = ["restore", "latest", "--confirm", "--json"];

  await t.test("one is refused: the old state is back (exit 7)", async () => {
    await onRenames(fresh, { times: 1 }, { errorCode: 13 });
    const run = await place.run(restore);
    assert.equal(run.code, 7, run.stdout + run.stderr);
    assert.deepEqual(await dbHash(fresh.client, fresh.name), now);
    assert.deepEqual(await keptBeside(fresh.client, fresh.name), []);
  });

  for (const how of ["rollback", "resume"])
    await t.test(`all from the 32nd on are refused (exit 8), then ${how}`, async () => {
      await onRenames(fresh, { skip: 31 }, { errorCode: 13 });
      const run = await place.run(restore);
      await onRenames(fresh, "off");
      assert.equal(run.code, 8, run.stdout + run.stderr);
      const mend = how === "rollback" ? ["rollback"] : ["restore", "--resume"];
      const mended = await place.run([...mend, "--confirm", "--json"]);
      assert.equal(mended.code, 0, mended.stdout + mended.stderr);
      assert.deepEqual(await dbHash(fresh.client, fresh.name), how === "rollback" ? now : then);
    });

  await t.test(
    "replies get lost though the server renames: nothing is between two states",
    async () => {
      const back = await place.run(["rollback", "--confirm", "--json"]);
      assert.equal(back.code, 0, back.stdout);
      await onRenames(fresh, { skip: 31 }, { closeConnection: true });
      const run = await place.run(restore);
      await onRenames(fresh, "off");
      assert.ok([6, 7, 8].includes(run.code ?? 0), run.stdout + run.stderr);
      if (run.code === 8) assert.equal((await place.run(["rollback", "--confirm"])).code, 0);
      assert.deepEqual(await dbHash(fresh.client, fresh.name), now);
    },
  );
});

test("Ctrl-C while a rename waits for a transaction ends with all names of one state", async (t) => {
  const server = await ownServer(t, { topology: "replicaSet", testCommands: true });
  const fresh = await freshDatabase(t, server.uri);
  const { place, now } = await changedSince(t, fresh);
  // A transaction that was open before would be waited for with the service up: it begins while the renames are held.
  await onRenames(fresh, { times: 16 }, { blockConnection: true, blockTimeMS: 5_000 });
  const env = { RESTORE_CUTOVER_TIMEOUT: "60s" };
  const running = place.start(["restore", "latest", "--confirm", "--json", "--verbose"], { env });
  await running.says(/replacing the live data/);
  const session = fresh.client.startSession();
  session.startTransaction();
  await fresh.db.collection("c3").findOne({}, { session });
  // Until the rename waits.
  const waits = async () =>
    (
      await fresh.client
        .db("admin")
        .command({ currentOp: 1, "command.renameCollection": `${fresh.name}.c3` })
    ).inprog.length > 0;
  while (!(await waits()));
  running.kill("SIGINT");
  // Until the run has closed its connections: only then the transaction lets go.
  await running.says(/putting the old state back|the restore failed/i);
  await new Promise((done) => setTimeout(done, 1_500));
  await session.abortTransaction();
  await session.endSession();
  const run = await running.result;
  assert.equal(run.code, 7, run.stdout + run.stderr);
  assert.deepEqual(await dbHash(fresh.client, fresh.name), now);
  assert.deepEqual(await keptBeside(fresh.client, fresh.name), []);
});
