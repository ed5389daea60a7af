// When a state needs a person. Pure: everything it judges is given to it.
import type { CatalogEntry } from "../../archive/catalog.ts";
import type { Settings } from "../../config/settings.ts";
import {
  openRestores,
  isApplied,
  leftStopped,
  mayBeOpen,
} from "../../restore/record/record-state.ts";
import type { StoredRecord } from "../../restore/record/record.ts";
import type { UnreadableRecord } from "../../restore/record/read-record.ts";
import type { ScheduleState } from "../../schedule/schedule.ts";
import { formatBytes, formatDuration } from "../../util/units.ts";
import type { StoredDrill } from "../drill/drill-files.ts";

export interface StatusFinding {
  readonly code: string;
  readonly message: string;
  readonly hint: string;
}

/** The newest good backup's size beside the median of those before it. */
export interface SizeTrend {
  readonly lastBytes: number;
  readonly medianBytes: number;
  /** How many backups the median is of: 7 at most. */
  readonly of: number;
  /** 0.5: half as much again; -0.5: half of it. */
  readonly change: number;
}

export interface StatusFacts {
  readonly settings: Settings;
  readonly nowMs: number;
  readonly entries: readonly CatalogEntry[];
  /** Newest first. */
  readonly records: readonly StoredRecord[];
  readonly unreadable: readonly UnreadableRecord[];
  /** Of the scope, newest first. */
  readonly drills: readonly StoredDrill[];
  readonly schedule: ScheduleState;
  readonly freeBytes: number;
  /** A backup or restore runs right now: what it has begun is no problem. */
  readonly running: boolean;
  /** Good backups of the scope, newest first. */
  readonly good: readonly CatalogEntry[];
  /** What `latest` would take: of another server where the scope has none. */
  readonly latest: CatalogEntry | null;
  readonly trend: SizeTrend | null;
}

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const STALE_MS = 26 * HOUR_MS;
const MEDIAN_OF = 7;
/** A median of fewer says nothing about what is usual. */
const MEDIAN_NEEDS = 3;
const LARGEST_CHANGE = 0.5;

const createdMs = ({ manifest }: CatalogEntry) => Date.parse(manifest?.createdAt ?? "");

/** null where there are too few backups to compare with. */
export function trendOf(good: readonly CatalogEntry[]): SizeTrend | null {
  const sizes = good.map(({ manifest }) => manifest?.totals.storedBytes ?? 0);
  const [lastBytes, ...before] = sizes;
  const recent = before.slice(0, MEDIAN_OF).sort((a, b) => a - b);
  if (lastBytes === undefined || recent.length < MEDIAN_NEEDS) return null;
  const middle = recent.length >> 1;
  const [low = 0, high = 0] =
    recent.length % 2 === 1 ? [recent[middle], recent[middle]] : recent.slice(middle - 1);
  const medianBytes = (low + high) / 2;
  const change = medianBytes === 0 ? 0 : lastBytes / medianBytes - 1;
  return { lastBytes, medianBytes, of: recent.length, change };
}

export function judgeStatus(facts: StatusFacts): StatusFinding[] {
  return [
    ...judgeAge(facts),
    ...judgeTrend(facts),
    ...judgeDisk(facts),
    ...judgeEntries(facts),
    ...judgeRestores(facts),
    ...judgeUnreadable(facts),
    ...judgeProof(facts),
    ...judgeSchedule(facts),
  ];
}

function judgeAge({ good, latest, nowMs, settings }: StatusFacts): StatusFinding[] {
  const [last] = good;
  if (!last) {
    const databases = settings.databases?.join(", ") ?? "all databases";
    const other = latest?.manifest
      ? `; ${latest.id} is of another server, ${latest.manifest.scope.server}`
      : "";
    const at = settings.hosts.length > 0 ? ` on ${settings.hosts.join(", ")}` : "";
    const message = `there is no good backup of ${databases}${at}${other}`;
    return [{ code: "no-backup", message, hint: "Run mongokeep backup." }];
  }
  const age = nowMs - createdMs(last);
  if (age <= STALE_MS) return [];
  return [
    {
      code: "backup-stale",
      message: `the newest good backup, ${last.id}, is ${formatDuration(age)} old`,
      hint: "Look for the cause in the log, then run mongokeep backup.",
    },
  ];
}

function judgeTrend({ trend, good }: StatusFacts): StatusFinding[] {
  if (!trend || Math.abs(trend.change) <= LARGEST_CHANGE) return [];
  const { lastBytes, medianBytes, of } = trend;
  return [
    {
      code: "size-changed",
      message: `backup ${good[0]?.id ?? ""} is ${formatBytes(lastBytes)}; the median of the ${of} before it is ${formatBytes(medianBytes)}`,
      hint: "Check that the data grew or shrank for a known reason: mongokeep show latest has the count of each collection.",
    },
  ];
}

function judgeDisk({ settings, freeBytes }: StatusFacts): StatusFinding[] {
  if (freeBytes >= settings.diskWarnFreeBytes) return [];
  const abort = freeBytes < settings.diskAbortFreeBytes;
  return [
    {
      code: "disk-low",
      message: `${formatBytes(freeBytes)} free for ${settings.backupDir}, less than ${abort ? "DISK_ABORT_FREE" : "DISK_WARN_FREE"}${abort ? ": the next backup will not run" : ""}`,
      hint: "Free disk space, or delete manual backups that nobody needs: mongokeep list.",
    },
  ];
}

function judgeEntries({ entries, running }: StatusFacts): StatusFinding[] {
  return entries.flatMap(({ id, state, path, problem }): StatusFinding[] => {
    const because = problem === null ? "" : `: ${problem}`;
    if (state === "damaged" || state === "unreadable") {
      const code = `backup-${state}`;
      const hint = `See mongokeep verify ${id}, and the disk's health; then mongokeep delete ${id} --confirm.`;
      return [{ code, message: `backup ${id} is ${state}${because}`, hint }];
    }
    if (state !== "partial" || running) return [];
    const hint = `The next backup takes it away; or delete ${path}.`;
    return [{ code: "backup-partial", message: `backup ${id} was never finished`, hint }];
  });
}

/** The open ones; those that left live data between two states first. */
function judgeRestores({ records, running }: StatusFacts): StatusFinding[] {
  const open = running ? [] : openRestores(records);
  const isBroken = ({ state }: StoredRecord) => state === "broken";
  return [...open.filter(isBroken), ...open.filter((one) => !isBroken(one))].flatMap(judgeOpen);
}

function judgeOpen({ id, state, entries }: StoredRecord): StatusFinding[] {
  const resume = `mongokeep restore --resume ${id} --confirm`;
  const rollback = `mongokeep rollback ${id} --confirm`;
  if (state === "broken") {
    const message = `restore ${id} changed live data and never finished`;
    const hint = `Run ${rollback}: it restores the state from before it; or ${resume}.`;
    return [{ code: "restore-unfinished", message, hint }];
  }
  if (state === "unfinished") {
    const message = `restore ${id} was interrupted before its last steps: the service may be stopped, and documents may not expire`;
    return [{ code: "restore-unfinished", message, hint: `Run ${resume}.` }];
  }
  if (state === "undone") {
    const message = `restore ${id} was undone, and interrupted before it started the service: the service may be stopped`;
    return [
      { code: "restore-unfinished", message, hint: `Run ${rollback}: it starts the service.` },
    ];
  }
  if (!entries.some(({ step }) => step === "stage" || step === "stop-service")) return [];
  const stopped = leftStopped(entries) ? ", and the service stopped" : "";
  const message = `restore ${id} was interrupted before it changed anything: what it staged may still be on the server${stopped}`;
  const hint = `Run ${rollback}: it clears that away; or ${resume}.`;
  return [{ code: "restore-leftovers", message, hint }];
}

/** Restores that may have left live data between two states, and nobody can tell. */
function judgeUnreadable({ unreadable }: StatusFacts): StatusFinding[] {
  return unreadable.filter(mayBeOpen).map(({ id, file, problem }) => ({
    code: "restore-unreadable",
    message: `the record of restore ${id} cannot be read, so it may not be over: ${file} ${problem}`,
    hint: "Use the version of mongokeep that made it, or repair the file. If that restore is over, move its folder away.",
  }));
}

/** A backup that was never restored is a hope. A restore proves as much as a drill. */
function judgeProof(facts: StatusFacts): StatusFinding[] {
  const { drills, records, good, nowMs } = facts;
  const { reminderMs } = facts.settings.drill;
  const [last] = drills;
  const failed: StatusFinding[] =
    last && !last.ok
      ? [
          {
            code: "drill-failed",
            message: `the last drill, ${last.id}, failed`,
            hint: `See drills/${last.id}/report.html in the backup folder, mend the cause, then run mongokeep drill.`,
          },
        ]
      : [];
  const tried = records.find(({ state }) => isApplied(state));
  const proved = drills.find(({ ok }) => ok);
  const oldest = good.at(-1);
  const isNew = !tried && !proved && oldest;
  // Who began less than that ago has not failed to try yet.
  const since = Math.max(
    Date.parse(tried?.recorded.createdAt ?? "") || 0,
    Date.parse(proved?.startedAt ?? "") || 0,
    isNew ? createdMs(oldest) : 0,
  );
  if (reminderMs === 0 || good.length === 0 || nowMs - since <= reminderMs) return failed;
  return [
    ...failed,
    {
      code: "restore-untried",
      message: `no restore was proved for ${daysOf(nowMs - since)}`,
      hint: "Run mongokeep drill: it restores the newest backup into a throw-away server, and compares.",
    },
  ];
}

/** The newest restore that succeeded, also where it was undone since; rollbacks are none. `records` newest first. */
export function lastRestoreOf(records: readonly StoredRecord[]): StoredRecord | null {
  const succeeded = ({ state, entries }: StoredRecord) =>
    isApplied(state) ||
    (state === "rolled-back" && entries.some((e) => e.step === "end" && e.state === "done"));
  return records.find((r) => r.recorded.rollbackOf === null && succeeded(r)) ?? null;
}

/** Drills of backups of what the settings name, newest first, none dated in the future. */
export function drillsOfScope(
  drills: readonly StoredDrill[],
  settings: Pick<Settings, "hosts" | "databases">,
  nowMs: number,
): StoredDrill[] {
  const wanted = JSON.stringify([settings.hosts, settings.databases]);
  return drills.filter(({ scope, startedAt }) => {
    if (scope === null || Date.parse(startedAt) > nowMs) return false;
    return settings.hosts.length === 0 || JSON.stringify([scope.hosts, scope.databases]) === wanted;
  });
}

const daysOf = (ms: number) => {
  const days = Math.floor(ms / DAY_MS);
  return days === 0 ? formatDuration(ms) : `${days} day${days === 1 ? "" : "s"}`;
};

function judgeSchedule({ schedule }: StatusFacts): StatusFinding[] {
  if (!schedule.installed) {
    return [
      {
        code: "no-schedule",
        message: "no nightly backup is scheduled for this folder",
        hint: "Run mongokeep schedule install.",
      },
    ];
  }
  return schedule.warnings.map((message) => ({
    code: "schedule",
    message,
    hint: "See mongokeep schedule status.",
  }));
}
