// The result of a restore or rollback, from what was carried out.
import type { RestoreOrder } from "../plan/order.ts";
import { afterReplay } from "./verified.ts";
import type { CarriedOut } from "./under-record.ts";
import type { JobContext } from "../../context.ts";
import type { RestorePlan } from "../../../restore/plan/plan.ts";
import { splitNamespace } from "../../../restore/plan/select.ts";
import type { RestoreResult, RestoreTarget } from "../../results.ts";

/** What a person must see before they agree, and after: where it goes. */
export function targetOf(
  { settings }: Pick<JobContext, "settings">,
  { targetDatabases, remove }: Pick<RestorePlan, "targetDatabases" | "remove">,
): RestoreTarget {
  const removed = remove.map((namespace) => splitNamespace(namespace).database);
  const databases = [...new Set([...targetDatabases, ...removed])].sort();
  return { hosts: (settings.restoreLogin ?? settings).hosts, databases };
}

export function describeResult(
  context: Pick<JobContext, "settings">,
  order: RestoreOrder,
  done: CarriedOut,
  timing: { readonly verifySeconds: number; readonly began: number },
  warnings: readonly string[],
): RestoreResult {
  const { record, protection, outcome } = done;
  const round = (seconds: number) => Math.round(seconds * 1_000) / 1_000;
  return {
    ok: true,
    restored: true,
    restoreId: record.id,
    target: targetOf(context, order.plan),
    rollbackOf: order.rollbackOf,
    backup: order.plan.backup,
    preRestoreBackup: protection.backup?.id ?? null,
    mode: order.plan.mode,
    targetWasEmpty: order.plan.targetWasEmpty,
    collections: afterReplay(outcome.collections, order.plan, outcome.replayed),
    oplog: outcome.replayed,
    serviceDownSeconds: done.serviceDownSeconds,
    setAside: done.setAside,
    rolledBack: order.rollbackOf !== null,
    timings: {
      verifySeconds: timing.verifySeconds,
      preRestoreBackupSeconds: protection.seconds,
      loadSeconds: round(outcome.loadSeconds),
      proveSeconds: round(outcome.proveSeconds),
      totalSeconds: round((performance.now() - timing.began) / 1_000),
    },
    log: `${record.path}/restore.log`,
    warnings,
  };
}
