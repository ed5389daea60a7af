// Puts the state from before a failed restore back, from its pre-restore backup. It must work while the
// run is being interrupted, so it has a connection and a signal of its own.
import { KeepError } from "../errors.ts";
import { openBackup } from "../archive/reader.ts";
import { inspectLive } from "../restore/live.ts";
import { applyInPlace } from "../restore/native.ts";
import { planRestore } from "../restore/plan.ts";
import type { RestorePlan } from "../restore/plan.ts";
import type { RestoreRecord } from "../restore/record.ts";
import { databasesWithAccounts } from "../restore/account-files.ts";
import type { OpenedBackup } from "../archive/reader.ts";
import type { Deployment } from "../mongo/deployment.ts";
import type { RestoreOrder } from "./restore-order.ts";
import type { JobContext } from "./context.ts";
import type { Protection } from "./protect.ts";
import { toSource } from "./sources.ts";

/** Always throws: restore-undone where the old state is back, restore-broken where it is not. */
export async function undoRestore(
  context: JobContext,
  order: RestoreOrder,
  protection: Protection,
  record: RestoreRecord,
  cause: KeepError,
): Promise<never> {
  const { emit } = context;
  emit({ kind: "step", step: "undo", state: "begin", detail: cause.message });
  emit({
    kind: "log",
    level: "error",
    code: "restore-failed",
    message: `the restore failed: ${cause.message}`,
  });
  await record.journal({ step: "undo", state: "begin", message: cause.message });
  await record.log(`FAILED: ${cause.message}; the state from before is put back`);
  try {
    await putBack(context, order, protection, record);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    await record.journal({ step: "undo", state: "failed", message });
    throw new KeepError(
      "restore-broken",
      `the restore failed (${cause.message}) and the old state is not back: ${message}`,
      {
        hint: protection.backup
          ? `The old state is safe in the backup ${protection.backup.id}. When the cause is mended, run: mongokeep rollback ${record.id} --confirm`
          : "There is no pre-restore backup to go back to: restore the newest good backup.",
        details: { restoreId: record.id, preRestoreBackup: protection.backup?.id ?? null },
        cause,
      },
    );
  }
  await record.journal({ step: "undo", state: "done" });
  await record.log("the state from before is back");
  emit({ kind: "step", step: "undo", state: "end" });
  throw new KeepError("restore-undone", `the restore failed: ${cause.message}`, {
    details: { restoreId: record.id, preRestoreBackup: protection.backup?.id ?? null },
    cause,
  });
}

async function putBack(
  context: JobContext,
  order: RestoreOrder,
  protection: Protection,
  record: RestoreRecord,
): Promise<void> {
  if (protection.declined && order.plan.collections.some((c) => c.action === "replace"))
    throw new Error("there is no pre-restore backup (--skip-pre-backup)");
  const signal = new AbortController().signal;
  await using deployment = await context.connect(signal);
  const before = protection.backup ? await openBackup(protection.backup.path) : null;
  const plan = await planUndo(deployment, before, order.plan, signal);
  // The journal's own steps belong to the restore; those of the undo are told in the log.
  const quiet: RestoreRecord = { ...record, journal: () => Promise.resolve() };
  await applyInPlace(deployment, before, plan, quiet, { emit: context.emit, signal });
}

/** What `plan` replaced or removed comes back from `before`; what it created goes. */
export async function planUndo(
  deployment: Deployment,
  before: OpenedBackup | null,
  plan: RestorePlan,
  signal: AbortSignal,
): Promise<RestorePlan> {
  const touched = new Set([
    ...plan.collections.filter((c) => c.action === "replace").map((c) => c.namespace),
    ...plan.remove,
  ]);
  const databases = [...new Set([...touched, ...plan.collections.map((c) => c.namespace)])].map(
    (n) => n.slice(0, n.indexOf(".")),
  );
  return planRestore({
    backup: before?.id ?? null,
    source: toSource(before).filter((n) => touched.has(`${n.database}.${n.name}`)),
    live: await inspectLive(deployment, [...new Set(databases)], signal),
    rename: new Map(),
    only: null,
    remove: plan.collections.filter((c) => c.action === "create").map((c) => c.namespace),
    accountsOf: before && plan.usersOf.length > 0 ? await databasesWithAccounts(before) : [],
  });
}
