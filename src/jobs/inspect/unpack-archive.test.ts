// Archives of mongodump as jobs use them: opened like a folder, and gone with the job, whatever ends it.
import assert from "node:assert/strict";
import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { folderContext, toldCodes } from "../../../tests/support/job-context.ts";
import { goodArchive } from "../../../tests/support/mongodump-archive.ts";
import { temporaryFolder } from "../../../tests/support/temporary.ts";
import type { Cleanup } from "../../../tests/support/temporary.ts";
import { describeSelf } from "../../archive/lock-holder.ts";
import { runExtract } from "./extract.ts";
import { showBackup } from "../catalog/show.ts";
import { unpackArchive } from "./unpack-archive.ts";
import { runVerify } from "./verify.ts";

const NOW = "2026-11-23T08:00:00Z";
const WHOLE = { command: "restore", outlineOnly: false };

async function place(t: Cleanup) {
  const folder = await temporaryFolder(t);
  const root = join(folder, "backups");
  await mkdir(root);
  const archive = join(folder, "dump.archive");
  await writeFile(archive, goodArchive());
  return { root, archive, context: folderContext(root, NOW) };
}

test("documents of an archive are given like those of a backup", async (t) => {
  const { root, archive, context } = await place(t);
  const given: string[] = [];
  const request = { backup: archive, namespace: "surg.patients", query: '{"_id":3}', limit: null };
  const result = await runExtract(context, request, (line) => {
    given.push(line);
    return true;
  });
  assert.equal(result.matched, 1);
  assert.deepEqual(given.map((line) => JSON.parse(line) as unknown), [{ _id: { $numberInt: "3" }, name: "patient 3" }]); // prettier-ignore
  assert.deepEqual(await readdir(root), []);
});

test("an archive is named by its file, wherever it is unpacked", async (t) => {
  const { root, archive, context } = await place(t);
  {
    await using opened = await unpackArchive(context, archive, WHOLE);
    assert.equal(opened.backup.archive, archive);
    assert.equal(opened.backup.id, "dump.archive");
    assert.equal((await readdir(root)).length, 1);
  }
  assert.deepEqual(await readdir(root), []);
});

test("what a killed run unpacked goes with the next one, which says so", async (t) => {
  const { root, archive, context } = await place(t);
  const left = join(root, ".unpacked-00000000000000aa");
  await mkdir(left);
  const self = await describeSelf("restore", context.clock);
  // No machine gives out such a number (PID_MAX_LIMIT is 4,194,304).
  await writeFile(join(left, "holder.json"), JSON.stringify({ ...self, pid: 4_194_305 }));
  await (await unpackArchive(context, archive, WHOLE))[Symbol.asyncDispose]();
  assert.deepEqual(await readdir(root), []);
  assert.deepEqual(toldCodes(context), ["leftover-removed"]);
});

test("an archive is not unpacked onto a full disk, nor by a run that is given up", async (t) => {
  const { root, archive, context } = await place(t);
  const full = { ...context, freeBytes: () => Promise.resolve(10) };
  await assert.rejects(unpackArchive(full, archive, WHOLE), { code: "disk-full" });
  const given = { ...context, signal: AbortSignal.abort(new Error("Ctrl-C")) };
  await assert.rejects(unpackArchive(given, archive, WHOLE), /Ctrl-C/);
  assert.deepEqual(await readdir(root), []);
});

test("verify tells the collection and document of an archive's damage; show refuses it", async (t) => {
  const { archive, context } = await place(t);
  const bytes = goodArchive();
  // Within the third of the patients: its first field's type.
  const at = bytes.lastIndexOf("patient 2") - "name".length - 15;
  bytes[at] = 0x77;
  await writeFile(archive, bytes);
  const { ok, backups } = await runVerify(context, { refs: archive, level: "quick" });
  assert.equal(ok, false);
  const [problem] = backups[0]?.problems ?? [];
  assert.equal(problem?.file, "surg.patients");
  assert.equal(problem.document, 2);
  assert.match(problem.problem, /document 2 .*\(byte \d+ of the archive\)/);
  await assert.rejects(showBackup(context, archive), { code: "usage" });
});
