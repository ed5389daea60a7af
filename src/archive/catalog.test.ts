import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { cp, mkdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { fabricateBackup, reverify } from "../../tests/support/fabricate.ts";
import { temporaryFolder } from "../../tests/support/temporary.ts";
import { listCatalog } from "./catalog.ts";
import { formatManifest } from "./seal.ts";

const ID = "2026-11-23_02-00-00";
const AT = "2026-11-23T02:00:00Z";

const only = async (root: string) => {
  const entries = await listCatalog(root);
  assert.equal(entries.length, 1);
  const [entry] = entries;
  assert.ok(entry);
  return entry;
};

test("a folder that does not exist yet holds no backups", async (t) => {
  assert.deepEqual(await listCatalog(join(await temporaryFolder(t), "none")), []);
});

test("a file in the place of the folder is told as such, not as a fault of mongokeep", async (t) => {
  const root = join(await temporaryFolder(t), "file");
  await writeFile(root, "");
  await assert.rejects(listCatalog(root), { code: "backup-dir", message: /in its way/ });
});

test("a sealed and verified backup is good", async (t) => {
  const root = await temporaryFolder(t);
  const made = await fabricateBackup(root, AT);
  const { verification, ...entry } = await only(root);
  const { id, path, manifest } = made;
  assert.deepEqual(entry, { id, path, manifest, state: "good", problem: null });
  assert.equal(verification?.ok, true);
});

test("the newest comes first, by the moment it began and not by its name", async (t) => {
  const root = await temporaryFolder(t);
  await fabricateBackup(root, "2026-11-21T02:00:00Z");
  // The name is local time; a clock set back one hour makes names and moments disagree.
  await fabricateBackup(root, "2026-11-22T02:00:00Z", { createdAt: "2026-11-22T04:00:00.000Z" });
  await fabricateBackup(root, "2026-11-22T03:00:00Z");
  const ids = (await listCatalog(root)).map(({ id }) => id);
  assert.deepEqual(ids, ["2026-11-22_02-00-00", "2026-11-22_03-00-00", "2026-11-21_02-00-00"]);
});

test("without a verification of its own it is unverified, after a failed one damaged", async (t) => {
  const root = await temporaryFolder(t);
  const made = await fabricateBackup(root, AT);
  const other = await fabricateBackup(await temporaryFolder(t), "2026-11-20T02:00:00Z");
  const file = join(made.path, "verification.json");
  await reverify(made, false);
  const damaged = await only(root);
  assert.deepEqual(
    [damaged.state, damaged.problem],
    ["damaged", "surg/operations.bson: is cut short"],
  );
  await cp(join(other.path, "verification.json"), file);
  assert.equal((await only(root)).state, "unverified");
  for (const text of ["null", "[]", "{}", "", (await readFile(file, "utf8")).slice(0, -9)]) {
    await writeFile(file, text);
    assert.equal((await only(root)).state, "unverified");
  }
  await rm(file);
  assert.equal((await only(root)).state, "unverified");
});

test("a manifest that cannot be trusted makes a backup unreadable, with the reason", async (t) => {
  const root = await temporaryFolder(t);
  const { path, manifest } = await fabricateBackup(root, AT);
  const file = join(path, "manifest.json");
  const { sha256: _, ...body } = manifest;
  const texts: [string, RegExp][] = [
    ["{", /is not JSON/],
    [JSON.stringify(manifest), /changed after it was written/],
    [formatManifest({ ...body, schema: 2 }).text, /newer mongokeep \(schema 2\)/],
    [formatManifest({ ...body, id: "2026-11-22_02-00-00" }).text, /belongs to another backup/],
  ];
  for (const [text, problem] of texts) {
    await writeFile(file, text);
    const entry = await only(root);
    assert.equal(entry.state, "unreadable");
    assert.equal(entry.manifest, null);
    assert.match(entry.problem ?? "", problem);
  }
  await rm(file);
  assert.match((await only(root)).problem ?? "", /the file is missing/);
});

test("what a run left behind is told apart", async (t) => {
  const root = await temporaryFolder(t);
  await mkdir(join(root, `.${ID}.partial`));
  await mkdir(join(root, `2026-11-22_02-00-00.damaged`));
  const entries = await listCatalog(root);
  assert.deepEqual(
    entries.map(({ id, state }) => [id, state]),
    [
      [ID, "partial"],
      ["2026-11-22_02-00-00.damaged", "damaged"],
    ],
  );
});

test("odd things in the folder hide no backup and hold nothing up", async (t) => {
  const root = await temporaryFolder(t);
  const { path } = await fabricateBackup(root, AT);
  await symlink(path, join(root, "2026-11-01_00-00-01"));
  await symlink("/nowhere", join(root, "2026-11-01_00-00-02"));
  execFileSync("mkfifo", [join(root, "2026-11-01_00-00-03")]);
  await writeFile(join(root, "2026-11-01_00-00-04"), "a file");
  await writeFile(join(root, "2026-11-01_00-00-05.damaged"), "a file");
  await mkdir(join(root, "2026-11-01_00-00-06"));
  execFileSync("mkfifo", [join(root, "2026-11-01_00-00-06", "manifest.json")]);
  await mkdir(join(root, "2026-11-01_00-00-07"));
  await symlink(join(path, "manifest.json"), join(root, "2026-11-01_00-00-07", "manifest.json"));
  await mkdir(join(root, "2026-11-01_00-00-08", "manifest.json"), { recursive: true });
  for (const name of ["restores", "holiday photos", ".2026.partial", "x.damaged"])
    await mkdir(join(root, name));
  const entries = await listCatalog(root);
  assert.equal(entries[0]?.state, "good");
  assert.equal(entries.length, 9);
  for (const entry of entries.slice(1)) {
    assert.equal(entry.state, "unreadable", entry.id);
    assert.ok(entry.problem);
  }
});
