// The crontab line. Two programs parse it, first cron (an unescaped % ends the command), then sh: a path must survive
// both.
import { join } from "node:path";
import { KeepError } from "../errors.ts";

/** What runs, and where. All paths are absolute. */
export interface ScheduledCommand {
  /** The folder of the .env. */
  readonly project: string;
  readonly node: string;
  readonly script: string;
  /** Only if it is not the project's .env. */
  readonly envFile: string | null;
  readonly logFile: string;
  readonly home: string;
}

const PLAIN = /^[A-Za-z0-9_/.,:@+=-]+$/;
/** Vixie cron silently cuts a command off at 1,000 characters. */
const LONGEST_COMMAND = 998;

/** One word for sh in a crontab. `%` is outside of quotes, where both programs read \% as a percent sign. */
export function quoteForCron(path: string): string {
  if (PLAIN.test(path)) return path;
  return `'${path.replaceAll("'", `'\\''`).replaceAll("%", `'\\%'`)}'`;
}

/** The log's path in the line: with `~` for the default, as in the documentation. */
export function formatLogPath(logFile: string, home: string): string {
  const standard = "~/.tmp/backup.log";
  return logFile === join(home, standard.slice(2)) ? standard : quoteForCron(logFile);
}

/** `0 2 * * * cd <project> && <node> <script> backup >> <log> 2>&1` */
export function formatCronLine(
  at: string,
  verb: readonly string[],
  command: ScheduledCommand,
): string {
  const { project, node, script, envFile, logFile, home } = command;
  for (const path of [project, node, script, envFile ?? "", logFile]) refuseLineBreaks(path);
  const environment = envFile === null ? [] : ["--env-file", quoteForCron(envFile)];
  const program = [node, ...beforeScript(envFile), script].map(quoteForCron);
  const run = [...program, ...verb, ...environment].join(" ");
  const line = `cd ${quoteForCron(project)} && ${run} >> ${formatLogPath(logFile, home)} 2>&1`;
  if (Buffer.byteLength(line) > LONGEST_COMMAND) {
    throw new KeepError("usage", `the command for cron is longer than ${LONGEST_COMMAND} bytes`, {
      hint: "Move the project, or name it through a short symbolic link, then install again.",
    });
  }
  return `${at} ${line}`;
}

/** Node takes an --env-file for its own wherever it is, and exits without an alert if the file is missing. */
export const beforeScript = (envFile: string | null): readonly string[] =>
  envFile === null ? [] : ["--"];

/** A path that cannot be part of one line of a crontab or unit file. */
export function refuseLineBreaks(path: string): void {
  if (!/[\u0000-\u001f\u007f]/.test(path)) return;
  throw new KeepError("usage", `the path ${JSON.stringify(path)} holds a control character`, {
    hint: "Rename the folder: a crontab cannot hold such a path.",
  });
}
