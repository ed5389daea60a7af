// The seam for encryption, through the jobs: with a transform in their context, the commands that read a backup give
// what they give without one, and none of them does so without the key.
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { ON_DISK } from "../../src/archive/place.ts";
import type { Place } from "../../src/archive/place.ts";
import { runBackup } from "../../src/jobs/backup/backup.ts";
import type { JobContext } from "../../src/jobs/context.ts";
import { runDiff } from "../../src/jobs/inspect/diff.ts";
import { runExtract } from "../../src/jobs/inspect/extract.ts";
import { runVerify } from "../../src/jobs/inspect/verify.ts";
import { runRestore } from "../../src/jobs/restore/restore.ts";
import { runRollback } from "../../src/jobs/restore/rollback.ts";
import { openDeployment } from "../../src/mongo/deployment.ts";
import { toRequest } from "../../src/restore/record/request.ts";
import { localDisk } from "../../src/storage/local-disk.ts";
import { systemClock } from "../../src/util/clock.ts";
import { Secret } from "../../src/util/secret.ts";
import { freshDatabase } from "../support/fresh-database.ts";
import type { FreshDatabase } from "../support/fresh-database.ts";
import { folderContext } from "../support/job-context.ts";
import { sealedBlocks } from "../support/sealed-blocks.ts";
import { temporaryFolder } from "../support/temporary.ts";

const BACKUP = {
  ...{ manual: true, note: null, databases: null, exclude: [], compression: null, engine: null },
} as const;
const EVERYTHING = {
  other: null,
  rename: new Map<string, string>(),
  only: null,
  exclude: [],
  samples: 5,
};

function contextAt(folder: string, database: FreshDatabase, place: Place): JobContext {
  const made = folderContext(folder, "2026-01-01T00:00:00Z");
  const uri = new Secret(database.serverUri);
  const settings = { ...made.settings, uri, databases: [database.name] };
  return {
    ...{ ...made, settings, place, clock: systemClock },
    connect: (signal = made.signal) => openDeployment(uri, { emit: made.emit, signal }),
  };
}

test("backup, verify, diff, extract, restore and rollback work through a transform, and only with its key", async (t) => {
  const database = await freshDatabase(t);
  const folder = await temporaryFolder(t);
  const patients = database.db.collection<{ _id: number; name: string }>("patients");
  const documents = Array.from({ length: 3_000 }, (_, n) => ({
    _id: n,
    name: `patient number ${n}`,
  }));
  await patients.insertMany(documents);
  await patients.createIndex({ name: 1 });
  const sealed: Place = { storage: localDisk, transform: sealedBlocks(randomBytes(32)) };
  const context = contextAt(folder, database, sealed);

  // Of before the key was set: it is still read as it is stored.
  const plain = await runBackup(contextAt(folder, database, ON_DISK), BACKUP);
  assert.ok((await runVerify(context, { refs: plain.id, level: "full" })).ok);
  assert.ok((await runDiff(context, { ...EVERYTHING, backup: plain.id })).equal);

  const { id: backup, path } = await runBackup(context, BACKUP);
  for (const name of await readdir(join(path, database.name))) {
    const stored = await readFile(join(path, database.name, name));
    assert.ok(!stored.subarray(0, 2).equals(Buffer.from([0x1f, 0x8b])), `${name} is not sealed`);
  }
  for (const level of ["quick", "full"] as const)
    assert.ok((await runVerify(context, { refs: "all", level })).ok, level);
  assert.ok((await runDiff(context, { ...EVERYTHING, backup })).equal);
  const taken: string[] = [];
  const query = {
    backup,
    namespace: `${database.name}.patients`,
    query: '{"_id": 2999}',
    limit: null,
  };
  await runExtract(context, query, (ejson) => taken.push(ejson) > 0);
  assert.match(taken.join(""), /patient number 2999/);

  for (const wrong of [ON_DISK, { ...sealed, transform: sealedBlocks(randomBytes(32)) }]) {
    const blind = contextAt(folder, database, wrong);
    assert.ok(!(await runVerify(blind, { refs: backup, level: "full" })).ok);
    assert.ok((await runVerify(blind, { refs: plain.id, level: "full" })).ok);
    await assert.rejects(runDiff(blind, { ...EVERYTHING, backup }), { code: "damaged" });
    const request = toRequest({ backup, useService: false, confirm: true });
    await assert.rejects(runRestore(blind, request), { code: "damaged" });
    assert.equal(await patients.countDocuments(), 3_000);
  }

  await patients.updateMany({ _id: { $lt: 10 } }, { $set: { name: "changed" } });
  await database.db.collection("new").insertOne({ a: 1 });
  for (const [from, inPlace] of [
    [backup, false],
    [backup, true],
    [plain.id, false],
  ] as const) {
    const request = toRequest({ backup: from, inPlace, useService: false, confirm: true });
    const done = await runRestore(context, request);
    assert.ok("restoreId" in done);
    assert.deepEqual(await patients.find().sort({ _id: 1 }).toArray(), documents);
    await runRollback(context, { restoreId: done.restoreId, useService: false, confirm: true });
    assert.equal(await patients.countDocuments({ name: "changed" }), 10);
  }
});
