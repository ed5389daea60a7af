// One project for hours: random commands and changes to the database, some of them killed, on a full disk, or with a
// wrong clock, checked against a model after every step.
import assert from "node:assert/strict";
import { verify } from "../../src/index.ts";
import type { Random } from "../../tests/support/random.ts";
import type { TortureCase } from "../runner/case.ts";
import { readState } from "../database/state.ts";
import { createJudge } from "../runner/judge.ts";
import type { Judge } from "../runner/judge.ts";
import { writeRandomly } from "../database/random-writes.ts";
import { carryOutStep, createSoakBed } from "../soak/bed.ts";
import type { SoakBed } from "../soak/bed.ts";
import { chooseDisturbance } from "../soak/disturbance.ts";
import { learn } from "../soak/learn.ts";
import { deadIn, EMPTY_MODEL, sortedIds } from "../soak/model.ts";
import type { Model } from "../soak/model.ts";
import type { Outcome } from "../soak/outcome.ts";
import { chooseStep } from "../soak/step.ts";

/** A backup is restored elsewhere and compared after so many steps. */
const COMPARE_EACH = 10;
const HISTORY = 12;

interface Soak {
  readonly bed: SoakBed;
  readonly judge: Judge;
  model: Model;
  /** The last steps, for who looks at a failure. */
  readonly history: string[];
}

export const soak: TortureCase = {
  name: "soak",
  fault: "random commands, kills, clock jumps, full disks, checked against a model",
  holds: "no broken promise",
  trials: { full: 1_000_000, quick: 1_000_000 },
  seconds: { full: 8 * 3_600, quick: 100 },
  isChain: true,
  async prepare(ground) {
    const bed = await createSoakBed(ground);
    const judge = await createJudge(ground, bed.target.place, bed.target.database);
    const one: Soak = { bed, judge, model: EMPTY_MODEL, history: [] };
    return {
      async run({ number, random }) {
        const ending = await runStep(one, random);
        if (number % COMPARE_EACH === COMPARE_EACH - 1) await compareOne(one, random);
        return ending;
      },
      end: () => compareOne(one, ground.random),
    };
  },
};

async function runStep(one: Soak, random: Random): Promise<string> {
  const { bed, history } = one;
  const step = chooseStep(random, one.model);
  const disturbance = chooseDisturbance(random, step, bed.possible);
  if (step.name === "write") {
    history.push((await writeRandomly(bed.target.db, random)).join(", "));
    return "write";
  }
  const outcome = await carryOutStep(bed, step, disturbance);
  history.push(outcome.shown.slice(0, 200).split("\n")[0] ?? "");
  const wasBetween = deadIn(one.model).length > 0;
  try {
    one.model = learn(one.model, outcome);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const steps = history.slice(-HISTORY).join("\n  ");
    throw new Error(`${message}\nthe last steps:\n  ${steps}`, { cause: error });
  }
  return endingOf(outcome, wasBetween);
}

const BY = { none: "", kill: "killed", disk: "full disk", clock: "wrong clock" } as const;

/** What was reached, in few enough kinds to be read. */
function endingOf({ step, disturbance, run }: Outcome, wasBetween: boolean): string {
  const { kind } = disturbance;
  if (kind === "none") return wasBetween ? `${step.name} after a dead restore` : step.name;
  const fate = run.code === 0 ? "done" : (run.signal ?? `exit ${String(run.code)}`);
  const isHeavy = ["backup", "restore", "rollback", "resume"].includes(step.name);
  return `${BY[kind]}: ${isHeavy ? step.name : "others"} ${fate}`;
}

/** A good backup holds what it was made of: verified in full, and restored into another server. */
async function compareOne({ bed, judge, model }: Soak, random: Random): Promise<void> {
  const ids = sortedIds(model);
  if (ids.length === 0) return;
  const id = random.pick(ids);
  const { place, database } = bed.target;
  const { ok, backups } = await verify({ envFile: place.at(".env"), refs: id, level: "full" });
  assert.ok(ok, `${id} is listed as good, and is not: ${JSON.stringify(backups)}`);
  const client = await judge.restored(id);
  const restored = await readState(client, database);
  assert.deepEqual(restored, model.backups.get(id)?.content, `${id} is not what was backed up`);
}
