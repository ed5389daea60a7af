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
import type { CliResult } from "../support/cli.ts";
import { freshDatabase } from "../support/fresh-database.ts";
import type { FreshDatabase } from "../support/fresh-database.ts";
import { ownServer } from "../support/servers.ts";
import { workspace } from "../support/workspace.ts";
import type { Workspace } from "../support/workspace.ts";

/** Forgets instants after a second, so that a dump of seconds outlasts it. */
const FORGETFUL = {
  topology: "replicaSet",
  setParameters: { minSnapshotHistoryWindowInSeconds: 1, periodicNoopIntervalSecs: 1 },
} as const;
/** MB a second: some documents take some seconds. */
const SLOW = "0.8";

const some = (count: number) =>
  Array.from({ length: count }, (_, n) => ({ n, text: "y".repeat(400) }));

async function forgetful(t: TestContext): Promise<FreshDatabase> {
  const server = await ownServer(t, FORGETFUL);
  const fresh = await freshDatabase(t, server.uri);
  await fresh.db.collection("big").insertMany(some(8_000));
  await fresh.db.collection("small").insertMany(some(10));
  return fresh;
}

/** Writes until `work` is done: time passes on a server by its writes. */
async function whileWriting<T>(collection: Collection, work: Promise<T>): Promise<T> {
  let n = 0;
  const writing = setInterval(() => {
    void collection.insertOne({ written: n++ }).catch(() => undefined);
  }, 50);
  return await work.finally(() => {
    clearInterval(writing);
  });
}

async function slowBackup(t: TestContext, fresh: FreshDatabase, values = {}) {
  const place = await workspace(t, { MONGODB_URI: fresh.uri, BACKUP_MAX_RATE: SLOW, ...values });
  return { place, running: place.start(["backup", "--json"]) };
}

async function manifestOf(place: Workspace, run: CliResult): Promise<Manifest> {
  assert.equal(run.code, 0, run.stdout + run.stderr);
  const text = await readFile(join(place.backupDir, String(run.json().id), "manifest.json"), "utf8");
  return JSON.parse(text) as Manifest;
}

async function entriesOf(place: Workspace, manifest: Manifest): Promise<BSON.Document[]> {
  const file = manifest.files.find(({ path }) => path.startsWith("oplog.bson"));
  assert.ok(file, "the manifest lists no oplog");
  const entries: BSON.Document[] = [];
  const { algorithm } = manifest.compression;
  const { signal } = new AbortController();
  const path = join(place.backupDir, manifest.id, file.path);
  for await (const { raw } of readChunks(path, { width: 1, signal, algorithm }))
    for (let at = 0; at < raw.length; at += raw.readInt32LE(at))
      entries.push(BSON.deserialize(raw.subarray(at, at + raw.readInt32LE(at))));
  return entries;
}

test("a dump that outlasts the server's history is one instant by the oplog it kept", async (t) => {
  const fresh = await forgetful(t);
  const elsewhere = fresh.client.db(fresh.otherName()).collection("elsewhere");
  const { place, running } = await slowBackup(t, fresh);
  const both = whileWriting(elsewhere, running.result);
  const run = await whileWriting(fresh.db.collection("small"), both);
  const manifest = await manifestOf(place, run);
  const { mode, from, to } = manifest.consistency;
  assert.equal(mode, "oplog");
  assert.ok(from && to && (from.t < to.t || from.i < to.i));
  assert.deepEqual([...new Set(manifest.collections.map((c) => c.consistency))], ["oplog"]);
  const entries = await entriesOf(place, manifest);
  assert.ok(entries.length > 10);
  assert.deepEqual([...new Set(entries.map((e) => String(e.ns)))], [`${fresh.name}.small`]);
  // What was read and what the oplog adds is what was there in the end, with nothing missing.
  const written = entries.map((e) => (e.o as { written: number }).written);
  assert.deepEqual(written, written.toSorted((a, b) => a - b));
  const verified = await place.run(["verify", "latest", "--json"]);
  assert.equal(verified.code, 0, verified.stdout);
});
