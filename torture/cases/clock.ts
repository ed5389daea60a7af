// Clocks that are wrong, jump, or change to and from summer time: ids stay unique and in order, and cleanup deletes the
// same as an independent model, never what a correct clock would keep.
import assert from "node:assert/strict";
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Db } from "mongodb";
import { Temporal } from "temporal-polyfill";
import { listCatalog } from "../../src/archive/catalog.ts";
import { verify } from "../../src/index.ts";
import { toRetentionItem } from "../../src/jobs/catalog/retention-items.ts";
import type { RetentionItem } from "../../src/retention/item.ts";
import { writePastBackup } from "../../tests/support/past-backups.ts";
import { ids, modelKeeps } from "../../tests/support/retention-model.ts";
import type { Workspace } from "../../tests/support/workspace.ts";
import { withDatabase } from "../../tests/support/fresh-database.ts";
import { BUILT, createTarget, fillTarget } from "../program/attack.ts";
import type { TortureCase } from "../runner/case.ts";
import { CLOCK_ROWS, momentOfStep } from "../clock/rows.ts";
import type { ClockRow, Step } from "../clock/rows.ts";
import { createWrongClock, lacksWrongClock } from "../clock/wrong-clock.ts";
import type { WrongClock } from "../clock/wrong-clock.ts";

/** How far a run's own moments lie behind its start, at most. */
const SLOW_MS = 60_000;
/** Nights before the first one: daily for so many, then each seventh. */
const PAST_DAILY = 45;
const PAST_DAYS = 120;

/** The rows, and the restores. */
const TRIALS = CLOCK_ROWS.length + 1;
const ZONE = "Europe/Berlin";

interface Bed {
  readonly place: Workspace;
  readonly clock: WrongClock;
  readonly row: ClockRow;
  /** How long a backup takes here. */
  readonly wholeMs: number;
}

export const clock: TortureCase = {
  name: "clock",
  fault:
    "clocks ten days back, 42 ahead, jumping within a run, summer time both ways in three zones, leap day, 2038, 2106, ends of years",
  holds:
    "ids unique, the order right, cleanup equal to an independent model's and nothing gone that a right clock keeps; every backup verifies",
  trials: { full: TRIALS, quick: TRIALS },
  lacks: lacksWrongClock,
  async prepare(ground) {
    const { place, db, database } = await createTarget(ground);
    await fillTarget(db, ground.random, 0.05);
    const clock = await createWrongClock(ground);
    const begun = performance.now();
    const trial = await place.run(["backup", "--json"], { ...BUILT, ...clock(Date.now()) });
    assert.equal(trial.code, 0, trial.stderr);
    const wholeMs = performance.now() - begun;
    const MONGODB_URI = withDatabase(await ground.servers.live(), database);
    return {
      trials: TRIALS,
      async run({ number }) {
        const row = CLOCK_ROWS[number];
        await rm(place.backupDir, { recursive: true, force: true });
        await mkdir(place.backupDir, { mode: 0o700 });
        await place.writeEnv({ MONGODB_URI, BACKUP_TIMEZONE: row?.zone ?? ZONE });
        if (!row) return await tryRestores({ place, clock }, db);
        return await tryRow({ place, clock, row, wholeMs });
      },
    };
  },
};

async function tryRow(bed: Bed): Promise<string> {
  const { row } = bed;
  const [first, ...later] = row.steps;
  assert.ok(first);
  const made = [await backUp(bed, first)];
  await addPast(bed, first, made[0] ?? "");
  const ever = new Set(await namesIn(bed));
  const items = new Map<string, RetentionItem>();
  for (const step of later) {
    const before = await itemsIn(bed);
    const id = await (step.run === "cleanup" ? cleanUp(bed, step) : backUp(bed, step));
    const said = `${row.name}, ${step.at}`;
    assert.ok(id === null || !ever.has(id), `${said}: ${String(id)} was given twice`);
    if (id !== null) made.push(id);
    for (const one of await namesIn(bed)) ever.add(one);
    await compareWithModel(bed, step, before, id);
    for (const item of [...before, ...(await itemsIn(bed))]) items.set(item.id, item);
  }
  await judgeEnd(bed, made, [...items.values()]);
  return (await namesIn(bed)).length < ever.size ? "some deleted" : "all kept";
}

/** By the clock before its jump or after it: where in the run that came nobody knows. */
async function compareWithModel(
  bed: Bed,
  step: Step,
  before: readonly RetentionItem[],
  id: string | null,
): Promise<void> {
  const { row } = bed;
  const left = await namesIn(bed);
  assert.ok(id === null || left.includes(id), `${row.name}: ${String(id)} is gone at once`);
  const fresh = (await itemsIn(bed)).filter((item) => item.id === id);
  const start = momentOfStep(step, row.zone) + 1_000;
  const [first = [], ...others] = [start, start + (step.jump?.byMs ?? 0)].map((now) =>
    ids(modelKeeps([...before, ...fresh], now, row.zone)),
  );
  if (others.some((kept) => kept.join() === left.join())) return;
  assert.deepEqual(left, first, `${row.name}, ${step.at}`);
}

/** The id, which is that of the moment that the clock showed. */
async function backUp(bed: Bed, step: Step): Promise<string> {
  const { place, row, wholeMs } = bed;
  const start = momentOfStep(step, row.zone);
  const { part = 0, byMs = 0 } = step.jump ?? {};
  const jump = step.jump && { afterMs: Math.round(part * wholeMs), byMs };
  const run = await place.run(["backup", "--json"], { ...BUILT, ...bed.clock(start, jump) });
  assert.equal(run.code, 0, `${row.name}: ${run.stdout}${run.stderr}`);
  const id = String(run.json().id);
  const entry = (await listCatalog(place.backupDir)).find((one) => one.id === id);
  const createdAt = Date.parse(entry?.manifest?.createdAt ?? "");
  const isSeen = [start, start + byMs].some((ms) => createdAt >= ms && createdAt < ms + SLOW_MS);
  assert.ok(isSeen, `${row.name}: ${id} is not of ${step.at}, as the clock was`);
  return id;
}

async function cleanUp({ place, clock, row }: Bed, step: Step): Promise<null> {
  const under = clock(momentOfStep(step, row.zone));
  const run = await place.run(["cleanup", "--json"], { ...BUILT, ...under });
  assert.equal(run.code, 0, `${row.name}: ${run.stdout}${run.stderr}`);
  return null;
}

const namesIn = async ({ place }: Bed) =>
  (await place.backupNames()).filter((name) => /^\d/.test(name)).sort();

async function itemsIn({ place, row }: Bed): Promise<RetentionItem[]> {
  const entries = await listCatalog(place.backupDir);
  return entries.flatMap((entry) => toRetentionItem(entry, new Map(), row.zone) ?? []);
}

async function addPast({ place, row }: Bed, first: Step, id: string): Promise<void> {
  const start = Temporal.Instant.fromEpochMilliseconds(momentOfStep(first, row.zone));
  const today = start.toZonedDateTimeISO(row.zone).toPlainDate();
  for (let day = 1; day <= PAST_DAYS; day += day < PAST_DAILY ? 1 : 7) {
    const night = { timeZone: row.zone, plainTime: "04:17" };
    const ms = today.subtract({ days: day }).toZonedDateTime(night).epochMilliseconds;
    const consistency = { mode: "none" } as const;
    await writePastBackup(join(place.backupDir, id), ms, row.zone, { consistency });
  }
}

async function judgeEnd(bed: Bed, made: readonly string[], ever: RetentionItem[]): Promise<void> {
  const { place, clock, row } = bed;
  const last = row.steps.at(-1);
  assert.ok(last);
  const right = momentOfStep(last, row.zone) + SLOW_MS;
  const left = await namesIn(bed);
  for (const { id } of modelKeeps(ever, right, row.zone, true))
    assert.ok(left.includes(id), `${row.name}: ${id} is gone, and a right clock keeps it`);
  for (const id of made) assert.ok(left.includes(id), `${row.name}: ${id} is gone`);
  const envFile = place.at(".env");
  const { ok } = await verify({ envFile, refs: "all", level: "quick" });
  assert.ok(ok, `${row.name}: a backup does not verify`);
  for (const id of made) assert.ok((await verify({ envFile, refs: id })).ok, id);
  const run = await place.run(["list", "--json"], { ...BUILT, ...clock(right) });
  const { backups } = run.json() as { backups: { id: string; createdAt: string }[] };
  const moments = backups.map(({ createdAt }) => Date.parse(createdAt));
  assert.deepEqual(
    moments,
    moments.toSorted((a, b) => b - a),
    `${row.name}: the order is wrong`,
  );
  assert.deepEqual(backups.map(({ id }) => id).sort(), left, row.name);
}

/** Restores with a clock that goes back between them: rollback undoes the last one. */
async function tryRestores(
  { place, clock }: Pick<Bed, "place" | "clock">,
  db: Db,
): Promise<string> {
  const at = (text: string) => ({ ...BUILT, ...clock(Date.parse(text)) });
  const must = async (args: readonly string[], when: string) => {
    const run = await place.run([...args, "--json"], at(when));
    assert.equal(run.code, 0, `${args.join(" ")}: ${run.stdout}${run.stderr}`);
    return String(run.json().id);
  };
  const mark = (state: string) => db.collection("patients").updateMany({}, { $set: { state } });
  const live = async () => (await db.collection("patients").findOne())?.state as string;
  const made = [];
  for (const state of ["first", "second"]) {
    await mark(state);
    made.push(await must(["backup"], "2026-10-14T02:00+02:00"));
  }
  const [first = "", second = ""] = made;
  await mark("third");
  await must(["restore", first, "--confirm"], "2026-10-25T02:50+02:00");
  await must(["restore", second, "--confirm"], "2026-10-25T02:10+01:00");
  assert.equal(await live(), "second");
  await must(["rollback", "--confirm"], "2026-10-15T02:20+02:00");
  assert.equal(await live(), "first", "not the last restore was taken back");
  return "the last restore was taken back";
}
