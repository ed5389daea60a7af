// Puts the state from before a failed restore back, from its pre-restore backup. It must work while the
// run is being interrupted, so it has a connection and a signal of its own.
import { KeepError } from "../../../errors.ts";
import type { Emit } from "../../../events.ts";
import { openBackup } from "../../../archive/reader.ts";
import { inspectLive } from "../../../restore/plan/live.ts";
import { applyInPlace } from "../../../restore/load/in-place.ts";
import { planRestore } from "../../../restore/plan/plan.ts";
import type { ProvedCollection } from "../../../restore/load/prove.ts";
import type { RestoreMode, RestorePlan } from "../../../restore/plan/plan.ts";
import type { RestoreRecord } from "../../../restore/record/record.ts";
import { explain } from "../../../restore/record/restore-log.ts";
import { databasesWithAccounts } from "../../../restore/load/account-files.ts";
import type { OpenedBackup } from "../../../archive/opened.ts";
import type { Deployment } from "../../../mongo/deployment.ts";
import type { RestoreOrder } from "../plan/order.ts";
import { lockLimit } from "./await-clear.ts";
import type { JobContext } from "../../context.ts";
import type { Protection } from "./safety-backup.ts";
import { assertAccountsThere, tellAccountsNotHeld } from "./verify-accounts.ts";
import { proveAgainst } from "./verify-definitions.ts";
import { toSource } from "../plan/sources.ts";

export interface Undo {
  readonly record: RestoreRecord;
  /** Why the restore failed. */
  readonly cause: KeepError;
  /** The id of the pre-restore backup, if there is one. */
  readonly protectedBy: string | null;
  /** What a person does if the undo fails too. */
  readonly hint: string;
  readonly putBack: () => Promise<unknown>;
}

/** Puts back, and always throws: restore-undone where the old state is back, restore-broken where it is not. */
export async function undo(emit: Emit, { record, cause, ...how }: Undo): Promise<never> {
  emit({ kind: "step", step: "undo", state: "begin", detail: cause.message });
  emit({
    kind: "log",
    level: "error",
    code: "restore-failed",
    message: wasStopped(cause)
      ? `the restore was ${cause.message}`
      : `the restore failed: ${cause.message}`,
  });
  const details = {
    ...cause.details,
    ...{ restoreId: record.id, preRestoreBackup: how.protectedBy },
  };
  await record.journal({ step: "undo", state: "begin", message: cause.message });
  await record.log("the state from before is put back");
  try {
    await how.putBack();
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    await record.journal({ step: "undo", state: "failed", message });
    await record.log(`the state from before is NOT back: ${message}`, explain(error));
    throw new KeepError(
      "restore-broken",
      `the restore failed (${cause.message}) and the old state is not back: ${message}`,
      { hint: how.hint, details, cause },
    );
  }
  await record.journal({ step: "undo", state: "done" });
  await record.log("the state from before is back");
  emit({ kind: "step", step: "undo", state: "end" });
  const said = wasStopped(cause)
    ? `the restore was ${cause.message}: the old state is back`
    : `the restore failed: ${cause.message}`;
  throw new KeepError("restore-undone", said, { details, cause });
}

const wasStopped = ({ code }: KeepError) =>
  code === "interrupted" || code === "terminated" || code === "hangup";

/** Undoes a restore in place, from its pre-restore backup. Always throws, see `undo`. */
export async function undoRestore(
  context: JobContext,
  order: RestoreOrder,
  protection: Protection,
  record: RestoreRecord,
  cause: KeepError,
): Promise<never> {
  return await undo(context.emit, {
    record,
    cause,
    protectedBy: protection.backup?.id ?? null,
    hint: protection.backup
      ? `The old state is safe in the backup ${protection.backup.id}. When the cause is mended, run: mongokeep rollback ${record.id} --confirm`
      : "There is no pre-restore backup to go back to: restore the newest good backup.",
    putBack: () => putBack(context, order, protection, record),
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
  const path = protection.backup?.path ?? null;
  await putBackInPlace(context, order.plan, path, record);
}

/** Drops and loads what `plan` changed in place, from the backup at `path`; null: there was nothing before. */
export async function putBackInPlace(
  context: JobContext,
  plan: RestorePlan,
  path: string | null,
  record: RestoreRecord,
): Promise<readonly ProvedCollection[]> {
  const signal = new AbortController().signal;
  await using deployment = await context.connect(signal);
  const before = path === null ? null : await openBackup(path);
  const back = await planUndo(deployment, before, plan, signal);
  // The journal's own steps belong to the restore; those of the undo are told in the log.
  const quiet: RestoreRecord = { ...record, journal: () => Promise.resolve() };
  const { emit } = context;
  tellAccountsNotHeld(emit, before, plan.usersOf);
  const proveDefinitions = proveAgainst(deployment, signal);
  const limit = lockLimit(context, deployment, "until done");
  const loading = { emit, signal, proveDefinitions, lockLimit: limit };
  const { collections } = await applyInPlace(deployment, before, back, quiet, loading);
  await assertAccountsThere(deployment, { before, usersOf: back.usersOf }, loading);
  return collections;
}

/** What `plan` replaced or removed comes back from `before`; what it created goes. */
export async function planUndo(
  deployment: Deployment,
  before: OpenedBackup | null,
  plan: RestorePlan,
  signal: AbortSignal,
  mode: RestoreMode = "in-place",
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
    mode,
    remove: plan.collections.filter((c) => c.action === "create").map((c) => c.namespace),
    accountsOf: before && plan.usersOf.length > 0 ? await databasesWithAccounts(before) : [],
  });
}
