import assert from "node:assert/strict";
import { chmod, mkdir, readdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { fabricateBackup } from "../../../tests/support/fabricate.ts";
import { folderContext, toldCodes } from "../../../tests/support/job-context.ts";
import { temporaryFolder } from "../../../tests/support/temporary.ts";
import { acquireLock } from "../../archive/lock.ts";
import { KeepError } from "../../errors.ts";
import { cleanup, cleanupLocked, clearLeftovers } from "./cleanup.ts";

const NOW = "2026-11-23T08:00:00Z";
const DAY = 86_400_000;
const OLD = "2026-10-20_02-00-00"; // a Tuesday, 34 days old; its week has a Sunday

async function fillNights(root: string): Promise<void> {
  for (let days = 40; days >= 0; days--)
    await fabricateBackup(root, new Date(Date.parse("2026-11-23T02:00:00Z") - days * DAY).toISOString()); // prettier-ignore
}

const deletedOf = (result: Awaited<ReturnType<typeof cleanup>>) =>
  result.decisions.filter((d) => d.action === "delete").map((d) => d.id);

test("what the policy lets go is deleted, and a dry run says the same and changes nothing", async (t) => {
  const root = await temporaryFolder(t);
  await fillNights(root);
  const context = folderContext(root, NOW);
  const before = (await readdir(root)).sort();
  const dry = await cleanup(context, { dryRun: true });
  assert.deepEqual((await readdir(root)).sort(), before);
  const planned = deletedOf(dry);
  assert.ok(planned.includes(OLD));
  const done = await cleanup(context, { dryRun: false });
  assert.deepEqual(done, { ...dry, dryRun: false });
  assert.ok(done.freedBytes > 0);
  const left = (await readdir(root)).filter((name) => !name.startsWith("."));
  assert.deepEqual(left.sort(), before.filter((id) => !planned.includes(id)).sort());
  assert.deepEqual(deletedOf(await cleanup(context, { dryRun: false })), []);
});

test("what a caller pins stays, with the reason", async (t) => {
  const root = await temporaryFolder(t);
  await fillNights(root);
  const pinned = new Map([[OLD, "being restored"]]);
  const result = await cleanupLocked(folderContext(root, NOW), { dryRun: false, pinned });
  assert.equal(result.decisions.find(({ id }) => id === OLD)?.reason, "kept: being restored");
  assert.ok((await readdir(root)).includes(OLD));
});

test("when the newest good backup is old nothing goes, and that is told", async (t) => {
  const root = await temporaryFolder(t);
  await fillNights(root);
  const context = folderContext(root, "2026-12-20T08:00:00Z");
  const result = await cleanup(context, { dryRun: false });
  assert.deepEqual(deletedOf(result), []);
  assert.equal(result.alerts.length, 1);
  assert.deepEqual(toldCodes(context), ["backups-stale"]);
});

test("cleanup waits for nobody and touches nothing while another run is at work", async (t) => {
  const root = await temporaryFolder(t);
  await fillNights(root);
  const context = folderContext(root, NOW);
  await mkdir(join(root, ".2026-11-23_08-00-00.partial"));
  await using _lock = await acquireLock(root, { ...context, command: "backup", waitMs: 0 });
  const namesIn = async () => (await readdir(root)).filter((name) => name !== ".gitignore");
  const before = await namesIn();
  const refused = (error: unknown) => error instanceof KeepError && error.code === "locked";
  await assert.rejects(cleanup(context, { dryRun: false }), refused);
  await cleanup(context, { dryRun: true });
  assert.deepEqual(await namesIn(), before);
});

test("a run whose lock another one took deletes nothing", async (t) => {
  const root = await temporaryFolder(t);
  await fillNights(root);
  await mkdir(join(root, ".2026-11-23_08-00-00.partial"));
  await mkdir(join(root, ".2026-11-01_08-00-00.deleting"));
  const before = await readdir(root);
  const lost = new KeepError("lock-lost", "another run took the lock");
  const context = { ...folderContext(root, NOW), assertHeld: () => Promise.reject(lost) };
  await assert.rejects(clearLeftovers(context), lost);
  await assert.rejects(cleanupLocked(context, { dryRun: false }), lost);
  assert.deepEqual(await readdir(root), before);
  await cleanupLocked(context, { dryRun: true });
});

test("leftovers of dead runs go and are told; a run's own unfinished backup stays while it relieves", async (t) => {
  const root = await temporaryFolder(t);
  const precious = await temporaryFolder(t);
  await writeFile(join(precious, "file"), "x");
  await mkdir(join(root, ".2026-11-23_08-00-00.partial", "surg"), { recursive: true });
  await mkdir(join(root, ".2026-11-01_08-00-00.deleting"));
  await symlink(precious, join(root, ".2026-11-02_08-00-00.damaged.deleting"));
  await mkdir(join(root, ".my own.deleting"));
  const context = folderContext(root, NOW);
  await cleanupLocked(context, { dryRun: false });
  const kept = [".2026-11-23_08-00-00.partial", ".my own.deleting"];
  assert.deepEqual((await readdir(root)).sort(), kept);
  await cleanup(context, { dryRun: false });
  assert.deepEqual(
    (await readdir(root)).filter((name) => name !== ".gitignore"),
    [".my own.deleting"],
  );
  assert.deepEqual(toldCodes(context), Array(3).fill("leftover-removed"));
  assert.deepEqual(await readdir(precious), ["file"]);
});

test("one that cannot be deleted stays, is told, and stops nothing", async (t) => {
  if (process.getuid?.() === 0) {
    t.skip("root can delete everything");
    return;
  }
  const root = await temporaryFolder(t);
  await fillNights(root);
  const locked = join(root, OLD, "surg");
  await chmod(locked, 0);
  t.after(() => chmod(locked, 0o700));
  const context = folderContext(root, NOW);
  const result = await cleanup(context, { dryRun: false });
  assert.match(result.decisions.find(({ id }) => id === OLD)?.reason ?? "", /could not be deleted/);
  assert.ok(deletedOf(result).length > 0);
  assert.deepEqual(toldCodes(context), ["delete-failed"]);
});
