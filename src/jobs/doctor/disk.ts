// Room for the next backup.
import { listCatalog } from "../../archive/catalog.ts";
import { formatBytes } from "../../util/units.ts";
import type { Examine } from "./check.ts";
import { fail, ok, warn } from "./check.ts";

/** A backup runs only if there is room for this many times the size of the last one (docs/retention.md). */
const HEADROOM = 1.2;

export const disk: Examine = async ({ job }) => {
  const { backupDir, diskWarnFreeBytes, diskAbortFreeBytes } = job.settings;
  const free = await job.freeBytes(backupDir);
  const entries = await listCatalog(backupDir, job.place);
  const last = entries.find(({ state }) => state === "good")?.manifest?.totals.storedBytes ?? 0;
  const message = `${formatBytes(free)} free for ${backupDir}`;
  if (free < diskAbortFreeBytes) {
    const hint = `Free disk space: below DISK_ABORT_FREE (${formatBytes(diskAbortFreeBytes)}) no backup runs.`;
    return [fail("disk", message, hint)];
  }
  if (free < last * HEADROOM) {
    const hint = `Free disk space: the last backup took ${formatBytes(last)}, and the next needs room for 1.2 times that.`;
    return [fail("disk", message, hint)];
  }
  if (free < diskWarnFreeBytes) {
    const hint = `Free disk space, or lower DISK_WARN_FREE (${formatBytes(diskWarnFreeBytes)}).`;
    return [warn("disk", message, hint)];
  }
  return [ok("disk", message)];
};
