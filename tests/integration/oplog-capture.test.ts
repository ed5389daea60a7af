// The oplog that a backup keeps where the dump outlasts the server's history: made one instant by it, dropped
// where it is not needed, whole also for transactions that were open when the dump began.
import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import * as BSON from "bson";
import type { Collection } from "mongodb";
import { readChunks } from "../../src/archive/chunk-reader.ts";
import type { Manifest } from "../../src/archive/manifest.ts";
import { compareTimes } from "../../src/oplog/cluster-time.ts";
import type { CliResult } from "../support/cli.ts";
import { freshDatabase } from "../support/fresh-database.ts";
import type { FreshDatabase } from "../support/fresh-database.ts";
import { untilForgotten, untilReading, whileStopped } from "../support/held-dump.ts";
import { ownServer, ROOT } from "../support/servers.ts";
import { atEnd } from "../support/temporary.ts";
import { workspace } from "../support/workspace.ts";
import type { Workspace } from "../support/workspace.ts";
import { onDisk } from "../../src/archive/place.ts";

/** Forgets instants after a second, so that a dump of seconds outlasts it. */
const FORGETFUL = {
  topology: "replicaSet",
  auth: ROOT,
  testCommands: true,
  setParameters: {
    minSnapshotHistoryWindowInSeconds: 1,
    periodicNoopIntervalSecs: 1,
    maxNumberOfTransactionOperationsInSingleOplogEntry: 4,
  },
} as const;
/** MB a second: what `big` holds takes some seconds. */
const SLOW = "1.2";

const some = (count: number) =>
  Array.from({ length: count }, (_, n) => ({ n, text: "y".repeat(400) }));

/** A database whose dump takes seconds. The smallest collection is read last. */
async function slowDatabase(t: TestContext, serverUri: string): Promise<FreshDatabase> {
  const fresh = await freshDatabase(t, serverUri);
  await fresh.db.collection("big").insertMany(some(4_500));
  await fresh.db.collection("broad").insertMany(some(4_500));
  await fresh.db.collection("small").insertMany(some(10));
  await fresh.db.collection("last").insertMany(some(1));
  return fresh;
}

/** Writes until `work` is done, one after the other: time passes on a server by its writes. */
async function whileWriting<T>(collection: Collection, work: Promise<T>): Promise<T> {
  let over = false;
  const write = async () => {
    for (let n = 0; !over; n++) {
      await collection.insertOne({ written: n });
      await sleep(50);
    }
  };
  const writing = write();
  const done = await work.finally(() => {
    over = true;
  });
  await writing;
  return done;
}

async function slowBackup(t: TestContext, fresh: FreshDatabase, values = {}) {
  const place = await workspace(t, { MONGODB_URI: fresh.uri, BACKUP_MAX_RATE: SLOW, ...values });
  return { place, running: place.start(["backup", "--json"]) };
}

/** The dump goes on when the server has forgotten the instant that it began with. */
async function untilLost(slow: Awaited<ReturnType<typeof slowBackup>>, fresh: FreshDatabase) {
  await untilReading(slow.place, slow.running, fresh.name);
  await whileStopped(slow.running, () => untilForgotten(fresh.client, fresh.name, "big"));
}

async function manifestOf(place: Workspace, run: CliResult): Promise<Manifest> {
  assert.equal(run.code, 0, run.stdout + run.stderr);
  const text = await readFile(
    join(place.backupDir, String(run.json().id), "manifest.json"),
    "utf8",
  );
  return JSON.parse(text) as Manifest;
}

async function entriesOf(place: Workspace, manifest: Manifest): Promise<BSON.Document[]> {
  const file = manifest.files.find(({ path }) => path.startsWith("oplog.bson"));
  assert.ok(file, "the manifest lists no oplog");
  const entries: BSON.Document[] = [];
  const { algorithm } = manifest.compression;
  const { signal } = new AbortController();
  const path = join(place.backupDir, manifest.id, file.path);
  for await (const { raw } of readChunks(onDisk(path), { width: 1, signal, algorithm }))
    for (let at = 0; at < raw.length; at += raw.readInt32LE(at))
      entries.push(BSON.deserialize(raw.subarray(at, at + raw.readInt32LE(at))));
  return entries;
}

const modeOf = (manifest: Manifest) => manifest.consistency.mode;
const oplogIn = (manifest: Manifest) =>
  manifest.files.filter(({ path }) => path.startsWith("oplog"));

/** A transaction that is prepared, and stays open until it is committed. */
async function prepare(fresh: FreshDatabase, documents: readonly BSON.Document[]) {
  const session = fresh.client.startSession();
  session.startTransaction();
  await fresh.db.collection("prepared").insertMany([...documents], { session });
  const admin = fresh.client.db("admin");
  const reply = await admin.command({ prepareTransaction: 1 }, { session });
  const commitTimestamp = reply.prepareTimestamp as BSON.Timestamp;
  return async () => {
    await admin.command({ commitTransaction: 1, commitTimestamp }, { session });
    await session.endSession();
  };
}

/** Lets the tests' account hold transactions open, as a router does. */
async function mayPrepare(t: TestContext, uri: string): Promise<void> {
  const { client } = await freshDatabase(t, uri);
  const roles = [{ role: "__system", db: "admin" }];
  await client.db("admin").command({ grantRolesToUser: ROOT.user, roles });
}

test("a server that soon forgets", async (t) => {
  const { uri } = await ownServer(t, FORGETFUL);
  await mayPrepare(t, uri);

  await t.test(
    "a dump that outlasts the history is one instant by the oplog it kept",
    async (t) => {
      const fresh = await slowDatabase(t, uri);
      await fresh.db.createCollection("prepared");
      // More than one entry of the oplog takes.
      const documents = Array.from({ length: 9 }, (_, _id) => ({ _id }));
      const commit = await prepare(fresh, documents);
      const elsewhere = fresh.client.db(fresh.otherName()).collection("elsewhere");
      const { place, running } = await slowBackup(t, fresh);
      const meanwhile = async () => {
        await untilReading(place, running, fresh.name);
        await whileStopped(running, async () => {
          await commit();
          await fresh.db.collection("last").drop();
          await fresh.db.collection("last").insertOne({ again: true });
        });
      };
      const both = whileWriting(elsewhere, Promise.all([running.result, meanwhile()]));
      const [run] = await whileWriting(fresh.db.collection("small"), both);
      const manifest = await manifestOf(place, run);
      assert.equal(modeOf(manifest), "oplog");
      const { from, to } = manifest.consistency;
      assert.ok(from && to && compareTimes(from, to) < 0);
      assert.deepEqual([...new Set(manifest.collections.map((c) => c.consistency))], ["oplog"]);

      const entries = await entriesOf(place, manifest);
      const writes = entries.filter((entry) => entry.op === "i");
      assert.ok(writes.length > 10);
      const [small, last] = [`${fresh.name}.small`, `${fresh.name}.last`];
      assert.deepEqual(new Set(writes.map((e) => String(e.ns))), new Set([small, last]));
      const numbers = writes
        .filter((e) => e.ns === small)
        .map((e) => (e.o as { written: number }).written);
      const first = numbers[0] ?? 0;
      assert.deepEqual(
        numbers,
        numbers.map((_, n) => first + n),
        "entries are missing",
      );
      const parts = entries.flatMap((e) => (e.o as { applyOps?: BSON.Document[] }).applyOps ?? []);
      assert.deepEqual(
        parts.map(({ o }) => (o as { _id: number })._id),
        documents.map(({ _id }) => _id),
      );
      assert.equal(entries.filter((e) => "commitTransaction" in (e.o as object)).length, 1);
      // Dropped before it was read: the oplog has all there is of its successor.
      assert.equal(manifest.collections.find((c) => c.name === "last")?.documents, 0);
      const commands = entries
        .filter((e) => e.ns === `${fresh.name}.$cmd`)
        .map((e) => e.o as object);
      assert.deepEqual(
        commands.map((o) => Object.entries(o)[0]),
        [
          ["drop", "last"],
          ["create", "last"],
        ],
      );
      const verified = await place.run(["verify", "latest", "--json"]);
      assert.equal(verified.code, 0, verified.stdout);
    },
  );

  await t.test("a dump within the history keeps no oplog", async (t) => {
    const fresh = await slowDatabase(t, uri);
    const admin = fresh.client.db("admin");
    const remember = (seconds: number) =>
      admin.command({ setParameter: 1, minSnapshotHistoryWindowInSeconds: seconds });
    await remember(300);
    atEnd(t, () => remember(1));
    const { place, running } = await slowBackup(t, fresh, { BACKUP_MAX_RATE: undefined });
    const manifest = await manifestOf(place, await running.result);
    assert.equal(modeOf(manifest), "snapshot");
    assert.deepEqual(oplogIn(manifest), []);
    const names = await readdir(join(place.backupDir, manifest.id));
    assert.deepEqual(
      names.filter((name) => name.startsWith("oplog")),
      [],
    );
  });

  await t.test("an account that may not read the oplog is told, and backed up", async (t) => {
    const fresh = await slowDatabase(t, uri);
    const roles = [{ role: "readWrite", db: fresh.name }];
    await fresh.db.command({ createUser: "app", pwd: "app", roles });
    const app = new URL(fresh.uri);
    [app.username, app.password] = ["app", "app"];
    app.searchParams.set("authSource", fresh.name);
    const slow = await slowBackup(t, fresh, { MONGODB_URI: app.href });
    const both = Promise.all([slow.running.result, untilLost(slow, fresh)]);
    const [run] = await whileWriting(fresh.db.collection("small"), both);
    const manifest = await manifestOf(slow.place, run);
    assert.equal(modeOf(manifest), "none");
    assert.deepEqual(oplogIn(manifest), []);
    const told = (run.json().warnings as string[]).join("\n");
    assert.match(told, /not one instant, because the oplog cannot be read.*role "backup"/);
  });

  await t.test("a collection renamed before its read is read under its new name", async (t) => {
    const fresh = await slowDatabase(t, uri);
    const { place, running } = await slowBackup(t, fresh);
    const move = async () => {
      await untilReading(place, running, fresh.name);
      await whileStopped(running, () => fresh.db.collection("last").rename("latest"));
    };
    const both = Promise.all([running.result, move()]);
    const [run] = await whileWriting(fresh.db.collection("small"), both);
    const manifest = await manifestOf(place, run);
    assert.match(run.stderr, /last is read again, as latest/);
    assert.equal(modeOf(manifest), "oplog");
    // The file has the name of the beginning: the oplog renames it.
    const last = manifest.collections.find((c) => c.name === "last");
    assert.equal(last?.documents, 1);
    assert.equal(manifest.collections.length, 4);
  });

  await t.test("what cannot be replayed makes a dump start over, once", async (t) => {
    const fresh = await slowDatabase(t, uri);
    const [restore, own] = ["2026-01-01_00-00-00", "__mongokeep_2026-01-01_00-00-00_2"];
    await fresh.db.collection(own).insertMany(some(7));
    await fresh.db
      .collection("__mongokeep_restores")
      .insertOne({ _id: own as never, restore, role: "staged", namespace: `${fresh.name}.small` });
    const slow = await slowBackup(t, fresh);
    const { place, running } = slow;
    const exchange = async () => {
      await untilLost(slow, fresh);
      await running.says(/the rest is read as it is now/);
      await whileStopped(running, () =>
        fresh.db.collection(own).rename("small", { dropTarget: true }),
      );
    };
    const both = Promise.all([running.result, exchange()]);
    const [run] = await whileWriting(fresh.db.collection("broad"), both);
    const manifest = await manifestOf(place, run);
    assert.equal(run.stderr.match(/starts over/g)?.length, 1, run.stderr);
    assert.equal(manifest.collections.find((c) => c.name === "small")?.documents, 7);
  });

  await t.test(
    "where the oplog cannot be followed to its end there is no backup (PBM-1538, PBM-1345)",
    async (t) => {
      const fresh = await slowDatabase(t, uri);
      const { place, running } = await slowBackup(t, fresh);
      const admin = fresh.client.db("admin");
      const data = { failCommands: ["getMore"], namespace: "local.oplog.rs", errorCode: 136 };
      const lose = async () => {
        await untilReading(place, running, fresh.name);
        await whileStopped(running, async () => {
          await untilForgotten(fresh.client, fresh.name, "big");
          await admin.command({ configureFailPoint: "failCommand", mode: "alwaysOn", data });
        });
      };
      const both = Promise.all([running.result, lose()]);
      try {
        const [run] = await whileWriting(fresh.db.collection("small"), both);
        assert.equal(run.code, 1, run.stdout + run.stderr);
        assert.match(run.json().error.message, /the oplog rolled over while it was read/);
        assert.match(run.json().error.hint, /replSetResizeOplog/);
      } finally {
        await admin.command({ configureFailPoint: "failCommand", mode: "off" });
      }
      const listed = (await place.run(["list", "--json"])).json();
      assert.deepEqual(listed.backups, []);
    },
  );

  await t.test("a killed cursor does not mean that its collection was dropped", async (t) => {
    const fresh = await slowDatabase(t, uri);
    const admin = fresh.client.db("admin");
    const namespace = `${fresh.name}.last`;
    const data = { failCommands: ["find"], namespace, errorCode: 175 };
    // Twice: at the instant, if it is read before that is lost, and as it is now.
    await admin.command({ configureFailPoint: "failCommand", mode: { times: 2 }, data });
    const slow = await slowBackup(t, fresh);
    const both = Promise.all([slow.running.result, untilLost(slow, fresh)]);
    const [run] = await whileWriting(fresh.db.collection("small"), both);
    const manifest = await manifestOf(slow.place, run);
    assert.match(run.stderr, /last is read again/);
    const last = manifest.collections.find((c) => c.name === "last");
    assert.equal(last?.documents, 1);
  });
});
