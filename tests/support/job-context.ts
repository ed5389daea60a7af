// A job's context with no server, no service and a set clock, for jobs that work on the backup folder alone.
import { ON_DISK } from "../../src/archive/place.ts";
import { KeepError } from "../../src/errors.ts";
import type { KeepEvent } from "../../src/events.ts";
import type { JobContext } from "../../src/jobs/context.ts";
import { parsePeriod } from "../../src/retention/policy.ts";
import { manualClock } from "../../src/util/clock.ts";

export interface FolderContext extends JobContext {
  readonly clock: ReturnType<typeof manualClock>;
  readonly events: KeepEvent[];
}

/** The settings' defaults in UTC; `events` collects what is told. */
export function folderContext(backupDir: string, now: string): FolderContext {
  const events: KeepEvent[] = [];
  return {
    settings: {
      envFile: null,
      uri: null,
      uriName: null,
      restoreLogin: null,
      hosts: ["localhost:27017"],
      databases: ["surg"],
      backupDir,
      logFile: "/dev/null",
      engine: "native",
      compression: { algorithm: "gzip", level: 6 },
      timezone: "UTC",
      maxRateBytesPerSecond: null,
      readPreference: "secondaryPreferred",
      maxLagMs: 600_000,
      nice: 0,
      retention: {
        daily: parsePeriod("30d"),
        weekly: parsePeriod("3mo"),
        monthly: parsePeriod("1y"),
      },
      diskWarnFreeBytes: 0,
      diskAbortFreeBytes: 0,
      service: {} as JobContext["settings"]["service"],
      restoreKeepAsideMs: 0,
      cutoverTimeoutMs: 10_000,
      drill: { uri: null, checksFile: null, reminderMs: 90 * 86_400_000, mongodBinary: null },
      alertCommand: null,
      alertWebhookUrl: null,
      alertPingUrl: null,
      warnings: [],
    },
    place: ON_DISK,
    clock: manualClock(Date.parse(now)),
    events,
    emit: (event) => {
      events.push(event);
    },
    signal: new AbortController().signal,
    version: "0.1.0",
    connect: () => Promise.reject(new KeepError("internal", "this job needs no server")),
    freeBytes: () => Promise.resolve(Number.MAX_SAFE_INTEGER),
    service: null,
  };
}

/** Codes of the log events so far. */
export function toldCodes({ events }: FolderContext): string[] {
  return events.flatMap((event) => (event.kind === "log" ? (event.code ?? []) : []));
}
