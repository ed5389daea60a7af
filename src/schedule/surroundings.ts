// What a schedule depends on: a cron daemon, the programs it runs, the system's time zone.
import { constants } from "node:fs";
import { access, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { KeepError } from "../errors.ts";

const CRON_DAEMONS = new Set(["cron", "crond", "cronie", "fcron", "busybox-crond"]);

/** The time zone of cron and systemd. */
export function systemZone(): string {
  return new Intl.DateTimeFormat().resolvedOptions().timeZone;
}

/** Throws failed if a scheduled program does not exist, which cron would only log. */
export async function assertPrograms(node: string, script: string): Promise<void> {
  for (const [path, mode] of [
    [node, constants.X_OK],
    [script, constants.R_OK],
  ] as const) {
    await access(path, mode).catch((cause: unknown) => {
      throw new KeepError("failed", `the schedule would run ${path}, which cannot be used`, {
        hint: "Install mongokeep again, then run mongokeep schedule install.",
        cause,
      });
    });
  }
}

/** Whether a cron daemon runs; null if the system does not tell (no /proc). */
export async function isCronRunning(proc = "/proc"): Promise<boolean | null> {
  const entries = await readdir(proc).catch(() => null);
  if (entries === null) return null;
  const pids = entries.filter((name) => /^\d+$/.test(name));
  if (pids.length === 0) return null;
  const names = await Promise.all(
    // A process may end during the search.
    pids.map((pid) => readFile(join(proc, pid, "comm"), "utf8").catch(() => "")),
  );
  return names.some((name) => CRON_DAEMONS.has(name.trim()));
}

/** A warning if the schedule and the backups use different time zones; null if they agree. */
export function zoneWarning(timezone: string, nowMs: number): string | null {
  const zone = systemZone();
  if (offsets(zone, nowMs) === offsets(timezone, nowMs)) return null;
  return `the schedule runs by the system's time zone, ${zone}, while BACKUP_TIMEZONE is ${timezone}`;
}

/** The zone's offset in each month of a year: equal for two names of one zone. */
function offsets(zone: string, nowMs: number): string {
  const format = new Intl.DateTimeFormat("en", { timeZone: zone, timeZoneName: "longOffset" });
  return Array.from({ length: 12 }, (_, n) => {
    const parts = format.formatToParts(nowMs + n * 30 * 86_400_000);
    return parts.find(({ type }) => type === "timeZoneName")?.value ?? "";
  }).join();
}
