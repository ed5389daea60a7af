// `npm run torture`: breaks mongokeep in every way that the world will, and judges each time what is left.
// All of it takes hours; `-- --quick` ten minutes at most; `-- --case NAME --seed S.K` replays one trial.
import { execFileSync } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import type { TortureCase } from "./case.ts";
import { CASES } from "./cases.ts";
import { createServers } from "./ground.ts";
import type { Servers } from "./ground.ts";
import { runCase } from "./run-case.ts";
import type { CaseResult } from "./run-case.ts";
import { parseSeed } from "./seed.ts";
import type { Seed } from "./seed.ts";
import { formatMarkdown, formatTable } from "./table.ts";

const QUICK_MINUTES = 9.5;
/** More than there are cores here: cases wait for servers, elections and slow lines most of the time. */
const JOBS = 3;
/** A case may take so many times an equal share of the time that is left. */
const SHARE = 4;

interface Options {
  readonly cases: readonly TortureCase[];
  readonly quick: boolean;
  readonly seed: Seed;
  readonly trials: number | null;
  readonly minutes: number;
  readonly jobs: number;
  readonly out: string | null;
  readonly markdown: boolean;
}

function parseOptions(): Options | null {
  const { values } = parseArgs({
    options: {
      quick: { type: "boolean", default: false },
      case: { type: "string", multiple: true },
      seed: { type: "string" },
      trials: { type: "string" },
      minutes: { type: "string" },
      jobs: { type: "string", default: String(JOBS) },
      out: { type: "string" },
      markdown: { type: "boolean", default: false },
      list: { type: "boolean", default: false },
    },
  });
  if (values.list) {
    for (const { name, fault } of CASES) process.stdout.write(`${name.padEnd(24)}${fault}\n`);
    return null;
  }
  const unknown = values.case?.find((name) => !CASES.some((one) => one.name === name));
  if (unknown !== undefined) throw new Error(`--case ${unknown}: see --list`);
  return {
    cases: CASES.filter(({ name }) => values.case?.includes(name) ?? true),
    quick: values.quick,
    seed: parseSeed(values.seed ?? String(Math.floor(Math.random() * 1e9))),
    trials: values.trials === undefined ? null : Number(values.trials),
    minutes: Number(values.minutes ?? (values.quick ? QUICK_MINUTES : Infinity)),
    jobs: Number(values.jobs),
    out: values.out ?? null,
    markdown: values.markdown,
  };
}

async function main(): Promise<void> {
  const options = parseOptions();
  if (options === null) return;
  const stop = new AbortController();
  process.once("SIGINT", () => {
    say("the trials that run end, then the table comes");
    stop.abort();
  });
  say("building dist/");
  execFileSync(process.execPath, [resolve(import.meta.dirname, "../scripts/build.mjs")]);
  say(`seed ${options.seed.run}`);
  await using servers = createServers();
  const results = await runAll(options, servers, stop.signal);
  if (options.out !== null) await writeFile(options.out, JSON.stringify(results, null, 2));
  process.stdout.write(`\n${(options.markdown ? formatMarkdown : formatTable)(results)}\n`);
  process.exitCode = judge(results);
}

/** `jobs` at a time, begun in their order. */
async function runAll(
  options: Options,
  servers: Servers,
  signal: AbortSignal,
): Promise<CaseResult[]> {
  const deadline = performance.now() + options.minutes * 60_000;
  const waiting = [...options.cases];
  const results = new Map<string, CaseResult>();
  const work = async () => {
    for (let one = waiting.shift(); one && !signal.aborted; one = waiting.shift()) {
      const left = Math.max(0, deadline - performance.now()) / 1000;
      const share = (left * options.jobs * SHARE) / (waiting.length + options.jobs);
      const { name } = one;
      const caseSay = (line: string) => {
        say(`${name}: ${line}`);
      };
      const limitSeconds = Math.min(left, share);
      const result = await runCase(one, servers, {
        ...options,
        limitSeconds,
        signal,
        say: caseSay,
      });
      caseSay(summaryOf(result));
      results.set(name, result);
    }
  };
  await Promise.all(Array.from({ length: options.jobs }, work));
  return options.cases.flatMap(({ name }) => results.get(name) ?? []);
}

function summaryOf({ skipped, done, planned, failures, seconds }: CaseResult): string {
  if (skipped !== null) return `SKIPPED: ${skipped}`;
  const broken = failures.length > 0 ? `, ${failures.length} BROKEN` : "";
  return `${done} of ${planned} trials in ${seconds.toFixed(0)} s${broken}`;
}

/** Says what broke last, where a reader looks first; the exit code. */
function judge(results: readonly CaseResult[]): 0 | 1 {
  const failures = results.flatMap((result) => result.failures);
  for (const { replay, error } of failures) {
    process.stdout.write(`\nBROKEN: npm run torture -- ${replay}\n${error}\n`);
  }
  return failures.length > 0 ? 1 : 0;
}

function say(line: string): void {
  process.stderr.write(`torture: ${line}\n`);
}

await main();
