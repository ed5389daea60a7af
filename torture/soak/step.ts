// The next step of a soak, determined by the seed: a command of mongokeep or a change to the database. Backups and
// restores are chosen by their position in the model.
import type { Random } from "../../tests/support/random.ts";
import { deadIn, sortedIds } from "./model.ts";
import type { Model } from "./model.ts";

export type StepName =
  | "write"
  | "backup"
  | "verify"
  | "list"
  | "status"
  | "cleanup"
  | "delete"
  | "restore"
  | "rollback"
  | "resume"
  | "drop-aside";

export interface Step {
  readonly name: StepName;
  /** Of the command line. */
  readonly args: readonly string[];
  /** The backup, or the restore, that is named. */
  readonly subject: string | null;
}

/** Beyond it they are deleted rather than made. */
const MANY_BACKUPS = 20;

type Choice = readonly [weight: number, name: StepName];

const FREELY: readonly Choice[] = [
  [20, "write"],
  [18, "backup"],
  [6, "verify"],
  [3, "list"],
  [3, "status"],
  [8, "cleanup"],
  [6, "delete"],
  [18, "restore"],
  [12, "rollback"],
  [2, "resume"],
  [4, "drop-aside"],
];

/** A restore was interrupted: nobody writes to such data, or restores over it. */
const BETWEEN: readonly Choice[] = [
  [5, "backup"],
  [2, "verify"],
  [2, "list"],
  [2, "status"],
  [3, "cleanup"],
  [3, "delete"],
  [12, "rollback"],
  [12, "resume"],
  [2, "drop-aside"],
];

const MANY: readonly Choice[] = [[1, "delete"]];

export function chooseStep(random: Random, model: Model): Step {
  const isMany = model.backups.size > MANY_BACKUPS && random.below(2) === 0;
  const choices = isMany ? MANY : deadIn(model).length > 0 ? BETWEEN : FREELY;
  const name = weighted(random, choices);
  if (model.backups.size === 0 && ["verify", "delete", "restore"].includes(name))
    return STEPS.backup(random, model);
  // On a full disk a restore cannot record that it failed, and would be restarted.
  const isRetry = name === "resume" && deadIn(model).length === 0 && hasFailed(model);
  return STEPS[isRetry ? "list" : name](random, model);
}

const hasFailed = ({ restores }: Model) => restores.some(({ state }) => state === "failed");

function weighted(random: Random, choices: readonly Choice[]): StepName {
  let left = random.below(choices.reduce((sum, [weight]) => sum + weight, 0));
  for (const [weight, name] of choices) {
    if (left < weight) return name;
    left -= weight;
  }
  return "list";
}

const plain = (name: StepName, args: readonly string[]) => (): Step => ({
  name,
  args,
  subject: null,
});
const maybe = (random: Random, ...args: readonly string[]) => (random.below(2) === 0 ? args : []);

const STEPS: Readonly<Record<StepName, (random: Random, model: Model) => Step>> = {
  write: plain("write", []),
  list: plain("list", ["list"]),
  status: plain("status", ["status"]),
  cleanup: plain("cleanup", ["cleanup"]),
  "drop-aside": plain("drop-aside", ["restore", "--drop-aside", "--confirm"]),
  backup: (random) => {
    const compression = ["--compression", random.pick(["gzip", "zstd", "none"])];
    const engine = random.below(4) === 0 ? ["--engine", "ejson"] : [];
    const args = ["backup", ...maybe(random, "--manual"), ...compression, ...engine];
    return { name: "backup", args, subject: null };
  },
  verify: (random, model) => {
    const subject = random.pick(sortedIds(model));
    const level = random.pick(["quick", "full"]);
    const what = random.below(4) === 0 ? "--all" : subject;
    return { name: "verify", args: ["verify", what, "--level", level], subject };
  },
  delete: (random, model) => {
    const subject = random.pick(sortedIds(model));
    return { name: "delete", args: ["delete", subject, "--confirm"], subject };
  },
  restore: (random, model) => {
    const subject = random.pick(sortedIds(model));
    const how = [...maybe(random, "--in-place"), ...(random.below(4) === 0 ? ["--exact"] : [])];
    return { name: "restore", args: ["restore", subject, ...how, "--confirm"], subject };
  },
  rollback: (random, model) => {
    const subject = chooseRestore(random, model);
    const named = subject === null ? [] : [subject];
    return { name: "rollback", args: ["rollback", ...named, "--confirm"], subject };
  },
  resume: (random, model) => {
    const subject = maybe(random, deadIn(model).at(-1)?.id ?? "").find((id) => id !== "") ?? null;
    const named = subject === null ? [] : [subject];
    return { name: "resume", args: ["restore", "--resume", ...named, "--confirm"], subject };
  },
};

/** The interrupted one; otherwise mostly the default of a rollback, and sometimes an older one. */
function chooseRestore(random: Random, model: Model): string | null {
  if (random.below(2) === 0) return null;
  const dead = deadIn(model).at(-1);
  if (dead) return dead.id;
  const some = model.restores.slice(-4);
  return some.length === 0 ? null : random.pick(some).id;
}
