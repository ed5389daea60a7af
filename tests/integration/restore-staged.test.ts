// A staged restore: beside the live data, proved, swapped; whatever was live is still there.
import assert from "node:assert/strict";
import { cp, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { gunzipSync, gzipSync } from "node:zlib";
import { dbHash, keptBeside } from "../support/fidelity.ts";
import { freshDatabase } from "../support/fresh-database.ts";
import type { FreshDatabase } from "../support/fresh-database.ts";
import { noted, serviceLog } from "../support/noted-service.ts";
import { requires } from "../support/requires.ts";
import { standaloneWithAuth } from "../support/servers.ts";
import { atEnd } from "../support/temporary.ts";
import { workspace } from "../support/workspace.ts";
import type { EnvValues, Workspace } from "../support/workspace.ts";

const RS = { topology: "replicaSet" } as const;

const rows = (n: number, v: string) =>
  Array.from({ length: n }, (_, i) => ({ _id: i as never, v, fill: "x".repeat(200) }));

interface Changed {
  readonly place: Workspace;
  readonly then: Record<string, string>;
  readonly now: Record<string, string>;
}

/** A backup, and live data that has changed since: documents, a dropped and a new collection, a view. */
async function changedSince(
  t: TestContext,
  fresh: FreshDatabase,
  env: EnvValues = {},
): Promise<Changed> {
  const place = await workspace(t);
  await place.writeEnv({ MONGODB_URI: fresh.uri, ...noted(place), ...env });
  for (const name of ["a", "b", "c"])
    await fresh.db.collection(name).insertMany(rows(1_000, "old"));
  await fresh.db.collection("a").createIndex({ v: 1 }, { name: "by_v" }, {});
  await fresh.db.createCollection("young", { viewOn: "a", pipeline: [{ $match: { v: "old" } }] });
  const then = await dbHash(fresh.client, fresh.name);
  const backup = await place.run(["backup", "--json"]);
  assert.equal(backup.code, 0, backup.stderr);
  await fresh.db.collection("a").updateMany({}, { $set: { v: "new" } });
  await fresh.db.collection("b").drop();
  await fresh.db.collection("young").drop();
  await fresh.db.createCollection("young", { viewOn: "c", pipeline: [] });
  await fresh.db.collection("d").insertOne({ only: "live" });
  return { place, then, now: await dbHash(fresh.client, fresh.name) };
}

const restoreArgs = ["restore", "latest", "--confirm", "--json"] as const;

requires(RS, "only the swap stops the service, and what was live stays aside", async (t, fresh) => {
  const { place, then } = await changedSince(t, fresh);
  const run = await place.run(restoreArgs);
  assert.equal(run.code, 0, run.stdout + run.stderr);
  const restored = run.json();
  assert.equal(restored.mode, "staged");
  assert.ok(restored.collections.every((c: { equal: boolean }) => c.equal));
  const { d, ...rest } = await dbHash(fresh.client, fresh.name);
  assert.ok(d, "what exists only live stays");
  assert.deepEqual(rest, then);
  assert.equal(await fresh.db.collection("young").countDocuments(), 1_000);
  assert.deepEqual(await serviceLog(place), ["stop", "start"]);
  const log = await readFile(restored.log, "utf8");
  assert.match(log, /safety backup[^]*prove[^]*service stopped[^]*service started[^]*done/);
  const [aside] = restored.setAside.filter((s: { namespace: string }) =>
    s.namespace.endsWith(".a"),
  );
  assert.equal(aside.documents, 1_000);
  assert.equal(aside.inBackup, true);
  const old = await fresh.db.collection(aside.collection).findOne({ _id: 1 as never });
  assert.equal(old?.v, "new", "the old data is there, under the name that the result gives");
});

requires(
  RS,
  "what restores keep beside the live data is in no backup and no listing",
  async (t, fresh) => {
    const { place } = await changedSince(t, fresh);
    assert.equal((await place.run(restoreArgs)).code, 0);
    assert.notDeepEqual(await keptBeside(fresh.client, fresh.name), []);
    const made = (await place.run(["backup", "--manual", "--json"])).json();
    const shown = (await place.run(["show", made.id, "--json"])).json();
    const names = shown.manifest.collections.map((c: { name: string }) => c.name);
    assert.deepEqual(names.sort(), ["a", "b", "c", "d", "young"]);
  },
);

requires(RS, "a user's own collection that only looks like ours is backed up", async (t, fresh) => {
  const { place } = await changedSince(t, fresh);
  assert.equal((await place.run(restoreArgs)).code, 0);
  await fresh.db.collection("__mongokeep_of_mine").insertOne({ mine: true });
  const made = (await place.run(["backup", "--manual", "--json"])).json();
  const shown = (await place.run(["show", made.id, "--json"])).json();
  const names = shown.manifest.collections.map((c: { name: string }) => c.name);
  assert.ok(names.includes("__mongokeep_of_mine"));
});

requires(
  RS,
  "rollback swaps back what is aside, and can be taken back itself",
  async (t, fresh) => {
    const { place, then, now } = await changedSince(t, fresh);
    assert.equal((await place.run(restoreArgs)).code, 0);
    const plan = (await place.run(["rollback", "--json"])).json();
    assert.equal(plan.planned, true);
    const back = await place.run(["rollback", "--confirm", "--json"]);
    assert.equal(back.code, 0, back.stdout + back.stderr);
    assert.equal(back.json().rolledBack, true);
    assert.deepEqual(await dbHash(fresh.client, fresh.name), now);
    assert.equal(
      await fresh.db.collection("young").countDocuments(),
      1_000,
      "the old view is back",
    );
    const again = await place.run(["rollback", back.json().restoreId, "--confirm", "--json"]);
    assert.equal(again.code, 0, again.stdout + again.stderr);
    const { d, ...rest } = await dbHash(fresh.client, fresh.name);
    assert.ok(d);
    assert.deepEqual(rest, then);
  },
);

requires(
  RS,
  "without what was set aside, rollback restores the pre-restore backup",
  async (t, fresh) => {
    const { place, now } = await changedSince(t, fresh, { RESTORE_KEEP_ASIDE: "0" });
    assert.equal((await place.run(restoreArgs)).code, 0);
    assert.deepEqual(await keptBeside(fresh.client, fresh.name), []);
    const back = await place.run(["rollback", "--confirm", "--json"]);
    assert.equal(back.code, 0, back.stdout + back.stderr);
    assert.deepEqual(await dbHash(fresh.client, fresh.name), now);
  },
);

requires(
  RS,
  "--exact sets aside what exists only live, and rollback brings it back",
  async (t, fresh) => {
    const { place, then, now } = await changedSince(t, fresh);
    const run = await place.run([...restoreArgs, "--exact"]);
    assert.equal(run.code, 0, run.stdout + run.stderr);
    assert.deepEqual(await dbHash(fresh.client, fresh.name), then);
    assert.equal((await place.run(["rollback", "--confirm", "--json"])).code, 0);
    assert.deepEqual(await dbHash(fresh.client, fresh.name), now);
  },
);

requires(
  RS,
  "a service that does not come up with the restored data gets the old data back (exit 7)",
  async (t, fresh) => {
    const { place, now } = await changedSince(t, fresh, {
      SERVICE_CHECK: "false",
    });
    const env = { SERVICE_CHECK: undefined };
    const file = place.at("first");
    const start = `echo start >> '${place.at("service.log")}'; if [ -e '${file}' ]; then exit 0; fi; touch '${file}'; exit 1`;
    await place.writeEnv({ MONGODB_URI: fresh.uri, ...noted(place), ...env, SERVICE_START: start });
    const run = await place.run(restoreArgs);
    assert.equal(run.code, 7, run.stdout + run.stderr);
    assert.deepEqual(await dbHash(fresh.client, fresh.name), now);
    assert.deepEqual(await keptBeside(fresh.client, fresh.name), []);
    assert.deepEqual(await serviceLog(place), ["stop", "start", "stop", "start"]);
  },
);

requires(
  RS,
  "a unique index that the data breaks is met while staging: nothing live has changed",
  async (t, fresh) => {
    const { place } = await changedSince(t, fresh);
    const { path } = (await place.run(["show", "latest", "--json"])).json();
    const dump = place.at("dump");
    await cp(join(path, fresh.name), join(dump, fresh.name), { recursive: true });
    const metadata = join(dump, fresh.name, "c.metadata.json.gz");
    const text = JSON.parse(gunzipSync(await readFile(metadata)).toString("utf8"));
    text.indexes.push({ v: 2, key: { v: 1 }, name: "by_v_unique", unique: true });
    await writeFile(metadata, gzipSync(JSON.stringify(text)));
    const now = await dbHash(fresh.client, fresh.name);
    const run = await place.run(["restore", dump, "--confirm", "--json"]);
    assert.equal(run.code, 1, run.stdout + run.stderr);
    assert.match(run.json().error.message, /by_v_unique/);
    assert.deepEqual(await dbHash(fresh.client, fresh.name), now);
    assert.deepEqual(await keptBeside(fresh.client, fresh.name), []);
    assert.deepEqual(await serviceLog(place), [""], "the service was never stopped");
  },
);

requires(
  RS,
  "what a writer goes on writing during the restore is kept aside, and said",
  async (t, fresh) => {
    const { place } = await changedSince(t, fresh, { SERVICE_STOP: "true", SERVICE_START: "true" });
    const running = place.start([...restoreArgs, "--verbose"]);
    const acknowledged: number[] = [];
    let n = 1_000_000;
    const done = new AbortController();
    const writing = (async () => {
      while (!done.signal.aborted) {
        await fresh.db.collection("a").insertOne({ _id: n as never, late: true });
        acknowledged.push(n++);
        await sleep(5);
      }
    })();
    const run = await running.result;
    done.abort();
    await writing;
    assert.equal(run.code, 0, run.stdout + run.stderr);
    const places = ["a", ...(await keptBeside(fresh.client, fresh.name))];
    const found = new Set<number>();
    for (const name of places)
      for (const { _id } of await fresh.db.collection(name).find({ late: true }).toArray())
        found.add(Number(_id));
    assert.deepEqual(
      acknowledged.filter((id) => !found.has(id)),
      [],
      "no acknowledged write is lost",
    );
    const [aside] = run
      .json()
      .setAside.filter((s: { namespace: string }) => s.namespace.endsWith(".a"));
    assert.equal(aside.inBackup, false);
  },
);

requires(
  RS,
  "what is aside goes when its time is over, unless something was written to it",
  async (t, fresh) => {
    const { place } = await changedSince(t, fresh);
    assert.equal((await place.run(restoreArgs)).code, 0);
    const before = await keptBeside(fresh.client, fresh.name);
    await place.writeEnv({ MONGODB_URI: fresh.uri, RESTORE_KEEP_ASIDE: "1s" });
    await sleep(1_100);
    assert.equal((await place.run(["backup", "--json"])).code, 0);
    assert.notDeepEqual(before, []);
    assert.deepEqual(await keptBeside(fresh.client, fresh.name), []);
  },
);

requires(
  RS,
  "--drop-aside shows what is kept, and drops it with --confirm only",
  async (t, fresh) => {
    const { place } = await changedSince(t, fresh);
    assert.equal((await place.run(restoreArgs)).code, 0);
    const before = await keptBeside(fresh.client, fresh.name);
    const shown = (await place.run(["restore", "--drop-aside", "--json"])).json();
    assert.equal(shown.planned, true);
    assert.equal(shown.dropAside.length, 2);
    assert.deepEqual(await keptBeside(fresh.client, fresh.name), before);
    assert.equal((await place.run(["restore", "--drop-aside", "--confirm", "--json"])).code, 0);
    assert.deepEqual(await keptBeside(fresh.client, fresh.name), []);
  },
);

requires(
  RS,
  "documents expire after the swap and not before, and with --no-ttl not at all",
  async (t, fresh) => {
    const place = await workspace(t, { MONGODB_URI: fresh.uri });
    const seen = fresh.db.collection("seen");
    await seen.insertMany([{ at: new Date(0) }, { at: new Date() }]);
    await seen.createIndex({ at: 1 }, { name: "ttl", expireAfterSeconds: 10 ** 9 * 2 }, {});
    assert.equal((await place.run(["backup", "--json"])).code, 0);
    for (const [flags, expected] of [
      [[], 2 * 10 ** 9],
      [["--no-ttl"], undefined],
    ] as const) {
      const run = await place.run([...restoreArgs, ...flags]);
      assert.equal(run.code, 0, run.stdout + run.stderr);
      const [, ttl] = await fresh.db.collection("seen").indexes();
      assert.ok(ttl);
      assert.equal(ttl.name, "ttl");
      assert.equal(ttl.expireAfterSeconds, expected);
    }
  },
);

requires(RS, "a collection restores beside the live one under another name", async (t, fresh) => {
  const { place, now } = await changedSince(t, fresh);
  const ns = `${fresh.name}.a=${fresh.name}.a_then`;
  const run = await place.run([...restoreArgs, "--ns", ns]);
  assert.equal(run.code, 0, run.stdout + run.stderr);
  const { a_then, ...rest } = await dbHash(fresh.client, fresh.name);
  assert.ok(a_then);
  assert.deepEqual(rest, now);
  assert.deepEqual(await keptBeside(fresh.client, fresh.name), []);
  assert.deepEqual(await serviceLog(place), [""], "nothing live is replaced: the service runs on");
});

test("an account that may not rename collections restores in place, and is told", async (t) => {
  const fresh = await freshDatabase(t, await standaloneWithAuth());
  const place = await workspace(t, { MONGODB_URI: fresh.uri });
  await fresh.db.collection("a").insertMany(rows(10, "old"));
  assert.equal((await place.run(["backup", "--json"])).code, 0);
  await fresh.db.collection("a").updateMany({}, { $set: { v: "new" } });
  const roles = ["backup", "restore"].map((role) => ({ role, db: "admin" }));
  await fresh.db.command({ createUser: "restorer", pwd: "x", roles });
  atEnd(t, () => fresh.db.command({ dropAllUsersFromDatabase: 1 }));
  const uri = new URL(fresh.uri);
  uri.username = "restorer";
  uri.password = "x";
  uri.searchParams.set("authSource", fresh.name);
  await place.writeEnv({ MONGODB_URI: uri.toString() });
  const run = await place.run(restoreArgs);
  assert.equal(run.code, 0, run.stdout + run.stderr);
  assert.equal(run.json().mode, "in-place");
  assert.match(run.json().warnings.join("\n"), /renameCollectionSameDB/);
  assert.equal(await fresh.db.collection("a").countDocuments({ v: "old" }), 10);
});

requires(
  RS,
  "what is aside stays when the backup that holds it has been deleted",
  async (t, fresh) => {
    const { place } = await changedSince(t, fresh);
    const { preRestoreBackup } = (await place.run(restoreArgs)).json();
    const before = await keptBeside(fresh.client, fresh.name);
    const gone = await place.run(["delete", preRestoreBackup, "--confirm", "--json"]);
    assert.equal(gone.code, 0, gone.stdout);
    await place.writeEnv({ MONGODB_URI: fresh.uri, RESTORE_KEEP_ASIDE: "1s" });
    await sleep(1_100);
    assert.equal((await place.run(["backup", "--json"])).code, 0);
    assert.deepEqual(await keptBeside(fresh.client, fresh.name), before);
  },
);

requires(
  RS,
  "a rollback whose old data somebody dropped frees no name for it",
  async (t, fresh) => {
    const { place } = await changedSince(t, fresh);
    const restored = (await place.run(restoreArgs)).json();
    const journal = `${place.backupDir}/restores/${restored.restoreId}/journal.jsonl`;
    // As if it had died in its swap: then there is only the way back by renames.
    const lines = (await readFile(journal, "utf8")).split("\n");
    const kept = lines.filter((line) => !/"step":"(live-change|end)","state":"done"/.test(line));
    await writeFile(journal, kept.join("\n"));
    for (const { collection } of restored.setAside) await fresh.db.collection(collection).drop();
    const now = await dbHash(fresh.client, fresh.name);
    const back = await place.run(["rollback", "--confirm", "--json"]);
    assert.equal(back.code, 8, back.stdout);
    assert.match(back.json().error.message, /no longer on the server/);
    assert.deepEqual(await dbHash(fresh.client, fresh.name), now);
  },
);
