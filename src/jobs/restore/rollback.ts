// `rollback`: the state from before a restore becomes live again. Retained data comes back by renames, other data from
// the safety backup; either way the present state is protected first, and the rollback can itself be undone. An
// interrupted restore is undone within its own record.
import { info } from "../../events.ts";
import { join } from "node:path";
import type { OpenedBackup } from "../../archive/opened.ts";
import { KeepError } from "../../errors.ts";
import type { Emit } from "../../events.ts";
import type { Deployment } from "../../mongo/deployment.ts";
import { readAttempt } from "../../restore/record/attempt.ts";
import { findRestore, listRecords } from "../../restore/record/read-record.ts";
import {
  wasInterruptedUntouched,
  leftStopped,
  protectedBy,
  wasLeftStopped,
} from "../../restore/record/record-state.ts";
import type { StoredRecord } from "../../restore/record/record.ts";
import { carryOut } from "./run/carry-out.ts";
import { chooseRollback } from "./choose-rollback.ts";
import { readRestores } from "./records.ts";
import type { RestoreOrder } from "./plan/order.ts";
import { numberedCheck } from "./run/numbered-steps.ts";
import { withinRights } from "./plan/rights.ts";
import type { JobContext } from "../context.ts";
import { buildResult } from "./run/result.ts";
import { describePlan } from "./plan/describe.ts";
import { beginVerb, lockRestores } from "./lock.ts";
import { stagedWherePossible } from "./plan/build.ts";
import { assertWhole } from "./plan/check-backup.ts";
import type { PlannedRestore, RestoreResult } from "../results.ts";
import { warnAccountsNotHeld } from "./run/verify-accounts.ts";
import { openStateBefore } from "./plan/state-before.ts";
import { planSwapBack } from "./plan/rollback-by-renames.ts";
import { requireWritable } from "./plan/writable.ts";
import { planUndo } from "./run/in-place.ts";
import { rollBackInterrupted } from "./rollback-interrupted.ts";

export interface RollbackRequest {
  /** null: the newest restore, if it is in effect. */
  readonly restoreId: string | null;
  readonly useService: boolean;
  readonly confirm: boolean;
}

/** @throws KeepError usage (no such restore, nothing to undo), damaged, and all that a restore throws */
export async function runRollback(
  outer: JobContext,
  request: RollbackRequest,
): Promise<PlannedRestore | RestoreResult> {
  const began = performance.now();
  const lock = (unlocked: JobContext) => lockRestores(unlocked, "rollback");
  await using run = await beginVerb(outer, request.confirm ? lock : null);
  const { context, warnings } = run;
  const record = await findRecord(context, request.restoreId);
  sayThatAccountsStay(context, record);
  await using deployment = await context.connect();
  if (
    (record.state === "broken" && record.swap !== null) ||
    wasInterruptedUntouched(record) ||
    wasLeftStopped(record)
  )
    return await rollBackInterrupted(context, deployment, record, { ...request, warnings, began });
  // Not asked above: data between two states is put right as far as the server lets us.
  await requireWritable(context, deployment, request.confirm);
  const { order, verifySeconds } = await orderFor(context, deployment, record, request);
  if (!request.confirm)
    return await describePlan(context, deployment, { ...order, undone: record }, warnings);
  const outcome = await carryOut(context, deployment, order);
  const { plan, rollbackOf } = order;
  const restored = { plan, rollbackOf, backup: plan.backup, verifySeconds, began, warnings };
  return buildResult(context, restored, outcome);
}

/** Accounts are merged, and nobody knows any more which of them the restore brought. */
function sayThatAccountsStay({ emit }: JobContext, { recorded }: StoredRecord): void {
  const { usersOf } = recorded.plan;
  if (usersOf.length === 0) return;
  info(
    emit,
    `users and roles that the restore ${recorded.id} brought to ${usersOf.join(", ")} stay: a rollback only brings back those from before`,
  );
}

async function orderFor(
  context: JobContext,
  deployment: Deployment,
  record: StoredRecord,
  { useService, confirm }: RollbackRequest,
): Promise<{ order: RestoreOrder; verifySeconds: number }> {
  const { emit } = context;
  const swapped = await planSwapBack(context, deployment, record, useService);
  if (swapped) {
    const permitted = await withinRights(context, deployment, swapped);
    return { order: { ...swapped, ...permitted }, verifySeconds: 0 };
  }
  if (record.swap !== null)
    info(
      emit,
      `the data that the restore ${record.id} replaced is no longer retained: it comes back from the safety backup`,
    );
  const { backup, verifySeconds } = await openBefore(context, record, confirm);
  const { recorded } = record;
  warnAccountsNotHeld(emit, backup, recorded.plan.usersOf);
  const undoing = planUndo(deployment, backup, recorded.plan, context.signal, recorded.plan.mode);
  const wanted = await stagedWherePossible(context, deployment, await undoing);
  const { plan, placed } = await withinRights(context, deployment, { backup, plan: wanted });
  const order: RestoreOrder = {
    backup,
    plan,
    placed,
    rollbackOf: record.id,
    leftStopped: leftStopped(record.entries),
    startsBetween: record.state === "broken",
    skipPreBackup: false,
    useService,
    protectOnly: [...plan.collections.map((c) => c.namespace), ...plan.remove],
  };
  return { order, verifySeconds };
}

async function findRecord(context: JobContext, id: string | null): Promise<StoredRecord> {
  const root = context.settings.backupDir;
  if (id === null) return chooseRollback(await readRestores(context), await readAttempt(root));
  const record = await findRestore(root, id);
  if (!record)
    throw new KeepError("usage", `there is no restore ${id}`, {
      hint: "The folder restores/ of the backup folder has a folder for each restore.",
    });
  if (record.state === "rolled-back")
    throw new KeepError("usage", `the restore ${id} has been undone already`, {
      hint: `What is live now is the state from before it, and what was written since. To undo that rollback, name it: mongokeep rollback ${await takenBackBy(root, id)}`,
    });
  if (
    !wasInterruptedUntouched(record) &&
    !wasLeftStopped(record) &&
    (record.state === "untouched" || record.state === "undone")
  )
    throw new KeepError("usage", `the restore ${id} has changed nothing that could be undone`, {
      hint: "It failed before it touched the live data, or was undone by itself.",
    });
  return record;
}

async function takenBackBy(root: string, id: string): Promise<string> {
  const by = (await listRecords(root)).find((r) => r.recorded.rollbackOf === id);
  return by?.id ?? "";
}

/** The state from before, with every file of it checked; null where there was nothing. */
async function openBefore(
  context: JobContext,
  record: StoredRecord,
  confirm: boolean,
): Promise<{ backup: OpenedBackup | null; verifySeconds: number }> {
  const { entries } = record;
  const id = protectedBy(entries);
  if (id === null && !record.recorded.plan.targetWasEmpty)
    throw new KeepError("failed", `the restore ${record.id} was made without a safety backup`, {
      hint: "Restore the newest good backup instead: mongokeep list shows them.",
    });
  const check = async (one: string, emit: Emit) =>
    (await assertWhole({ ...context, emit }, join(context.settings.backupDir, one))).seconds;
  const later = protectedBy(entries, "in-place");
  const { emit } = context;
  const first = confirm && id !== null ? numberedCheck(emit, `the safety backup ${id}`) : emit;
  const verifySeconds =
    (id === null ? 0 : await check(id, first)) + (later === null ? 0 : await check(later, emit));
  return { backup: await openStateBefore(context, record), verifySeconds };
}
