// Carries a restore plan out: stop the service, protect the present state, change the live data, prove,
// and put the old state back if that fails. `restore` and `rollback` are two plans for this.
// The caller holds the lock and has verified the backup.
import { KeepError, toKeepError } from "../../../errors.ts";
import type { Deployment } from "../../../mongo/deployment.ts";
import { assertPlanHolds } from "../../../restore/plan/live.ts";
import { applyInPlace } from "../../../restore/load/in-place.ts";
import type { RestoreOutcome } from "../../../restore/load/in-place.ts";
import type { RestorePlan } from "../../../restore/plan/plan.ts";
import { bestEffort, createRecord } from "../../../restore/record/record.ts";
import { rehearse } from "../../../restore/rehearse/rehearse.ts";
import type { RestoreRecord } from "../../../restore/record/record.ts";
import { withMergeableAccounts } from "./accounts.ts";
import { awaitClear, awaitClearInWindow, liveNamespaces, lockLimit } from "./await-clear.ts";
import { carryOutStaged } from "./carry-out-staged.ts";
import type { JobContext } from "../../context.ts";
import { numberedSteps } from "./numbered-steps.ts";
import { freeRestoreId, needsProtection, protectPresent } from "./safety-backup.ts";
import type { Protection } from "./safety-backup.ts";
import { logBegin, logEnd, underRecord } from "./under-record.ts";
import type { CarriedOut } from "./under-record.ts";
import { stopServiceFor } from "./service-window.ts";
import type { ServiceWindow } from "./service-window.ts";
import { concernsService, requireService } from "../plan/order.ts";
import type { RestoreOrder } from "../plan/order.ts";
import { proveAccounts } from "./verify-accounts.ts";
import { isOtherwise } from "./settle.ts";
import { proofOfRollback } from "./verify-definitions.ts";
import { ensureSpace, roomOf } from "../../backup/space.ts";
import { undoRestore } from "./undo.ts";

/** @throws KeepError restore-undone (exit 7), restore-broken (exit 8); before the first change what failed */
export async function carryOut(
  outer: JobContext,
  deployment: Deployment,
  wanted: RestoreOrder,
): Promise<CarriedOut> {
  await requireService(outer, wanted);
  const order = await withMergeableAccounts(outer, deployment, wanted);
  const context = { ...outer, emit: numberedSteps(outer.emit, order) };
  const { clock, settings } = context;
  const id =
    order.restoreId ?? (await freeRestoreId(settings.backupDir, clock.now(), settings.timezone));
  const createdAt = new Date(clock.now()).toISOString();
  const recorded = {
    schema: 1,
    id,
    createdAt,
    rollbackOf: order.rollbackOf,
    plan: order.plan,
    ...(order.request && { request: order.request }),
  } as const;
  const record = await createRecord(settings.backupDir, recorded, clock);
  return await underRecord(context, record, async (own) => {
    try {
      await logBegin(own, deployment, order, record);
      const done = await carryOutIn(own, deployment, order, record);
      // What was restored is live: not to be able to write so is told, and makes no failure of it.
      const lenient = bestEffort(record, own.emit);
      const rate = rateOf(order.plan, done.outcome);
      // Without its end it is one that `restore --resume` finishes.
      if (done.isWhole) await lenient.journal({ step: "end", state: "done", rate });
      await logEnd(lenient, done);
      return { record, ...done };
    } catch (error) {
      const { message } = toKeepError(error);
      await bestEffort(record, own.emit).journal({ step: "end", state: "failed", message });
      throw error;
    }
  });
}

async function carryOutIn(
  context: JobContext,
  deployment: Deployment,
  order: RestoreOrder,
  record: RestoreRecord,
): Promise<Omit<CarriedOut, "record">> {
  // Before the service stops: a full disk must not cost down-time.
  if (needsProtection(order) && !order.swapBack)
    await ensureSpace(context, {
      lastBackupBytes: roomOf(order.backup?.manifest),
      relieve: null,
    });
  await prepare(context, order, record.id);
  return order.plan.mode === "staged"
    ? await carryOutStaged(context, deployment, order, record)
    : await inPlace(context, deployment, order, record);
}

/** Users and roles are compared when the service runs again: a difference is no reason to leave it stopped. */
async function inPlace(
  context: JobContext,
  deployment: Deployment,
  order: RestoreOrder,
  record: RestoreRecord,
): Promise<Omit<CarriedOut, "record">> {
  const done = await inWindow(context, deployment, order, record);
  if (order.rollbackOf === null) return done;
  const { emit } = context;
  const { signal } = new AbortController();
  const accounts = { before: order.backup, usersOf: order.plan.usersOf };
  try {
    await proveAccounts(deployment, accounts, { emit, signal });
  } catch (error) {
    throw await isOtherwise(bestEffort(record, emit), error);
  }
  return done;
}

/** What the next plan's estimate starts from. */
function rateOf({ totals }: RestorePlan, { loadSeconds }: RestoreOutcome) {
  return { rawBytes: totals.rawBytes, loadSeconds: Math.round(loadSeconds * 1_000) / 1_000 };
}

/**
 * Tries on empty collections what will be done to the live ones. It takes them away again even when it is
 * interrupted, and so has a connection of its own.
 */
async function prepare(
  context: JobContext,
  { placed = [], plan }: RestoreOrder,
  restoreId: string,
): Promise<void> {
  await using own = await context.connect(new AbortController().signal);
  await rehearse(own, placed, plan, { restoreId, signal: context.signal });
}

async function inWindow(
  context: JobContext,
  deployment: Deployment,
  order: RestoreOrder,
  record: RestoreRecord,
): Promise<Omit<CarriedOut, "record">> {
  const service = concernsService(order) ? context.service : null;
  await awaitClear(context, deployment, record, liveNamespaces(order.plan, []));
  const window = await stopServiceFor(context, service, record, order.leftStopped);
  let keepStopped = false;
  try {
    const protection = await protectPresent(context, deployment, order, record);
    const outcome = await change(context, deployment, order, protection, record);
    const serviceDownSeconds = await window.open();
    context.emit({ kind: "step", step: "finish", state: "begin" });
    return { protection, outcome, serviceDownSeconds, setAside: [], isWhole: true };
  } catch (error) {
    keepStopped = error instanceof KeepError && error.code === "restore-broken";
    throw error;
  } finally {
    await closeWindow(context, window, keepStopped);
  }
}

/** Starts the service again unless the restore is broken (exit 8): it must not run on half-restored data. */
async function closeWindow(
  context: JobContext,
  window: ServiceWindow,
  keepStopped: boolean,
): Promise<void> {
  if (!keepStopped) {
    await window.open();
    return;
  }
  const hint = window.startHint;
  if (hint === null) return;
  context.emit({
    kind: "log",
    level: "error",
    code: "service-stays-stopped",
    message: `the service stays stopped, because the data is between two states; start it with: ${hint}`,
  });
}

/** The live data changes here, and only here. */
async function change(
  context: JobContext,
  deployment: Deployment,
  order: RestoreOrder,
  protection: Protection,
  record: RestoreRecord,
): Promise<RestoreOutcome> {
  context.signal.throwIfAborted();
  await assertPlanHolds(deployment, order.plan, context.signal);
  await awaitClearInWindow(context, deployment, record, liveNamespaces(order.plan, []));
  const live = { changed: false };
  const watching: RestoreRecord = {
    ...record,
    journal: async (entry) => {
      await record.journal(entry);
      if (entry.step === "live-change" && entry.state === "begin") {
        live.changed = true;
        context.emit({ kind: "step", step: "live-change", state: "begin" });
      }
    },
  };
  try {
    const { emit, signal } = context;
    const outcome = await applyInPlace(deployment, order.backup, order.plan, watching, {
      ...{ emit, signal, lockLimit: lockLimit(context, deployment, "once") },
      ...(order.createLoader && { createLoader: order.createLoader }),
      ...proofOfRollback(order, deployment, signal),
    });
    context.emit({ kind: "step", step: "live-change", state: "end" });
    return outcome;
  } catch (error) {
    if (!live.changed) throw error;
    const cause: unknown = context.signal.aborted ? context.signal.reason : error;
    const lenient = bestEffort(record, context.emit);
    return await undoRestore(context, order, protection, lenient, toKeepError(cause));
  }
}
