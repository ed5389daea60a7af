// Runs the trials of one case, counts how they ended, and stores failures with the command that repeats them.
import { inspect } from "node:util";
import type { Prepared, TortureCase } from "./case.ts";
import { enterGround } from "./ground.ts";
import type { Servers } from "./ground.ts";
import { caseSeed, formatSeed, trialRandom } from "./seed.ts";
import type { Seed } from "./seed.ts";

/** More of the same tell nothing new, and each may take long. */
const ENOUGH_FAILURES = 5;

export interface Failure {
  /** What to give to `npm run torture --` to see it again. */
  readonly replay: string;
  readonly error: string;
}

export interface CaseResult {
  readonly name: string;
  readonly fault: string;
  readonly holds: string;
  /** Why it was not run; null where it was. */
  readonly skipped: string | null;
  readonly planned: number;
  readonly done: number;
  /** How trials ended, and how many so. */
  readonly endings: Readonly<Record<string, number>>;
  readonly failures: readonly Failure[];
  readonly seconds: number;
}

export interface RunOptions {
  readonly quick: boolean;
  readonly seed: Seed;
  /** Overrides the case's number; null: as it says. */
  readonly trials: number | null;
  /** No further trial begins after so long; the result says how many were done. */
  readonly limitSeconds: number;
  readonly signal: AbortSignal;
  readonly say: (line: string) => void;
}

export async function runCase(
  one: TortureCase,
  servers: Servers,
  options: RunOptions,
): Promise<CaseResult> {
  const begun = performance.now();
  const { name, fault, holds } = one;
  const told = { name, fault, holds };
  const seconds = () => (performance.now() - begun) / 1000;
  const lacks = (await one.lacks?.()) ?? null;
  const nothing = { planned: 0, done: 0, endings: {}, failures: [] };
  if (lacks !== null) return { ...told, ...nothing, skipped: lacks, seconds: seconds() };
  const { quick, say } = options;
  const seed = caseSeed(options.seed.run, name);
  const entered = enterGround(servers, { quick, seed, say });
  try {
    const prepared = await one.prepare(entered.ground);
    const ran = await runTrials(one, prepared, options, seconds);
    return { ...told, ...ran, skipped: null, seconds: seconds() };
  } catch (error) {
    const failure = { replay: replayOf(one, options, null), error: show(error) };
    return { ...told, ...nothing, failures: [failure], skipped: null, seconds: seconds() };
  } finally {
    await entered.leave();
  }
}

async function runTrials(
  one: TortureCase,
  prepared: Prepared,
  options: RunOptions,
  seconds: () => number,
): Promise<Pick<CaseResult, "planned" | "done" | "endings" | "failures">> {
  const of =
    options.trials ?? prepared.trials ?? (options.quick ? one.trials.quick : one.trials.full);
  const { run: seed } = options.seed;
  const numbers = numbersOf(one, options.seed, of);
  const enoughSeconds = enoughFor(one, options);
  const enoughFailures = one.isChain === true ? 1 : ENOUGH_FAILURES;
  const endings: Record<string, number> = {};
  const failures: Failure[] = [];
  const caught = async (trial: number | null, act: () => Promise<void>) => {
    try {
      await act();
    } catch (error) {
      const failure = { replay: replayOf(one, options, trial), error: show(error) };
      failures.push(failure);
      options.say(`BROKEN ${failure.replay}\n${failure.error}`);
    }
  };
  let done = 0;
  let hadEnough = false;
  let told = seconds();
  for (const number of numbers) {
    if (options.signal.aborted || seconds() > options.limitSeconds) break;
    if (failures.length >= enoughFailures) break;
    hadEnough = seconds() > enoughSeconds;
    if (hadEnough) break;
    await caught(number, async () => {
      const random = trialRandom(seed, one.name, number);
      const ending = await prepared.run({ number, of, random });
      endings[ending] = (endings[ending] ?? 0) + 1;
    });
    done++;
    if (seconds() - told > 15) {
      told = seconds();
      const all = one.seconds ? "" : ` of ${numbers.length}`;
      options.say(`${done}${all}, ${told.toFixed(0)} s`);
    }
  }
  await caught(null, async () => {
    await prepared.end?.();
  });
  return { planned: hadEnough ? done : numbers.length, done, endings, failures };
}

function numbersOf({ isChain = false }: TortureCase, { trial: only }: Seed, of: number): number[] {
  if (only === null) return Array.from({ length: of }, (_, n) => n);
  return isChain ? Array.from({ length: only + 1 }, (_, n) => n) : [only];
}

/** Who asks for so many trials, or for one, gets them. */
function enoughFor({ seconds }: TortureCase, { quick, seed, trials }: RunOptions): number {
  if (!seconds || seed.trial !== null || trials !== null) return Infinity;
  return quick ? seconds.quick : seconds.full;
}

function replayOf({ name }: TortureCase, { seed, quick }: RunOptions, trial: number | null) {
  const number = trial === null ? String(seed.run) : formatSeed(seed.run, trial);
  return `${quick ? "--quick " : ""}--case ${name} --seed ${number}`;
}

const show = (error: unknown) => (error instanceof Error ? (error.stack ?? "") : inspect(error));
