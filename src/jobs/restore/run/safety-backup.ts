// The safety backup: the state before a restore changes it. What must stay true: it is made and verified before
// the first live change, and names the restore that it is for.
import { formatBackupId, isBackupId, momentOf } from "../../../archive/layout.ts";
import { ACCOUNT_COLLECTIONS } from "../../../dump/users.ts";
import { KeepError } from "../../../errors.ts";
import { restoresFolder, safetyNote } from "../../../restore/record/record-file.ts";
import type { RestoreRecord } from "../../../restore/record/record.ts";
import type { RestorePlan } from "../../../restore/plan/plan.ts";
import { splitNamespace } from "../../../restore/plan/select.ts";
import { localDisk } from "../../../storage/local-disk.ts";
import { refusalOf } from "../../../storage/refusal.ts";
import type { Entry } from "../../../storage/storage.ts";
import type { RestoreOrder } from "../plan/order.ts";
import type { JobContext } from "../../context.ts";
import type { Phase, Transaction } from "./phase.ts";
import { makeBackup } from "../../backup/make-backup.ts";

/** Whether there is something to protect, and the user wants it. */
export function needsProtection({ plan, skipPreBackup }: RestoreOrder): boolean {
  return !plan.targetWasEmpty && !skipPreBackup;
}

/**
 * The phase that backs up the present state while the service runs. With --in-place it comes later, when nothing
 * writes any more (protectInWindow). Data that a rollback renames away needs no copy: it is retained itself.
 */
export const protect: Phase = {
  async do(restore) {
    if (restore.order.plan.mode === "in-place") return;
    if (restore.order.swapBack) await nothingToProtect(restore.record);
    else await protectPresent(restore);
  },
  // It is of use in any case.
  undo: () => Promise.resolve(),
};

/**
 * Backs up what is about to be dropped, when the service has stopped: what is renamed away needs none.
 * @throws KeepError whatever a backup throws; nothing live has changed then
 */
export async function protectInWindow(restore: Transaction): Promise<void> {
  const { order, found } = restore;
  if (order.plan.mode === "staged") {
    found.inPlaceBackup = await protectInPlace(restore);
    return;
  }
  await protectPresent(restore);
  found.inPlaceBackup = found.safetyBackup;
}

async function nothingToProtect(record: RestoreRecord): Promise<void> {
  await record.journal({ step: "protect", state: "done", backup: null });
}

/** @throws KeepError whatever a backup throws; nothing live has changed then */
async function protectPresent({
  context,
  deployment,
  order,
  record,
  found,
}: Transaction): Promise<void> {
  if (!needsProtection(order)) {
    if (!order.skipPreBackup) await nothingToProtect(record);
    return;
  }
  const began = performance.now();
  await record.journal({ step: "protect", state: "begin" });
  const request = { ...requestOf(context, record), ...whatToProtect(order) };
  const { id } = (await makeBackup(context, deployment, request)).manifest;
  await record.journal({ step: "protect", state: "done", backup: id });
  await record.log(`safety backup ${id} made and verified`);
  found.safetyBackup = id;
  found.safetyBackupSeconds = Math.round(performance.now() - began) / 1_000;
}

function whatToProtect({ plan, protectOnly }: RestoreOrder) {
  const databases = new Set([
    // Everybody's accounts are in admin.
    ...plan.usersOf.filter((name) => name === "admin"),
    ...plan.targetDatabases,
    ...plan.remove.map((namespace) => splitNamespace(namespace).database),
  ]);
  const accounts = ACCOUNT_COLLECTIONS.map((name) => `admin.${name}`);
  return {
    databases: [...databases],
    only: protectOnly && [...protectOnly, ...(plan.usersOf.includes("admin") ? accounts : [])],
    temporary: plan.collections.map((c) => c.namespace),
    accounts: plan.usersOf.length > 0,
  };
}

function requestOf({ settings }: JobContext, record: RestoreRecord) {
  return {
    type: "pre-restore",
    note: safetyNote(record.id),
    exclude: [],
    allowEmpty: true,
    // Whatever nightly backups use: this one must be exact, and there.
    engine: "native",
    compression: settings.compression,
    relieve: null,
  } as const;
}

/** What is dropped and loaded within the window; null where there is nothing of the kind. */
export function inPlacePart(plan: RestorePlan): RestorePlan | null {
  const collections = plan.collections.filter((c) => c.way === "in-place");
  const remove = plan.removeInPlace;
  if (collections.length + remove.length === 0) return null;
  const oplog = plan.mode === "in-place" ? plan.oplog : seriesPart(plan);
  // Accounts are a phase of their own (accounts.ts).
  return { ...plan, mode: "in-place", collections, remove, usersOf: [], oplog };
}

/** What the oplog makes for a while is staged with the rest, unless no server renames it. */
function seriesPart({ oplog }: RestorePlan): RestorePlan["oplog"] {
  return oplog && { ...oplog, passing: oplog.passing.filter((one) => one.type === "timeseries") };
}

async function protectInPlace({
  context,
  deployment,
  order,
  record,
}: Transaction): Promise<string | null> {
  const part = inPlacePart(order.plan);
  const replaced = part?.collections.filter((c) => c.action === "replace") ?? [];
  const names = [...replaced.map((c) => c.namespace), ...(part?.remove ?? [])];
  if (names.length === 0 || order.skipPreBackup) return null;
  const scope = "in-place";
  await record.journal({ step: "protect", state: "begin", scope });
  const made = await makeBackup(context, deployment, {
    ...requestOf(context, record),
    databases: [...new Set(names.map((n) => splitNamespace(n).database))],
    only: names,
    temporary: names,
    accounts: false,
  });
  const { id } = made.manifest;
  await record.journal({ step: "protect", state: "done", scope, backup: id });
  await record.log(`safety backup ${id} of what is replaced in place made and verified`);
  return id;
}

/**
 * The present second, or where the newest restore's id is as late the second after that one's: what is undone
 * first is the last one by its id, also when the clock went back or summer time ended.
 */
export async function freeRestoreId(root: string, nowMs: number, zone: string): Promise<string> {
  const entries = await localDisk.list(restoresFolder(root)).catch((error: unknown): Entry[] => {
    if (refusalOf(error) === "missing") return [];
    throw error;
  });
  const names = entries.map(({ name }) => name);
  const present = formatBackupId(nowMs, zone);
  const newest = names.filter(isMoment).sort().at(-1);
  if (newest === undefined || newest < present) return present;
  const next = formatBackupId(momentOf(newest, "UTC") + 1_000, "UTC");
  if (!isBackupId(next)) throw new KeepError("failed", `no restore can follow that of ${newest}`);
  return next;
}

const isMoment = (name: string) => isBackupId(name) && !Number.isNaN(momentOf(name, "UTC"));
