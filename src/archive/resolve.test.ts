import assert from "node:assert/strict";
import { mkdir, rename, symlink, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { fabricateBackup, reverify } from "../../tests/support/fabricate.ts";
import { goodArchive } from "../../tests/support/mongodump-archive.ts";
import { temporaryFolder } from "../../tests/support/temporary.ts";
import { KeepError } from "../errors.ts";
import { listCatalog } from "./catalog.ts";
import { chooseLatest, resolveAt, resolveBackup } from "./resolve.ts";
import type { Wanted } from "./resolve.ts";

const NOW = Date.parse("2026-11-23T08:00:00Z");
const WANTED: Wanted = { hosts: ["localhost:27017"], databases: ["surg"], exclude: [] };
const SCOPE = { server: "localhost:27017", ...WANTED };

const hintOf = async (root: string, ref: string, wanted = WANTED) => {
  const error: unknown = await resolveBackup(root, ref, wanted, NOW).catch((e: unknown) => e);
  assert.ok(error instanceof KeepError);
  assert.equal(error.code, "backup-not-found");
  return error.hint;
};

test("an id and every way to write its path lead to the same backup", async (t) => {
  const root = await temporaryFolder(t);
  const { id, path } = await fabricateBackup(root, "2026-11-23T02:00:00Z");
  for (const ref of [id, path, `${path}/`, relative(process.cwd(), path)]) {
    const found = await resolveBackup(root, ref, WANTED, NOW);
    assert.deepEqual([found.path, found.id, found.entry?.state], [path, id, "good"]);
  }
});

test("a link in the backup folder is no backup, one elsewhere leads to it", async (t) => {
  const root = await temporaryFolder(t);
  const { id, path } = await fabricateBackup(root, "2026-11-23T02:00:00Z");
  const outside = join(await temporaryFolder(t), "real");
  await rename(path, outside);
  await symlink(outside, path);
  for (const ref of [id, path])
    await assert.rejects(resolveBackup(root, ref, WANTED, NOW), { code: "backup-not-found" });
  const link = join(await temporaryFolder(t), "link");
  await symlink(outside, link);
  assert.equal((await resolveBackup(root, link, WANTED, NOW)).path, link);
});

test("a folder elsewhere is taken as it is, with no entry", async (t) => {
  const root = await temporaryFolder(t);
  const dump = join(await temporaryFolder(t), "dump");
  await mkdir(dump);
  const found = await resolveBackup(root, dump, WANTED, NOW);
  assert.deepEqual(found, { path: dump, id: "dump", entry: null, isArchive: false });
});

test("an archive of mongodump is taken by its path; any other file is no backup", async (t) => {
  const root = await temporaryFolder(t);
  const path = join(await temporaryFolder(t), "dump.archive");
  for (const bytes of [goodArchive(), gzipSync(goodArchive())]) {
    await writeFile(path, bytes);
    const found = await resolveBackup(root, path, WANTED, NOW);
    assert.deepEqual(found, { path, id: "dump.archive", entry: null, isArchive: true });
  }
  for (const bytes of ["", "text", gzipSync("text")]) {
    await writeFile(path, bytes);
    await assert.rejects(resolveBackup(root, path, WANTED, NOW), { code: "backup-not-found" });
  }
});

test("latest passes over what is damaged, pre-restore, of the future or of other data", async (t) => {
  const root = await temporaryFolder(t);
  const good = await fabricateBackup(root, "2026-11-15T02:00:00Z", { type: "manual" });
  await reverify(await fabricateBackup(root, "2026-11-16T02:00:00Z"), false);
  await fabricateBackup(root, "2026-11-17T02:00:00Z", { type: "pre-restore" });
  await fabricateBackup(root, "2026-11-24T02:00:00Z");
  await fabricateBackup(root, "2026-11-18T02:00:00Z", { scope: { ...SCOPE, databases: null } });
  await fabricateBackup(root, "2026-11-19T02:00:00Z", { scope: { ...SCOPE, exclude: ["surg.a"] } });
  await mkdir(join(root, ".2026-11-20_02-00-00.partial"));
  assert.equal((await resolveBackup(root, "latest", WANTED, NOW)).id, good.id);
});

test("latest prefers the same hosts, and takes the same data of another host where there is none", async (t) => {
  const root = await temporaryFolder(t);
  const same = await fabricateBackup(root, "2026-11-21T02:00:00Z");
  const scope = { ...SCOPE, hosts: ["moved:27017"] };
  const moved = await fabricateBackup(root, "2026-11-22T02:00:00Z", { scope });
  const entries = await listCatalog(root);
  const latest = (hosts: string[]) => chooseLatest(entries, { ...WANTED, hosts }, NOW)?.id;
  assert.equal(latest(["localhost:27017"]), same.id);
  assert.equal(latest(["moved:27017"]), moved.id);
  assert.equal(latest(["new:27017"]), moved.id);
  assert.equal(latest([]), moved.id);
});

test("databases are the same in whatever order they are named", async (t) => {
  const root = await temporaryFolder(t);
  const scope = { ...SCOPE, databases: ["a", "b"] };
  const { id } = await fabricateBackup(root, "2026-11-21T02:00:00Z", { scope });
  const wanted = { ...WANTED, databases: ["b", "a"] };
  assert.equal((await resolveBackup(root, "latest", wanted, NOW)).id, id);
});

test("where no backup fits latest the error says what there is", async (t) => {
  const root = await temporaryFolder(t);
  assert.match(await hintOf(root, "latest"), /none yet/);
  const made = await fabricateBackup(root, "2026-11-21T02:00:00Z");
  await reverify(made, false);
  assert.match(await hintOf(root, "latest"), /2026-11-21_02-00-00 \(surg, automatic, damaged\)/);
});

test("a name that leads nowhere is answered with the ids close to it", async (t) => {
  const root = await temporaryFolder(t);
  await fabricateBackup(root, "2026-11-21T02:00:00Z");
  const close = "Did you mean 2026-11-21_02-00-00?";
  assert.equal(await hintOf(root, "2026-11-21"), close);
  assert.equal(await hintOf(root, "2026-11-21_02-00-01"), close);
  for (const ref of ["nonsense", "/nowhere/at/all", "", "x".repeat(5000), "\0"])
    assert.notEqual(await hintOf(root, ref), close);
});

test("an unfinished run is no backup", async (t) => {
  const root = await temporaryFolder(t);
  await mkdir(join(root, ".2026-11-23_02-00-00.partial"));
  await hintOf(root, "2026-11-23_02-00-00");
});

test("before a moment: the newest good one by then, not later than now; else the oldest good one is named", async (t) => {
  const root = await temporaryFolder(t);
  const at = (iso: string) => resolveAt(root, Date.parse(iso), WANTED, NOW);
  await assert.rejects(at("2026-11-22T00:00:00Z"), {
    code: "backup-not-found",
    message: "there is no good backup from before 2026-11-22T00:00:00.000Z",
    hint: "There is no good backup at all.",
  });
  await reverify(await fabricateBackup(root, "2026-11-19T02:00:00Z"), false);
  const older = await fabricateBackup(root, "2026-11-20T02:00:00Z");
  const newer = await fabricateBackup(root, "2026-11-21T02:00:00Z");
  await fabricateBackup(root, "2026-11-24T02:00:00Z");
  assert.equal((await at("2026-11-20T12:00:00Z")).id, older.id);
  assert.equal((await at("2026-11-21T02:00:00Z")).id, newer.id, "the very moment counts");
  const latest = await at("2026-12-01T00:00:00Z");
  assert.deepEqual([latest.id, latest.isArchive], [newer.id, false], "none of the future");
  await assert.rejects(at("2026-11-20T01:59:59Z"), { hint: `The oldest good one is ${older.id}.` });
});

test("a folder elsewhere with a backup's name is not the backup of that name here", async (t) => {
  const root = await temporaryFolder(t);
  const { id } = await fabricateBackup(root, "2026-11-23T02:00:00Z");
  const copy = join(await temporaryFolder(t), id);
  await mkdir(copy);
  assert.deepEqual(await resolveBackup(root, copy, WANTED, NOW), {
    ...{ path: copy, id, entry: null, isArchive: false },
  });
});

test("of two that began in the same second the later name is the latest", async (t) => {
  const root = await temporaryFolder(t);
  const createdAt = "2026-11-21T02:00:00.000Z";
  for (const second of ["01", "00"])
    await fabricateBackup(root, `2026-11-21T02:00:${second}Z`, { createdAt });
  const found = await resolveBackup(root, "latest", WANTED, NOW);
  assert.equal(found.id, "2026-11-21_02-00-01");
  const entries = await listCatalog(root);
  assert.equal(chooseLatest(entries.toReversed(), WANTED, NOW)?.id, found.id);
});

test("a path in the home directory may begin with ~", async (t) => {
  const home = await temporaryFolder(t);
  await mkdir(join(home, "dump"));
  const { HOME } = process.env;
  process.env.HOME = home;
  t.after(() => (process.env.HOME = HOME));
  const root = await temporaryFolder(t);
  assert.equal((await resolveBackup(root, "~/dump", WANTED, NOW)).path, join(home, "dump"));
  assert.equal((await resolveBackup(root, "~", WANTED, NOW)).path, home);
  await assert.rejects(resolveBackup(root, "~dump", WANTED, NOW), { code: "backup-not-found" });
  await assert.rejects(resolveBackup(root, "dump~/", WANTED, NOW), { code: "backup-not-found" });
});

test("no more than five backups are named, the rest is counted; unfinished ones are none", async (t) => {
  const root = await temporaryFolder(t);
  await mkdir(join(root, ".2026-11-20_02-00-00.partial"));
  assert.equal(await hintOf(root, "nonsense"), "There are none yet: mongokeep backup makes one.");
  assert.match(await hintOf(root, "latest"), /none yet/);
  const ids = [];
  for (let day = 11; day <= 16; day++) {
    ids.unshift((await fabricateBackup(root, `2026-11-${day}T02:00:00Z`)).id);
    const rest = day === 16 ? "; and 1 more (mongokeep list)" : "";
    const named = ids.slice(0, 5).join("; ");
    assert.equal(await hintOf(root, "nonsense"), `There are: ${named}${rest}.`);
  }
  assert.equal(await hintOf(root, "2026-11"), `Did you mean ${ids.slice(0, 5).join(" or ")}?`);
  // Three letters off are a slip, four are another name.
  assert.match(await hintOf(root, "2026-11-16_02-00-000xx"), /Did you mean 2026-11-16_02-00-00\?/);
  assert.match(await hintOf(root, "2026-11-16_02-00-000xxx"), /There are/);
});
