// The nightly run and the drills, installed in cron or as systemd user timers: `schedule install|remove|status`.
import { KeepError } from "../errors.ts";
import { formatCronLine } from "./command-line.ts";
import { nextRun, normalizeCron } from "./cron-expression.ts";
import { fromText, installBlock, readBlock, removeBlock, toText } from "./crontab-text.ts";
import type { SchedulePart } from "./crontab-text.ts";
import { openCrontab } from "./crontab.ts";
import { lastLogTime, makeLogFile } from "./log-target.ts";
import { assertPrograms, isCronRunning, systemZone, zoneWarning } from "./surroundings.ts";
import { installTimers, readTimers, removeTimers } from "./systemd-timer.ts";
import type { TimedRun } from "./systemd-timer.ts";

export type ScheduleKind = "cron" | "systemd";

/** Where to look; programs are found on PATH unless a test names others. */
export interface SchedulePlace {
  /** The working folder, with the .env. Absolute. */
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
  /** Absolute; null if it is the project's .env. */
  readonly envFile: string | null;
  /** Also run `status --alert` every morning at nine. */
  readonly statusAlert?: boolean;
}

/** Scheduled drills. */
export interface DrillSchedule {
  readonly kind: ScheduleKind;
  /** The installed crontab line or OnCalendar=. */
  readonly line: string;
  readonly at: string;
  /** ISO 8601, UTC. */
  readonly nextRun: string | null;
  readonly warnings: readonly string[];
}

export interface ScheduleState {
  readonly installed: boolean;
  readonly kind: ScheduleKind | null;
  /** The installed crontab line or OnCalendar= of the backup. */
  readonly line: string | null;
  readonly at: string | null;
  /** ISO 8601, UTC; computed in the system's time zone, as cron and systemd do. */
  readonly nextRun: string | null;
  /** Time of the last write to the log, ISO 8601, UTC. */
  readonly lastLog: string | null;
  /** null: none are installed. */
  readonly drill: DrillSchedule | null;
  readonly warnings: readonly string[];
}

const PARTS: readonly SchedulePart[] = ["nightly", "drill"];
const STATUS_AT = "0 9 * * *";

/**
 * Installs the nightly backup, replacing an installed one of either kind for this project. Idempotent. Throws usage (a
 * time that cron or systemd cannot express), bad-setting (the log), failed (no cron, no systemd).
 */
export async function installSchedule(request: ScheduleRequest): Promise<ScheduleState> {
  const at = normalizeCron(request.at, request.nowMs);
  const runs: TimedRun[] = [{ unit: "mongokeep-backup", at, verb: ["backup"] }];
  if (request.statusAlert === true) {
    runs.push({ unit: "mongokeep-status", at: STATUS_AT, verb: ["status", "--alert"] });
  }
  return await install("nightly", runs, request);
}

/** The same for drills, in addition to the nightly run. */
export async function installDrills(request: ScheduleRequest): Promise<ScheduleState> {
  const at = normalizeCron(request.at, request.nowMs);
  return await install("drill", [{ unit: "mongokeep-drill", at, verb: ["drill"] }], request);
}

async function install(
  part: SchedulePart,
  runs: readonly TimedRun[],
  request: ScheduleRequest,
): Promise<ScheduleState> {
  await assertPrograms(request.node, request.script);
  await makeLogFile(request.logFile);
  if (request.kind === "cron") {
    await installCron(runs, request, part);
    await removeTimers(request.project, request.home, systemctlOf(request), part);
  } else {
    await installTimers(runs, request, systemctlOf(request), part);
    await removeCron(request, part);
  }
  return await readSchedule(request);
}

/** Removes what is installed for this project, and returns what it was. */
export async function removeSchedule(place: SchedulePlace): Promise<{ removed: ScheduleKind[] }> {
  const removed = new Set<ScheduleKind>();
  for (const part of PARTS) {
    const { project, home } = place;
    if (await removeTimers(project, home, systemctlOf(place), part)) removed.add("systemd");
    if (await removeCron(place, part)) removed.add("cron");
  }
  return { removed: [...removed] };
}

/** What is installed for this project, and whether it can run. Changes nothing. */
export async function readSchedule(place: SchedulePlace): Promise<ScheduleState> {
  const found = await find(place, "nightly");
  const drill = await readDrills(place);
  const log = await lastLogTime(place.logFile);
  const lastLog = log === null ? null : new Date(log).toISOString();
  if (!found) {
    const none = { installed: false, kind: null, line: null, at: null, nextRun: null } as const;
    return { ...none, lastLog, drill, warnings: [] };
  }
  const { kind, line, at } = found;
  const { nextRun: next, warnings } = judge(found, place);
  return { installed: true, ...{ kind, line, at }, nextRun: next, lastLog, drill, warnings };
}

async function find(place: SchedulePlace, part: SchedulePart): Promise<Found | null> {
  return (await readCron(place, part)) ?? (await readSystemd(place, part));
}

async function readDrills(place: SchedulePlace): Promise<DrillSchedule | null> {
  const found = await find(place, "drill");
  if (!found) return null;
  const { kind, line, at } = found;
  return { kind, line, at, ...judge(found, place) };
}

/** When it runs next, and what prevents it. */
function judge(found: Found, { timezone, nowMs }: SchedulePlace) {
  const { next, problem } = plannedRun(found.at, nowMs);
  const warnings = [...found.warnings, problem, zoneWarning(timezone, nowMs)];
  return {
    nextRun: next === null ? null : new Date(next).toISOString(),
    warnings: warnings.filter((warning) => warning !== null),
  };
}

interface Found {
  readonly kind: ScheduleKind;
  readonly line: string;
  readonly at: string;
  readonly warnings: readonly string[];
}

/** A line may have been edited by hand: one that cron cannot read is reported, and does not hide the others. */
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

async function installCron(
  runs: readonly TimedRun[],
  command: ScheduleRequest,
  part: SchedulePart,
): Promise<void> {
  const lines = runs.map(({ at, verb }) => toText(formatCronLine(at, verb, command)));
  const crontab = crontabOf(command);
  const before = await crontab.read();
  const after = installBlock(before, command.project, lines, part);
  if (after !== before) await crontab.write(after);
}

async function removeCron(place: SchedulePlace, part: SchedulePart): Promise<boolean> {
  const crontab = crontabOf(place);
  const before = await crontab.read().catch(noneWhereNoCron);
  const after = removeBlock(before, place.project, part);
  if (after === before) return false;
  await crontab.write(after);
  return true;
}

/** A machine without cron has no crontab of ours. */
function noneWhereNoCron(error: unknown): string {
  if (error instanceof KeepError && error.code === "failed" && isMissing(error.cause)) return "";
  throw error;
}

const isMissing = (cause: unknown) =>
  cause instanceof Error && "code" in cause && cause.code === "ENOENT";

/** The main line or unit of a part. */
const CHIEF = {
  nightly: {
    line: / backup(?: --env-file .+)? >> /,
    unit: "mongokeep-backup",
    again: "schedule install",
  },
  drill: {
    line: / drill(?: --env-file .+)? >> /,
    unit: "mongokeep-drill",
    again: "drill --schedule",
  },
} as const satisfies Record<SchedulePart, object>;

async function readCron(place: SchedulePlace, part: SchedulePart): Promise<Found | null> {
  const text = await crontabOf(place).show().catch(noneWhereNoCron);
  const lines = readBlock(text, place.project, part).map(fromText);
  const line = lines.find((candidate) => CHIEF[part].line.test(candidate));
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

async function readSystemd(place: SchedulePlace, part: SchedulePart): Promise<Found | null> {
  const timers = await readTimers(place.project, place.home, part);
  const chief = timers.find(({ unit }) => unit === CHIEF[part].unit);
  if (!chief) return null;
  const off = `the timer is not enabled: run mongokeep ${CHIEF[part].again} --systemd`;
  return {
    kind: "systemd",
    line: chief.line,
    at: chief.at,
    warnings: chief.enabled ? [] : [off],
  };
}
