// The result of a restore, a resumed one or a rollback: built here and nowhere else.
import type { VerifiedCollection } from "../../../restore/load/read-back.ts";
import { bothPasses } from "../../../restore/load/replay.ts";
import type { Replayed } from "../../../restore/load/replay.ts";
import type { RestorePlan } from "../../../restore/plan/plan.ts";
import { splitNamespace } from "../../../restore/plan/select.ts";
import type { RestoreRecord } from "../../../restore/record/record.ts";
import type { JobContext } from "../../context.ts";
import type { RestoreResult, RestoreTarget } from "../../results.ts";
import type { Retained } from "../retained/retained.ts";
import { outsideInstantOf } from "../plan/sources.ts";
import type { Transaction } from "./phase.ts";
import { afterReplay, renamedBack } from "./verified.ts";

/** What a transaction did. */
export interface Outcome {
  readonly record: RestoreRecord;
  readonly collections: readonly VerifiedCollection[];
  readonly replayed: Replayed | null;
  /** See RestoreResult. */
  readonly outsideInstant: readonly string[] | null;
  readonly serviceDownSeconds: number | null;
  readonly setAside: readonly Retained[];
  /** The id of the safety backup; null: none was made. */
  readonly safetyBackup: string | null;
  readonly safetyBackupSeconds: number;
  readonly loadSeconds: number;
  readonly proveSeconds: number;
}

/** The outcome of a transaction that ran from its start. */
export function outcomeOf(
  { order, record, found }: Transaction,
  done: Pick<Outcome, "serviceDownSeconds" | "setAside">,
): Outcome {
  const { staging, inPlace, views, safetyBackup, safetyBackupSeconds } = found;
  const { plan, swapBack } = order;
  // A rename brings back the retained collection itself.
  const same = (swapBack ? plan.collections : [])
    .filter((c) => c.way !== "in-place")
    .map(renamedBack);
  const proved = [...(staging?.proved.values() ?? []), ...(inPlace?.collections ?? [])];
  const replayed = bothPasses(staging?.replayed ?? null, inPlace?.replayed ?? null);
  return {
    ...{ record, replayed, safetyBackup, safetyBackupSeconds },
    outsideInstant: swapBack ? [] : outsideInstantOf(order.backup, plan),
    ...{ serviceDownSeconds: done.serviceDownSeconds, setAside: done.setAside },
    collections: afterReplay([...same, ...proved, ...views], plan, replayed),
    loadSeconds: (staging?.loadSeconds ?? 0) + (inPlace?.loadSeconds ?? 0),
    proveSeconds: (staging?.proveSeconds ?? 0) + (inPlace?.proveSeconds ?? 0),
  };
}

/** The outcome of a transaction that an earlier run began: its measurements are lost. */
export function laterOutcome(
  { record }: Transaction,
  done: Pick<Outcome, "collections" | "serviceDownSeconds" | "setAside" | "safetyBackup"> &
    Partial<Pick<Outcome, "outsideInstant">>,
): Outcome {
  const unknown = { safetyBackupSeconds: 0, loadSeconds: 0, proveSeconds: 0 };
  return { record, replayed: null, outsideInstant: null, ...unknown, ...done };
}

export interface Restored {
  readonly plan: RestorePlan;
  readonly rollbackOf: string | null;
  /** The backup whose data is live now. */
  readonly backup: string | null;
  readonly verifySeconds: number;
  /** `performance.now()` when the command began. */
  readonly began: number;
  readonly warnings: readonly string[];
}

export function buildResult(
  context: Pick<JobContext, "settings">,
  { plan, rollbackOf, backup, verifySeconds, began, warnings }: Restored,
  outcome: Outcome,
): RestoreResult {
  const { record, collections, replayed, serviceDownSeconds, setAside, safetyBackup } = outcome;
  return {
    ...{ ok: true, restored: true, restoreId: record.id, target: targetOf(context, plan) },
    ...{ rollbackOf, backup, preRestoreBackup: safetyBackup, mode: plan.mode },
    targetWasEmpty: plan.targetWasEmpty,
    ...{ collections, oplog: replayed, serviceDownSeconds, setAside },
    outsideInstant: outcome.outsideInstant,
    rolledBack: rollbackOf !== null,
    timings: {
      verifySeconds,
      preRestoreBackupSeconds: outcome.safetyBackupSeconds,
      loadSeconds: round(outcome.loadSeconds),
      proveSeconds: round(outcome.proveSeconds),
      totalSeconds: round((performance.now() - began) / 1_000),
    },
    log: `${record.path}/restore.log`,
    warnings,
  };
}

const round = (seconds: number) => Math.round(seconds * 1_000) / 1_000;

/** What a person must see before they agree, and after: where it goes. */
export function targetOf(
  { settings }: Pick<JobContext, "settings">,
  { targetDatabases, remove }: Pick<RestorePlan, "targetDatabases" | "remove">,
): RestoreTarget {
  const removed = remove.map((namespace) => splitNamespace(namespace).database);
  const databases = [...new Set([...targetDatabases, ...removed])].sort();
  return { hosts: (settings.restoreLogin ?? settings).hosts, databases };
}
