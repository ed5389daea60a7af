// What a restore or rollback would do, for a person to decide by. Changes nothing.
import type { OpenedBackup } from "../../../archive/opened.ts";
import type { Deployment } from "../../../mongo/deployment.ts";
import { warnOfObstacles } from "../run/await-clear.ts";
import type { JobContext } from "../../context.ts";
import { targetOf } from "../run/result.ts";
import { estimate } from "./estimate.ts";
import { countExpiring } from "./expiring.ts";
import { findLost } from "./lost-writes.ts";
import { needsProtection } from "../run/safety-backup.ts";
import { concernsService, requireService } from "./order.ts";
import type { RestoreOrder } from "./order.ts";
import { tellServerFiles } from "./server-files.ts";
import type { ManifestSummary, PlannedRestore } from "../../results.ts";
import { leftByRestore, outsideInstantOf } from "./sources.ts";

export async function describePlan(
  context: JobContext,
  deployment: Deployment,
  order: RestoreOrder,
  warnings: readonly string[],
): Promise<PlannedRestore> {
  const { plan, backup } = order;
  await requireService(context, order);
  await warnOfObstacles(context, deployment, plan);
  if (!order.swapBack) await tellServerFiles(context, deployment, plan);
  return {
    ok: true,
    planned: true,
    restored: false,
    target: targetOf(context, plan),
    rollbackOf: order.rollbackOf,
    backup: plan.backup,
    manifest: summaryOf(backup),
    plan: {
      ...plan,
      stopsService: concernsService(order) ? (context.service?.name ?? null) : null,
      makesPreRestoreBackup: needsProtection(order) && !order.swapBack,
      swapsBack: order.swapBack !== undefined,
      leftOut: backup ? leftByRestore(backup) : [],
      outsideInstant: order.swapBack ? [] : outsideInstantOf(backup, plan),
      expiring: await countExpiring(context, order),
      lostSince: order.undone ? await findLost(deployment, order, order.undone) : null,
      estimate: await estimate(context, deployment, order),
    },
    warnings,
  };
}

function summaryOf(backup: OpenedBackup | null): ManifestSummary | null {
  if (!backup?.manifest) return null;
  const { id, createdAt, type, note, server, databases, consistency, users, totals } =
    backup.manifest;
  return { id, createdAt, type, note, server, databases, consistency, users, totals };
}
