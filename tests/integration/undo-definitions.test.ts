// Every way back (a rollback by renames or by the safety backup, the undo of a failed restore, the rollback of an
// interrupted one) brings back options and indexes too, and a result says of each collection what was compared.
import assert from "node:assert/strict";
import { resolve } from "node:path";
import type { Db, Document } from "mongodb";
import { definitionCheck, verifyRenamed } from "../../src/jobs/restore/run/verify-definitions.ts";
import { listNamespaces } from "../../src/mongo/namespaces.ts";
import { sideOf } from "../../src/restore/swap/staged.ts";
import { readStandings } from "../../src/restore/swap/standings.ts";
import { withDefinitions } from "../../src/restore/swap/swap-definitions.ts";
import { reversed } from "../../src/restore/swap/swap-plan.ts";
import { deploymentFor } from "../support/deployment.ts";
import { describeCatalog } from "../support/fidelity.ts";
import { freshDatabase } from "../support/fresh-database.ts";
import type { FreshDatabase } from "../support/fresh-database.ts";
import { requires } from "../support/requires.ts";
import { ownServer } from "../support/servers.ts";
import { workspace } from "../support/workspace.ts";
import type { Workspace } from "../support/workspace.ts";

const RS = { topology: "replicaSet", server: ">=6.0" } as const;
const KILLER = resolve(import.meta.dirname, "../support/kill-at-journal.ts");
const FAR_SECONDS = 1_000_000_000;

/** Everything that a definition can lose. */
async function fill(db: Db, v: string): Promise<void> {
  await db.createCollection("ts", {
    timeseries: { timeField: "t", metaField: "m", granularity: "minutes" },
    expireAfterSeconds: FAR_SECONDS,
  });
  await db.collection("ts").insertOne({ t: new Date(), m: v });
  await db.createCollection("kept", {
    validator: { v: { $type: "string" } },
    validationLevel: "moderate",
  });
  await db.collection("kept").insertOne({ v, at: new Date() });
  await db.collection("kept").createIndexes([
    { key: { at: 1 }, name: "ttl", expireAfterSeconds: FAR_SECONDS },
    { key: { h: 1 }, name: "hidden", hidden: true },
    { key: { u: 1 }, name: "unique", unique: true, partialFilterExpression: { u: { $gt: 1 } } },
    { key: { s: -1 }, name: "sparse", sparse: true, collation: { locale: "de" } },
  ]);
  await db.command({ collMod: "kept", index: { name: "sparse", prepareUnique: true } });
  await db.createCollection("capped", { capped: true, size: 4096, max: 7 });
  await db.collection("capped").insertOne({ v });
  await db.createCollection("view", { viewOn: "kept", pipeline: [{ $match: { v } }] });
}

/** Also what describeCatalog leaves out: indexes of a time series. */
async function catalogOf(db: Db): Promise<Document[]> {
  return [
    ...(await describeCatalog(db)),
    { ts: await db.collection("ts").listIndexes().toArray() },
  ];
}

async function ready(place: Workspace, { db, uri }: FreshDatabase) {
  await place.writeEnv({ MONGODB_URI: uri });
  for (const name of ["ts", "kept", "capped"]) await db.collection(name).insertOne({ v: "old" });
  await db.createCollection("view", { viewOn: "capped", pipeline: [] });
  const backup = await place.run(["backup", "--manual", "--json"]);
  assert.equal(backup.code, 0, backup.stderr);
  await db.dropDatabase();
  await fill(db, "new");
  return await catalogOf(db);
}

type Compared = Record<string, [documents: number | null, equal: boolean | null, how: string]>;
interface Result {
  readonly collections: readonly {
    readonly namespace: string;
    readonly documents: number | null;
    readonly equal: boolean | null;
    readonly verified: string;
  }[];
}

function comparedIn({ collections }: Result): Compared {
  const found: Compared = {};
  for (const { namespace, documents, equal, verified } of collections)
    found[namespace.replace(/^[^.]+\./, "")] = [documents, equal, verified];
  return found;
}

async function done(place: Workspace, ...args: string[]) {
  const run = await place.run([...args, "--confirm", "--json"]);
  assert.equal(run.code, 0, run.stdout + run.stderr);
  return run.json() as Result;
}

async function killAt(place: Workspace, pattern: string, ...flags: string[]): Promise<void> {
  const env = { NODE_OPTIONS: `--import=${KILLER}`, KILL_AT_JOURNAL_MATCH: pattern };
  const run = await place.run(["restore", "latest", "--confirm", ...flags], { env });
  assert.equal(run.signal, "SIGKILL", run.stdout + run.stderr);
}

requires(RS, "a rollback brings back options and indexes, whichever way", async (t, fresh) => {
  const place = await workspace(t);
  const before = await ready(place, fresh);
  const { name } = fresh;
  for (const flags of [[], ["--in-place"]]) {
    await done(place, "restore", "latest", ...flags);
    assert.notDeepEqual(await catalogOf(fresh.db), before);
    const back = await done(place, "rollback");
    assert.deepEqual(await catalogOf(fresh.db), before, flags.join());
    const how = flags.length === 0 ? [1, null, "renamed back"] : [1, true, "hash"];
    const { kept, ts, view } = comparedIn(back);
    assert.deepEqual([kept, ts], [how, [1, true, "hash"]], name);
    assert.deepEqual(view, [0, true, "definition"]);
  }
});

requires(RS, "the undo of a failed restore brings them back too (exit 7)", async (t, fresh) => {
  const place = await workspace(t);
  const before = await ready(place, fresh);
  await place.writeEnv({ MONGODB_URI: fresh.uri, SERVICE_STOP: "true", SERVICE_START: "false" });
  const run = await place.run(["restore", "latest", "--confirm", "--json"]);
  assert.equal(run.code, 7, run.stdout + run.stderr);
  assert.deepEqual(await catalogOf(fresh.db), before);
});

const EXPIRING = { timeseries: { timeField: "t" }, expireAfterSeconds: FAR_SECONDS } as const;

requires(
  RS,
  "a TTL index in admin and the expiry of a time series come back, of a whole deployment",
  async (t) => {
    const { uri } = await ownServer(t, { topology: "replicaSet" });
    const { client } = await freshDatabase(t, uri);
    const [admin, surg] = [client.db("admin"), client.db("surg")];
    const place = await workspace(t, { MONGODB_URI: uri });
    const catalogs = async () =>
      await Promise.all([
        admin.collection("mine").listIndexes().toArray(),
        surg.listCollections({ name: "ts" }, { nameOnly: false }).toArray(),
      ]);
    const fill = async (at: Date, series: Document, expireAfterSeconds: number) => {
      await admin.collection("mine").insertOne({ at });
      await admin
        .collection("mine")
        .createIndexes([{ key: { at: 1 }, name: "ttl", expireAfterSeconds }]);
      await surg.createCollection("ts", series);
      await surg.collection("ts").insertOne({ t: at });
      return await catalogs();
    };
    const first = await fill(new Date(), EXPIRING, FAR_SECONDS);
    assert.equal((await place.run(["backup", "--manual"])).code, 0);
    await admin.collection("mine").drop();
    await surg.collection("ts").drop();
    const series = { ...EXPIRING, expireAfterSeconds: FAR_SECONDS + 1 };
    const second = await fill(new Date(), series, FAR_SECONDS - 1);
    await done(place, "restore", "latest");
    assert.deepEqual(await catalogs(), first);
    await done(place, "rollback");
    assert.deepEqual(await catalogs(), second);
  },
);

requires(
  RS,
  "what a rename brought back is compared with what was recorded before it",
  async (t, fresh) => {
    await fill(fresh.db, "new");
    const { deployment } = await deploymentFor(t, fresh.uri);
    const standings = await readStandings(fresh.client, fresh.name);
    const names = ["kept", "capped", "view"];
    const sides = names.map((name) => ({
      ...{ database: fresh.name, name, new: { kind: "none" } as const },
      old: sideOf(standings.get(name), `parked_${name}`),
    }));
    const items = (await withDefinitions(deployment, sides)).map(reversed);
    await verifyRenamed(deployment, items);
    // An index that was being built when they were read is no loss.
    await fresh.db.collection("capped").createIndex({ later: 1 });
    await verifyRenamed(deployment, items);
    await fresh.db.command({ collMod: "kept", index: { name: "ttl", expireAfterSeconds: 7 } });
    await fresh.db.collection("kept").dropIndex("unique");
    await fresh.db.command({ collMod: "view", viewOn: "capped", pipeline: [] });
    await fresh.db.collection("capped").rename("other");
    await fresh.db.createCollection("capped", { capped: true, size: 4096, max: 7 });
    await assert.rejects(verifyRenamed(deployment, items), (error: Document) => {
      const { differences } = error.details as { differences: string[] };
      assert.deepEqual(differences, [
        ...["unique", "ttl"].map((index) => `${fresh.name}.kept: index ${index}`),
        `${fresh.name}.capped is another collection`,
        `${fresh.name}.view: options`,
      ]);
      return true;
    });
  },
);

requires(
  RS,
  "the rollback of an interrupted restore says what was renamed and what was compared",
  async (t, fresh) => {
    const place = await workspace(t);
    const before = await ready(place, fresh);
    await killAt(place, '"step":"load","state":"done","namespace":"[^"]+\\.ts"');
    const back = await done(place, "rollback");
    assert.deepEqual(await catalogOf(fresh.db), before);
    const { kept, ts } = comparedIn(back);
    assert.deepEqual(kept, [null, null, "renamed back"]);
    assert.deepEqual(ts, [1, true, "hash"]);
    await killAt(place, '"step":"drop","state":"done"', "--in-place");
    const inPlace = await done(place, "rollback");
    assert.deepEqual(await catalogOf(fresh.db), before);
    for (const [documents, equal, how] of Object.values(comparedIn(inPlace)))
      assert.equal(equal, ["hash", "definition"].includes(how) ? true : null, String(documents));
  },
);

requires(
  RS,
  "a resumed restore claims what its journal or a new comparison says",
  async (t, fresh) => {
    const place = await workspace(t);
    await ready(place, fresh);
    await killAt(place, '"step":"swap","state":"begin"');
    const resumed = await done(place, "restore", "--resume");
    const found = comparedIn(resumed);
    assert.deepEqual(found.kept, [1, true, "hash"]);
    assert.deepEqual(found.capped, [1, true, "hash"]);
    assert.equal(await fresh.db.collection("kept").countDocuments({ v: "old" }), 1);
  },
);

requires(RS, "what is back otherwise than it was is named, and no success", async (t, fresh) => {
  await fill(fresh.db, "new");
  const { deployment } = await deploymentFor(t, fresh.uri);
  const { signal } = new AbortController();
  const known = await listNamespaces(fresh.client, fresh.name, signal);
  const work = known.map(({ database, name, type, options, indexes }) => ({
    planned: { namespace: `${database}.${name}`, database, name, type },
    metadata: { collectionName: name, type, uuid: null, options, indexes },
  }));
  const prove = definitionCheck(deployment, signal);
  await prove(work);
  await fresh.db.command({ collMod: "ts", expireAfterSeconds: "off" });
  await fresh.db.command({ collMod: "kept", index: { name: "ttl", expireAfterSeconds: 7 } });
  await fresh.db.command({ collMod: "kept", index: { name: "hidden", hidden: false } });
  await fresh.db.collection("kept").dropIndex("unique");
  await fresh.db.collection("capped").drop();
  await assert.rejects(
    prove(work),
    (error: { code?: string; details?: { differences?: unknown } }) => {
      const differences = error.details?.differences;
      assert.deepEqual(
        [error.code, differences],
        [
          "failed",
          [
            `${fresh.name}.capped is not there`,
            ...["unique", "ttl", "hidden"].map((index) => `${fresh.name}.kept: index ${index}`),
            `${fresh.name}.ts: options`,
          ],
        ],
      );
      return true;
    },
  );
});
