// One step of a soak as seen from outside: the output of the command, what is live, what is listed as good, and which
// records of restores exist.
import type { CatalogEntry } from "../../src/archive/catalog.ts";
import type { CliResult } from "../../tests/support/cli.ts";
import type { State } from "../database/state.ts";
import type { Disturbance } from "./disturbance.ts";
import type { Step } from "./step.ts";

export interface Outcome {
  readonly step: Step;
  readonly disturbance: Disturbance;
  readonly run: CliResult;
  readonly said: Said;
  /** What the run's clock showed when it began. */
  readonly nowMs: number;
  readonly before: State;
  readonly after: State;
  readonly good: readonly CatalogEntry[];
  readonly newRestores: readonly { readonly id: string; readonly rollbackOf: string | null }[];
  /** All of it, for a person. */
  readonly shown: string;
}

/** What of the one JSON object is looked at; empty where it was killed. */
export interface Said {
  readonly id?: string;
  readonly restoreId?: string;
  readonly rollbackOf?: string | null;
  readonly error?: { readonly code: string; readonly message: string };
}

export function parseSaid({ stdout }: CliResult): Said {
  try {
    return JSON.parse(stdout) as Said;
  } catch {
    return {};
  }
}

/** Killed, or said to have left live data between two states. */
export const isCutOff = ({ run }: Outcome) => run.code === null || run.code === 8;
