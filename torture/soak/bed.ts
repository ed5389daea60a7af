// The place of a soak: one project, its BACKUP_DIR on a separate disk if possible, where each step runs with its
// disturbance.
import { mkdir, readdir } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { listCatalog } from "../../src/archive/catalog.ts";
import { isBackupId } from "../../src/archive/layout.ts";
import { readRecord } from "../../src/restore/record/read-record.ts";
import { restoresFolder } from "../../src/restore/record/record-file.ts";
import type { CliOptions, CliResult } from "../../tests/support/cli.ts";
import type { Random } from "../../tests/support/random.ts";
import { BUILT, createTarget } from "../program/attack.ts";
import type { Target } from "../program/attack.ts";
import { readState } from "../database/state.ts";
import type { State } from "../database/state.ts";
import type { Ground } from "../runner/ground.ts";
import { mountDisk } from "../machine/limited-disk.ts";
import type { Disk } from "../machine/limited-disk.ts";
import { lacksTmpfs } from "../machine/may-mount.ts";
import { writeRandomly } from "../database/random-writes.ts";
import { parseSaid } from "./outcome.ts";
import type { Outcome } from "./outcome.ts";
import type { Disturbance, DisturbanceKind } from "./disturbance.ts";
import type { Step, StepName } from "./step.ts";
import { createWrongClock, lacksWrongClock } from "../clock/wrong-clock.ts";
import type { WrongClock } from "../clock/wrong-clock.ts";

const LIMIT_MS = 240_000;
/** The records of restores are kept: eight hours make thousands. */
const ROOM_PAGES = 262_144;

export interface SoakBed {
  readonly target: Target;
  readonly disk: Disk | null;
  readonly clock: WrongClock | null;
  /** What can be done here. */
  readonly possible: readonly DisturbanceKind[];
  /** How long a backup takes that nobody disturbs. */
  readonly wholeMs: number;
  state(): Promise<State>;
}

export async function createSoakBed(ground: Ground): Promise<SoakBed> {
  const target = await createTarget(ground);
  const { place, client, database } = target;
  await mkdir(place.backupDir, { mode: 0o700 });
  const [noDisk, noClock] = [await lacksTmpfs(), await lacksWrongClock()];
  const disk = noDisk === null ? await mountDisk(place.backupDir, ROOM_PAGES) : null;
  ground.after(async () => {
    await disk?.[Symbol.asyncDispose]();
  });
  const clock = noClock === null ? await createWrongClock(ground) : null;
  if (noDisk !== null) ground.say(`SKIPPED: full disks: lacks ${noDisk}`);
  if (noClock !== null) ground.say(`SKIPPED: wrong clocks: lacks ${noClock}`);
  const possible: DisturbanceKind[] = ["kill", "kill"];
  if (disk) possible.push("disk");
  if (clock) possible.push("clock");
  return {
    ...{ target, disk, clock, possible },
    wholeMs: await timeOfBackup(target, ground.random),
    state: () => readState(client, database),
  };
}

/** The database has its first data, and BACKUP_DIR no backup. */
async function timeOfBackup({ place, db }: Target, random: Random): Promise<number> {
  await db.collection("patients").insertOne({ n: 0 });
  for (let n = 0; n < 5; n++) await writeRandomly(db, random);
  const begun = performance.now();
  const run = await place.run(["backup", "--json"], BUILT);
  const wholeMs = performance.now() - begun;
  const { id = "" } = parseSaid(run);
  await place.run(["delete", id, "--confirm"], BUILT);
  return wholeMs;
}

/** How long a command takes, in backups. */
const LENGTHS: Readonly<Record<StepName, number>> = {
  ...{ write: 0, backup: 1, verify: 0.6, list: 0.3, status: 0.3, cleanup: 0.4, delete: 0.4 },
  ...{ restore: 2, rollback: 1.5, resume: 1.5, "drop-aside": 0.6 },
};

/** Carries a step out, and says all that can be seen of it. */
export async function carryOutStep(
  bed: SoakBed,
  step: Step,
  disturbance: Disturbance,
): Promise<Outcome> {
  const { target } = bed;
  const { backupDir } = target.place;
  const [before, records] = [await bed.state(), await recordIds(backupDir)];
  const nowMs = Date.now() + (disturbance.kind === "clock" ? disturbance.byMs : 0);
  const run = await disturbed(bed, step, disturbance);
  const fresh = (await recordIds(backupDir)).filter((id) => !records.includes(id));
  const catalog = await listCatalog(backupDir);
  return {
    ...{ step, disturbance, run, nowMs, before },
    said: parseSaid(run),
    after: await bed.state(),
    good: catalog.filter(({ state }) => state === "good"),
    newRestores: await Promise.all(fresh.map((id) => describeRecord(backupDir, id))),
    shown: `${step.args.join(" ")} (${JSON.stringify(disturbance)}): exit ${String(run.code)} ${String(run.signal)} ${run.stdout}${run.stderr}`,
  };
}

async function recordIds(root: string): Promise<string[]> {
  return await readdir(restoresFolder(root)).then(
    // Beside the records lies the note of a restore that was only tried.
    (names) => names.filter(isBackupId).sort(),
    () => [],
  );
}

async function describeRecord(root: string, id: string) {
  const record = await readRecord(root, id);
  return { id, rollbackOf: record?.recorded.rollbackOf ?? null };
}

async function disturbed(bed: SoakBed, step: Step, disturbance: Disturbance): Promise<CliResult> {
  switch (disturbance.kind) {
    case "none":
      return await start(bed, step).result;
    case "kill": {
      const running = start(bed, step);
      await sleep(bed.wholeMs * LENGTHS[step.name] * disturbance.part);
      running.kill(disturbance.signal);
      return await running.result;
    }
    case "clock":
      return await start(bed, step, bed.clock?.(Date.now() + disturbance.byMs)).result;
    case "disk":
      return await onFullDisk(bed, step, disturbance);
  }
}

function start({ target }: SoakBed, { args }: Step, options: CliOptions = {}) {
  return target.place.start([...args, "--json"], { ...BUILT, timeoutMs: LIMIT_MS, ...options });
}

/** Untold, the disk itself says no in the midst of the work: mongokeep's own limits are another promise. */
async function onFullDisk(
  bed: SoakBed,
  step: Step,
  { what, free, isTold }: Extract<Disturbance, { kind: "disk" }>,
): Promise<CliResult> {
  const { disk } = bed;
  const untold = { env: { DISK_WARN_FREE: "0", DISK_ABORT_FREE: "0" } };
  if (disk) await disk.limit(what, (await disk.used())[what] + free);
  const run = await start(bed, step, isTold ? {} : untold).result;
  if (disk) await disk.limit(what, 0);
  return run;
}
