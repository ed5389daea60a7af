// Runs mongokeep as a user does: a process of its own, its own HOME, none of our environment's settings.
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

const MAIN = resolve(import.meta.dirname, "../../src/cli/main.ts");
/** On a machine that is busy with everything else, too; what hangs is found all the same. */
const DEFAULT_TIMEOUT_MS = 300_000;

export interface CliOptions {
  /** Added to the clean environment; undefined takes a name away. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly cwd?: string;
  readonly home?: string;
  /** Sent to stdin, which is closed then; without it stdin is empty. */
  readonly input?: string;
  readonly timeoutMs?: number;
  /** The file to run instead of src/cli/main.ts: the built or the installed one. */
  readonly main?: string;
}

export interface CliResult {
  /** null when a signal ended it. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  /** stdout as the one JSON object that --json promises; throws with both outputs when it is none. */
  json(): Json;
}

/** What a test reads out of --json without declaring it again: it asserts on what it finds. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- a test's own assertions are its type check
export type Json = any;

export interface RunningCli {
  readonly pid: number;
  readonly result: Promise<CliResult>;
  kill(signal: NodeJS.Signals): void;
  /** Resolves once stdout or stderr has it; rejects when the process ends before. */
  says(what: RegExp): Promise<void>;
}

/** Runs to the end. A run beyond the time limit is killed and rejects with what it had said. */
export function runCli(args: readonly string[], options: CliOptions = {}): Promise<CliResult> {
  return startCli(args, options).result;
}

/** Starts a run that the test can signal or watch. */
export function startCli(args: readonly string[], options: CliOptions = {}): RunningCli {
  const child = spawn(process.execPath, ["--", options.main ?? MAIN, ...args], {
    cwd: options.cwd ?? tmpdir(),
    env: cleanEnvironment(options),
    stdio: ["pipe", "pipe", "pipe"],
  });
  const said = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    child[name].setEncoding("utf8").on("data", (text: string) => (said[name] += text));
  }
  // A command that does not read its input may be gone before that is written.
  child.stdin.on("error", () => undefined);
  child.stdin.end(options.input ?? "");
  // Not its exit: its last words may be heard after that.
  let closed = false;
  child.once("close", () => (closed = true));
  const result = resultOf(child, said, args, options.timeoutMs ?? DEFAULT_TIMEOUT_MS);
  // Who only waits for words and then kills must not fail for a rejection that nobody awaited.
  result.catch(() => undefined);
  return {
    pid: child.pid ?? 0,
    result,
    kill: (signal) => child.kill(signal),
    says: (what) => untilSaid(() => closed, said, what),
  };
}

async function resultOf(
  child: ChildProcess,
  said: { stdout: string; stderr: string },
  args: readonly string[],
  timeoutMs: number,
): Promise<CliResult> {
  const overdue = AbortSignal.timeout(timeoutMs);
  const kill = () => child.kill("SIGKILL");
  overdue.addEventListener("abort", kill);
  const [code, signal] = (await once(child, "close")) as [number | null, NodeJS.Signals | null];
  overdue.removeEventListener("abort", kill);
  const both = `\n--- stdout\n${said.stdout}\n--- stderr\n${said.stderr}`;
  if (overdue.aborted)
    throw new Error(`mongokeep ${args.join(" ")} took over ${timeoutMs} ms${both}`);
  return {
    code,
    signal,
    ...said,
    json: () => parseOnly(said.stdout, both),
  };
}

function parseOnly(stdout: string, both: string): Json {
  try {
    return JSON.parse(stdout);
  } catch (cause) {
    throw new Error(`stdout is not one JSON object${both}`, { cause });
  }
}

async function untilSaid(
  isClosed: () => boolean,
  said: { stdout: string; stderr: string },
  what: RegExp,
): Promise<void> {
  while (!what.test(said.stdout) && !what.test(said.stderr)) {
    if (isClosed()) throw new Error(`never said ${String(what)}:\n${said.stdout}\n${said.stderr}`);
    await sleep(5);
  }
}

/**
 * Nothing of the developer's own: no MONGODB_…, no BACKUP_…, no real home, no NODE_… of the test runner but for the
 * folders where `npm run coverage` gathers what ran and where compiled code is kept (global-setup.ts).
 */
export function cleanEnvironment(
  options: Pick<CliOptions, "env" | "home"> = {},
): Record<string, string> {
  const { PATH, LANG, TMPDIR, TZ, NODE_V8_COVERAGE, NODE_COMPILE_CACHE } = process.env;
  const own = { PATH, LANG, TMPDIR, TZ, NODE_V8_COVERAGE, NODE_COMPILE_CACHE };
  const all = { ...own, HOME: options.home ?? tmpdir(), ...options.env };
  const set = Object.entries(all).filter((entry): entry is [string, string] => {
    return entry[1] !== undefined;
  });
  return Object.fromEntries(set);
}
