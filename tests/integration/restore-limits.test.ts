// A staged restore where there is no room for a second copy, and where two want to restore at once.
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { test } from "node:test";
import { MongoClient } from "mongodb";
import { dbHash, keptBeside } from "../support/fidelity.ts";
import { mortalMongod } from "../support/mortal-mongod.ts";
import { requires } from "../support/requires.ts";
import { smallDisk } from "../support/small-disk.ts";
import { atEnd } from "../support/temporary.ts";
import { workspace } from "../support/workspace.ts";

const rows = (v: string) => Array.from({ length: 500 }, (_, i) => ({ _id: i as never, v }));

test("without room for a second copy the plan says by how much, and --in-place works", async (t) => {
  // Too little for what must stay free beside the copy, and enough for the server itself.
  const disk = await smallDisk(t, 420);
  if (disk === null) return;
  const { uri } = await mortalMongod(t, disk);
  const client = new MongoClient(uri);
  atEnd(t, () => client.close());
  const db = client.db("surg");
  await db.collection("a").insertMany(rows("old"));
  const place = await workspace(t, { MONGODB_URI: uri.replace("/?", "/surg?") });
  assert.equal((await place.run(["backup", "--json"])).code, 0);
  const then = await dbHash(client, "surg");
  await db.collection("a").updateMany({}, { $set: { v: "new" } });
  const now = await dbHash(client, "surg");
  const plan = (await place.run(["restore", "latest", "--json"])).json();
  assert.ok(plan.plan.estimate.missingBytes > 0, JSON.stringify(plan.plan.estimate));
  const refused = await place.run(["restore", "latest", "--confirm", "--json"]);
  assert.equal(refused.code, 5, refused.stdout + refused.stderr);
  assert.match(refused.json().error.hint, /--in-place/);
  assert.deepEqual(await dbHash(client, "surg"), now);
  const run = await place.run(["restore", "latest", "--in-place", "--confirm", "--json"]);
  assert.equal(run.code, 0, run.stdout + run.stderr);
  assert.deepEqual(await dbHash(client, "surg"), then);
});

requires(
  { topology: "replicaSet" },
  "of two restores at once one wins, and the other is told (exit 4)",
  async (t, fresh) => {
    const place = await workspace(t, { MONGODB_URI: fresh.uri });
    await fresh.db.collection("a").insertMany(rows("old"));
    assert.equal((await place.run(["backup", "--json"])).code, 0);
    const then = await dbHash(fresh.client, fresh.name);
    await fresh.db.collection("a").updateMany({}, { $set: { v: "new" } });
    const go = place.at("go");
    const slow = {
      SERVICE_STOP: `while [ ! -e '${go}' ]; do sleep 0.1; done`,
      SERVICE_START: "true",
    };
    await place.writeEnv({ MONGODB_URI: fresh.uri, ...slow });
    const first = place.start(["restore", "latest", "--confirm", "--json", "--verbose"]);
    await first.says(/stopping the service/);
    for (const args of [["restore", "latest"], ["rollback"], ["backup", "--manual"], ["cleanup"]]) {
      const confirm = ["restore", "rollback"].includes(args[0] ?? "") ? ["--confirm"] : [];
      const other = await place.run([...args, ...confirm, "--json"]);
      assert.equal(other.code, 4, `${args.join(" ")}: ${other.stdout}`);
    }
    await writeFile(go, "");
    const done = await first.result;
    assert.equal(done.code, 0, done.stdout + done.stderr);
    assert.deepEqual(await dbHash(fresh.client, fresh.name), then);
    assert.equal((await keptBeside(fresh.client, fresh.name)).length, 2);
  },
);
