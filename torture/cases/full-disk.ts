// A disk that is full at every 4 KiB and every inode, during backup, verify, restore and cleanup: the failure is
// reported, nothing incomplete is listed, good backups stay good, the space is freed, and the next run with space
// succeeds.
import assert from "node:assert/strict";
import { cp, lstat, mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { CliResult } from "../../tests/support/cli.ts";
import { writePastBackup } from "../../tests/support/past-backups.ts";
import { BUILT, createTarget, fillTarget } from "../program/attack.ts";
import type { Target } from "../program/attack.ts";
import type { TortureCase, Trial } from "../runner/case.ts";
import { createJudge } from "../runner/judge.ts";
import type { Hashes, Judge } from "../runner/judge.ts";
import { mountDisk, PAGE } from "../machine/limited-disk.ts";
import type { Disk, Room } from "../machine/limited-disk.ts";
import { lacksTmpfs } from "../machine/may-mount.ts";

/** What the records and logs of a run that failed may keep. */
const LEFT_PAGES = 16;
const DAY_MS = 86_400_000;
const QUICK = 16;
const INODES_EACH = 4;

const COMMANDS = ["backup", "verify", "restore", "cleanup"] as const;
type Command = (typeof COMMANDS)[number];

interface Place {
  readonly command: Command;
  readonly what: Room;
  /** So many are free when the command starts. */
  readonly free: number;
}

interface Bed {
  readonly target: Target;
  readonly judge: Judge;
  /** A folder with one good backup, copied onto each disk. */
  readonly seed: string;
  readonly base: string;
  readonly then: Hashes;
}

export const fullDisk: TortureCase = {
  name: "full-disk",
  fault: "a disk that is full at each 4 KiB and each inode of backup, verify, restore, cleanup",
  holds:
    "exit 5 or 1, nothing half-done listed, earlier backups verify, the room is given back, the next run succeeds",
  trials: { full: 0, quick: QUICK },
  lacks: lacksTmpfs,
  async prepare(ground) {
    const target = await createTarget(ground);
    const { place } = target;
    await fillTarget(target.db, ground.random, 0.1);
    const first = await place.run(["backup", "--manual", "--json"], BUILT);
    assert.equal(first.code, 0, first.stdout + first.stderr);
    const base = String(first.json().id);
    const seed = place.at("seed");
    await mkdir(seed, { mode: 0o700 });
    await cp(join(place.backupDir, base), join(seed, base), { recursive: true });
    const judge = await createJudge(ground, place, target.database);
    const bed = { target, judge, seed, base, then: await target.hashes() };
    const places: Place[] = [];
    for (const command of COMMANDS)
      for (const what of ["pages", "inodes"] as const) {
        const most = await needs(bed, command, what);
        for (let free = 0; free <= most; free++) places.push({ command, what, free });
      }
    const trials = ground.quick ? QUICK : places.length;
    return { trials, run: (trial) => runTrial(bed, places, trial) };
  },
};

/** How much the command takes at most, as far as it can be seen from outside; a little more. */
async function needs(bed: Bed, command: Command, what: Room): Promise<number> {
  await using disk = await mount(bed);
  await prepareFor(bed, command);
  const before = await disk.used();
  const running = start(bed, command);
  let most = before[what];
  for (let ended = false; !ended;) {
    most = Math.max(most, (await disk.used())[what]);
    ended = await Promise.race([running.then(() => true), sleep(2, false)]);
  }
  const run = await running;
  assert.equal(run.code, 0, run.stdout + run.stderr);
  return most - before[what] + INODES_EACH;
}

async function runTrial(
  bed: Bed,
  places: readonly Place[],
  { number, of, random }: Trial,
): Promise<string> {
  const place = places[Math.floor(((number + random.unit()) * places.length) / of)];
  assert.ok(place);
  const { command, what, free } = place;
  await using disk = await mount(bed);
  await prepareFor(bed, command);
  if (command === "restore")
    await bed.target.db
      .collection("patients")
      .updateMany({}, { $set: { state: random.below(1e9) } });
  const now = await bed.target.hashes();
  const before = await disk.used();
  await disk.limit(what, before[what] + free);
  const run = await start(bed, command);
  const shown = `${command} with ${free} free ${what}: exit ${String(run.code)} ${run.stdout}${run.stderr}`;
  assert.ok([0, 1, 5].includes(run.code ?? -1), shown);
  if (run.code !== 0) assert.notEqual(run.json().error?.code, "internal", shown);
  const good = await bed.judge.good();
  assert.ok(
    good.some(({ id }) => id === bed.base),
    `${shown}\n${bed.base} is not good any more`,
  );
  const after = await disk.used();
  if (run.code !== 0) {
    // A restore that failed keeps its pre-restore backup, which is whole.
    const kept = await pagesOf(good.flatMap(({ id, path }) => (id === bed.base ? [] : [path])));
    const left = after.pages - before.pages - kept;
    assert.ok(left <= LEFT_PAGES, `${shown}\n${left} pages are not given back`);
  }
  if (command === "restore") {
    const live = await bed.target.hashes();
    assert.deepEqual(live, run.code === 0 ? bed.then : now, shown);
  }
  await disk.limit(what, 0);
  const next = await start(bed, "backup");
  assert.equal(next.code, 0, `${shown}\nthe next backup: ${next.stdout}${next.stderr}`);
  if (number % 10 === 0) await bed.judge.newestIsWhole(await bed.target.hashes());
  await clear(bed);
  return `${command}, ${what}: ${run.code === 0 ? "room enough" : `exit ${String(run.code)}`}`;
}

async function pagesOf(folders: readonly string[]): Promise<number> {
  let bytes = 0;
  for (const folder of folders)
    for (const name of await readdir(folder, { recursive: true }))
      bytes += (await lstat(join(folder, name))).blocks * 512;
  return Math.ceil(bytes / PAGE);
}

async function prepareFor({ target, base }: Bed, command: Command): Promise<void> {
  if (command !== "cleanup") return;
  for (const days of [1, 33, 36, 47])
    await writePastBackup(join(target.place.backupDir, base), Date.now() - days * DAY_MS, "UTC");
}

function start({ target, base }: Bed, command: Command): Promise<CliResult> {
  const args = {
    backup: ["backup", "--manual"],
    verify: ["verify", "--all"],
    restore: ["restore", base, "--confirm"],
    cleanup: ["cleanup"],
  }[command];
  // The warning limits are another promise: here the disk itself says no.
  const env = { DISK_WARN_FREE: "0", DISK_ABORT_FREE: "0" };
  return target.place.run([...args, "--json"], { ...BUILT, env });
}

async function clear({ target: { client, database } }: Bed): Promise<void> {
  const all = await client.db(database).listCollections({}, { nameOnly: true }).toArray();
  for (const { name } of all)
    if (name.startsWith("__mongokeep_")) await client.db(database).dropCollection(name);
}

/** A fresh disk in the place of BACKUP_DIR, with the one good backup on it. */
async function mount({ target, seed }: Bed): Promise<Disk> {
  const { backupDir } = target.place;
  const disk = await mountDisk(backupDir);
  try {
    await cp(seed, backupDir, { recursive: true });
  } catch (error) {
    await disk[Symbol.asyncDispose]();
    throw error;
  }
  return disk;
}
