// kill -9 of a backup at a random point: good backups stay good, nothing incomplete is listed, and the next run
// succeeds without a lock to remove by hand.
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { BUILT, createTarget, fillTarget } from "../program/attack.ts";
import type { Target } from "../program/attack.ts";
import type { TortureCase } from "../runner/case.ts";
import { createJudge } from "../runner/judge.ts";

export const killBackup: TortureCase = {
  name: "kill-backup",
  fault: "kill -9 at random points of backup",
  holds:
    "0 good backups that fail verify; the next run succeeds with no manual unlock; what was good stays good",
  trials: { full: 1_000, quick: 60 },
  async prepare(ground) {
    const target = await createTarget(ground);
    await fillTarget(target.db, ground.random, 4);
    const truth = await target.hashes();
    const judge = await createJudge(ground, target.place, target.database);
    const whole = await timeOf(target);
    return {
      async run({ random }) {
        const before = await judge.good();
        const reached = await kill(target, random.unit() * whole);
        const after = await judge.good();
        const names = after.map(({ id }) => id);
        for (const { id } of before) assert.ok(names.includes(id), `${id} is not good any more`);
        if (names[0] !== undefined && names[0] !== before[0]?.id)
          await judge.restores(names[0], truth);
        await next(target);
        await forget(target, names);
        return reached;
      },
      async end() {
        await next(target);
        await judge.newestIsWhole(truth);
      },
    };
  },
};

/** How long a backup takes here when nobody kills it, in ms. */
async function timeOf({ place }: Target): Promise<number> {
  const begun = performance.now();
  const run = await place.run(["backup", "--json"], BUILT);
  assert.equal(run.code, 0, run.stderr);
  return performance.now() - begun;
}

async function kill({ place }: Target, afterMs: number): Promise<string> {
  const run = place.start(["backup", "--json"], BUILT);
  await sleep(afterMs);
  run.kill("SIGKILL");
  const { signal } = await run.result;
  const left = (await place.backupNames()).some((name) => name.endsWith(".partial"));
  if (signal === null) return "ended before";
  return left ? "killed with a .partial" : "killed with nothing or all of it on disk";
}

/** A backup as the next night makes it. */
async function next({ place }: Target): Promise<void> {
  const run = await place.run(["backup", "--json"], BUILT);
  assert.equal(run.code, 0, run.stderr);
}

/** Keeps the number of backups small: every trial verifies them all. */
async function forget({ place }: Target, ids: readonly string[]): Promise<void> {
  for (const id of ids) await place.run(["delete", id, "--confirm"], BUILT);
}
