// kill -9 of mongokeep or mongod at a random point of a restore, then `rollback` or `restore --resume`: live data is
// the state before or the backup, never a mix. mongorestore --drop leaves a mix in 47 of 49 (docs/reliability.md).
import assert from "node:assert/strict";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { CliResult } from "../../tests/support/cli.ts";
import { mortalMongod } from "../../tests/support/mortal-mongod.ts";
import type { MortalMongod } from "../../tests/support/mortal-mongod.ts";
import { BUILT, createTarget, fillTarget } from "../program/attack.ts";
import type { Target } from "../program/attack.ts";
import type { TortureCase, Trial } from "../runner/case.ts";
import type { Hashes } from "../runner/judge.ts";

const LIMIT_MS = 240_000;
const OPTIONS = { ...BUILT, timeoutMs: LIMIT_MS };
const CHANGED = ["patients", "operations"];

interface Bed {
  readonly server: MortalMongod;
  readonly target: Target;
  /** What the backup holds. */
  readonly then: Hashes;
  readonly wholeMs: Readonly<Record<Way, number>>;
}

const WAYS = { staged: [], "in place": ["--in-place"] } as const;
type Way = keyof typeof WAYS;

export const killRestore: TortureCase = {
  name: "kill-restore",
  fault: "kill -9 of mongokeep or mongod at random points of restore; then rollback, or --resume",
  holds: "live data exactly old or exactly new after the command returns; the service runs",
  trials: { full: 500, quick: 50 },
  async prepare(ground) {
    const server = await mortalMongod(ground);
    const target = await createTarget(ground, {}, server.uri);
    const { place, database } = target;
    const log = place.at("service.log");
    await place.writeEnv({
      MONGODB_URI: server.uri.replace("/?", `/${database}?`),
      SERVICE_STOP: `echo stop >> '${log}'`,
      SERVICE_START: `echo start >> '${log}'`,
      SERVICE_CHECK: `[ "$(tail -n 1 '${log}')" = start ]`,
    });
    await writeFile(log, "start\n");
    await fillTarget(target.db, ground.random, 2);
    const then = await target.hashes();
    await must(target, ["backup", "--manual"]);
    const wholeMs = {
      staged: await timeOf(target, "staged"),
      "in place": await timeOf(target, "in place"),
    };
    const bed = { server, target, then, wholeMs };
    return { run: (trial) => runTrial(bed, trial) };
  },
};

async function timeOf(target: Target, way: Way): Promise<number> {
  const begun = performance.now();
  await must(target, ["restore", "latest", ...WAYS[way]]);
  return performance.now() - begun;
}

async function must({ place }: Target, args: readonly string[]): Promise<CliResult> {
  const confirm = args[0] === "backup" ? [] : ["--confirm"];
  const run = await place.run([...args, ...confirm, "--json"], OPTIONS);
  assert.equal(run.code, 0, `${args.join(" ")}: ${run.stdout}${run.stderr}`);
  return run;
}

async function runTrial(bed: Bed, { random, number }: Trial): Promise<string> {
  const { target, then, wholeMs } = bed;
  const { place, db } = target;
  await must(target, ["restore", "--drop-aside"]);
  for (const name of CHANGED)
    await db.collection(name).updateMany({}, { $set: { state: `${number} ${random.below(1e9)}` } });
  const now = await target.hashes();
  const way = random.pick(Object.keys(WAYS) as Way[]);
  const victim = random.pick(["mongokeep", "mongod"] as const);

  const records = await recordsIn(target);
  const running = place.start(["restore", "latest", "--confirm", "--json", ...WAYS[way]], OPTIONS);
  await sleep(wholeMs[way] * (0.15 + 0.85 * random.unit()));
  const run = await strike(bed, victim, running);
  const shown = `${way}, ${victim} killed: exit ${String(run.code)} ${run.stdout}${run.stderr}`;
  const after = await target.hashes();
  const kind = (found: Hashes) =>
    isSame(found, now) ? "old" : isSame(found, then) ? "new" : "a mix";
  if (run.code === 0) assert.equal(kind(after), "new", shown);
  if ([1, 6, 7].includes(run.code ?? -1)) assert.equal(kind(after), "old", shown);

  const [id] = (await recordsIn(target)).filter((one) => !records.includes(one));
  if (id === undefined) {
    assert.equal(kind(after), "old", shown);
    return `${victim}: before it began`;
  }
  const how = random.pick([
    ["rollback", id],
    ["restore", "--resume", id],
  ]);
  const mended = await place.run([...how, "--confirm", "--json"], OPTIONS);
  const last = `${shown}\nthen ${how.join(" ")}: ${mended.stdout}${mended.stderr}`;
  const state = kind(await target.hashes());
  assert.notEqual(state, "a mix", last);
  // Nothing to undo: it was complete, or had not begun.
  if (mended.code !== 0) assert.equal(mended.json().error.code, "usage", last);
  else assert.equal(state, how[0] === "rollback" ? "old" : "new", last);
  const service = (await readFile(place.at("service.log"), "utf8")).trim().split("\n").at(-1);
  assert.equal(service, "start", last);
  return `${victim}: ${run.code === 0 ? "ended before" : kind(after)}, then ${state}`;
}

async function recordsIn({ place }: Target): Promise<string[]> {
  const names = await readdir(join(place.backupDir, "restores"));
  return names.sort();
}

const isSame = (a: Hashes, b: Hashes) =>
  Object.keys(a).length === Object.keys(b).length &&
  Object.keys(a).every((key) => a[key] === b[key]);

async function strike(
  { server }: Bed,
  victim: "mongokeep" | "mongod",
  running: { kill(signal: NodeJS.Signals): void; readonly result: Promise<CliResult> },
): Promise<CliResult> {
  if (victim === "mongokeep") {
    running.kill("SIGKILL");
    return await running.result;
  }
  process.kill(server.pid(), "SIGKILL");
  const run = await running.result;
  await server.gone();
  await server.start();
  return run;
}
