// Which member of a replica set bears a backup, at one instant whoever it is.
import assert from "node:assert/strict";
import { test } from "node:test";
import { MongoClient } from "mongodb";
import { dbHash } from "../support/fidelity.ts";
import { threeMembers } from "../support/three-members.ts";
import { workspace } from "../support/workspace.ts";

const READS = /reads from the secondary (\S+)/;

/** How many times each member was asked for documents of `patients`. */
async function readsOf(hosts: readonly string[]): Promise<Map<string, number>> {
  const counted = new Map<string, number>();
  for (const host of hosts) {
    const client = await MongoClient.connect(`mongodb://${host}/?directConnection=true`);
    const { totals } = await client.db("admin").command({ top: 1 });
    counted.set(host, totals["surg.patients"]?.queries.count ?? 0);
    await client.close();
  }
  return counted;
}

test("a secondary is read where there is one, and the primary where it is asked for", async (t) => {
  const set = await threeMembers(t, { patienceSeconds: 120 });
  const { uri, members } = set;
  const client = await MongoClient.connect(uri);
  t.after(() => client.close());
  const patients = Array.from({ length: 5_000 }, (_, n) => ({ _id: n as never, v: n }));
  await client.db("surg").collection("patients").insertMany(patients);
  const before = await dbHash(client, "surg");
  const hosts = members.map(({ host }) => host);
  const place = await workspace(t, { MONGODB_URI: uri, MONGODB_DATABASE: "surg" });

  const increase = async (preference: string | undefined) => {
    await place.writeEnv({
      MONGODB_URI: uri,
      MONGODB_DATABASE: "surg",
      ...(preference !== undefined && { BACKUP_READ_PREFERENCE: preference }),
    });
    const was = await readsOf(hosts);
    const run = await place.run(["backup", "--json"]);
    assert.equal(run.code, 0, run.stdout + run.stderr);
    assert.equal(run.json().consistency.mode, "snapshot");
    const now = await readsOf(hosts);
    const read = hosts.filter((host) => (now.get(host) ?? 0) > (was.get(host) ?? 0));
    return { read, said: READS.exec(run.stderr)?.[1] };
  };

  const byDefault = await increase(undefined);
  assert.ok(byDefault.said !== undefined && byDefault.said !== (await set.primary()));
  assert.ok(byDefault.read.includes(byDefault.said));
  const asked = await increase("primary");
  assert.equal(asked.said, undefined);
  assert.deepEqual(asked.read, [await set.primary()]);

  await client.db("surg").dropDatabase();
  const restored = await place.run(["restore", "latest", "--confirm", "--json"]);
  assert.equal(restored.code, 0, restored.stdout + restored.stderr);
  assert.deepEqual(await dbHash(client, "surg"), before);

  await place.writeEnv({ MONGODB_URI: uri, BACKUP_READ_PREFERENCE: "seconday" });
  const wrong = await place.run(["backup"]);
  assert.equal(wrong.code, 2);
  assert.match(wrong.stderr, /BACKUP_READ_PREFERENCE.*secondaryPreferred/s);
});
