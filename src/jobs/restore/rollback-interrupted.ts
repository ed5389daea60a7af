// The rollback of an interrupted restore: its transaction, run backwards in its own record. Where nothing live had
// changed, it drops what was staged and starts the service.
import { join } from "node:path";
import { openBackup } from "../../archive/reader.ts";
import { messageOf } from "../../util/redact.ts";
import type { Deployment } from "../../mongo/deployment.ts";
import { databasesWithAccounts } from "../../restore/load/account-files.ts";
import { notVerified } from "../../restore/load/read-back.ts";
import type { VerifiedCollection } from "../../restore/load/read-back.ts";
import type { RestorePlan } from "../../restore/plan/plan.ts";
import { reopenLeniently } from "../../restore/record/record-file.ts";
import { findRestore } from "../../restore/record/read-record.ts";
import { protectedBy, wasLeftStopped } from "../../restore/record/record-state.ts";
import type { StoredRecord } from "../../restore/record/record.ts";
import type { JobContext } from "../context.ts";
import type { PlannedRestore, RestoreResult } from "../results.ts";
import { describePlan } from "./plan/describe.ts";
import type { RestoreOrder } from "./plan/order.ts";
import { withinRights } from "./plan/rights.ts";
import { openStateBefore } from "./plan/state-before.ts";
import { fromRecord } from "./run/from-record.ts";
import { planUndo, warnDroppedAgain } from "./run/in-place.ts";
import type { Transaction } from "./run/phase.ts";
import { buildResult, laterOutcome } from "./run/result.ts";
import { inPlacePart } from "./run/safety-backup.ts";
import { differenceOf } from "./run/settle.ts";
import { runBackwards } from "./run/transaction.ts";
import { underRecord } from "./run/under-record.ts";
import { renamedBack } from "./run/verified.ts";
import { verifyAccounts, warnNotVerified } from "./run/verify-accounts.ts";

export interface UndoRequest {
  readonly useService: boolean;
  readonly confirm: boolean;
  readonly warnings: readonly string[];
  readonly began: number;
}

/** @throws KeepError restore-broken (exit 8) where the old state is still not back */
export async function rollBackInterrupted(
  context: JobContext,
  deployment: Deployment,
  stored: StoredRecord,
  { useService, confirm, warnings, began }: UndoRequest,
): Promise<PlannedRestore | RestoreResult> {
  const { plan } = stored.recorded;
  const usersOf = await assertMayUndo(context, deployment, stored);
  warnDroppedAgain(context, stored, "undone");
  const order: RestoreOrder = {
    ...{ backup: null, rollbackOf: stored.id, skipPreBackup: true, protectOnly: null },
    // Only the service is left to be started.
    plan: wasLeftStopped(stored) ? partBegun(stored) : plan,
    useService,
    startsBetween: await undoesBroken(context, stored),
  };
  if (!confirm) return await describePlan(context, deployment, order, warnings);
  const record = await reopenLeniently(stored, context.clock, context.emit);
  return await underRecord(context, record, async (own) => {
    await record.log("the restore was interrupted, and is undone");
    const begun = { ...order, plan: { ...partBegun(stored), usersOf } };
    const restore = fromRecord(own, stored, { deployment, record, order: begun });
    const serviceDownSeconds = await runBackwards(restore);
    await record.journal({ step: "end", state: "done" });
    await assertAccountsSame(restore, stored);
    const done = { serviceDownSeconds, setAside: [], safetyBackup: null };
    const outcome = laterOutcome(restore, { ...done, collections: backOf(restore, stored) });
    const backup = restore.found.safetyBackup;
    const restored = { plan, rollbackOf: stored.id, backup, verifySeconds: 0, began, warnings };
    return buildResult(context, restored, outcome);
  });
}

/**
 * Before the service stops: an undo that is refused half-way helps nobody. Gives the databases whose users and roles
 * can come back. @throws KeepError rights-missing
 */
async function assertMayUndo(
  context: JobContext,
  deployment: Deployment,
  { recorded: { plan }, entries, state }: StoredRecord,
): Promise<readonly string[]> {
  if (state !== "broken") return [];
  const id = protectedBy(entries, "in-place");
  const backup =
    id === null ? null : await openBackup(join(context.settings.backupDir, id), context.place);
  const part = inPlacePart(plan);
  if (part) {
    const back = await planUndo(deployment, backup, part, context.signal);
    await withinRights(context, deployment, { backup, plan: back });
  }
  const swapped = plan.collections.filter(({ way }) => way !== "in-place");
  const remove = plan.remove.filter((namespace) => !plan.removeInPlace.includes(namespace));
  const rest = { ...plan, collections: swapped, remove, removeInPlace: [], oplog: null };
  const permitted = await withinRights(context, deployment, { backup: null, plan: rest });
  return permitted.plan.usersOf;
}

/** Whether it is itself a rollback, of a restore that broke: that data comes back by its undo. */
async function undoesBroken(context: JobContext, { recorded }: StoredRecord): Promise<boolean> {
  const { rollbackOf } = recorded;
  if (rollbackOf === null) return false;
  const undone = await findRestore(context.settings.backupDir, rollbackOf).catch(() => null);
  return undone?.state === "broken";
}

/** Before the first live change there is nothing to undo but what was staged. */
function partBegun({ recorded: { plan }, state }: StoredRecord): RestorePlan {
  if (state === "broken") return plan;
  return { ...plan, collections: [], remove: [], removeInPlace: [] };
}

/** @throws KeepError restore-broken: the rollback is done, and users or roles are not what they were */
async function assertAccountsSame(
  { context, record, at }: Transaction,
  { entries, recorded }: StoredRecord,
): Promise<void> {
  const { usersOf } = recorded.plan;
  if (at !== "broken" || usersOf.length === 0) return;
  const { signal } = new AbortController();
  try {
    const before = await openStateBefore(context, { entries }).catch((error: unknown) => {
      warnNotVerified(context.emit, usersOf, messageOf(error));
      return null;
    });
    if (before === null) return;
    const accounts = { before, usersOf: await databasesWithAccounts(before) };
    await using deployment = await context.connect(signal);
    await verifyAccounts(deployment, accounts, { emit: context.emit, signal });
  } catch (error) {
    throw await differenceOf(record, error);
  }
}

/** What stood there before is back: by renames, or loaded from the safety backup. */
function backOf({ at, found }: Transaction, { recorded }: StoredRecord): VerifiedCollection[] {
  if (at !== "broken") return [];
  const renamed = found.items
    .filter(({ old }) => old.kind !== "none")
    .map(({ database, name, old }) => {
      const way = old.kind === "view" ? "view" : "swap";
      return renamedBack({ namespace: `${database}.${name}`, documents: null, way });
    });
  const known = [...renamed, ...(found.inPlace?.collections ?? [])];
  const names = new Set(known.map(({ namespace }) => namespace));
  const rest = recorded.plan.collections.filter(
    ({ action, namespace }) => action === "replace" && !names.has(namespace),
  );
  return [...known, ...rest.map(({ namespace }) => notVerified(namespace))];
}
