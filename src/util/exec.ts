// Runs other programs with an argv array, never a shell line; secrets go through stdin or a file, never argv. A program
// that hangs is ended with its whole process group. Only as much of its output is kept as a person reads.
import { spawn } from "node:child_process";
import { once } from "node:events";
import type { ChildProcess } from "node:child_process";
import type { Readable, Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { StringDecoder } from "node:string_decoder";
import { setTimeout as delay } from "node:timers/promises";
import { childEnvironment, withPrivateUmask } from "./child-environment.ts";
import { redactForTerminal } from "./redact.ts";

export interface ExecOptions {
  /** SIGTERM to the process group after this long, SIGKILL `graceMs` later. */
  readonly timeoutMs: number;
  readonly graceMs?: number;
  /** Ends the program in the same way; `execute` then rejects with the signal's reason. */
  readonly signal?: AbortSignal;
  /** A stream of bytes is closed early if the program ends first; a failure of the stream ends the input. */
  readonly stdin?: string | Uint8Array | AsyncIterable<Uint8Array>;
  /** Added to the environment of this process without secrets; undefined removes a variable. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** The user's own command: it also gets the secrets in the environment, as from a shell. */
  readonly ofTheUser?: boolean;
  readonly cwd?: string;
  /** Receives all stderr output as it arrives, unredacted: for programs that report there. */
  readonly onStderr?: (text: string) => void;
  /** Kill it if this process exits first, as after a second Ctrl-C. */
  readonly endsWithUs?: boolean;
}

/** How a program ended. `not-started` has the system's error: ENOENT if it is not installed. */
export type ExecEnd =
  | { readonly kind: "exit"; readonly code: number }
  | { readonly kind: "signal"; readonly signal: string }
  | { readonly kind: "timeout"; readonly afterMs: number }
  | { readonly kind: "not-started"; readonly reason: string };

export interface ExecResult {
  readonly ok: boolean;
  readonly end: ExecEnd;
  /** The first megabyte, unchanged. */
  readonly stdout: string;
  /** The last 4 KiB, redacted and safe to show. */
  readonly stderrTail: string;
}

const GRACE_MS = 5_000;
const STDOUT_BYTES = 1 << 20;
const STDERR_BYTES = 4096;
/** A daemon left behind by a command keeps the pipes open forever: wait no longer than this for more output. */
const DRAIN_MS = 300;

/**
 * Runs a program to its end. Does not throw for a program that fails: see `end`. Rejects only if `signal` aborts, after
 * the program has ended.
 */
export async function execute(
  argv: readonly [string, ...string[]],
  options: ExecOptions,
): Promise<ExecResult> {
  options.signal?.throwIfAborted();
  const [program, ...rest] = argv;
  const start = () =>
    spawn(program, rest, {
      cwd: options.cwd,
      env: childEnvironment(options.env, options.ofTheUser),
      // A process group of its own: children end with the program, and Ctrl-C reaches them only through mongokeep.
      detached: true,
      stdio: ["pipe", "pipe", "pipe"],
    });
  let child: ReturnType<typeof start>;
  try {
    // A service started by the user's command keeps the user's umask.
    child = options.ofTheUser === true ? start() : withPrivateUmask(start);
  } catch (error) {
    return notStarted(error);
  }
  await assertPiped(child);
  const stdout = keepHead(child.stdout, STDOUT_BYTES);
  const stderr = keepTail(child.stderr, STDERR_BYTES);
  if (options.onStderr) listen(child.stderr, options.onStderr);
  const fed = feed(child.stdin, options.stdin);
  const kill = () => {
    signalGroup(child, "SIGKILL");
  };
  if (options.endsWithUs === true) process.once("exit", kill);
  const end = await endOf(child, options);
  process.off("exit", kill);
  child.stdin.destroy();
  await fed;
  await drained(child);
  options.signal?.throwIfAborted();
  return {
    ok: end.kind === "exit" && end.code === 0,
    end,
    stdout: stdout(),
    stderrTail: redactForTerminal(stderr()).trim(),
  };
}

/** Node reports some refusals of the system as an event and throws others. @throws any other error */
function notStarted(error: unknown): ExecResult {
  const { code, syscall = "" } = error as NodeJS.ErrnoException;
  if (code === undefined || !syscall.startsWith("spawn")) throw error;
  return { ok: false, end: { kind: "not-started", reason: code }, stdout: "", stderrTail: "" };
}

/** If no descriptor is left for its pipes, a child has none, and its error arrives later. */
async function assertPiped(child: ChildProcess): Promise<void> {
  if ((child.stdin as Writable | null | undefined) !== undefined) return;
  const [error] = (await once(child, "error")) as unknown[];
  throw error as Error;
}

/** For a message: `exited with 3: last line of its output`. */
export function describeEnd(result: Pick<ExecResult, "end" | "stderrTail">): string {
  const said = result.stderrTail.split("\n").slice(-3).join(" | ");
  return said === "" ? endText(result.end) : `${endText(result.end)}: ${said}`;
}

const NOT_STARTED: Readonly<Record<string, string>> = {
  ENOENT: "is not installed",
  EACCES: "may not be run by this user, or is on a file system without programs (EACCES)",
  EPERM: "may not be run by this user (EPERM)",
  ENOEXEC: "is not a program for this machine (ENOEXEC)",
  E2BIG: "could not be started: its environment and arguments are too long (E2BIG)",
  EAGAIN: "could not be started: this user or container may run no more processes (EAGAIN)",
  ENOMEM: "could not be started: no memory is left (ENOMEM)",
};

function endText(end: ExecEnd): string {
  switch (end.kind) {
    case "exit":
      return `exited with ${end.code}`;
    case "signal":
      return `was ended by ${end.signal}`;
    case "timeout":
      return `did not end within ${end.afterMs / 1000} s`;
    case "not-started":
      return NOT_STARTED[end.reason] ?? `could not be started (${end.reason})`;
  }
}

async function endOf(child: ChildProcess, options: ExecOptions): Promise<ExecEnd> {
  const timeout = AbortSignal.timeout(options.timeoutMs);
  const stop = AbortSignal.any(options.signal ? [timeout, options.signal] : [timeout]);
  const grace = new AbortController();
  const endGroup = () => {
    signalGroup(child, "SIGTERM");
    void delay(options.graceMs ?? GRACE_MS, undefined, { signal: grace.signal }).then(
      () => {
        signalGroup(child, "SIGKILL");
      },
      () => undefined, // it ended within the grace time
    );
  };
  stop.addEventListener("abort", endGroup, { once: true });
  const end = await whenEnded(child);
  // From here on the pid may belong to another process: the timeout must not fire any more.
  stop.removeEventListener("abort", endGroup);
  grace.abort();
  if (!stop.aborted) return end;
  // The leader has ended. Its group, whose number stays in use while it has members, must not outlive it.
  signalGroup(child, "SIGKILL");
  return timeout.aborted ? { kind: "timeout", afterMs: options.timeoutMs } : end;
}

function whenEnded(child: ChildProcess): Promise<ExecEnd> {
  return new Promise((resolve) => {
    child.once("error", (error: NodeJS.ErrnoException) => {
      if (child.pid === undefined)
        resolve({ kind: "not-started", reason: error.code ?? "unknown" });
    });
    // `exit`, not `close`: a daemon left behind keeps the pipes open.
    child.once("exit", (code, signal) => {
      resolve(code === null ? { kind: "signal", signal: signal ?? "?" } : { kind: "exit", code });
    });
  });
}

function signalGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, signal);
  } catch (error) {
    // ESRCH: the whole group has already ended, as intended.
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") child.kill(signal);
  }
}

/** Never rejects. EPIPE: the program ended, or closed its input, without reading everything. Its exit status tells. */
async function feed(stdin: Writable, input: ExecOptions["stdin"]): Promise<void> {
  stdin.on("error", () => undefined);
  if (input === undefined || typeof input === "string" || input instanceof Uint8Array) {
    stdin.end(input ?? "");
    return;
  }
  // The caller handles a failure of the source; the program only sees its input end.
  await pipeline(input, stdin).catch(() => undefined);
}

async function drained(child: ChildProcess): Promise<void> {
  const open = [child.stdout, child.stderr].filter((stream) => stream?.closed === false);
  if (open.length === 0 || child.pid === undefined) return;
  const giveUp = new AbortController();
  const closed = open.map((stream) => new Promise((resolve) => stream?.once("close", resolve)));
  const late = delay(DRAIN_MS, undefined, { signal: giveUp.signal }).catch(() => undefined);
  await Promise.race([Promise.all(closed), late]);
  giveUp.abort();
  // Still read (a closed pipe would kill the daemon at its next line), but without keeping this process alive.
  for (const stream of open) (stream as Readable & { unref?(): void }).unref?.();
}

function listen(stream: Readable, tell: (text: string) => void): void {
  const decoder = new StringDecoder("utf8");
  stream.on("data", (part: Buffer) => {
    tell(decoder.write(part));
  });
}

function keepHead(stream: Readable, limit: number): () => string {
  const parts: Buffer[] = [];
  let bytes = 0;
  stream.on("data", (part: Buffer) => {
    if (bytes < limit) parts.push(part.subarray(0, limit - bytes));
    bytes += part.length;
  });
  return () => Buffer.concat(parts).toString("utf8");
}

function keepTail(stream: Readable, limit: number): () => string {
  let tail = Buffer.alloc(0);
  stream.on("data", (part: Buffer) => {
    const joined = Buffer.concat([tail, part]);
    tail = Buffer.from(joined.subarray(Math.max(0, joined.length - limit)));
  });
  return () => tail.toString("utf8");
}
