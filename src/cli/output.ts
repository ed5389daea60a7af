// stdout and stderr: JSON or text, log lines, the progress bar. A reader that went away (`| head`) is no error.
import { writeSync } from "node:fs";
import type { KeepError } from "../errors.ts";
import type { Emit } from "../events.ts";
import { createLogLines } from "../report/log-lines.ts";
import type { LogLines, Loudness } from "../report/log-lines.ts";
import { failureJson, failureSummary } from "../report/outcome.ts";
import { createProgress } from "../report/progress.ts";
import { systemClock } from "../util/clock.ts";
import type { GlobalFlags, Stdout } from "./verb.ts";

const STDERR = 2;
const STDOUT = 1;

export interface Output {
  readonly emit: Emit;
  readonly lines: LogLines;
  /** From then on times are shown in BACKUP_TIMEZONE. */
  setZone(zone: string): void;
  print(text: string): void;
  readonly stdout: Stdout;
  /** One failure, in the form that was asked for. */
  fail(command: string, error: KeepError): void;
}

/** Where it all goes. `write` gives false where nobody reads any more. */
export interface Streams {
  write(to: "stdout" | "stderr", text: string): boolean;
  /** For the progress line; null where nobody looks. */
  readonly terminal: Parameters<typeof createProgress>[0] | null;
}

const PROCESS: Streams = {
  write: (to, text) => writeFully(to === "stdout" ? STDOUT : STDERR, text),
  get terminal() {
    return process.stderr.isTTY ? process.stderr : null;
  },
};

export function createOutput(flags: GlobalFlags, streams: Streams = PROCESS): Output {
  let zone = new Intl.DateTimeFormat().resolvedOptions().timeZone;
  let taken = false;
  const shows = flags.quiet !== true && flags.json !== true;
  const terminal = shows ? streams.terminal : null;
  const progress = terminal ? createProgress(terminal, () => performance.now()) : null;
  const lines = createLogLines({
    loudness: loudnessOf(flags),
    clock: systemClock,
    zone: () => zone,
    write: (text) => {
      progress?.clear();
      streams.write("stderr", text);
    },
  });
  return {
    lines,
    emit: (event) => {
      progress?.emit(event);
      lines.emit(event);
    },
    setZone: (wanted) => {
      zone = wanted;
    },
    print: (text) => {
      progress?.clear();
      if (!taken) streams.write("stdout", `${text}\n`);
    },
    stdout: {
      take: () => {
        taken = true;
      },
      write: (text) => {
        progress?.clear();
        return streams.write("stdout", text);
      },
    },
    fail: (command, error) => {
      progress?.clear();
      if (flags.json === true && !taken)
        streams.write("stdout", `${JSON.stringify(failureJson(error))}\n`);
      lines.line("error", error.message);
      for (const hint of error.hint.split("\n")) lines.line("error", hint);
      for (const line of flags.verbose === true ? traceOf(error) : []) lines.line("debug", line);
      lines.line("error", failureSummary(command, error));
    },
  };
}

function loudnessOf({ quiet, verbose }: GlobalFlags): Loudness {
  if (verbose === true) return "verbose";
  return quiet === true ? "quiet" : "normal";
}

/** The stack of the error and of what caused it; drivers' causes are cut free of values where they arise. */
function traceOf(error: unknown): string[] {
  if (!(error instanceof Error)) return [];
  return [...(error.stack ?? error.message).split("\n"), ...traceOf(error.cause)];
}

/** Synchronous, so that nothing is lost when the process ends right after it. false: nobody reads it. */
function writeFully(fd: number, text: string): boolean {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length;) {
    try {
      at += writeSync(fd, bytes, at);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      // The reader of a pipe closed it, or the terminal is gone: nobody is there to tell.
      if (code === "EPIPE" || code === "EIO" || code === "EBADF") return false;
      // A pipe that is full, and not blocking: its reader is slower than we are.
      if (code !== "EAGAIN") throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
    }
  }
  return true;
}
