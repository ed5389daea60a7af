// Finishes an interrupted restore: its transaction goes on in its own record, from the phase that its journal has
// come to. One that had changed nothing live starts again.
import { warn } from "../../events.ts";
import type { OpenedBackup } from "../../archive/opened.ts";
import { resolveBackup } from "../../archive/resolve.ts";
import { KeepError, toKeepError } from "../../errors.ts";
import type { Deployment } from "../../mongo/deployment.ts";
import { expiryIn } from "../../restore/load/recorded-expiry.ts";
import type { PlannedCollection, RestorePlan } from "../../restore/plan/plan.ts";
import { findRestore, readRecord, unreadableError } from "../../restore/record/read-record.ts";
import {
  mayBeOpen,
  wasInterruptedUntouched,
  isApplied,
  isBetween,
  leftStopped,
  wasLeftStopped,
} from "../../restore/record/record-state.ts";
import type { Records } from "../../restore/record/read-record.ts";
import { bestEffort, reopenLeniently, reopenRecord } from "../../restore/record/record-file.ts";
import type { StoredRecord } from "../../restore/record/record.ts";
import { fromStored } from "../../restore/record/request.ts";
import type { JobContext } from "../context.ts";
import { openFound } from "../inspect/unpack-archive.ts";
import type { PlannedRestore, RestoreResult } from "../results.ts";
import { describePlan } from "./plan/describe.ts";
import type { RestoreOrder } from "./plan/order.ts";
import { withinRights } from "./plan/rights.ts";
import { outsideInstantOf } from "./plan/sources.ts";
import { openStateBefore } from "./plan/state-before.ts";
import { readRestores } from "./records.ts";
import { rollBackInterrupted } from "./rollback-interrupted.ts";
import { beginVerb, lockAttempt } from "./lock.ts";
import { loaderOf, restoreLocked } from "./restore.ts";
import { fromRecord } from "./run/from-record.ts";
import { warnDroppedAgain } from "./run/in-place.ts";
import type { Transaction } from "./run/phase.ts";
import { buildResult, laterOutcome } from "./run/result.ts";
import type { Outcome } from "./run/result.ts";
import { carryOn, clearUp, startLeftStopped } from "./run/transaction.ts";
import { underRecord } from "./run/under-record.ts";
import { afterReplay, verifiedOf } from "./run/verified.ts";

export interface ResumeRequest {
  /** null: the newest one that did not end. */
  readonly restoreId: string | null;
  readonly useService: boolean;
  readonly confirm: boolean;
}

/** @throws KeepError usage (nothing to resume), restore-broken (exit 8), and all that a restore throws */
export async function runResume(
  outer: JobContext,
  request: ResumeRequest,
): Promise<PlannedRestore | RestoreResult> {
  const began = performance.now();
  await using run = await beginVerb(outer, request.confirm ? lockAttempt : null);
  const { context, warnings } = run;
  const stored = await findInterrupted(context, request.restoreId);
  if (stored.state === "untouched") return await again(context, stored, request, warnings);
  if (wasLeftStopped(stored)) {
    await using deployment = await context.connect();
    return await rollBackInterrupted(context, deployment, stored, { ...request, warnings, began });
  }
  warnDroppedAgain(context, stored, "resumed");
  await using source = await openSource(context, stored);
  await using deployment = await context.connect();
  const order = await orderOf(context, deployment, { stored, backup: source.backup }, request);
  if (!request.confirm) {
    const shown = { ...order, plan: stored.recorded.plan, rollbackOf: null };
    return await describePlan(context, deployment, shown, warnings);
  }
  const record = await reopenLeniently(stored, context.clock, context.emit);
  return await underRecord(context, record, async (own) => {
    const { plan } = stored.recorded;
    await record.log("the restore was interrupted, and is resumed");
    const restore = fromRecord(own, stored, { deployment, record, order });
    const outcome = await finish(restore, stored);
    const { rollbackOf } = stored.recorded;
    const restored = { plan, rollbackOf, backup: plan.backup, verifySeconds: 0, began, warnings };
    return buildResult(context, restored, outcome);
  });
}

/** The rest of it. Its rights are asked for before the service stops: nothing more has changed then. */
async function orderOf(
  context: JobContext,
  deployment: Deployment,
  { stored, backup }: { readonly stored: StoredRecord; readonly backup: OpenedBackup | null },
  { useService, confirm }: ResumeRequest,
): Promise<RestoreOrder> {
  const { plan: recorded, rollbackOf, request } = stored.recorded;
  const isBroken = stored.state === "broken";
  const { plan } =
    isBroken && confirm
      ? await withinRights(context, deployment, { backup, plan: recorded })
      : stored.recorded;
  return {
    ...{ backup, plan: againFrom(plan), rollbackOf, useService },
    ...{ skipPreBackup: true, protectOnly: null },
    ...(isBroken && confirm && (await loaderOf(deployment, context, request?.engine ?? "native"))),
  };
}

async function finish(restore: Transaction, stored: StoredRecord): Promise<Outcome> {
  const { record, found, order } = restore;
  const { setAside, isWhole, difference, serviceDownSeconds } = await carryOn(restore);
  if (isWhole) await record.journal({ step: "end", state: "done" });
  if (difference) throw difference;
  await record.log("restore done");
  const { collections = [], replayed = null } = found.inPlace ?? {};
  const now = [...afterReplay(collections, order.plan, replayed), ...found.views];
  const { safetyBackup } = found;
  const verified = verifiedOf(stored, now);
  return laterOutcome(restore, {
    collections: verified,
    outsideInstant: outsideInstantOf(order.backup, stored.recorded.plan),
    serviceDownSeconds,
    setAside,
    safetyBackup,
  });
}

async function findInterrupted(context: JobContext, id: string | null): Promise<StoredRecord> {
  const root = context.settings.backupDir;
  if (id === null) return newestInterrupted(await readRestores(context));
  const found = await findRestore(root, id);
  if (found && isInterrupted(found)) return found;
  throw new KeepError("usage", `the restore ${id} has nothing to resume`, {
    hint: ONLY_INTERRUPTED,
  });
}

const isInterrupted = (record: StoredRecord) =>
  isBetween(record) || wasInterruptedUntouched(record) || wasLeftStopped(record);
const ONLY_INTERRUPTED = "Only a restore that was killed, or failed with exit 8, can be resumed.";

/**
 * A restore that was interrupted before it changed anything starts again only if no later restore succeeded: it would
 * replace newer data. By its id it can be. Newest first.
 */
function newestInterrupted({ records, unreadable }: Records): StoredRecord {
  const applied = records.findIndex(({ state }) => isApplied(state));
  const found = records.find(
    (r, i) => isBetween(r) || (isInterrupted(r) && (applied < 0 || i < applied)),
  );
  // It may be a rollback of the one that is found.
  const unclear = unreadable.find((one) => mayBeOpen(one) && one.id > (found?.id ?? ""));
  if (unclear) throw unreadableError(unclear);
  if (found) return found;
  const older = records.find(wasInterruptedUntouched);
  const hint = older
    ? `The restore ${older.id} was interrupted before it changed anything, and a later one succeeded. To start it again all the same: mongokeep restore --resume ${older.id}`
    : ONLY_INTERRUPTED;
  throw new KeepError("usage", "there is no restore to resume", { hint });
}

/** It changed nothing live before it was interrupted: what it staged is dropped, and the same restore starts again. */
async function again(
  context: JobContext,
  stored: StoredRecord,
  { confirm, useService }: ResumeRequest,
  warnings: readonly string[],
): Promise<PlannedRestore | RestoreResult> {
  const { request, plan } = stored.recorded;
  if (!request)
    throw new KeepError(
      "usage",
      `the restore ${stored.id} changed nothing before it was interrupted`,
      {
        hint: `Run the rollback again. What it left goes with: mongokeep restore --discard-replaced ${stored.id} --confirm`,
      },
    );
  const withWarnings = <T extends PlannedRestore | RestoreResult>(result: T): T => ({
    ...result,
    warnings: [...warnings, ...result.warnings],
  });
  const before = fromStored(request, confirm);
  // It is left alone where either of the two runs says so.
  const asked = { ...before, useService: before.useService && useService };
  if (!confirm) return withWarnings(await restoreLocked(context, asked));
  const record = bestEffort(await reopenRecord(stored, context.clock), context.emit);
  let isCleared = false;
  try {
    const order = { backup: null, plan, rollbackOf: null, useService };
    const stopped = { ...order, leftStopped: leftStopped(stored.entries) };
    // First: the service must not wait for a server that may not answer.
    await startLeftStopped({ context, record, order: stopped, at: stored.state });
    await using deployment = await context.connect();
    await clearUp(fromRecord(context, stored, { deployment, record, order }));
    isCleared = true;
    return withWarnings(await restoreLocked(context, asked));
  } finally {
    // Only now: killed in between, a rollback without an id would undo the restore before this one.
    const message = "it was interrupted, and started again";
    if (isCleared) await record.journal({ step: "end", state: "failed", message });
    await record.close();
  }
}

type Source = { readonly backup: OpenedBackup | null } & AsyncDisposable;
const sourceOf = (backup: OpenedBackup | null): Source => ({
  ...{ backup, [Symbol.asyncDispose]: () => Promise.resolve() },
});

/** The very backup that was being restored: its path is in the record. */
async function openSource(context: JobContext, stored: StoredRecord): Promise<Source> {
  const { settings, clock } = context;
  const { plan, request, rollbackOf } = stored.recorded;
  if (rollbackOf !== null) return sourceOf(await openUndone(context, stored, rollbackOf));
  const isLoaded = plan.collections.some((c) => c.rawBytes !== null) || plan.usersOf.length > 0;
  if (plan.backup === null || !isLoaded) return sourceOf(null);
  const wanted = { hosts: settings.hosts, databases: settings.databases, exclude: [] };
  const ref = request?.backup ?? plan.backup;
  try {
    const found = await resolveBackup(settings.backupDir, ref, wanted, clock.now(), context.place);
    return await openFound(context, found, "restore");
  } catch (error) {
    if (!isWithoutBackup(stored)) throw error;
    return sourceOf(null);
  }
}

/** The data is as planned, and what expires is in the record. */
const isWithoutBackup = ({ state, entries, recorded }: StoredRecord) =>
  state === "unfinished" && (recorded.plan.mode === "in-place" || expiryIn(entries) !== null);

/** What an interrupted rollback loads. null: all of it comes back by renames, or is back and cannot be compared. */
async function openUndone(
  context: JobContext,
  { recorded: { plan }, state }: StoredRecord,
  rollbackOf: string,
): Promise<OpenedBackup | null> {
  const isRenamed = plan.collections.every((c) => c.rawBytes === null);
  if (isRenamed && plan.usersOf.length === 0) return null;
  try {
    const undone = await readRecord(context.settings.backupDir, rollbackOf);
    return undone && (await openStateBefore(context, undone));
  } catch (error) {
    if (state === "broken") throw error;
    const message = `the rollback is done, but not compared with its safety backup: ${toKeepError(error).message}`;
    warn(context.emit, "rollback-not-compared", message);
    return null;
  }
}

/** Everything may be there already, or half of it. */
function againFrom(plan: RestorePlan): RestorePlan {
  const replaced = (one: PlannedCollection): PlannedCollection =>
    one.way === "in-place" ? { ...one, action: "replace" } : one;
  return { ...plan, collections: plan.collections.map(replaced) };
}
