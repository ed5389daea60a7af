// A torture case: a fault that is injected many times, and the promise that must hold each time.
import type { Ground } from "./ground.ts";
import type { Random } from "../../tests/support/random.ts";

/** How often, or how long; a sweep finds out in `prepare`. */
export interface Trials {
  readonly full: number;
  readonly quick: number;
}

export interface TortureCase {
  /** For `--case`: kebab-case. */
  readonly name: string;
  /** What is done to mongokeep; a cell of the table. */
  readonly fault: string;
  /** What must hold after every trial; a cell of the table. */
  readonly holds: string;
  readonly trials: Trials;
  /** Trials build on those before them: the first that breaks ends the run, and `--seed S.K` runs 0 to K again. */
  readonly isChain?: boolean;
  /** After so long it has had enough, and was not cut short. Default: it ends with its trials. */
  readonly seconds?: Trials;
  /** What is missing here (root, a tool), in words; null where the case can run. Default: nothing is. */
  readonly lacks?: () => Promise<string | null>;
  /** Once; what it makes goes after the last trial (`ground` is a Cleanup for tests/support). */
  readonly prepare: (ground: Ground) => Promise<Prepared>;
}

export interface Prepared {
  /** Overrides the case's: the length of a sweep, as found. Each is run; `--quick` must be thought of here. */
  readonly trials?: number;
  /**
   * One trial, which needs no other before it but in a chain: `--seed S.K` runs it alone. Throws where the
   * promise is broken.
   * Returns in a few words how it ended ("killed before the seal"): these are counted, and show what was reached.
   */
  readonly run: (trial: Trial) => Promise<string>;
  /** After the last trial: what can be judged only once. Throws where the promise is broken. */
  readonly end?: () => Promise<void>;
}

export interface Trial {
  /** From 0. */
  readonly number: number;
  /** How many there are: a sweep spreads itself over them. */
  readonly of: number;
  /** The same numbers for the same seed and trial, whatever ran before. */
  readonly random: Random;
}
