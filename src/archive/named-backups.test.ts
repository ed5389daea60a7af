// How people name a backup, and what they are told where there is none of that name.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdir, truncate, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fabricateBackup } from "../../tests/support/fabricate.ts";
import { temporaryFolder } from "../../tests/support/temporary.ts";
import { KeepError } from "../errors.ts";
import { describeFolder, listCatalog } from "./catalog.ts";
import type { CatalogEntry } from "./catalog.ts";
import { chooseLatest, resolveAt, resolveBackup } from "./resolve.ts";
import type { Wanted } from "./resolve.ts";
import { formatVerification } from "./verification.ts";

const NOW = Date.parse("2026-11-23T08:00:00Z");
const WANTED: Wanted = { hosts: ["localhost:27017"], databases: ["surg"], exclude: [] };

async function told(act: Promise<unknown>) {
  const error: unknown = await act.then(() => null, (e: unknown) => e); // prettier-ignore
  assert.ok(error instanceof KeepError, String(error));
  assert.equal(error.code, "backup-not-found");
  return `${error.message}. ${error.hint}`;
}

test("a moment finds the newest good backup from before it, or is told the oldest there is", async (t) => {
  const root = await temporaryFolder(t);
  const at = (text: string) => resolveAt(root, Date.parse(text), WANTED, NOW);
  assert.match(await told(at("2026-11-22T12:00:00Z")), /no good backup at all/);
  const first = await fabricateBackup(root, "2026-11-21T02:00:00Z");
  const second = await fabricateBackup(root, "2026-11-22T02:00:00Z");
  assert.equal((await at("2026-11-22T12:00:00Z")).id, second.id);
  assert.equal((await at("2026-11-22T01:00:00Z")).id, first.id);
  assert.match(
    await told(at("2026-11-20T01:00:00Z")),
    new RegExp(`oldest good one is ${first.id}`),
  );
});

test("who names nothing that is there is told what is, and no more than a person reads", async (t) => {
  const root = await temporaryFolder(t);
  const find = (ref: string, wanted = WANTED) => told(resolveBackup(root, ref, wanted, NOW));
  const all: Wanted = { ...WANTED, databases: null };
  assert.match(await find("latest", all), /no good backup of all databases .*none yet/);
  const scope = { server: "localhost:27017", ...all, exclude: ["surg.tmp"] };
  await fabricateBackup(root, "2026-11-01T02:00:00Z", { scope });
  await mkdir(join(root, "2026-11-02_02-00-00"));
  const few = await find("latest");
  assert.match(few, /no good backup of surg .*\(all databases without surg\.tmp, .*good\)/);
  assert.match(few, /2026-11-02_02-00-00 \(unreadable\)/);
  for (let day = 10; day < 20; day++)
    await fabricateBackup(root, `2026-11-${day}T02:00:00Z`, { scope });
  assert.match(await find("latest"), /; and \d+ more \(mongokeep list\)/);
  assert.match(await find("2026-11-10_02-00-01"), /there is no backup 2026-11-10_02-00-01 in .*Did you mean/); // prettier-ignore
  for (const ref of ["", "a\0b", "x".repeat(5_000), "/etc/passwd/x", "~/there is no such folder"])
    await find(ref);
  await assert.rejects(resolveBackup(root, "/proc/self/fd/999999/\ud800".repeat(2), WANTED, NOW));
  assert.equal((await resolveBackup(root, "~", WANTED, NOW)).path, homedir());
});

test("of two backups from one moment the later name is the newest, in the list and as latest", async (t) => {
  const root = await temporaryFolder(t);
  const createdAt = "2026-11-21T02:00:00.000Z";
  const made = [];
  for (const at of ["2026-11-21T02:00:00Z", "2026-11-21T03:00:00Z", "2026-11-21T01:00:00Z"])
    made.push((await fabricateBackup(root, at, { createdAt })).id);
  const entries = await listCatalog(root);
  const ids = made.sort().reverse();
  assert.deepEqual(entries.map(({ id }) => id), ids); // prettier-ignore
  for (const order of [entries, [...entries].reverse()])
    assert.equal(chooseLatest(order, WANTED, NOW)?.id, ids[0]);
  const bare = { ...entries[0], state: "good", manifest: null } as CatalogEntry;
  assert.equal(chooseLatest([bare], WANTED, NOW), null, "good without a manifest is no candidate");
});

test("a folder elsewhere is judged by what lies in it, and nothing is waited for", async (t) => {
  const root = await temporaryFolder(t);
  const { path } = await fabricateBackup(root, "2026-11-21T02:00:00Z");
  assert.equal((await describeFolder(path)).state, "good");
  const failed = { schema: 1, id: "2026-11-21_02-00-00", ok: false, level: "full", verifiedAt: "2026-11-23T02:00:09.000Z", seconds: 1, problems: [], collections: [] } as const; // prettier-ignore
  await writeFile(join(path, "verification.json"), formatVerification(failed));
  assert.deepEqual([(await describeFolder(path)).state, (await describeFolder(path)).problem], ["damaged", "its verification failed"]); // prettier-ignore
  const strange = join(root, "strange");
  await mkdir(strange);
  assert.match((await describeFolder(strange)).problem ?? "", /the file is missing/);
  await mkdir(join(strange, "manifest.json"));
  assert.match((await describeFolder(strange)).problem ?? "", /not a plain file/);
  const piped = join(root, "piped");
  await mkdir(piped);
  execFileSync("mkfifo", [join(piped, "manifest.json")]);
  assert.match((await describeFolder(piped)).problem ?? "", /not a plain file/);
  assert.match((await describeFolder("x".repeat(5_000))).problem ?? "", /ENAMETOOLONG/);
  await truncate(join(path, "manifest.json"), 300 * 1024 * 1024);
  assert.match((await describeFolder(path)).problem ?? "", /too long/);
});
