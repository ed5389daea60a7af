// `npm run torture`: injects faults while mongokeep runs and checks after each one that its promises hold.
// The usage is in HELP below. A folder beside this file holds what one kind of case needs: `runner` runs the trials,
// `program` starts mongokeep, `machine`, `clock` and `io` inject faults of the system, `database` changes the data.
import { execFileSync } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import type { TortureCase } from "./runner/case.ts";
import { CASES } from "./cases.ts";
import { createServers } from "./runner/ground.ts";
import type { Servers } from "./runner/ground.ts";
import { runCase } from "./runner/run-case.ts";
import type { CaseResult } from "./runner/run-case.ts";
import { parseSeed } from "./runner/seed.ts";
import type { Seed } from "./runner/seed.ts";
import { formatMarkdown, formatTable } from "./runner/table.ts";

const HELP = `Usage: npm run torture -- [options]

Injects faults while mongokeep runs (kills, full disks, cut networks, damaged
files) and checks after each one that good backups stay good and that live data
is either the state before or the backup. Without options, all cases run, which
takes hours.

Options:
  --quick        a sample of every case, at most ten minutes
  --case NAME    run this case only (repeatable)
  --seed S       repeat the run with seed S (default: random)
  --seed S.K     repeat trial K of that run, together with --case
  --trials N     number of trials of each case
  --minutes N    stop starting trials after N minutes
  --jobs N       cases to run at the same time (default 3)
  --out FILE     also write the results to FILE as JSON
  --markdown     print the table as Markdown
  --list         print the cases and the fault that each one injects
  --help         print this help
`;
const QUICK_MINUTES = 9.5;
/** More than the cores of the machine: cases mostly wait for servers, elections and slow networks. */
const JOBS = 3;
/** A case may use this many times an equal share of the remaining time. */
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
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) {
    process.stdout.write(HELP);
    return null;
  }
  if (values.list) {
    for (const { name, fault } of CASES) process.stdout.write(`${name.padEnd(24)}${fault}\n`);
    return null;
  }
  const unknown = values.case?.find((name) => !CASES.some((one) => one.name === name));
  if (unknown !== undefined) throw new Error(`unknown case "${unknown}"; --list prints all cases`);
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
    say("finishing the running trials, then printing the table");
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

/** Runs `jobs` cases at a time, starting them in the given order. */
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

/** Prints the failures last, where a reader looks first, and returns the exit code. */
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
