// list, show and delete on real folders.
import assert from "node:assert/strict";
import { mkdir, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { fabricateBackup, reverify } from "../../../tests/support/fabricate.ts";
import { folderContext, toldCodes } from "../../../tests/support/job-context.ts";
import { temporaryFolder } from "../../../tests/support/temporary.ts";
import { KeepError } from "../../errors.ts";
import { createRecord } from "../../restore/record/record-file.ts";
import type { RestorePlan } from "../../restore/plan/plan.ts";
import { listBackups } from "./list.ts";
import { removeBackup } from "./remove.ts";
import { showBackup } from "./show.ts";
import { runVerify } from "../inspect/verify.ts";

const NOW = "2026-11-23T08:00:00Z";
const ID = "2026-11-20_02-00-00";
const AT = "2026-11-20T02:00:00Z";
const coded = (code: string) => (error: unknown) =>
  error instanceof KeepError && error.code === code;

test("list tells each backup's state and the day on which it goes, newest first", async (t) => {
  const root = await temporaryFolder(t);
  await fabricateBackup(root, "2026-11-18T02:00:00Z", { type: "manual", note: "before v2" });
  await reverify(await fabricateBackup(root, "2026-11-19T02:00:00Z"), false);
  await fabricateBackup(root, "2026-11-23T02:00:00Z");
  await mkdir(join(root, ".2026-11-23_08-00-00.partial"));
  const { backups } = await listBackups(folderContext(root, NOW));
  assert.deepEqual(
    backups.map(({ id, state, type, note, expiresOn }) => [id, state, type, note, expiresOn]),
    [
      ["2026-11-23_02-00-00", "good", "automatic", null, "2027-11-23"],
      ["2026-11-19_02-00-00", "damaged", "automatic", null, "2026-12-19"],
      ["2026-11-18_02-00-00", "good", "manual", "before v2", null],
    ],
  );
  assert.equal(backups[1]?.verification?.ok, false);
});

test("a backup folder that does not exist yet has no backups, and none is made", async (t) => {
  const root = join(await temporaryFolder(t), "none");
  assert.deepEqual(await listBackups(folderContext(root, NOW)), { backups: [] });
  await assert.rejects(readdir(root), { code: "ENOENT" });
});

test("show gives the manifest of one backup, wherever it lies", async (t) => {
  const root = await temporaryFolder(t);
  const { manifest, path } = await fabricateBackup(root, AT);
  const shown = await showBackup(folderContext(root, NOW), "latest");
  assert.deepEqual([shown.id, shown.manifest, shown.state], [ID, manifest, "good"]);
  assert.ok(shown.expiresOn);
  const elsewhere = folderContext(await temporaryFolder(t), NOW);
  const moved = await showBackup(elsewhere, path);
  assert.deepEqual([moved.manifest, moved.state, moved.expiresOn], [manifest, "good", null]);
  await rm(join(path, "manifest.json"));
  const broken = await showBackup(elsewhere, path);
  assert.deepEqual([broken.manifest, broken.state], [null, "unreadable"]);
});

test("delete says what it would do, and does it when told to", async (t) => {
  const root = await temporaryFolder(t);
  const { path } = await fabricateBackup(root, AT, { type: "manual" });
  const context = folderContext(root, NOW);
  const planned = await removeBackup(context, ID, false);
  assert.deepEqual([planned.planned, planned.deleted, planned.path], [true, false, path]);
  assert.deepEqual(await readdir(root), [ID]);
  assert.deepEqual(toldCodes(context), ["only-good-backup"]);
  const done = await removeBackup(context, ID, true);
  assert.deepEqual(done, { ...planned, planned: false, deleted: true });
  assert.deepEqual(await readdir(root), [".gitignore"]);
});

test("delete takes ids of the backup folder only", async (t) => {
  const root = await temporaryFolder(t);
  const outside = await temporaryFolder(t);
  const { path } = await fabricateBackup(root, AT);
  const other = await fabricateBackup(outside, AT);
  const context = folderContext(root, NOW);
  for (const ref of ["latest", path, other.path, "~"])
    await assert.rejects(removeBackup(context, ref, true), coded("usage"), ref);
  for (const ref of ["", "..", "../x", "restores", "2026-11-20_02-00-01"])
    await assert.rejects(removeBackup(context, ref, true), (e) => e instanceof KeepError, ref);
  assert.ok((await readdir(root)).includes(ID));
  assert.deepEqual(await readdir(outside), [ID]);
});

test("delete removes a symbolic link, never what it leads to", async (t) => {
  const root = await temporaryFolder(t);
  const { path } = await fabricateBackup(await temporaryFolder(t), AT);
  await symlink(path, join(root, ID));
  await removeBackup(folderContext(root, NOW), ID, true);
  assert.deepEqual(await readdir(root), [".gitignore"]);
  assert.ok((await readdir(path)).includes("manifest.json"));
});

test("a backup that an unfinished restore needs cannot be deleted", async (t) => {
  const root = await temporaryFolder(t);
  await fabricateBackup(root, AT);
  const context = folderContext(root, NOW);
  const plan = { backup: ID } as RestorePlan;
  const recorded = { schema: 1, id: "2026-11-23_07-00-00", createdAt: NOW, rollbackOf: null, plan } as const; // prettier-ignore
  const record = await createRecord(root, recorded, context.clock);
  await record.journal({ step: "live-change", state: "begin" });
  await assert.rejects(removeBackup(context, ID, true), coded("usage"));
  await record.journal({ step: "live-change", state: "done" });
  await record.journal({ step: "end", state: "done" });
  await record.close();
  assert.equal((await removeBackup(context, ID, true)).deleted, true);
});

test("a link or a file with a backup's name does not keep the others from being verified", async (t) => {
  const root = await temporaryFolder(t);
  const { id } = await fabricateBackup(root, AT);
  await symlink("/nowhere", join(root, "2026-11-21_02-00-00"));
  await writeFile(join(root, "2026-11-22_02-00-00"), "");
  const { ok, backups } = await runVerify(folderContext(root, NOW), {
    refs: "all",
    level: "quick",
  });
  assert.equal(ok, false);
  assert.deepEqual(
    backups.map((one) => [one.id, one.ok]),
    [
      ["2026-11-22_02-00-00", false],
      ["2026-11-21_02-00-00", false],
      [id, true],
    ],
  );
});
