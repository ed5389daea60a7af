// The backup of the present state before a restore changes it.
import { readdir } from "node:fs/promises";
import { formatBackupId, isBackupId, momentOf } from "../../../archive/layout.ts";
import { ACCOUNT_COLLECTIONS } from "../../../dump/users.ts";
import { KeepError } from "../../../errors.ts";
import type { Deployment } from "../../../mongo/deployment.ts";
import { restoresFolder, safetyNote } from "../../../restore/record/record.ts";
import type { RestoreRecord } from "../../../restore/record/record.ts";
import type { RestorePlan } from "../../../restore/plan/plan.ts";
import { splitNamespace } from "../../../restore/plan/select.ts";
import type { RestoreOrder } from "../plan/order.ts";
import type { JobContext } from "../../context.ts";
import { makeBackup } from "../../backup/make-backup.ts";

export interface Protection {
  /** null: there was nothing to protect, or the user declined. */
  readonly backup: { readonly id: string; readonly path: string } | null;
  readonly declined: boolean;
  readonly seconds: number;
}

/** Whether there is something to protect, and the user wants it. */
export function needsProtection({ plan, skipPreBackup }: RestoreOrder): boolean {
  return !plan.targetWasEmpty && !skipPreBackup;
}

/** @throws KeepError whatever a backup throws; nothing live has changed then */
export async function protectPresent(
  context: JobContext,
  deployment: Deployment,
  order: RestoreOrder,
  record: RestoreRecord,
): Promise<Protection> {
  const { plan } = order;
  const none = { backup: null, declined: order.skipPreBackup, seconds: 0 };
  if (!needsProtection(order)) {
    if (!order.skipPreBackup)
      await record.journal({ step: "protect", state: "done", backup: null });
    return none;
  }
  const began = performance.now();
  await record.journal({ step: "protect", state: "begin" });
  const databases = [
    ...new Set([
      // Everybody's accounts are in admin.
      ...plan.usersOf.filter((name) => name === "admin"),
      ...plan.targetDatabases,
      ...plan.remove.map((n) => n.slice(0, n.indexOf("."))),
    ]),
  ];
  const made = await makeBackup(context, deployment, {
    ...orderOf(context, record),
    databases,
    only: order.protectOnly && [
      ...order.protectOnly,
      ...(plan.usersOf.includes("admin") ? ACCOUNT_COLLECTIONS.map((name) => `admin.${name}`) : []),
    ],
    temporary: plan.collections.map((c) => c.namespace),
    accounts: plan.usersOf.length > 0,
  });
  const { id } = made.manifest;
  await record.journal({ step: "protect", state: "done", backup: id });
  await record.log(`pre-restore backup ${id} made and verified`);
  const seconds = Math.round(performance.now() - began) / 1_000;
  return { backup: { id, path: made.path }, declined: false, seconds };
}

function orderOf({ settings }: JobContext, record: RestoreRecord) {
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

/** What a staged restore drops and loads within the window; null where there is nothing of the kind. */
export function inPlacePart(plan: RestorePlan): RestorePlan | null {
  const collections = plan.collections.filter((c) => c.way === "in-place");
  const remove = plan.removeInPlace;
  if (collections.length + remove.length === 0) return null;
  // Accounts come from another backup than what is replaced in place (accounts.ts).
  return { ...plan, mode: "in-place", collections, remove, usersOf: [], oplog: seriesPart(plan) };
}

/** What the oplog makes for a while is staged with the rest, unless no server renames it. */
function seriesPart({ oplog }: RestorePlan): RestorePlan["oplog"] {
  return oplog && { ...oplog, passing: oplog.passing.filter((one) => one.type === "timeseries") };
}

/**
 * The backup of what is about to be dropped, when nothing writes to it any more: what is set aside needs
 * none. Gives the protection that an undo of that part goes back to.
 * @throws KeepError whatever a backup throws; nothing live has changed then
 */
export async function protectInPlace(
  context: JobContext,
  deployment: Deployment,
  order: RestoreOrder,
  record: RestoreRecord,
): Promise<Protection["backup"]> {
  const part = inPlacePart(order.plan);
  const replaced = part?.collections.filter((c) => c.action === "replace") ?? [];
  const names = [...replaced.map((c) => c.namespace), ...(part?.remove ?? [])];
  if (names.length === 0 || order.skipPreBackup) return null;
  const scope = "in-place";
  await record.journal({ step: "protect", state: "begin", scope });
  const made = await makeBackup(context, deployment, {
    ...orderOf(context, record),
    databases: [...new Set(names.map((n) => splitNamespace(n).database))],
    only: names,
    temporary: names,
    accounts: false,
  });
  const { id } = made.manifest;
  await record.journal({ step: "protect", state: "done", scope, backup: id });
  await record.log(`pre-restore backup ${id} of what is replaced in place made and verified`);
  return { id, path: made.path };
}

/**
 * The present second, or where the newest restore's id is as late the second after that one's: what is taken back
 * first is the last one by its id, also when the clock went back or summer time ended.
 */
export async function freeRestoreId(root: string, nowMs: number, zone: string): Promise<string> {
  const names = await readdir(restoresFolder(root)).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  });
  const present = formatBackupId(nowMs, zone);
  const newest = names.filter(isMoment).sort().at(-1);
  if (newest === undefined || newest < present) return present;
  const next = formatBackupId(momentOf(newest, "UTC") + 1_000, "UTC");
  if (!isBackupId(next)) throw new KeepError("failed", `no restore can follow that of ${newest}`);
  return next;
}

const isMoment = (name: string) => isBackupId(name) && !Number.isNaN(momentOf(name, "UTC"));
