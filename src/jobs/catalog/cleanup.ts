// Applies the retention policy (docs/retention.md): decides for every backup, then deletes, newest first.
import { warn } from "../../events.ts";
import { listCatalog } from "../../archive/catalog.ts";
import type { CatalogEntry } from "../../archive/catalog.ts";
import type { RetentionPlan } from "../../retention/item.ts";
import { planRetention } from "../../retention/plan.ts";
import { openBackupDir } from "../../storage/backup-dir.ts";
import { messageOf } from "../../util/redact.ts";
import type { JobContext } from "../context.ts";
import { bytesIn, clearHalfDeleted, clearLeftovers, deleteFolder } from "./delete-folder.ts";
import { holdFolder } from "../hold-folder.ts";
import type { CleanupResult } from "../results.ts";
import { readPins, toRetentionItem } from "./retention-items.ts";
import type { Pins } from "./retention-items.ts";

export { clearLeftovers } from "./delete-folder.ts";
export { toRetentionItem } from "./retention-items.ts";

export interface CleanupRequest {
  /** Only say what would be deleted; needs no lock. */
  readonly dryRun: boolean;
  /** What must stay besides what unfinished restores need. */
  readonly pinned?: Pins;
}

/** @throws KeepError locked, backup-dir */
export async function cleanup(
  context: JobContext,
  { dryRun }: Pick<CleanupRequest, "dryRun">,
): Promise<CleanupResult> {
  if (dryRun) return await cleanupLocked(context, { dryRun });
  await openBackupDir(context.settings.backupDir);
  await using held = await holdFolder(context, { command: "cleanup", waitMs: 0 });
  await clearLeftovers(held.context);
  return await cleanupLocked(held.context, { dryRun });
}

/**
 * The same for who holds the lock, also in the middle of a backup. What cannot be deleted stays, is said,
 * and stops nothing.
 */
export async function cleanupLocked(
  context: JobContext,
  { dryRun, pinned }: CleanupRequest,
): Promise<CleanupResult> {
  if (!dryRun) await clearHalfDeleted(context);
  const entries = await listCatalog(context.settings.backupDir, context.place);
  const pins = new Map([...(await readPins(context, entries)), ...(pinned ?? [])]);
  const plan = planFor(context, entries, pins);
  tellAlerts(context, plan);
  const paths = new Map(entries.filter(isBackup).map(({ id, path }) => [id, path]));
  const decisions: CleanupResult["decisions"][number][] = [];
  let freedBytes = 0;
  for (const { id, action, reason } of plan.decisions) {
    const path = paths.get(id);
    if (action === "keep" || path === undefined) {
      decisions.push({ id, action: "keep", reason });
      continue;
    }
    const done = await remove(context, path, dryRun);
    freedBytes += done.freedBytes;
    decisions.push(done.problem === null ? { id, action, reason } : keepFailed(id, done.problem));
  }
  return { ok: true, dryRun, decisions, alerts: plan.alerts.map((a) => a.message), freedBytes };
}

/** What retention says of the entries now. */
export function planFor(
  { settings, clock }: Pick<JobContext, "settings" | "clock">,
  entries: readonly CatalogEntry[],
  pins: Pins,
): RetentionPlan {
  const { retention, timezone } = settings;
  const items = entries.flatMap((entry) => toRetentionItem(entry, pins, timezone) ?? []);
  return planRetention(items, clock.now(), retention, timezone);
}

const isBackup = ({ state }: CatalogEntry) => state !== "partial";

function keepFailed(id: string, problem: string): CleanupResult["decisions"][number] {
  return { id, action: "keep", reason: `kept: it could not be deleted (${problem})` };
}

async function remove(
  context: JobContext,
  path: string,
  dryRun: boolean,
): Promise<{ freedBytes: number; problem: string | null }> {
  const { signal, emit } = context;
  signal.throwIfAborted();
  if (!dryRun) await context.assertHeld?.();
  try {
    const freedBytes = await (dryRun
      ? bytesIn(context.place.storage, path)
      : deleteFolder(context, path));
    return { freedBytes, problem: null };
  } catch (error) {
    const problem = messageOf(error);
    const message = `${path} could not be deleted: ${problem}`;
    warn(emit, "delete-failed", message);
    return { freedBytes: 0, problem };
  }
}

function tellAlerts({ emit }: JobContext, { alerts }: RetentionPlan): void {
  for (const { code, message } of alerts) warn(emit, code, message);
}
