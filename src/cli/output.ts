// stdout and stderr: JSON or text, log lines, the progress bar.
import { toKeepError } from "../errors.ts";
import type { KeepError } from "../errors.ts";
import type { Emit, KeepEvent } from "../events.ts";
import { createLogLines } from "../report/log-lines.ts";
import type { LogLines, Loudness } from "../report/log-lines.ts";
import { failureJson, failureSummary } from "../report/outcome.ts";
import { createProgress } from "../report/progress.ts";
import { systemClock } from "../util/clock.ts";
import { openStandardStream } from "./standard-stream.ts";
import type { StandardStream } from "./standard-stream.ts";
import type { GlobalFlags, Stdout } from "./verb.ts";

/** A log or a pipe that accepts nothing for this long is given up at the end of a run. */
const PATIENCE_MS = 5_000;
/** The same for output that a person reads page by page. */
const READING_MS = 600_000;

export interface Output {
  readonly emit: Emit;
  readonly lines: LogLines;
  /** From then on, times are shown in BACKUP_TIMEZONE. */
  setZone(zone: string): void;
  print(text: string): void;
  readonly stdout: Stdout;
  /** One failure, in the requested form. */
  fail(command: string, error: KeepError): void;
  /**
   * Call it before the process ends: waits for a slow reader, but not for one that stopped reading. `isAnswer`: the
   * output is the purpose of the command, and a person may take time with it (`| less`).
   */
  flush(isAnswer: boolean): Promise<void>;
}

/** The destination of the output. */
export interface Streams {
  readonly stdout: StandardStream;
  readonly stderr: StandardStream;
  /** The columns of the terminal with the progress line; null without one. */
  readonly terminal: { readonly columns?: number } | null;
}

/** One for the process, so that no other writer overtakes text that waits for a slow reader. */
const PROCESS: Streams = {
  stdout: openStandardStream(1),
  stderr: openStandardStream(2),
  get terminal() {
    return process.stderr.isTTY ? process.stderr : null;
  },
};

export function createOutput(flags: GlobalFlags, streams: Streams = PROCESS): Output {
  let zone = new Intl.DateTimeFormat().resolvedOptions().timeZone;
  let taken = false;
  /** Events from before the settings were read: a run uses one time zone from its first line. */
  let early: KeepEvent[] | null = [];
  const tellEarly = () => {
    const events = early ?? [];
    early = null;
    for (const event of events) lines.emit(event);
  };
  const shows = flags.quiet !== true && flags.json !== true;
  const terminal = shows ? streams.terminal : null;
  const progress = terminal
    ? createProgress(
        {
          write: (text) => {
            streams.stderr.write(text);
          },
          get columns() {
            return terminal.columns ?? 80;
          },
        },
        () => performance.now(),
      )
    : null;
  const lines = createLogLines({
    loudness: loudnessOf(flags),
    clock: systemClock,
    zone: () => zone,
    columns: () => (streams.terminal ? (streams.terminal.columns ?? 80) : null),
    write: (text) => {
      progress?.clear();
      streams.stderr.write(text);
    },
  });
  return {
    lines,
    emit: (event) => {
      progress?.emit(event);
      if (early) early.push(event);
      else lines.emit(event);
    },
    setZone: (wanted) => {
      zone = wanted;
      tellEarly();
    },
    print: (text) => {
      progress?.clear();
      if (!taken) streams.stdout.write(`${text}\n`);
    },
    stdout: {
      take: () => {
        taken = true;
      },
      write: async (text, signal) => {
        progress?.clear();
        streams.stdout.write(text);
        const isRead = await streams.stdout.flush(Infinity, signal);
        const { problem } = streams.stdout;
        if (problem) throw toKeepError(problem);
        return isRead;
      },
    },
    fail: (command, error) => {
      tellEarly();
      progress?.clear();
      if (flags.json === true && !taken)
        streams.stdout.write(`${JSON.stringify(failureJson(error))}\n`);
      lines.line("error", error.message);
      for (const hint of error.hint.split("\n")) lines.hint(hint);
      for (const line of flags.verbose === true ? traceOf(error) : []) lines.line("debug", line);
      lines.line("error", failureSummary(command, error));
    },
    flush: async (isAnswer) => {
      await Promise.all([
        streams.stdout.flush(isAnswer ? READING_MS : PATIENCE_MS),
        streams.stderr.flush(PATIENCE_MS),
      ]);
      const { problem } = streams.stdout;
      if (problem && !taken) lines.line("warn", `could not write to stdout: ${problem.message}`);
    },
  };
}

function loudnessOf({ quiet, verbose }: GlobalFlags): Loudness {
  if (verbose === true) return "verbose";
  return quiet === true ? "quiet" : "normal";
}

/** The stack of the error and its causes; driver errors are stripped of values where they arise. */
function traceOf(error: unknown): string[] {
  if (!(error instanceof Error)) return [];
  return [...(error.stack ?? error.message).split("\n"), ...traceOf(error.cause)];
}
