// The result of a restore or rollback, from what was carried out.
import type { RestoreOrder } from "./restore-order.ts";
import { afterReplay } from "./verified.ts";
import type { CarriedOut } from "./restore-run.ts";
import type { RestoreResult } from "./results.ts";

export function describeResult(
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
