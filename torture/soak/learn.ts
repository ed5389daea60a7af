// Everything that is promised for one step, and what the model learns from it.
import { learnBackups } from "./backups.ts";
import { judgeExit } from "./exit.ts";
import { learnLive } from "./live.ts";
import type { KnownRestore, Model } from "./model.ts";
import type { Outcome } from "./outcome.ts";

/** @throws AssertionError where a promise is broken */
export function learn(model: Model, outcome: Outcome): Model {
  judgeExit(model, outcome);
  const live = learnLive(model, outcome);
  const known = learnBackups(live, outcome);
  const made = [...known.backups.keys()].filter((id) => !model.backups.has(id));
  const isNew = ({ id }: KnownRestore) => !model.restores.some((one) => one.id === id);
  const isAsideDropped = mayDropAside(outcome);
  const restores = known.restores.map((one) => ({
    ...one,
    ...(isNew(one) ? { backups: made } : { isAsideGone: one.isAsideGone || isAsideDropped }),
  }));
  return { ...known, restores };
}

/** On request, by a clock that is a day ahead, or for want of room. */
function mayDropAside({ step, disturbance }: Outcome): boolean {
  return step.name === "drop-aside" || disturbance.kind === "clock" || disturbance.kind === "disk";
}
