// How a step of a soak may end: as docs/cli.md says, and never as a fault in mongokeep. Undisturbed, with any clock, it
// does what it was asked, with no lock to remove by hand.
import assert from "node:assert/strict";
import { deadIn, findRestoreIn, newestToTakeBack } from "./model.ts";
import type { KnownRestore, Model } from "./model.ts";
import type { Outcome } from "./outcome.ts";
import type { Disturbance } from "./disturbance.ts";

const SIGNALLED: Readonly<Partial<Record<NodeJS.Signals, number>>> = { SIGINT: 130, SIGTERM: 143 };
const CHANGING = ["restore", "rollback", "resume"];

/** @throws AssertionError for any other end. `model` is that from before the step. */
export function judgeExit(model: Model, outcome: Outcome): void {
  const { disturbance, run, said, shown } = outcome;
  assert.notEqual(said.error?.code, "internal", shown);
  const isKilled = disturbance.kind === "kill" && run.code === null;
  if (isKilled) return;
  const may = [...calmExits(model, outcome), ...disturbedExits(outcome, disturbance)];
  assert.ok(may.includes(run.code ?? -1), `${shown}\nit may end with ${may.join(", ")}`);
}

function disturbedExits({ step }: Outcome, disturbance: Disturbance): number[] {
  const undone = CHANGING.includes(step.name) ? [7] : [];
  if (disturbance.kind === "disk") return [1, 5, ...undone];
  if (disturbance.kind !== "kill") return [];
  return [SIGNALLED[disturbance.signal] ?? 0, ...undone];
}

function calmExits(model: Model, outcome: Outcome): number[] {
  const { step, before } = outcome;
  const isBetween = deadIn(model).length > 0;
  switch (step.name) {
    // What is live between two states may be nothing.
    case "backup":
      return Object.keys(before).length === 0 ? [1] : [0];
    case "status":
      return [0, 1];
    // An interrupted restore needs some.
    case "delete":
      return isBetween ? [0, 2] : [0];
    case "resume":
      return isBetween ? [0, 2] : [2];
    case "rollback":
      return isBetween ? [0, 1, 2] : rollbackExits(model, outcome);
    default:
      return [0];
  }
}

function rollbackExits(model: Model, { step }: Outcome): number[] {
  const named = findRestoreIn(model, step.subject);
  const taken = step.subject === null ? newestToTakeBack(model) : named;
  if (taken?.state !== "applied") return [0, 1, 2];
  // Without an id only the newest restore is undone: not a rollback, nor what a failed one came after.
  if (step.subject === null && canBeTakenBack(model, taken)) return [0, 1];
  return canBeTakenBack(model, taken) ? [0] : [0, 1, 2, 3];
}

/** From what it retained, or from its backups that nobody has deleted. */
function canBeTakenBack({ backups }: Model, { backups: own, isAsideGone }: KnownRestore): boolean {
  return own.every((id) => backups.has(id)) && (!isAsideGone || own.length > 0);
}
