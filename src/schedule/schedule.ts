// The nightly run, installed in cron or as a systemd user timer: what `schedule install|remove|status` do.
import { KeepError } from "../errors.ts";
import { formatCronLine } from "./command-line.ts";
import { nextRun, normalizeCron } from "./cron-expression.ts";
import { fromText, installBlock, readBlock, removeBlock, toText } from "./crontab-text.ts";
import { openCrontab } from "./crontab.ts";
import { lastLogTime, makeLogFile } from "./log-target.ts";
import { assertPrograms, isCronRunning, systemZone, zoneWarning } from "./surroundings.ts";
import { installTimers, readTimers, removeTimers } from "./systemd-timer.ts";
import type { TimedRun } from "./systemd-timer.ts";

export type ScheduleKind = "cron" | "systemd";

/** Where to look; the programs are found on PATH unless a test names others. */
export interface SchedulePlace {
  /** The working folder, in which .env is. Absolute. */
  readonly project: string;
  readonly home: string;
  readonly logFile: string;
  /** BACKUP_TIMEZONE. */
  readonly timezone: string;
  readonly nowMs: number;
  readonly programs?: { readonly crontab?: string; readonly systemctl?: string };
}

export interface ScheduleRequest extends SchedulePlace {
  readonly kind: ScheduleKind;
  /** Five cron fields. */
  readonly at: string;
  /** process.execPath. */
  readonly node: string;
  /** The bin file of mongokeep. */
  readonly script: string;
  /** Absolute; null where it is the .env of the project. */
  readonly envFile: string | null;
  /** Also run `status --alert` every morning at nine. */
  readonly statusAlert?: boolean;
}

export interface ScheduleState {
  readonly installed: boolean;
  readonly kind: ScheduleKind | null;
  /** The crontab line or OnCalendar= of the backup, as installed. */
  readonly line: string | null;
  readonly at: string | null;
  /** ISO 8601, UTC; by the system's time zone, as cron and systemd reckon. */
  readonly nextRun: string | null;
  /** When something was last written to the log, ISO 8601, UTC. */
  readonly lastLog: string | null;
  readonly warnings: readonly string[];
}

const STATUS_AT = "0 9 * * *";

/**
 * Installs the nightly backup in the place of what was installed for this project before, whichever kind
 * that was. Twice changes nothing. Throws usage (a time that cron or systemd cannot hold), bad-setting
 * (the log), failed (no cron, no systemd).
 */
export async function installSchedule(request: ScheduleRequest): Promise<ScheduleState> {
  const at = normalizeCron(request.at, request.nowMs);
  const runs: TimedRun[] = [{ unit: "mongokeep-backup", at, verb: ["backup"] }];
  if (request.statusAlert === true) {
    runs.push({ unit: "mongokeep-status", at: STATUS_AT, verb: ["status", "--alert"] });
  }
  await assertPrograms(request.node, request.script);
  await makeLogFile(request.logFile);
  if (request.kind === "cron") {
    await installCron(runs, request);
    await removeTimers(request.project, request.home, systemctlOf(request));
  } else {
    await installTimers(runs, request, systemctlOf(request));
    await removeCron(request);
  }
  return await readSchedule(request);
}

/** Takes away what is installed for this project, and says what it was. */
export async function removeSchedule(place: SchedulePlace): Promise<{ removed: ScheduleKind[] }> {
  const removed: ScheduleKind[] = [];
  if (await removeTimers(place.project, place.home, systemctlOf(place))) removed.push("systemd");
  if (await removeCron(place)) removed.push("cron");
  return { removed };
}

/** What is installed for this project, and whether it can run. Changes nothing. */
export async function readSchedule(place: SchedulePlace): Promise<ScheduleState> {
  const found = (await readCron(place)) ?? (await readSystemd(place));
  const log = await lastLogTime(place.logFile);
  const lastLog = log === null ? null : new Date(log).toISOString();
  if (!found) {
    return {
      installed: false,
      kind: null,
      line: null,
      at: null,
      nextRun: null,
      lastLog,
      warnings: [],
    };
  }
  const { next, problem } = plannedRun(found.at, place.nowMs);
  const zone = zoneWarning(place.timezone, place.nowMs);
  return {
    installed: true,
    kind: found.kind,
    line: found.line,
    at: found.at,
    nextRun: next === null ? null : new Date(next).toISOString(),
    lastLog,
    warnings: [...found.warnings, problem, zone].filter((warning) => warning !== null),
  };
}

interface Found {
  readonly kind: ScheduleKind;
  readonly line: string;
  readonly at: string;
  readonly warnings: readonly string[];
}

/** A line may have been edited by hand: one that cron cannot read is told, and does not hide the rest. */
function plannedRun(at: string, nowMs: number): { next: number | null; problem: string | null } {
  try {
    return { next: nextRun(at, systemZone(), nowMs), problem: null };
  } catch (error) {
    if (error instanceof KeepError) return { next: null, problem: error.message };
    throw error;
  }
}

const systemctlOf = ({ programs }: SchedulePlace) => programs?.systemctl ?? "systemctl";
const crontabOf = ({ programs }: SchedulePlace) => openCrontab(programs?.crontab);

async function installCron(runs: readonly TimedRun[], command: ScheduleRequest): Promise<void> {
  const lines = runs.map(({ at, verb }) => toText(formatCronLine(at, verb, command)));
  const crontab = crontabOf(command);
  const before = await crontab.read();
  const after = installBlock(before, command.project, lines);
  if (after !== before) await crontab.write(after);
}

async function removeCron(place: SchedulePlace): Promise<boolean> {
  const crontab = crontabOf(place);
  const before = await crontab.read().catch(noneWhereNoCron);
  const after = removeBlock(before, place.project);
  if (after === before) return false;
  await crontab.write(after);
  return true;
}

/** On a machine without cron there is nothing of ours in a crontab. */
function noneWhereNoCron(error: unknown): string {
  if (error instanceof KeepError && error.code === "failed" && isMissing(error.cause)) return "";
  throw error;
}

const isMissing = (cause: unknown) =>
  cause instanceof Error && "code" in cause && cause.code === "ENOENT";

async function readCron(place: SchedulePlace): Promise<Found | null> {
  const text = await crontabOf(place).show().catch(noneWhereNoCron);
  const lines = readBlock(text, place.project).map(fromText);
  const line = lines.find((candidate) => / backup(?: --env-file .+)? >> /.test(candidate));
  if (line === undefined) return null;
  const running = await isCronRunning();
  const stopped = "no cron daemon runs: start it (sudo service cron start)";
  return {
    kind: "cron",
    line,
    at: line.split(" ").slice(0, 5).join(" "),
    warnings: running === false ? [stopped] : [],
  };
}

async function readSystemd(place: SchedulePlace): Promise<Found | null> {
  const timers = await readTimers(place.project, place.home);
  const backup = timers.find(({ unit }) => unit === "mongokeep-backup");
  if (!backup) return null;
  const off = "the timer is not enabled: run mongokeep schedule install --systemd";
  return {
    kind: "systemd",
    line: backup.line,
    at: backup.at,
    warnings: backup.enabled ? [] : [off],
  };
}
