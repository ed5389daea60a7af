// `S` is the seed of a whole run; `S.K` is trial K of it. Every trial has its own random numbers, whatever ran before.
import { hash } from "node:crypto";
import { createRandom } from "../../tests/support/random.ts";
import type { Random } from "../../tests/support/random.ts";

export interface Seed {
  readonly run: number;
  /** null: all trials. */
  readonly trial: number | null;
}

/** @throws Error that says what a seed looks like */
export function parseSeed(text: string): Seed {
  const match = /^(\d{1,15})(?:\.(\d{1,9}))?$/.exec(text);
  if (!match) throw new Error(`--seed ${text}: a number, or number.trial as a failure prints it`);
  return { run: Number(match[1]), trial: match[2] === undefined ? null : Number(match[2]) };
}

export function formatSeed(run: number, trial: number): string {
  return `${run}.${trial}`;
}

/** For what the trials of a case share. */
export function caseSeed(run: number, name: string): number {
  return Number.parseInt(hash("sha256", `${run} ${name}`).slice(0, 8), 16);
}

export function trialRandom(run: number, name: string, trial: number): Random {
  return createRandom(caseSeed(run, `${name} ${trial}`));
}
