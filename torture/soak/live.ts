// What is live after a step: the same as before, except after restores and rollbacks, which leave exactly what they
// reported. After a killed one it may be anything, until it is resumed or undone.
import assert from "node:assert/strict";
import { isEqualState, overlay } from "../database/state.ts";
import type { State } from "../database/state.ts";
import {
  addRestore,
  changeRestore,
  deadIn,
  findRestoreIn,
  newestToTakeBack,
  settleApplied,
  takeBack,
} from "./model.ts";
import type { KnownRestore, Model } from "./model.ts";
import { isCutOff } from "./outcome.ts";
import type { Outcome } from "./outcome.ts";

/** What a restore is to leave. */
type Aim = Pick<KnownRestore, "after" | "touched">;

/** @throws AssertionError where a promise is broken. `model` knows the backups from before the step. */
export function learnLive(model: Model, outcome: Outcome): Model {
  const { step } = outcome;
  const changes = step.name === "restore" || step.name === "rollback" || step.name === "resume";
  if (step.name === "write") return model;
  if (!changes) {
    assertLive(outcome, outcome.before);
    return model;
  }
  if (outcome.run.code === 0) return learnDone(model, outcome);
  if (isCutOff(outcome)) return learnCutOff(model, outcome);
  return learnFailed(model, outcome);
}

function assertLive({ after, shown }: Outcome, expected: State): void {
  if (isEqualState(after, expected)) return;
  assert.deepEqual(after, expected, `${shown}\nlive data is not what it must be`);
}

function learnDone(model: Model, outcome: Outcome): Model {
  const { step, said, before } = outcome;
  const id = said.restoreId ?? "";
  if (step.name === "restore") {
    const aim = aimOfRestore(model, outcome);
    assertLive(outcome, aim.after);
    return addRestore(model, recordOf(outcome, id, null, aim, "applied"));
  }
  if (step.name === "rollback") return learnRollback(model, outcome, id);
  const resumed = findRestoreIn(model, id) ?? deadIn(model).at(-1);
  assert.ok(resumed, `${outcome.shown}\nnothing was to be resumed`);
  assertLive(outcome, overlay(before, resumed.after, resumed.touched));
  const settled = settleApplied(model, resumed.id);
  if (id === resumed.id) return settled;
  const begunAnew = changeRestore(model, resumed.id, { state: "failed" });
  return addRestore(begunAnew, recordOf(outcome, id, null, resumed, "applied"));
}

function learnRollback(model: Model, outcome: Outcome, id: string): Model {
  const { said, shown, step } = outcome;
  const taken = findRestoreIn(model, said.rollbackOf);
  assert.ok(taken, `${shown}\nnobody knows the restore that was taken back`);
  const newest = newestToTakeBack(model);
  if (step.subject === null && deadIn(model).length === 0 && taken.state !== "failed")
    assert.equal(taken.id, newest?.id, `${shown}\nnot the newest restore was taken back`);
  const aim = aimOfRollback(taken, outcome.before);
  assertLive(outcome, aim.after);
  const without = takeBack(model, taken.id);
  if (id === taken.id) return without;
  return addRestore(without, recordOf(outcome, id, taken.id, aim, "applied"));
}

function aimOfRestore({ backups }: Model, { step, before }: Outcome): Aim {
  const content = backups.get(step.subject ?? "")?.content ?? {};
  const isExact = step.args.includes("--exact");
  const touched = new Set([...Object.keys(content), ...(isExact ? Object.keys(before) : [])]);
  return { after: overlay(before, content, touched), touched };
}

/** What it made and what is gone by now needs no rollback. */
function aimOfRollback(taken: KnownRestore, live: State): Aim {
  const touched = new Set(
    [...taken.touched].filter((name) => name in taken.before || name in live),
  );
  return { after: overlay(live, taken.before, touched), touched };
}

/** Killed, or exit 8. */
function learnCutOff(model: Model, outcome: Outcome): Model {
  const { newRestores, step } = outcome;
  const isMend = deadIn(model).length > 0;
  if (newRestores.length === 0 && !isMend) assertLive(outcome, outcome.before);
  let learned = model;
  for (const { id, rollbackOf } of newRestores) {
    const aim = aimOfDead(model, outcome, rollbackOf);
    if (step.name === "restore" && !step.args.includes("--in-place")) assertWholes(outcome, aim);
    if (step.name === "resume") {
      const begunAnew = deadIn(model).at(-1);
      if (begunAnew) learned = changeRestore(learned, begunAnew.id, { state: "failed" });
    }
    learned = addRestore(learned, recordOf(outcome, id, rollbackOf, aim, "dead"));
  }
  return learned;
}

/** Each collection is the old one, or the new one, or between two renames neither; never a part. */
function assertWholes({ before, after, shown }: Outcome, aim: Aim): void {
  for (const [name, found] of Object.entries(after)) {
    // It cannot be renamed, and is loaded in place.
    if (found.includes('"timeseries"')) continue;
    const may = [before[name], aim.after[name]];
    assert.ok(may.includes(found), `${shown}\n${name} is neither old nor new: ${found}`);
  }
}

function aimOfDead(model: Model, outcome: Outcome, rollbackOf: string | null): Aim {
  if (outcome.step.name === "restore") return aimOfRestore(model, outcome);
  const taken = findRestoreIn(model, rollbackOf);
  if (taken) return aimOfRollback(taken, outcome.before);
  const resumed = outcome.step.name === "resume" ? deadIn(model).at(-1) : undefined;
  return resumed ?? { after: outcome.before, touched: new Set() };
}

/** It ended by itself: live data is unchanged, unless it had to repair what another one had left. */
function learnFailed(model: Model, outcome: Outcome): Model {
  const failed = outcome.newRestores.reduce((known, { id, rollbackOf }) => {
    const nothing = { after: outcome.before, touched: new Set<string>() };
    return addRestore(known, recordOf(outcome, id, rollbackOf, nothing, "failed"));
  }, model);
  const dead = deadIn(model).at(-1);
  if (!dead) {
    assertLive(outcome, outcome.before);
    return failed;
  }
  const isRefused =
    outcome.run.code === 2 ||
    (outcome.said.error?.message ?? "").startsWith("there is nothing to undo");
  return isRefused ? learnRefused(failed, outcome, dead) : failed;
}

/** There was nothing to repair: it ended before or after all of its work. */
function learnRefused(model: Model, outcome: Outcome, dead: KnownRestore): Model {
  const { step, said, shown, before } = outcome;
  assertLive(outcome, before);
  const message = said.error?.message ?? "";
  const isEnded =
    step.name === "rollback" || /nothing to resume|no restore to resume/.test(message);
  // A rollback that changed nothing is run again, and a backup may be gone that nothing needed.
  if (!isEnded) return model;
  if (isEqualState(before, dead.after)) return settleApplied(model, dead.id);
  assert.deepEqual(
    before,
    dead.before,
    `${shown}\nlive data is a mix, and nothing is to be mended`,
  );
  return changeRestore(model, dead.id, { state: "failed", touched: new Set() });
}

function recordOf(
  { before }: Outcome,
  id: string,
  rollbackOf: string | null,
  { after, touched }: Aim,
  state: KnownRestore["state"],
): KnownRestore {
  return { id, rollbackOf, before, after, touched, state, backups: [], isAsideGone: false };
}
