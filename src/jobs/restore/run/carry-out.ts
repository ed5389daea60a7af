// A restore from its start: what can be tried is tried, the record is made, the transaction runs. `restore` and
// `rollback` are two orders for this. The caller holds the lock and has verified the backup.
import { toKeepError } from "../../../errors.ts";
import type { Deployment } from "../../../mongo/deployment.ts";
import { bestEffort, createRecord } from "../../../restore/record/record-file.ts";
import type { RestoreRecord } from "../../../restore/record/record.ts";
import { rehearse } from "../../../restore/rehearse/rehearse.ts";
import { ensureSpace, roomOf } from "../../backup/space.ts";
import type { JobContext } from "../../context.ts";
import { requireService } from "../plan/order.ts";
import type { RestoreOrder } from "../plan/order.ts";
import { assertServerFiles } from "../plan/server-files.ts";
import { assertServerSpace } from "../plan/server-space.ts";
import { withMergeableAccounts } from "./accounts.ts";
import { numberedSteps } from "./numbered-steps.ts";
import { nothingFound } from "./phase.ts";
import type { Transaction } from "./phase.ts";
import { outcomeOf } from "./result.ts";
import type { Outcome } from "./result.ts";
import { freeRestoreId, needsProtection } from "./safety-backup.ts";
import { run } from "./transaction.ts";
import { logBegin, logEnd, underRecord } from "./under-record.ts";

/** @throws KeepError restore-undone (exit 7), restore-broken (exit 8); before the first change what failed */
export async function carryOut(
  outer: JobContext,
  deployment: Deployment,
  wanted: RestoreOrder,
): Promise<Outcome> {
  await requireService(outer, wanted);
  const order = await withMergeableAccounts(outer, deployment, wanted);
  const context = { ...outer, emit: numberedSteps(outer.emit, order) };
  const record = await recordOf(context, order);
  return await underRecord(context, record, async (own) => {
    const found = nothingFound();
    const restore = { context: own, deployment, record, order, at: "start", found } as const;
    try {
      await logBegin(own, deployment, order, record);
      await assertPossible(own, deployment, order, record.id);
      return await carryOutWhole(restore);
    } catch (error) {
      const { message } = toKeepError(error);
      await bestEffort(record, own.emit).journal({ step: "end", state: "failed", message });
      throw error;
    }
  });
}

async function recordOf(
  { settings, clock }: JobContext,
  order: RestoreOrder,
): Promise<RestoreRecord> {
  const { backupDir, timezone } = settings;
  const id = order.restoreId ?? (await freeRestoreId(backupDir, clock.now(), timezone));
  const createdAt = new Date(clock.now()).toISOString();
  const { rollbackOf, plan, request } = order;
  const recorded = {
    schema: 1,
    id,
    createdAt,
    rollbackOf,
    plan,
    ...(request && { request }),
  } as const;
  return await createRecord(backupDir, recorded, clock);
}

/** Before the service stops: a full disk or a missing right must not cost down-time. */
async function assertPossible(
  context: JobContext,
  deployment: Deployment,
  order: RestoreOrder,
  restoreId: string,
): Promise<void> {
  if (needsProtection(order) && !order.swapBack)
    await ensureSpace(context, {
      lastBackupBytes: roomOf(order.backup?.manifest),
      relieve: null,
    });
  // Its trials are taken away again even when it is interrupted: on a connection of its own.
  await using own = await context.connect(new AbortController().signal);
  const { placed = [], plan } = order;
  await rehearse(own, placed, plan, { restoreId, signal: context.signal });
  if (plan.mode !== "staged" || order.swapBack) return;
  await assertServerSpace(deployment, plan);
  await assertServerFiles(context, deployment, plan);
}

async function carryOutWhole(restore: Transaction): Promise<Outcome> {
  const { order, record, context } = restore;
  const done = await run(restore);
  if (done.difference) throw done.difference;
  const outcome = outcomeOf(restore, done);
  // The restored data is live: failing to journal the end is only a warning.
  const lenient = bestEffort(record, context.emit);
  const loadSeconds = Math.round(outcome.loadSeconds * 1_000) / 1_000;
  const rate = { rawBytes: order.plan.totals.rawBytes, loadSeconds };
  // Without its end it is one that `restore --resume` finishes.
  if (done.isWhole) await lenient.journal({ step: "end", state: "done", rate });
  await logEnd(lenient, outcome);
  return outcome;
}
