// What `status` says: how far the last good backup is behind, what comes next, and what needs a person.
// It reads the backup folder and the schedule only: it works with no server, takes no lock and changes nothing.
import { listCatalog } from "../../archive/catalog.ts";
import type { CatalogEntry } from "../../archive/catalog.ts";
import { chooseLatest, goodOfScope } from "../../archive/resolve.ts";
import { readLock } from "../../archive/lock.ts";
import type { LockState } from "../../archive/lock.ts";
import { readSchedule } from "../../schedule/schedule.ts";
import type { SchedulePlace } from "../../schedule/schedule.ts";
import { formatDuration } from "../../util/units.ts";
import type { JobContext } from "../context.ts";
import { listDrills } from "../drill/drill-files.ts";
import type { StoredDrill } from "../drill/drill-files.ts";
import { readRestores } from "../restore/records.ts";
import { findNotes } from "./status-notes.ts";
import { drillsOfScope, judgeStatus, lastRestoreOf, trendOf } from "./status-rules.ts";
import type { SizeTrend, StatusFinding } from "./status-rules.ts";

export interface StatusResult {
  /** false: something needs a person (exit 1). */
  readonly ok: boolean;
  readonly problems: readonly StatusFinding[];
  /** Limits of what the backups promise; they change no exit code. */
  readonly notes: readonly StatusFinding[];
  readonly lastGood: {
    readonly id: string;
    readonly createdAt: string;
    readonly ageSeconds: number;
    readonly documents: number;
    readonly storedBytes: number;
  } | null;
  /** The run that is at work in the backup folder, or left its lock there; null: nobody. */
  readonly lock: LockState | null;
  /** ISO 8601, UTC; null where no schedule is installed. */
  readonly nextRun: string | null;
  readonly schedule: "cron" | "systemd" | null;
  readonly disk: {
    readonly path: string;
    readonly freeBytes: number;
    readonly warnBelowBytes: number;
    readonly abortBelowBytes: number;
  };
  readonly trend: SizeTrend | null;
  /** When the newest restore began that succeeded, be it undone since or not; null: none did. */
  readonly lastRestoreAt: string | null;
  /** The newest drill that passed, of what the settings name; null: none did. */
  readonly lastDrill: {
    readonly id: string;
    readonly at: string;
    readonly daysAgo: number;
    /** How long its restore took, from the check of the files to the verified data; null: not known. */
    readonly restoreSeconds: number | null;
  } | null;
  /** The newest drill, where that one failed. */
  readonly lastDrillFailed: StatusResult["lastDrill"];
  readonly backups: { readonly good: number; readonly all: number; readonly storedBytes: number };
}

/** @throws KeepError only where the backup folder cannot be read */
export async function readStatus(
  context: JobContext,
  place: Pick<SchedulePlace, "project" | "home" | "programs">,
): Promise<StatusResult> {
  const { settings, clock } = context;
  const nowMs = clock.now();
  const { logFile, timezone, backupDir } = settings;
  const [entries, { records, unreadable }, allDrills, schedule, freeBytes, lock] =
    await Promise.all([
      listCatalog(backupDir, context.place),
      readRestores(context),
      listDrills(context.place.storage, backupDir),
      readSchedule({ ...place, logFile, timezone, nowMs }),
      context.freeBytes(backupDir),
      readLock(backupDir),
    ]);
  const running = lock !== null && lock.alive !== false;
  const wanted = { hosts: settings.hosts, databases: settings.databases, exclude: [] };
  const good = goodOfScope(entries, wanted, nowMs);
  const latest = chooseLatest(entries, wanted, nowMs);
  const trend = trendOf(good);
  const drills = drillsOfScope(allDrills, settings, nowMs);
  const problems = judgeStatus({
    ...{
      settings,
      nowMs,
      entries,
      records,
      unreadable,
      drills,
      schedule,
      freeBytes,
      running,
      good,
      latest,
      trend,
    },
  });
  return {
    ok: problems.length === 0,
    problems,
    notes: [...lockNotes(lock, nowMs), ...(await findNotes(settings, good[0]?.manifest ?? null))],
    lock,
    lastGood: describeLast(good[0], nowMs),
    nextRun: schedule.nextRun,
    schedule: schedule.kind,
    disk: {
      path: backupDir,
      freeBytes,
      warnBelowBytes: settings.diskWarnFreeBytes,
      abortBelowBytes: settings.diskAbortFreeBytes,
    },
    trend,
    lastRestoreAt: lastRestoreOf(records)?.recorded.createdAt ?? null,
    lastDrill: describeDrill(
      drills.find(({ ok }) => ok),
      nowMs,
    ),
    lastDrillFailed: describeDrill(
      drills.slice(0, 1).find(({ ok }) => !ok),
      nowMs,
    ),
    backups: {
      good: entries.filter(({ state }) => state === "good").length,
      all: entries.length,
      storedBytes: sumOf(entries),
    },
  };
}

/** A holder renews its lock every few seconds. */
const SILENT_MS = 5 * 60_000;

function lockNotes(lock: LockState | null, nowMs: number): StatusFinding[] {
  if (!lock) return [];
  const silentMs = nowMs - Date.parse(lock.lastSignAt);
  if (lock.alive === true || (lock.alive === null && silentMs < SILENT_MS)) return [];
  const message = `the lock of the backup folder has shown no sign of life for ${formatDuration(silentMs)}: its run is dead, or stands still`;
  return [{ code: "lock-silent", message, hint: "The next run takes it over." }];
}

function describeLast(last: CatalogEntry | undefined, nowMs: number): StatusResult["lastGood"] {
  if (!last?.manifest) return null;
  const { id, createdAt, totals } = last.manifest;
  const ageSeconds = Math.round((nowMs - Date.parse(createdAt)) / 1000);
  const { documents, storedBytes } = totals;
  return { id, createdAt, ageSeconds, documents, storedBytes };
}

const DAY_MS = 86_400_000;

function describeDrill(drill: StoredDrill | undefined, nowMs: number): StatusResult["lastDrill"] {
  if (!drill) return null;
  const { id, startedAt: at, restoreSeconds } = drill;
  return { id, at, restoreSeconds, daysAgo: Math.floor((nowMs - Date.parse(at)) / DAY_MS) };
}

function sumOf(entries: readonly CatalogEntry[]): number {
  return entries.reduce((sum, { manifest }) => sum + (manifest?.totals.storedBytes ?? 0), 0);
}
