// A restore as one transaction: protect → stage → window { cutover, in-place part, accounts } → settle.
// `restore` enters at the start and `restore --resume` at the phase that the journal has come to; the undo of a failed
// or interrupted restore runs the phases backwards. What must stay true: nothing live changes before the journal says
// so, and from then on the restore is carried on or undone.
import { KeepError, toKeepError } from "../../../errors.ts";
import { findNewest } from "../../../oplog/tailer-origin.ts";
import { assertPlanHolds } from "../../../restore/plan/live.ts";
import { settleRejected } from "../retained/rejected.ts";
import { awaitClear, awaitClearInWindow, liveNamespaces } from "./await-clear.ts";
import type { Transaction } from "./phase.ts";
import { BESIDE, LIVE } from "./phases.ts";
import { protectInWindow } from "./safety-backup.ts";
import { stopServiceFor } from "./service-window.ts";
import type { OfService, ServiceWindow } from "./service-window.ts";
import { settle } from "./settle.ts";
import type { Settled } from "./settle.ts";
import { undoFailed, undoInterrupted } from "./undo.ts";

export interface Done extends Settled {
  readonly serviceDownSeconds: number | null;
}

/** From the start. @throws KeepError restore-undone, restore-broken; before the first live change what failed */
export async function run(restore: Transaction): Promise<Done> {
  try {
    for (const phase of BESIDE) await phase.do(restore);
    const downSeconds = await inWindow(restore, (window) => replaceLive(restore, window));
    return await finish(restore, downSeconds);
  } catch (error) {
    if (isUndone(error)) await settleRejected(restore);
    else if (!restore.found.isLive)
      for (const phase of BESIDE.toReversed()) await phase.undo(restore);
    throw error;
  }
}

/** From the journal's phase on, for an interrupted restore. @throws KeepError restore-broken, server-waits */
export async function carryOn(restore: Transaction): Promise<Done> {
  const downSeconds = await inWindow(restore, async (window) => {
    if (restore.at === "broken") await carryOnLive(restore);
    return await window.open();
  });
  return await finish(restore, downSeconds);
}

/** Starts the service that an interrupted restore left stopped, and that had changed nothing: no server is asked. */
export async function startLeftStopped(restore: OfService): Promise<void> {
  await (await stopServiceFor(restore)).open();
}

/** Drops what such a restore had staged. */
export async function clearUp(restore: Transaction): Promise<void> {
  for (const phase of BESIDE.toReversed()) await phase.undo(restore);
}

/** Backwards, for an interrupted restore. @throws KeepError restore-broken, server-waits */
export async function runBackwards(restore: Transaction): Promise<number | null> {
  const downSeconds = await inWindow(restore, async (window) => {
    // One that was undone already is not undone again.
    if (restore.at !== "undone") await undoInterrupted(restore);
    if (restore.order.startsBetween !== true) return await window.open();
    // The data is now what the restore before it left.
    window.leaveStopped();
    return null;
  });
  await settleRejected(restore);
  return downSeconds;
}

/** The service runs again afterwards in every case but one: live data is left between two states. */
async function inWindow<T>(
  restore: Transaction,
  act: (window: ServiceWindow) => Promise<T>,
): Promise<T> {
  const { context, deployment, order, record, found, at } = restore;
  if (at === "start" || at === "broken")
    await awaitClear(context, deployment, record, liveNamespaces(order.plan, found.items));
  const window = await stopServiceFor(restore);
  let isBetween = false;
  try {
    return await act(window);
  } catch (error) {
    isBetween = order.startsBetween === true || (found.isLive && !isUndone(error));
    throw error;
  } finally {
    found.ready?.[Symbol.dispose]();
    if (isBetween) window.leaveStopped();
    else await window.open();
  }
}

async function replaceLive(restore: Transaction, window: ServiceWindow): Promise<number | null> {
  const { context, deployment, order, record, found } = restore;
  const { signal } = context;
  await protectInWindow(restore);
  await assertPlanHolds(deployment, order.plan, signal);
  for (const phase of LIVE) await phase.prepare?.(restore);
  await awaitClearInWindow(context, deployment, record, liveNamespaces(order.plan, found.items));
  signal.throwIfAborted();
  try {
    await beginLive(restore);
    for (const phase of LIVE) await phase.do(restore);
    signal.throwIfAborted();
    await endLive(restore);
    // Before the service writes to the new data; a service that does not start with it has its old data back.
    return order.plan.mode === "staged" ? await window.openStrictly() : await window.open();
  } catch (error) {
    if (!found.isLive) throw error;
    const cause = toKeepError(signal.aborted ? signal.reason : error);
    return await undoFailed(restore, cause);
  }
}

/** The same moves again do nothing where they were made. */
async function carryOnLive(restore: Transaction): Promise<void> {
  try {
    for (const phase of LIVE) await phase.prepare?.(restore);
    await beginLive(restore);
    for (const phase of LIVE) await phase.do(restore);
    await endLive(restore);
  } catch (error) {
    throw notFinished(restore.record.id, toKeepError(error));
  }
}

async function beginLive({ context, deployment, record, found }: Transaction): Promise<void> {
  const time = await findNewest(deployment.client);
  // Also where the line is written and its flush fails: then the record says that live data may have changed.
  found.isLive = true;
  await record.journal({ step: "live-change", state: "begin", ...(time && { time }) });
  context.emit({ kind: "step", step: "live-change", state: "begin" });
}

async function endLive({ context, record }: Transaction): Promise<void> {
  context.emit({ kind: "step", step: "live-change", state: "end" });
  await record.journal({ step: "live-change", state: "done" });
}

async function finish(restore: Transaction, serviceDownSeconds: number | null): Promise<Done> {
  restore.context.emit({ kind: "step", step: "finish", state: "begin" });
  return { ...(await settle(restore)), serviceDownSeconds };
}

const isUndone = (error: unknown) => error instanceof KeepError && error.code === "restore-undone";

function notFinished(id: string, cause: KeepError): KeepError {
  return new KeepError("restore-broken", `the restore is not finished yet: ${cause.message}`, {
    hint: `After fixing the cause: mongokeep restore --resume ${id} --confirm; or back: mongokeep rollback ${id} --confirm`,
    details: { restoreId: id },
    cause,
  });
}
