// The line that cron runs. Two readers take it apart, first cron (an unescaped % ends the command), then sh:
// a path must come out of both as it went in.
import { join } from "node:path";
import { KeepError } from "../errors.ts";

/** What runs, and where. All paths absolute. */
export interface ScheduledCommand {
  /** The folder in which .env is. */
  readonly project: string;
  readonly node: string;
  readonly script: string;
  /** Only where it is not the .env of the project. */
  readonly envFile: string | null;
  readonly logFile: string;
  readonly home: string;
}

const PLAIN = /^[A-Za-z0-9_/.,:@+=-]+$/;
/** Vixie cron cuts a command off at 1,000 characters without a word. */
const LONGEST_COMMAND = 998;

/** One word for sh within a crontab. `%` stands outside of quotes, where \% is a percent sign to both readers. */
export function quoteForCron(path: string): string {
  if (PLAIN.test(path)) return path;
  return `'${path.replaceAll("'", `'\\''`).replaceAll("%", `'\\%'`)}'`;
}

/** The log as it stands in the line: `~` where it is the default, so that the line reads as documented. */
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

/** Node takes an --env-file for its own wherever it stands, and ends without a word to anyone where that is missing. */
export const beforeScript = (envFile: string | null): readonly string[] =>
  envFile === null ? [] : ["--"];

/** A path that cannot stand in one line of a crontab or unit file. */
export function refuseLineBreaks(path: string): void {
  if (!/[\u0000-\u001f\u007f]/.test(path)) return;
  throw new KeepError("usage", `the path ${JSON.stringify(path)} holds a control character`, {
    hint: "Rename the folder: a crontab cannot hold such a path.",
  });
}
