// A staged restore: protect → load and prove beside the live data → stop the service → swap by rename →
// start the service → expiry. What must stay true: until the swap nothing live is touched, and from the swap
// on everything that was live is still there, under another name.
import { KeepError, toKeepError } from "../../../errors.ts";
import type { Deployment } from "../../../mongo/deployment.ts";
import { assertPlanHolds } from "../../../restore/plan/live.ts";
import type { Work } from "../../../restore/load/load-collections.ts";
import { applyInPlace, proveViews } from "../../../restore/load/in-place.ts";
import type { RestoreOutcome } from "../../../restore/load/in-place.ts";
import type { RestorePlan } from "../../../restore/plan/plan.ts";
import type { ProvedCollection } from "../../../restore/load/prove.ts";
import { bestEffort } from "../../../restore/record/record.ts";
import type { RestoreRecord } from "../../../restore/record/record.ts";
import { bothPasses } from "../../../restore/load/replay.ts";
import {
  dropOwn,
  markParked,
  planSwap,
  pruneMarkers,
  stage,
} from "../../../restore/swap/staged.ts";
import type { Staging } from "../../../restore/swap/staged.ts";
import { findNewest } from "../../../oplog/tailer-origin.ts";
import { carryOutSwap } from "../../../restore/swap/swap.ts";
import type { SwapItem } from "../../../restore/swap/swap-plan.ts";
import { mergeAccountsFrom } from "./accounts.ts";
import { awaitClear, awaitClearInWindow, liveNamespaces, lockLimit } from "./await-clear.ts";
import type { JobContext } from "../../context.ts";
import { inPlacePart, protectInPlace, protectPresent } from "./safety-backup.ts";
import type { Protection } from "./safety-backup.ts";
import { renamedBack } from "./verified.ts";
import { proofOfRollback, proveRenamed } from "./verify-definitions.ts";
import { concernsService } from "../plan/order.ts";
import type { RestoreOrder } from "../plan/order.ts";
import { stopServiceFor } from "./service-window.ts";
import type { ServiceWindow } from "./service-window.ts";
import { assertServerSpace } from "../plan/server-space.ts";
import { swapContext } from "./swap-context.ts";
import type { SetAside } from "../retained/retained.ts";
import { settleReturned } from "../retained/rejected.ts";
import { settleRestored } from "./settle.ts";
import { undoSwap } from "./undo-swap.ts";

export interface StagedOutcome {
  readonly protection: Protection;
  readonly outcome: RestoreOutcome;
  readonly serviceDownSeconds: number | null;
  readonly setAside: readonly SetAside[];
  /** false: a last step failed, and `restore --resume` finishes it. */
  readonly isWhole: boolean;
}

/** @throws KeepError as carryOut does */
export async function carryOutStaged(
  context: JobContext,
  deployment: Deployment,
  order: RestoreOrder,
  record: RestoreRecord,
): Promise<StagedOutcome> {
  const { swapBack } = order;
  if (!swapBack) await assertServerSpace(deployment, order.plan);
  const protection = swapBack
    ? await protectByAside(record)
    : await protectPresent(context, deployment, order, record);
  const { staging, items } = swapBack
    ? { staging: NOTHING, items: swapBack.items }
    : await stageOrClear(context, deployment, order, record);
  const swap: Swap = { order, record, staging, items, protection };
  const swapped = await inWindow(context, deployment, swap);
  context.emit({ kind: "step", step: "finish", state: "begin" });
  const { setAside, isWhole, difference } = await settleRestored(context, {
    rollbackOf: order.rollbackOf,
    record: bestEffort(record, context.emit),
    expiring: order.plan.expiry ? staging.work : [],
    ...{ items, swapBack },
    accounts: { before: swapBack ? swapBack.accounts : order.backup, usersOf: order.plan.usersOf },
    safetyBackup: protection.backup?.path ?? null,
  });
  if (difference) throw difference;
  return {
    protection,
    outcome: outcomeOf(order, staging, swapped),
    serviceDownSeconds: swapped.downSeconds,
    setAside,
    isWhole,
  };
}

const NOTHING: Staging = {
  ...{ work: [], proved: new Map(), loadSeconds: 0, proveSeconds: 0 },
  replayed: null,
};

/** What is swapped back for older data is set aside itself: no copy could protect it better. */
async function protectByAside(record: RestoreRecord): Promise<Protection> {
  await record.journal({ step: "protect", state: "done", backup: null });
  return { backup: null, declined: false, seconds: 0 };
}

/** What fails while staging leaves nothing behind: on a connection of its own, as the run may be interrupted. */
async function stageOrClear(
  context: JobContext,
  deployment: Deployment,
  order: RestoreOrder,
  record: RestoreRecord,
): Promise<{ readonly staging: Staging; readonly items: readonly SwapItem[] }> {
  const { emit, signal } = context;
  const { plan, backup, createLoader } = order;
  emit({ kind: "step", step: "stage", state: "begin" });
  try {
    const loading = { emit, signal, ...(createLoader && { createLoader }) };
    const staging = await stage(deployment, backup, plan, record, loading);
    const items = await planSwap(deployment, record.id, plan, staging.work);
    emit({ kind: "step", step: "stage", state: "end" });
    return { staging, items };
  } catch (error) {
    await clearStaged(context, plan, record);
    throw error;
  }
}

/** Failing to clear up must not hide why the restore failed: what is left is found by `doctor`. */
export async function clearStaged(
  context: JobContext,
  plan: RestorePlan,
  record: RestoreRecord,
): Promise<void> {
  try {
    await using own = await context.connect(new AbortController().signal);
    await dropOwn(
      own,
      plan.targetDatabases,
      (m) => m.restoreId === record.id && m.role !== "aside",
    );
    await pruneMarkers(own, plan.targetDatabases, record.id);
  } catch (error) {
    const { message } = toKeepError(error);
    context.emit({
      kind: "log",
      level: "warn",
      code: "staged-left",
      message: `could not drop the staged collections (${message}); later: mongokeep restore --discard-replaced ${record.id} --confirm`,
    });
  }
}

interface Swap {
  readonly order: RestoreOrder;
  readonly record: RestoreRecord;
  readonly staging: Staging;
  readonly items: readonly SwapItem[];
  readonly protection: Protection;
}

interface Swapped {
  readonly inPlace: RestoreOutcome | null;
  readonly views: readonly ProvedCollection[];
  readonly downSeconds: number | null;
}

async function inWindow(context: JobContext, deployment: Deployment, swap: Swap): Promise<Swapped> {
  const { order, record } = swap;
  const service = concernsService(order) ? context.service : null;
  const window = await openWindow(context, deployment, service, swap);
  let keepStopped = false;
  try {
    return await changeLive(context, deployment, window, swap);
  } catch (error) {
    const code = error instanceof KeepError ? error.code : null;
    keepStopped = code === "restore-broken";
    if (code !== "restore-broken" && code !== "restore-undone")
      await clearStaged(context, order.plan, record);
    // The service first: what follows reads all that was live.
    if (!keepStopped) await window.open();
    if (code === "restore-undone") await settleReturned(context, order.plan, record);
    throw error;
  } finally {
    if (!keepStopped) await window.open();
    else tellStopped(context, window);
  }
}

async function openWindow(
  context: JobContext,
  deployment: Deployment,
  service: JobContext["service"],
  { order, record, items }: Swap,
): Promise<ServiceWindow> {
  try {
    await record.writeSwap(items);
    await using own = await context.connect(context.signal);
    await markParked(own, record.id, items);
    await awaitClear(context, deployment, record, liveNamespaces(order.plan, items));
    return await stopServiceFor(context, service, record, order.leftStopped);
  } catch (error) {
    await clearStaged(context, order.plan, record);
    throw error;
  }
}

function tellStopped({ emit }: JobContext, { startHint }: ServiceWindow): void {
  if (startHint === null) return;
  emit({
    kind: "log",
    level: "error",
    code: "service-stays-stopped",
    message: `the service stays stopped, because the data is between two states; start it with: ${startHint}`,
  });
}

/** The live data changes here, and only here. */
async function changeLive(
  context: JobContext,
  deployment: Deployment,
  window: ServiceWindow,
  { order, record, staging, items, protection }: Swap,
): Promise<Swapped> {
  const { plan, backup } = order;
  const { emit, signal } = context;
  const rest = inPlacePart(plan);
  const around = await protectInPlace(context, deployment, order, record);
  await assertPlanHolds(deployment, plan, signal);
  await awaitClearInWindow(context, deployment, record, liveNamespaces(plan, items));
  signal.throwIfAborted();
  const time = await findNewest(deployment.client);
  await record.journal({ step: "live-change", state: "begin", ...(time && { time }) });
  emit({ kind: "step", step: "live-change", state: "begin" });
  try {
    await carryOutSwap(swapContext(context, deployment, record, "swap"), items);
    if (order.rollbackOf !== null) await proveRenamed(deployment, items);
    const inPlace = rest
      ? await applyInPlace(deployment, backup, rest, withoutLiveChange(record), {
          ...{ emit, signal, lockLimit: lockLimit(context, deployment, "once") },
          ...(order.createLoader && { createLoader: order.createLoader }),
          ...proofOfRollback(order, deployment, signal),
        })
      : null;
    await record.log(`${items.length} names swapped`);
    const isView = ({ planned }: Work) => planned.way === "view";
    const views = await proveViews(deployment.client, staging.work.filter(isView));
    const accounts = order.swapBack ? order.swapBack.accounts : backup;
    if (accounts)
      await mergeAccountsFrom(deployment, accounts, plan.usersOf, record, { emit, signal });
    signal.throwIfAborted();
    emit({ kind: "step", step: "live-change", state: "end" });
    // Before the service writes to the new data: from here on what is live is more than what was restored.
    await record.journal({ step: "live-change", state: "done" });
    return { inPlace, views, downSeconds: await window.openStrictly() };
  } catch (error) {
    const cause = toKeepError(signal.aborted ? signal.reason : error);
    const lenient = bestEffort(record, emit);
    const inPlaceBackup = around?.id ?? null;
    const accountsBackup = protection.backup?.id ?? null;
    const undoing = { plan, record: lenient, items, inPlaceBackup, accountsBackup };
    return await undoSwap(context, undoing, cause);
  }
}

/** The journal's one `live-change` is that of the whole restore. */
export function withoutLiveChange(record: RestoreRecord): RestoreRecord {
  return {
    ...record,
    journal: (entry) => (entry.step === "live-change" ? Promise.resolve() : record.journal(entry)),
  };
}

function outcomeOf(
  { plan, swapBack }: RestoreOrder,
  staging: Staging,
  { inPlace, views }: Swapped,
): RestoreOutcome {
  // What comes back by a rename is the very collection that was set aside.
  const same = (swapBack ? plan.collections : [])
    .filter((c) => c.way !== "in-place")
    .map(renamedBack);
  return {
    collections: [...same, ...staging.proved.values(), ...(inPlace?.collections ?? []), ...views],
    loadSeconds: staging.loadSeconds + (inPlace?.loadSeconds ?? 0),
    proveSeconds: staging.proveSeconds + (inPlace?.proveSeconds ?? 0),
    replayed: bothPasses(staging.replayed, inPlace?.replayed ?? null),
  };
}
