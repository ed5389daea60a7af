// Events as lines for a person and a log file: time, level, message. They go to stderr, and under cron into backup.log.
import type { Emit, KeepEvent, LogLevel } from "../events.ts";
import type { Clock } from "../util/clock.ts";
import { redact } from "../util/redact.ts";
import { escapeText } from "./escape.ts";
import { wrap } from "./table.ts";
import { formatStamp } from "./times.ts";

export type Loudness = "quiet" | "normal" | "verbose";

const RANK: Readonly<Record<LogLevel, number>> = { debug: 0, info: 1, warn: 2, error: 3 };
const LEAST: Readonly<Record<Loudness, LogLevel>> = {
  quiet: "warn",
  normal: "info",
  verbose: "debug",
};

export interface LogLines {
  readonly emit: Emit;
  line(level: LogLevel, message: string): void;
  /** What to do about the error before it: shown whenever that is. */
  hint(message: string): void;
}

export interface LogLinesOptions {
  readonly loudness: Loudness;
  readonly clock: Clock;
  /** Read anew for each line: it is known only once the settings are. */
  zone(): string;
  write(text: string): void;
  /** Of the terminal, read anew for each line; absent or null: a file or a pipe, where an event is one line. */
  columns?(): number | null;
}

/** A writer of log lines. No secret and no control character gets through, whoever wrote the message. */
export function createLogLines(options: LogLinesOptions): LogLines {
  const least = RANK[LEAST[options.loudness]];
  const write = (label: string, message: string) => {
    const stamp = formatStamp(options.clock.now(), options.zone());
    const head = `${stamp} ${label.toUpperCase().padEnd(5)} `;
    const text = escapeText(redact(message));
    options.write(`${head}${wrap(text, options.columns?.() ?? null, head.length)}\n`);
  };
  const line = (level: LogLevel, message: string) => {
    if (RANK[level] >= least) write(level, message);
  };
  return {
    line,
    hint: (message) => {
      write("hint", message);
    },
    emit: (event) => {
      const said = describeEvent(event);
      if (said) line(said.level, said.message);
    },
  };
}

/** Steps whose own names say too little; "": nothing that a person needs to know of. */
const NAMES: Readonly<Record<string, string>> = {
  verify: "verifying",
  stage: "loading the backup beside the live data",
  "stop-service": "stopping the service",
  "start-service": "starting the service",
  "live-change": "replacing the live data",
  replay: "replaying the oplog",
  undo: "putting the old state back",
  finish: "finishing",
  settle: "",
};

/** What of an event is worth a line. Progress is for the terminal's bar only. */
function describeEvent(event: KeepEvent): { level: LogLevel; message: string } | null {
  if (event.kind === "log") return event;
  if (event.kind === "progress") return null;
  const detail = event.detail === undefined ? "" : `: ${event.detail}`;
  const name = NAMES[event.step] ?? event.step.replaceAll("-", " ");
  if (name === "") return null;
  if (event.state === "begin") return { level: "info", message: event.title ?? `${name}${detail}` };
  return { level: detail === "" ? "debug" : "info", message: `${name} done${detail}` };
}
