// Which backups are good after a step: the earlier ones, and those that the step made, which hold what was live when it
// began. Backups disappear only through `delete`, or through cleanup as retention allows.
import assert from "node:assert/strict";
import type { CatalogEntry } from "../../src/archive/catalog.ts";
import type { BackupType } from "../../src/archive/manifest.ts";
import type { State } from "../database/state.ts";
import type { KnownBackup, Model } from "./model.ts";
import type { Outcome } from "./outcome.ts";
import type { StepName } from "./step.ts";

/** The daily tier, and that of pre-restore backups. */
const YOUNG_MS = 30 * 86_400_000;
const PROTECTING: readonly StepName[] = ["restore", "rollback", "resume"];

/** @throws AssertionError where a promise is broken */
export function learnBackups(model: Model, outcome: Outcome): Model {
  const fresh = outcome.good.filter(({ id }) => !model.backups.has(id));
  const known = fresh.map((entry) => learnOne(model, outcome, entry));
  const { step, run, said, shown } = outcome;
  const names = new Set(outcome.good.map(({ id }) => id));
  if (step.name === "backup" && run.code === 0)
    assert.ok(names.has(said.id ?? ""), `${shown}\nits backup is not good`);
  const all = [...model.backups.values(), ...known];
  const newest = newestOf(all, outcome.nowMs);
  for (const backup of model.backups.values())
    if (!names.has(backup.id)) assertMayGo(outcome, backup, newest);
  return {
    ...model,
    backups: new Map(all.filter(({ id }) => names.has(id)).map((one) => [one.id, one])),
    everGood: new Set([...model.everGood, ...known.map(({ id }) => id)]),
  };
}

function learnOne(model: Model, outcome: Outcome, { id, manifest }: CatalogEntry): KnownBackup {
  const { step, before, shown } = outcome;
  assert.ok(manifest, id);
  assert.ok(!model.everGood.has(id), `${shown}\n${id} was given twice`);
  assert.equal(manifest.type, typeMadeBy(step), `${shown}\n${id} is of another type`);
  const names = manifest.collections.map(({ name }) => name).sort();
  const isPart = manifest.type === "pre-restore";
  const content = isPart ? pick(before, names) : before;
  assert.deepEqual(names, Object.keys(content).sort(), `${shown}\n${id} is of other collections`);
  return { id, type: manifest.type, createdAtMs: Date.parse(manifest.createdAt), content };
}

function typeMadeBy({ name, args }: Outcome["step"]): BackupType | null {
  if (PROTECTING.includes(name)) return "pre-restore";
  if (name !== "backup") return null;
  return args.includes("--manual") ? "manual" : "automatic";
}

function pick(state: State, names: readonly string[]): State {
  return Object.fromEntries(Object.entries(state).filter(([name]) => names.includes(name)));
}

/** By the clock that the run was shown: what is dated later counts for nothing. */
function newestOf(all: readonly KnownBackup[], nowMs: number): KnownBackup | null {
  const past = all.filter((one) => one.type !== "pre-restore" && one.createdAtMs <= nowMs);
  return past.toSorted((a, b) => b.createdAtMs - a.createdAtMs)[0] ?? null;
}

function assertMayGo(outcome: Outcome, backup: KnownBackup, newest: KnownBackup | null): void {
  const { step, nowMs, shown } = outcome;
  const { id, type, createdAtMs } = backup;
  if (step.name === "delete" && step.subject === id) return;
  assert.ok(["cleanup", "backup"].includes(step.name), `${shown}\n${id} is not good any more`);
  assert.notEqual(type, "manual", `${shown}\n${id} is manual, and gone`);
  assert.notEqual(id, newest?.id, `${shown}\n${id} was the newest good one, and is gone`);
  assert.ok(createdAtMs <= nowMs - YOUNG_MS, `${shown}\n${id} is younger than 30 days, and gone`);
}
