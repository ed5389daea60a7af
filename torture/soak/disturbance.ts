// How a command of a soak is disturbed while it runs, determined by the seed.
import type { Random } from "../../tests/support/random.ts";
import type { Room } from "../machine/limited-disk.ts";
import type { Step, StepName } from "./step.ts";

export type Disturbance =
  | { readonly kind: "none" }
  /** `part` of the time that such a command takes. */
  | { readonly kind: "kill"; readonly signal: NodeJS.Signals; readonly part: number }
  | {
      readonly kind: "disk";
      readonly what: Room;
      readonly free: number;
      readonly isTold: boolean;
    }
  | { readonly kind: "clock"; readonly byMs: number };

export type DisturbanceKind = Disturbance["kind"];

const DAY_MS = 86_400_000;
const MOST_DAYS = 60;
const HOUR_MS = 3_600_000;
/** About what a backup of these data takes. */
const MOST_PAGES = 90;
const MOST_INODES = 20;

export function chooseDisturbance(
  random: Random,
  { name }: Step,
  possible: readonly DisturbanceKind[],
): Disturbance {
  if (name === "write") return { kind: "none" };
  const more = RESTORING.includes(name) ? possible : CALM;
  return DISTURBANCES[random.pick([...CALM, ...more, ...possible])](random);
}

const DISTURBANCES: Readonly<Record<DisturbanceKind, (random: Random) => Disturbance>> = {
  none: () => ({ kind: "none" }),
  kill: (random) => {
    const signal = random.pick(["SIGKILL", "SIGKILL", "SIGKILL", "SIGINT", "SIGTERM"] as const);
    return { kind: "kill", signal, part: random.unit() };
  },
  disk: (random) => {
    const what = random.pick(["pages", "pages", "inodes"] as const);
    const free = random.below(what === "pages" ? MOST_PAGES : MOST_INODES);
    return { kind: "disk", what, free, isTold: random.below(3) > 0 };
  },
  clock: (random) => {
    const most = random.below(2) === 0 ? MOST_DAYS * DAY_MS : HOUR_MS;
    return { kind: "clock", byMs: Math.round((random.unit() * 2 - 1) * most) };
  },
};

const CALM: readonly DisturbanceKind[] = ["none", "none", "none"];
/** What changes live data is disturbed more often. */
const RESTORING: readonly StepName[] = ["restore", "rollback", "resume"];
