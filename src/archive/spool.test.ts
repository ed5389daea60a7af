// Unpacked archives: what a dump in a folder would have, private, and gone in every case.
import assert from "node:assert/strict";
import { cp, mkdir, readdir, readFile, rm, stat, utimes, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import {
  archiveOf,
  block,
  end,
  entry,
  goodArchive,
  patients,
} from "../../tests/support/mongodump-archive.ts";
import { temporaryFolder } from "../../tests/support/temporary.ts";
import { manualClock, systemClock } from "../util/clock.ts";
import { readChunks } from "./chunk-reader.ts";
import { describeSelf } from "./lock-holder.ts";
import type { Holder } from "./lock-holder.ts";
import { openBackup } from "./reader.ts";
import { clearSpools, spoolMongodumpArchive } from "./spool.ts";
import { onDisk } from "./place.ts";
import type { ArchivedFile } from "./place.ts";

const { signal } = new AbortController();
const options = { command: "restore", clock: systemClock, signal, outlineOnly: false };

async function contentOf(file: ArchivedFile): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const { raw } of readChunks(file, { width: 1, signal })) pieces.push(raw);
  return Buffer.concat(pieces);
}

/** All files and folders below, relative, with their modes. */
async function modesBelow(folder: string): Promise<[string, number][]> {
  const entries = await readdir(folder, { recursive: true });
  return await Promise.all(
    entries.sort().map(async (name): Promise<[string, number]> => {
      return [name, (await stat(join(folder, name))).mode & 0o777];
    }),
  );
}

for (const zipped of [false, true])
  test(`an archive ${zipped ? "within gzip" : "as it is"} becomes a private folder, and that goes`, async (t) => {
    const root = await temporaryFolder(t);
    const file = join(root, "a.archive");
    await writeFile(file, zipped ? gzipSync(goodArchive()) : goodArchive());
    const spooled = await spoolMongodumpArchive(onDisk(file), root, options);
    const { collections, hasOplog } = await openBackup(spooled.path);
    assert.deepEqual(
      collections.map(({ database, name, type }) => [database, name, type]),
      [
        ["surg", "adults", "view"],
        ["surg", "patients", "collection"],
        ["surg", "visits", "collection"],
      ],
    );
    assert.equal(hasOplog, false);
    const data = collections.find((c) => c.name === "patients")?.dataFile;
    assert.ok(data);
    assert.deepEqual(await contentOf(data), Buffer.concat(patients(5)));
    for (const [name, mode] of await modesBelow(spooled.path))
      assert.equal(mode, name === "surg" ? 0o700 : 0o600, name);
    await spooled[Symbol.asyncDispose]();
    assert.deepEqual(await readdir(root), ["a.archive"]);
  });

test("an outline of an archive has its collections and no documents", async (t) => {
  const root = await temporaryFolder(t);
  await writeFile(join(root, "a"), goodArchive());
  await using spooled = await spoolMongodumpArchive(onDisk(join(root, "a")), root, {
    ...options,
    outlineOnly: true,
  });
  const { collections } = await openBackup(spooled.path);
  assert.equal(collections.length, 3);
  for (const { dataFile } of collections)
    if (dataFile !== null) assert.equal((await contentOf(dataFile)).length, 0);
});

test("nothing is left of an archive that is damaged, or given up", async (t) => {
  const root = await temporaryFolder(t);
  const file = join(root, "a.archive");
  await writeFile(file, goodArchive().subarray(0, -8));
  await assert.rejects(spoolMongodumpArchive(onDisk(file), root, options), { code: "damaged" });
  await writeFile(file, goodArchive());
  const gone = AbortSignal.abort(new Error("given up"));
  const aborted = { ...options, signal: gone };
  await assert.rejects(spoolMongodumpArchive(onDisk(file), root, aborted), /given up/);
  assert.deepEqual(await readdir(root), ["a.archive"]);
});

test("odd names of an archive keep their meaning and stay in the folder", async (t) => {
  const root = await temporaryFolder(t);
  const names = ["../../outside", "a/b", "new\nline", "%2e%2e", "Case", "case", "手".repeat(70)];
  const series = ["ts", "ü".repeat(60)];
  const accounts = "$admin.system.users";
  const one = patients(1);
  const streams: [string, string][] = [
    ...names.map((name): [string, string] => ["surg", name]),
    ...series.map((name): [string, string] => ["surg", `system.buckets.${name}`]),
    ["surg", accounts],
    ["", "oplog"],
  ];
  const bytes = archiveOf(
    [
      ...names.map((name) => entry("surg", name)),
      ...series.map((name) => entry("surg", name, "timeseries")),
      entry("surg", accounts, "", ""),
      entry("", "oplog", "", ""),
    ],
    streams.flatMap(([db, name]) => [block(db, name, one), end(db, name, one)]),
  );
  await mkdir(join(root, "backups"));
  await writeFile(join(root, "a"), bytes);
  await using spooled = await spoolMongodumpArchive(
    onDisk(join(root, "a")),
    join(root, "backups"),
    options,
  );
  const { collections, hasOplog } = await openBackup(spooled.path);
  assert.deepEqual(collections.map((c) => c.name).sort(), [...names, ...series].sort());
  assert.ok(collections.every((c) => c.dataFile !== null));
  assert.deepEqual(
    new Set(collections.filter((c) => c.type === "timeseries").map((c) => c.name)),
    new Set(series),
  );
  assert.equal(hasOplog, true);
  assert.deepEqual(await readFile(join(spooled.path, "oplog.bson")), one[0]);
  const files = await readdir(join(spooled.path, "surg"));
  assert.ok(files.includes(`${accounts}.bson.zst`));
  assert.deepEqual((await readdir(root)).sort(), ["a", "backups"]);
});

test("folders of dead runs are cleared, those of living ones stay", async (t) => {
  const root = await temporaryFolder(t);
  await writeFile(join(root, "a"), goodArchive());
  await using living = await spoolMongodumpArchive(onDisk(join(root, "a")), root, options);
  const dead = join(root, ".unpacked-00000000000000aa");
  await mkdir(dead);
  const self = await describeSelf("restore", systemClock);
  // No machine gives out such a number (PID_MAX_LIMIT is 4,194,304).
  await writeFile(join(dead, "holder.json"), JSON.stringify({ ...self, pid: 4_194_305 }));
  const nameless = join(root, ".unpacked-00000000000000bb");
  await mkdir(nameless);
  const now = 1_795_000_000;
  await utimes(nameless, now, now);
  const soon = manualClock(now * 1_000 + 60_000);
  assert.deepEqual(await clearSpools(root, soon), [".unpacked-00000000000000aa"]);
  const later = manualClock(now * 1_000 + 2 * 3_600_000);
  assert.deepEqual(await clearSpools(root, later), [".unpacked-00000000000000bb"]);
  assert.equal((await openBackup(living.path)).collections.length, 3);
});

test("a folder of another machine or container goes only when no run can need it any more", async (t) => {
  const root = await temporaryFolder(t);
  await writeFile(join(root, "a"), goodArchive());
  await using spooled = await spoolMongodumpArchive(onDisk(join(root, "a")), root, options);
  const holder = join(dirname(spooled.path), "holder.json");
  const self = JSON.parse(await readFile(holder, "utf8")) as Holder;
  for (const changes of [
    { host: "c0ffee01" },
    { bootId: "another" },
    { pidNamespace: "pid:[1]" },
  ]) {
    await writeFile(holder, JSON.stringify({ ...self, ...changes, pid: 4_194_305 }));
    const hours = (n: number) => manualClock(Date.now() + n * 3_600_000);
    assert.deepEqual(await clearSpools(root, hours(24)), []);
    const copy = join(root, ".unpacked-00000000000000cc");
    await cp(dirname(spooled.path), copy, { recursive: true });
    await rm(dirname(spooled.path), { recursive: true });
    assert.deepEqual(await clearSpools(root, hours(8 * 24)), [".unpacked-00000000000000cc"]);
    await mkdir(dirname(spooled.path));
  }
});

test("what only looks like an unpacked archive stays", async (t) => {
  const root = await temporaryFolder(t);
  const names = [
    ".unpacked-00000000000000a",
    ".unpacked-00000000000000aaa",
    "x.unpacked-00000000000000aa",
  ];
  for (const name of names) await mkdir(join(root, name));
  await utimes(root, 1, 1);
  assert.deepEqual(await clearSpools(root, systemClock), []);
  assert.deepEqual((await readdir(root)).sort(), [...names].sort());
  const young = ".unpacked-00000000000000bb";
  await mkdir(join(root, young));
  await utimes(join(root, young), 1_000, 1_000);
  assert.deepEqual(await clearSpools(root, manualClock(1_000_000 + 3_600_000)), []);
  assert.deepEqual(await clearSpools(root, manualClock(1_000_000 + 3_600_001)), [young]);
});

test("collections that are called like views elsewhere, the log or accounts come whole", async (t) => {
  const root = await temporaryFolder(t);
  const one = patients(1);
  const streams: readonly (readonly [string, string])[] = [
    ["a", "both"],
    ["a", "oplog"],
    ["a", "x$admin.system.users"],
    ["a", "$admin.system.users2"],
  ];
  const bytes = archiveOf(
    [...streams.map(([db, name]) => entry(db, name)), entry("b", "both", "view"), entry("a", "b", "view")], // prettier-ignore
    [
      ...streams.flatMap(([db, name]) => [block(db, name, one), end(db, name, one)]),
      ...[block("b", "both", []), end("b", "both", [])],
    ],
  );
  await writeFile(join(root, "a"), bytes);
  const before = (await readdir("/proc/self/fd")).length;
  await using spooled = await spoolMongodumpArchive(onDisk(join(root, "a")), root, options);
  const { collections, hasOplog } = await openBackup(spooled.path);
  assert.equal(hasOplog, false);
  const found = collections.map((c) => `${c.database}.${c.name} ${c.type}`);
  assert.deepEqual(
    found.sort(),
    [...streams.map((s) => `${s.join(".")} collection`), "a.b view", "b.both view"].sort(),
  );
  for (const { dataFile } of collections)
    if (dataFile !== null) assert.deepEqual(await contentOf(dataFile), one[0]);
  await writeFile(join(root, "a"), bytes.subarray(0, -8));
  await assert.rejects(spoolMongodumpArchive(onDisk(join(root, "a")), root, options), {
    code: "damaged",
  });
  assert.equal((await readdir("/proc/self/fd")).length, before, "no file stays open");
});
