// The text of the systemd user units: a oneshot service and its timer. Pure.
import { KeepError } from "../errors.ts";
import { beforeScript, refuseLineBreaks } from "./command-line.ts";
import type { ScheduledCommand } from "./command-line.ts";
import { parseCron } from "./cron-expression.ts";

const WEEKDAYS = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];

/**
 * "0 2 * * *" → "*-*-* 02:00:00". Throws usage if systemd has no such calendar event: cron runs on a day that matches
 * either day field, systemd only if both match.
 */
export function toOnCalendar(at: string): string {
  const fields = parseCron(at);
  if (fields.eitherDay) {
    throw new KeepError("usage", `systemd cannot run at "${at}": it limits both day and weekday`, {
      hint: "Limit one of the two, or install without --systemd.",
    });
  }
  const list = (values: readonly number[], all: number) =>
    values.length === all ? "*" : values.map((value) => String(value).padStart(2, "0")).join(",");
  const weekdays = fields.weekdays.map((day) => WEEKDAYS[day]).join(",");
  const date = `*-${list(fields.months, 12)}-${list(fields.days, 31)}`;
  const time = `${list(fields.hours, 24)}:${list(fields.minutes, 60)}:00`;
  return `${fields.weekdays.length === 7 ? "" : `${weekdays} `}${date} ${time}`;
}

/** First lines of each unit: its project and time, for `readUnit`. */
function header(project: string, at: string): string {
  return `# Written by mongokeep schedule install; mongokeep schedule remove takes it away.\n# project: ${project}\n# at: ${at}\n`;
}

/** The header of a unit; null if it is not ours. */
export function readUnit(text: string): { project: string; at: string } | null {
  const [, project, at] =
    /^# Written by mongokeep.*\n# project: (.*)\n# at: (.*)\n/.exec(text) ?? [];
  return project === undefined || at === undefined ? null : { project, at };
}

export function formatServiceUnit(
  at: string,
  verb: readonly string[],
  command: ScheduledCommand,
): string {
  const { project, node, script, envFile, logFile } = command;
  for (const path of [project, node, script, envFile ?? "", logFile]) refuseInUnit(path);
  const environment = envFile === null ? [] : ["--env-file", envFile];
  // systemd expands variables everywhere except in the program itself, where $$ would stay.
  const words = [...beforeScript(envFile), script, ...verb, ...environment].map((word) =>
    word.replaceAll("$", "$$$$"),
  );
  const argv = [node, ...words].map(quoteArgument).join(" ");
  return `${header(project, at)}
[Unit]
Description=mongokeep ${verb.join(" ")}

[Service]
Type=oneshot
WorkingDirectory=${escapeSpecifiers(project)}
ExecStart=${argv}
StandardOutput=append:${escapeSpecifiers(logFile)}
StandardError=append:${escapeSpecifiers(logFile)}
`;
}

export function formatTimerUnit(at: string, verb: readonly string[], project: string): string {
  return `${header(project, at)}
[Unit]
Description=Time of mongokeep ${verb.join(" ")}

[Timer]
OnCalendar=${toOnCalendar(at)}
Persistent=true

[Install]
WantedBy=timers.target
`;
}

const escapeSpecifiers = (text: string) => text.replaceAll("%", "%%");

/** One word of ExecStart: specifiers escaped, quoted unless it is plain. */
function quoteArgument(text: string): string {
  const escaped = escapeSpecifiers(text);
  if (/^[A-Za-z0-9_/.,:@+=%$-]+$/.test(escaped)) return escaped;
  return `"${escaped.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`;
}

/** WorkingDirectory= and append: cannot be quoted, so a trailing backslash or space would be lost. */
function refuseInUnit(path: string): void {
  refuseLineBreaks(path);
  if (!/[\\\s]$/.test(path)) return;
  throw new KeepError("usage", `systemd cannot hold the path ${JSON.stringify(path)}`, {
    hint: "Install without --systemd: cron can run it.",
  });
}
