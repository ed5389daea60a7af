import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { cp, mkdir, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { fabricateBackup, reverify } from "../../tests/support/fabricate.ts";
import { temporaryFolder } from "../../tests/support/temporary.ts";
import { listCatalog, partialId } from "./catalog.ts";
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

test("of one moment the later name comes first; what has no manifest is dated by its name", async (t) => {
  const root = await temporaryFolder(t);
  const createdAt = "2026-11-21T02:00:00.000Z";
  for (const second of ["01", "00", "02"])
    await fabricateBackup(root, `2026-11-21T02:00:${second}Z`, { createdAt });
  await mkdir(join(root, "2026-11-21_01-59-59.damaged"));
  await mkdir(join(root, "2026-11-21_02-00-00.damaged"));
  await mkdir(join(root, "2026-11-21_02-00-03.damaged"));
  assert.deepEqual(
    (await listCatalog(root)).map(({ id }) => id),
    [
      "2026-11-21_02-00-03.damaged",
      "2026-11-21_02-00-02",
      "2026-11-21_02-00-01",
      "2026-11-21_02-00-00.damaged",
      "2026-11-21_02-00-00",
      "2026-11-21_01-59-59.damaged",
    ],
  );
});

test("only a dot, an id and the suffix name a run's unfinished folder", () => {
  assert.equal(partialId(`.${ID}.partial`), ID);
  for (const name of [
    `x${ID}.partial`,
    `.${ID}.damaged`,
    `.${ID}.partiax`,
    ID,
    `.${ID}`,
    ".x.partial",
  ])
    assert.equal(partialId(name), null, name);
});

test("links, FIFOs and folders are told as what they are, and leave no file open", async (t) => {
  const root = await temporaryFolder(t);
  const { path } = await fabricateBackup(root, AT);
  const before = (await readdir("/proc/self/fd")).length;
  const problems = new Map<string, RegExp>();
  const put = async (id: string, problem: RegExp, make: (place: string) => unknown) => {
    await make(join(root, id));
    problems.set(id, problem);
  };
  await put("2026-11-01_00-00-01", /^it is a symbolic link, which is not followed$/, (to) => symlink(path, to)); // prettier-ignore
  await put("2026-11-01_00-00-02", /^it is not a folder$/, (to) => writeFile(to, ""));
  await put("2026-11-01_00-00-03.damaged", /^it is not a folder$/, (to) => writeFile(to, ""));
  const notPlain = /^manifest.json cannot be read: it is not a plain file$/;
  await put("2026-11-01_00-00-04", notPlain, async (to) => {
    await mkdir(to);
    await symlink(join(path, "manifest.json"), join(to, "manifest.json"));
  });
  await put("2026-11-01_00-00-05", notPlain, (to) => mkdir(join(to, "manifest.json"), { recursive: true })); // prettier-ignore
  const listed = await listCatalog(root);
  for (const [id, problem] of problems)
    assert.match(listed.find((one) => one.id === id)?.problem ?? "", problem, id);
  assert.equal((await readdir("/proc/self/fd")).length, before);
});
