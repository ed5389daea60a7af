// SIGINT, SIGTERM and SIGHUP at random points of every command, also twice: the command ends soon, the service runs
// again, nothing incomplete is listed, and live data is old or new.
import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { BUILT, createTarget, fillTarget } from "../program/attack.ts";
import type { Target } from "../program/attack.ts";
import type { TortureCase, Trial } from "../runner/case.ts";
import { createJudge } from "../runner/judge.ts";
import type { Judge } from "../runner/judge.ts";

const SIGNALS = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;
type Signal = keyof typeof SIGNALS;

/** What is promised on this page's machine; a run says what it took where that is more. */
const GONE_MS = 5_000;
/** A machine ten times slower than ours is no broken promise. */
const SLOWEST = 10;

const COMMANDS = {
  backup: ["backup", "--manual"],
  verify: ["verify", "--all"],
  cleanup: ["cleanup"],
  restore: ["restore", "latest", "--confirm"],
} as const;
type Command = keyof typeof COMMANDS;

export const signals: TortureCase = {
  name: "signals",
  fault:
    "SIGINT, SIGTERM, SIGHUP at random points of backup, verify, cleanup, restore; a second one",
  holds: "gone in 5 s, the service started again, nothing half-done listed, live data old or new",
  trials: { full: 100, quick: 10 },
  async prepare(ground) {
    const target = await createTarget(ground);
    const { place } = target;
    const log = place.at("service.log");
    await place.writeEnv({
      MONGODB_URI: await uriOf(target),
      SERVICE_STOP: `echo stop >> '${log}'`,
      SERVICE_START: `echo start >> '${log}'`,
      SERVICE_CHECK: `[ "$(tail -n 1 '${log}')" = start ]`,
    });
    await writeFile(log, "start\n");
    await fillTarget(target.db, ground.random, 4);
    const then = await target.hashes();
    const judge = await createJudge(ground, place, target.database);
    const whole = new Map<Command, number>();
    for (const [name, args] of Object.entries(COMMANDS)) {
      const begun = performance.now();
      const run = await place.run([...args, "--json"], BUILT);
      assert.equal(run.code, 0, run.stdout + run.stderr);
      whole.set(name as Command, performance.now() - begun);
    }
    return { run: (trial) => runTrial({ target, judge, then, whole }, trial) };
  },
};

async function uriOf({ place }: Target): Promise<string> {
  const env = await readFile(place.at(".env"), "utf8");
  return /^MONGODB_URI='(.*)'$/m.exec(env)?.[1] ?? "";
}

interface Bed {
  readonly target: Target;
  readonly judge: Judge;
  readonly then: Readonly<Record<string, string>>;
  readonly whole: ReadonlyMap<Command, number>;
}

async function runTrial({ target, judge, then, whole }: Bed, { random }: Trial): Promise<string> {
  const { place, db } = target;
  const command = random.pick(Object.keys(COMMANDS) as Command[]);
  const signal = random.pick(Object.keys(SIGNALS) as Signal[]);
  const second = random.below(4) === 0;
  await db.collection("patients").updateMany({}, { $set: { state: random.below(1e9) } });
  const now = await target.hashes();
  const before = (await judge.good()).map(({ id }) => id);

  const running = place.start([...COMMANDS[command], "--json"], BUILT);
  // Before 150 ms Node itself starts, and any signal ends it as it ends every process.
  await sleep(150 + random.unit() * (whole.get(command) ?? 0));
  const struck = performance.now();
  running.kill(signal);
  if (second) {
    await sleep(random.below(300));
    running.kill(signal);
  }
  const { code, signal: by, stdout, stderr } = await running.result;
  const tookMs = performance.now() - struck;
  const shown = `${command}, ${signal}${second ? " twice" : ""}: exit ${String(code)} ${String(by)} ${stdout}${stderr}`;
  assert.ok(tookMs < GONE_MS * SLOWEST, `${shown}\ntook ${tookMs.toFixed(0)} ms`);
  const names = await place.backupNames();
  const after = await judge.good();
  for (const id of before)
    assert.ok(after.some((one) => one.id === id) || command === "cleanup", shown);
  const live = await target.hashes();
  const isNew = same(live, then);
  assert.ok(isNew || same(live, now), `${shown}\nlive data is a mix`);
  if (code === SIGNALS[signal]) assert.equal(isNew, same(now, then), shown);
  const service = (await readFile(place.at("service.log"), "utf8")).trim().split("\n").at(-1);
  assert.ok(service === "start" || code === 8 || second, `${shown}\nthe service stays stopped`);
  await clear(target, names);
  const slow = tookMs > GONE_MS ? `, after ${(tookMs / 1000).toFixed(0)} s` : "";
  return `${command}: ${by ?? `exit ${String(code)}`}${second ? " (two signals)" : ""}${slow}`;
}

const same = (a: Readonly<Record<string, string>>, b: Readonly<Record<string, string>>) =>
  Object.keys(a).every((key) => a[key] === b[key]);

/** Backups are few, and a restore that was cut off by a second signal is undone, for the next trial. */
async function clear({ place }: Target, names: readonly string[]): Promise<void> {
  await place.run(["rollback", "--confirm"], BUILT);
  await place.run(["restore", "--drop-aside", "--confirm"], BUILT);
  const ids = names.filter((name) => /^\d{4}-/.test(name)).slice(1);
  for (const id of ids) await place.run(["delete", id, "--confirm"], BUILT);
}
