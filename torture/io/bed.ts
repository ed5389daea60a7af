// The subject of faults in single calls: a project with a backup that must stay good, and the calls that each command
// makes on the files of its backup folder.
import assert from "node:assert/strict";
import { readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import type { CliOptions, CliResult } from "../../tests/support/cli.ts";
import { writePastBackup } from "../../tests/support/past-backups.ts";
import type { Random } from "../../tests/support/random.ts";
import { BUILT, createTarget, fillTarget } from "../program/attack.ts";
import type { Target } from "../program/attack.ts";
import type { Ground } from "../runner/ground.ts";
import { createShim } from "./shim.ts";
import type { Call, IoShim } from "./shim.ts";
import { createJudge } from "../runner/judge.ts";
import type { Hashes, Judge } from "../runner/judge.ts";

const COMMANDS = {
  backup: ["backup", "--manual"],
  verify: ["verify", "--all"],
  cleanup: ["cleanup"],
  restore: ["restore"],
} as const;
export type Command = keyof typeof COMMANDS;

const DAY_MS = 86_400_000;
/** Days ago, of backups that a clean-up has to decide about. */
const PAST = [1, 33, 36, 39, 47] as const;

export interface IoBed {
  readonly target: Target;
  readonly judge: Judge;
  readonly shim: IoShim;
  /** The backup that is there from the beginning, kept for ever. */
  readonly base: string;
  /** What it holds. */
  readonly then: Hashes;
  readonly traces: ReadonlyMap<Command, readonly Call[]>;
}

export async function createIoBed(ground: Ground, commands: readonly Command[]): Promise<IoBed> {
  const target = await createTarget(ground);
  await fillTarget(target.db, ground.random, 0.4);
  const { place } = target;
  const first = await place.run(["backup", "--manual", "--json"], BUILT);
  assert.equal(first.code, 0, first.stdout + first.stderr);
  const bed = {
    target,
    judge: await createJudge(ground, place, target.database),
    shim: await createShim(ground, place.backupDir),
    base: String(first.json().id),
    then: await target.hashes(),
  };
  const traces = new Map<Command, readonly Call[]>();
  for (const command of commands) {
    await prepareFor({ ...bed, traces }, command, ground.random);
    const run = await runCommand({ ...bed, traces }, command, bed.shim.tracing);
    assert.equal(run.code, 0, run.stdout + run.stderr);
    const calls = await bed.shim.traced();
    assert.ok(calls.length > 0, "the shim sees nothing");
    traces.set(command, calls);
    await tidy({ ...bed, traces });
  }
  return { ...bed, traces };
}

/** What a command needs to have something to do; gives the hashes of the live data. */
export async function prepareFor(bed: IoBed, command: Command, random: Random): Promise<Hashes> {
  const { target, base } = bed;
  const path = join(target.place.backupDir, base);
  if (command === "cleanup")
    for (const days of PAST) await writePastBackup(path, Date.now() - days * DAY_MS, "UTC");
  if (command === "restore")
    await target.db.collection("patients").updateMany({}, { $set: { state: random.below(1e9) } });
  return await target.hashes();
}

export function runCommand(bed: IoBed, command: Command, options: CliOptions): Promise<CliResult> {
  const more = command === "restore" ? [bed.base, "--confirm"] : [];
  return bed.target.place.run([...COMMANDS[command], ...more, "--json"], options);
}

/** The live data after a restore that met a fault: old, or new, or made so by one command. */
export async function judgeLive(
  { target, then }: IoBed,
  now: Hashes,
  run: CliResult,
  shown: string,
): Promise<string> {
  const after = await kindOf(target, now, then);
  if (run.code === 0) assert.equal(after, "new", shown);
  if ([1, 3, 5, 6, 7].includes(run.code ?? -1)) assert.equal(after, "old", shown);
  if (after !== "a mix" && run.code !== null && run.code !== 8) return after;
  const [id] = (await recordsOf(target)).slice(-1);
  if (id === undefined || (await stateOf(target, id)) === "none") return after;
  const back = await target.place.run(["rollback", id, "--confirm", "--json"], BUILT);
  const found = await kindOf(target, now, then);
  const last = `${shown}\nthen rollback: ${back.stdout}${back.stderr}`;
  if (back.code === 0) assert.equal(found, "old", last);
  else {
    assert.equal(back.json().error.code, "usage", last);
    assert.notEqual(found, "a mix", last);
  }
  return `${after}, then ${found}`;
}

async function kindOf(target: Target, now: Hashes, then: Hashes): Promise<string> {
  const found = await target.hashes();
  const same = (a: Hashes) =>
    Object.keys(a).length === Object.keys(found).length &&
    Object.keys(a).every((key) => a[key] === found[key]);
  if (same(now)) return "old";
  return same(then) ? "new" : "a mix";
}

async function recordsOf({ place }: Target): Promise<string[]> {
  const names = await readdir(join(place.backupDir, "restores")).catch(() => []);
  return names.sort();
}

/** A record that was never whole is none. */
async function stateOf({ place }: Target, id: string): Promise<"some" | "none"> {
  const plan = join(place.backupDir, "restores", id, "plan.json");
  const text = await readFile(plan, "utf8").catch(() => "");
  return text === "" ? "none" : "some";
}

/** The next night: it must succeed whatever the fault has left, and all that is listed as good is. */
export async function judgeNext(bed: IoBed, shown: string): Promise<void> {
  const run = await runCommand(bed, "backup", BUILT);
  assert.equal(run.code, 0, `${shown}\nthe next backup: ${run.stdout}${run.stderr}`);
  const good = await bed.judge.good();
  assert.ok(
    good.some(({ id }) => id === bed.base),
    `${shown}\n${bed.base} is not good any more`,
  );
  assert.ok(
    good.some(({ id }) => id === run.json().id),
    shown,
  );
}

/** Few backups, and nothing retained, for the next trial. */
export async function tidy({ target, base }: IoBed): Promise<void> {
  const { place, client, database } = target;
  for (const name of await place.backupNames())
    if (name !== base && /^\.?\d{4}-/.test(name))
      await rm(join(place.backupDir, name), { recursive: true, force: true });
  await rm(join(place.backupDir, "restores"), { recursive: true, force: true });
  const all = await client.db(database).listCollections({}, { nameOnly: true }).toArray();
  for (const { name } of all)
    if (name.startsWith("__mongokeep_")) await client.db(database).dropCollection(name);
}
