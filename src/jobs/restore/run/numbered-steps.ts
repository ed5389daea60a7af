// The numbered steps of a restore or rollback, in the words that a person follows it by. Driven by the events of the
// work itself, so that a number is only said when its step begins.
import { info } from "../../../events.ts";
import type { Emit, StepEvent } from "../../../events.ts";
import { needsProtection } from "./safety-backup.ts";
import type { RestoreOrder } from "../plan/order.ts";

export interface NumberedStep {
  /** The step event that it begins with. */
  readonly on: StepEvent["step"];
  readonly says: string;
  /** Said where it is left out. */
  readonly otherwise: string;
}

/** Before the plan is made, nobody knows the rest: a restore that loads a backup has this many steps in each mode. */
const LOADING_STEPS = 5;

/** For the verification of the backup, which comes before the plan. */
export function numberedCheck(emit: Emit, what: string): Emit {
  const check = { on: "verify", says: `checking ${what}`, otherwise: "" };
  return numbered(emit, [check], { of: LOADING_STEPS });
}

/** For all that follows the plan. */
export function numberedSteps(emit: Emit, order: RestoreOrder): Emit {
  if (order.swapBack) return numbered(emit, [SWAP_BACK, FINISH]);
  const steps = order.plan.mode === "in-place" ? inPlaceSteps(order) : stagedSteps(order);
  return numbered(emit, steps, { of: LOADING_STEPS, from: LOADING_STEPS - steps.length });
}

const SWAP_BACK: NumberedStep = {
  on: "live-change",
  says: "swapping the replaced data back",
  otherwise: "",
};
const FINISH: NumberedStep = {
  on: "finish",
  says: "finishing: comparing what was replaced",
  otherwise: "",
};

const protect = (order: RestoreOrder): NumberedStep => ({
  on: "dump",
  says: "backing up what is there now",
  otherwise: needsProtection(order)
    ? "what is there now has its backup"
    : order.plan.targetWasEmpty
      ? "nothing is replaced, so no safety backup is needed"
      : "NO safety backup of what is there now (--skip-pre-backup)",
});

const stagedSteps = (order: RestoreOrder): NumberedStep[] => [
  protect(order),
  {
    on: "stage",
    says: "loading it beside the live data",
    otherwise: "",
  },
  { on: "live-change", says: "replacing the live data (by renames)", otherwise: "" },
  FINISH,
];

const inPlaceSteps = (order: RestoreOrder): NumberedStep[] => [
  { on: "stop-service", says: "stopping the service", otherwise: "no service is stopped" },
  protect(order),
  {
    on: "live-change",
    says: "replacing the live data (in place)",
    otherwise: "",
  },
  { ...FINISH, says: "finishing" },
];

/** Gives each step that begins its number and words; what was left out before it is said first. */
export function numbered(
  emit: Emit,
  steps: readonly NumberedStep[],
  { from = 0, of = steps.length }: { readonly from?: number; readonly of?: number } = {},
): Emit {
  let next = 0;
  const numberOf = (at: number) => `${from + at + 1}/${of}`;
  return (event) => {
    const begins = event.kind === "step" && event.state === "begin";
    const at = begins ? steps.findIndex(({ on }, n) => n >= next && on === event.step) : -1;
    const step = steps[at];
    if (!step || event.kind !== "step") {
      emit(event);
      return;
    }
    for (; next < at; next++) {
      const left = steps[next]?.otherwise ?? "";
      if (left !== "") info(emit, `${numberOf(next)} ${left}`);
    }
    next = at + 1;
    emit({ ...event, title: `${numberOf(at)} ${step.says}` });
  };
}
