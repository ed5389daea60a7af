// Replica sets with members down: what works with a majority works, and what needs one says so at once.
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { MongoClient } from "mongodb";
import type { Json } from "../support/cli.ts";
import { holdSecondaries, threeMembers } from "../support/three-members.ts";
import { atEnd } from "../support/temporary.ts";
import { workspace } from "../support/workspace.ts";

const direct = (host: string) => `mongodb://${host}/?directConnection=true`;
const WHAT_TO_DO = /rs\.status\(\).*rs\.reconfig\(/;

test("a replica set with members down", async (t) => {
  const set = await threeMembers(t, { patienceSeconds: 10 });
  const client = await MongoClient.connect(set.uri);
  atEnd(t, () => client.close());
  const patients = client.db("surg").collection<{ _id: number; n: number }>("patients");
  const all = [1, 2, 3].map((_id) => ({ _id, n: 0 }));
  await patients.insertMany(all, { writeConcern: { w: 3 } });
  await patients.createIndexes([{ key: { n: 1 } }, { key: { at: 1 }, expireAfterSeconds: 60 }]);
  const place = await workspace(t, { MONGODB_URI: set.uri, MONGODB_DATABASE: "surg" });
  const first = await set.primary();
  const others = set.members.filter(({ host }) => host !== first);
  const [other] = others;
  assert.ok(other);
  const topologyOf = (result: Json) =>
    result.checks.find(({ name }: { name: string }) => name === "topology");
  assert.equal((await place.run(["backup"])).code, 0);

  await t.test("a restore builds its indexes though one member is down", async () => {
    process.kill(other.pid(), "SIGKILL");
    await other.gone();
    const doctor = topologyOf((await place.run(["doctor", "--json"])).json());
    assert.equal(doctor.state, "warn");
    assert.match(doctor.message, new RegExp(`no answer from ${other.host}`));
    const run = await place.run(["restore", "latest", "--confirm", "--json"]);
    assert.equal(run.code, 0, run.stdout + run.stderr);
    assert.equal((await patients.indexes()).length, 3);
    await other.start();
    assert.equal((await place.run(["verify", "latest"])).code, 0);
  }); // prettier-ignore

  // The primary stays, and nothing it writes is confirmed.
  await holdSecondaries(
    t,
    others.map(({ host }) => host),
  );
  await patients.updateOne({ _id: 1 }, { $set: { n: 1 } }, { writeConcern: { w: 1 } });

  await t.test("without a majority nothing is begun, and one is told what to do", async () => {
    const refused = async (...args: string[]) => {
      const run = await place.run([...args, "--json"]);
      assert.equal(run.code, 1, run.stdout + run.stderr);
      const { code, message, hint } = run.json().error;
      assert.equal(code, "no-majority", run.stdout);
      assert.match(message, /majority of the members of the replica set mongokeep does not confirm/);
      assert.match(hint, WHAT_TO_DO);
    }; // prettier-ignore
    const told = async () => {
      const { state, message, hint } = topologyOf((await place.run(["doctor", "--json"])).json());
      assert.equal(state, "warn");
      assert.match(message, /does not confirm.*a restore is not possible/);
      assert.match(hint, WHAT_TO_DO);
    };
    const planned = async (...args: string[]) => {
      const run = await place.run([...args, "--json"]);
      assert.equal(run.code, 0, run.stdout + run.stderr);
      assert.match(run.json().warnings.join(), /does not confirm.*would be refused now/);
    };
    // One at a time may hold the lock; a plan needs none.
    await Promise.all([refused("rollback", "--confirm"), planned("restore", "latest"), told()]);
    await planned("rollback");
    await refused("restore", "--discard-replaced", "--confirm");
    assert.equal((await patients.findOne({ _id: 1 }))?.n, 1);
  });

  for (const one of others) process.kill(one.pid(), "SIGKILL");
  await Promise.all(others.map((one) => one.gone()));
  const alone = await MongoClient.connect(direct(first));
  atEnd(t, () => alone.close());
  while ((await alone.db("admin").command({ hello: 1 })).isWritablePrimary === true)
    await sleep(100);

  await t.test("without a primary every command says so, and how to back up what is left", async () => {
    const impatient = `${set.uri}&serverSelectionTimeoutMS=1000`;
    await place.writeEnv({ MONGODB_URI: impatient, MONGODB_DATABASE: "surg" });
    for (const args of [["backup"], ["restore", "latest", "--confirm"]]) {
      const run = await place.run([...args, "--json"]);
      assert.equal(run.code, 6, run.stdout + run.stderr);
      const { message, hint } = run.json().error;
      assert.match(message, new RegExp(`mongokeep has no primary: ${first} is a secondary`));
      for (const one of others) assert.match(message, new RegExp(one.host));
      assert.match(hint, WHAT_TO_DO);
      assert.match(hint, /directConnection=true/);
    }
    await place.writeEnv({ MONGODB_URI: direct(first), MONGODB_DATABASE: "surg" });
    const doctor = topologyOf((await place.run(["doctor", "--json"])).json());
    assert.match(doctor.message, /has no primary.*one instant of this member, and a restore is not/);
    assert.match(doctor.hint, WHAT_TO_DO);
    const backup = await place.run(["backup", "--json"]);
    assert.equal(backup.code, 0, backup.stderr);
    assert.equal(backup.json().consistency.mode, "snapshot");
    const restore = await place.run(["restore", "latest", "--confirm", "--json"]);
    assert.equal(restore.json().error.code, "no-majority");
    assert.match(restore.json().error.message, /has no primary: nothing can be written/);
  }); // prettier-ignore
});
