// A majority that is behind the primary: the instant of a backup has all that was written before it all the same.
import assert from "node:assert/strict";
import { test } from "node:test";
import { MongoClient } from "mongodb";
import { listAtInstant } from "../../src/dump/listing-at-instant.ts";
import { createPartial } from "../../src/archive/writer.ts";
import { formatBackupId } from "../../src/archive/layout.ts";
import type { KeepEvent } from "../../src/events.ts";
import { openDeployment } from "../../src/mongo/deployment.ts";
import { newestInstant } from "../../src/mongo/instant.ts";
import { startTail } from "../../src/oplog/tailer.ts";
import { Secret } from "../../src/util/secret.ts";
import { temporaryFolder } from "../support/temporary.ts";
import { holdSecondaries, threeMembers } from "../support/three-members.ts";
import { workspace } from "../support/workspace.ts";

const { signal } = new AbortController();
const EVERYTHING = {
  databases: ["surg"],
  exclude: [],
  only: null,
  accounts: false,
  allowEmpty: false,
} as const;

test("a majority that is behind", async (t) => {
  const set = await threeMembers(t, { patienceSeconds: 120 });
  const { uri, members } = set;
  const client = await MongoClient.connect(uri);
  t.after(() => client.close());
  const patients = client.db("surg").collection("patients");
  await patients.insertMany([{ n: 1 }, { n: 2 }], { writeConcern: { w: 3 } });
  const first = await set.primary();
  const others = members.map(({ host }) => host).filter((host) => host !== first);
  const place = await workspace(t, { MONGODB_URI: uri, MONGODB_DATABASE: "surg" });

  await t.test("a backup waits for what was written before it", async (t) => {
    const release = await holdSecondaries(t, others);
    await patients.insertOne({ n: 3 }, { writeConcern: { w: 1 } });
    await client.db("surg").createCollection("young", { writeConcern: { w: 1 } });
    const running = place.start(["backup", "--json"]);
    await running.says(/waiting for a majority of the members/);
    await release();
    const run = await running.result;
    assert.equal(run.code, 0, run.stdout + run.stderr);
    assert.equal(run.json().consistency.mode, "snapshot");
    const { manifest } = (await place.run(["show", "latest", "--json"])).json();
    const found = manifest.collections.map((c: { name: string; documents: number }) => [
      c.name,
      c.documents,
    ]);
    assert.deepEqual(found.sort(), [
      ["patients", 3],
      ["young", 0],
    ]);
  });

  await t.test("one that stays behind is told, and gives no instant", async (t) => {
    const release = await holdSecondaries(t, others);
    const told: KeepEvent[] = [];
    const context = { emit: (event: KeepEvent) => told.push(event), signal };
    await using deployment = await openDeployment(new Secret(uri), context);
    await patients.insertOne({ n: 4 }, { writeConcern: { w: 1 } });
    const { listing, at, isBehind } = await listAtInstant(deployment, EVERYTHING, context, {
      patienceMs: 300,
    });
    assert.deepEqual([listing.namespaces.length, at, isBehind], [2, null, true]);
    const warned = told.flatMap((e) => (e.kind === "log" && e.level === "warn" ? [e.code] : []));
    assert.deepEqual(warned, ["majority-behind"]);
    await release();
    const later = await listAtInstant(deployment, EVERYTHING, context);
    assert.ok(later.at !== null && !later.isBehind);
  });

  await t.test("an oplog that tells nothing new is not waited for without end", async (t) => {
    await using deployment = await openDeployment(new Secret(uri), {
      emit: () => undefined,
      signal,
    });
    const at = await newestInstant(deployment.client, deployment.server);
    assert.ok(at);
    const root = await temporaryFolder(t);
    const partial = await createPartial(root, () => formatBackupId(0, "UTC"));
    const all = { database: () => true, collection: () => true };
    const tail = await startTail(deployment, partial, {
      ...{ origin: at, instant: at, listed: [], taken: all, signal },
      compression: { algorithm: "none", level: null },
    });
    const never = { t: at.t + 10_000, i: 1 };
    await assert.rejects(tail.reach(never, true, 3_000), {
      code: "unreachable",
      message: /no new entries for 3 s/,
    });
    await tail.discard();
  });
});
