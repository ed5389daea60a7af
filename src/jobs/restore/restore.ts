// `restore`: check the backup → plan → (with --confirm) carry out. Without --confirm it gives the plan, and changes nothing.
import { warn } from "../../events.ts";
import type { Deployment } from "../../mongo/deployment.ts";
import { chooseMongorestore } from "../../restore/load/mongorestore.ts";
import type { RestoreEngine, RestoreRequest } from "../../restore/record/request.ts";
import { toStored } from "../../restore/record/request.ts";
import { isApplied, leftStopped } from "../../restore/record/record-state.ts";
import type { JobContext } from "../context.ts";
import type { PlannedRestore, RestoreResult } from "../results.ts";
import { beginVerb, lockAttempt } from "./lock.ts";
import { openToRestore } from "./plan/backup-to-restore.ts";
import { buildPlan, protectOnly } from "./plan/build.ts";
import { describePlan } from "./plan/describe.ts";
import type { RestoreOrder } from "./plan/order.ts";
import { withinRights } from "./plan/rights.ts";
import { requireWritable } from "./plan/writable.ts";
import { checkVersion } from "./plan/version-check.ts";
import { readRestores } from "./records.ts";
import { carryOut } from "./run/carry-out.ts";
import { buildResult } from "./run/result.ts";

/** @throws KeepError backup-not-found, damaged, locked, usage …, restore-undone, restore-broken */
export async function runRestore(
  outer: JobContext,
  request: RestoreRequest,
): Promise<PlannedRestore | RestoreResult> {
  await using run = await beginVerb(outer, request.confirm ? lockAttempt : null);
  const result = await restoreLocked(run.context, request);
  return { ...result, warnings: run.warnings };
}

/** Same as runRestore; the caller holds the lock, and collects the warnings. */
export async function restoreLocked(
  context: JobContext,
  request: RestoreRequest,
): Promise<PlannedRestore | RestoreResult> {
  const began = performance.now();
  await using source = await openToRestore(context, request);
  const { backup, verifySeconds } = source;
  await using deployment = await context.connect();
  await requireWritable(context, deployment, request.confirm);
  const startsBetween = await warnOfOpenRestore(context);
  const wanted = await buildPlan(context, deployment, source, request);
  await checkVersion(context, deployment.server, { ...request, backup, plan: wanted });
  const { plan, placed } = await withinRights(context, deployment, { backup, plan: wanted });
  const order: RestoreOrder = {
    ...{ backup, plan, placed, rollbackOf: null },
    ...{ skipPreBackup: request.skipPreBackup, useService: request.useService },
    startsBetween,
    protectOnly: protectOnly(request, plan),
    request: toStored(request, source.path),
    ...(await loaderOf(deployment, context, request.engine)),
  };
  if (!request.confirm) return await describePlan(context, deployment, order, []);
  const outcome = await carryOut(context, deployment, order);
  const restored = { plan, rollbackOf: null, backup: plan.backup, verifySeconds, began };
  return buildResult(context, { ...restored, warnings: [] }, outcome);
}

/** What loads the documents, if not our own loader. */
export async function loaderOf(
  deployment: Deployment,
  { emit, signal }: JobContext,
  engine: RestoreEngine,
): Promise<Pick<RestoreOrder, "createLoader">> {
  if (engine === "native") return {};
  return { createLoader: await chooseMongorestore(deployment, { emit, signal }) };
}

/**
 * An interrupted restore is better ended first, and easily overlooked at night. Whether it left the service stopped: if
 * this one fails, nothing is put right.
 */
async function warnOfOpenRestore(context: JobContext): Promise<boolean> {
  const { records } = await readRestores(context);
  const interrupted = records.find((r) => r.state === "broken");
  if (!interrupted) return false;
  warn(
    context.emit,
    "restore-between",
    `the restore ${interrupted.id} did not end, and left the data between two states: end it first, with mongokeep rollback ${interrupted.id} or mongokeep restore --resume ${interrupted.id}`,
  );
  const newest = records.find((r) => r.state === "broken" || isApplied(r.state));
  return newest === interrupted && leftStopped(interrupted.entries);
}
