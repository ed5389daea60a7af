// Finishes a restore that died: in its own record, from wherever it stopped.
import { join } from "node:path";
import type { OpenedBackup } from "../../archive/opened.ts";
import { resolveBackup } from "../../archive/resolve.ts";
import { KeepError, toKeepError } from "../../errors.ts";
import type { Deployment } from "../../mongo/deployment.ts";
import type { RestorePlan } from "../../restore/plan/plan.ts";
import { collectWork, IN_PLACE } from "../../restore/load/load-collections.ts";
import { applyInPlace } from "../../restore/load/in-place.ts";
import {
  findRestore,
  mayBeOpen,
  readRecord,
  unreadableError,
} from "../../restore/record/read-record.ts";
import type { Records } from "../../restore/record/read-record.ts";
import {
  bestEffort,
  diedUntouched,
  isApplied,
  isBetween,
  leftStopped,
  protectedBy,
} from "../../restore/record/record.ts";
import { reopenRecord } from "../../restore/record/record.ts";
import type { RestoreRecord, StoredRecord, StoredRequest } from "../../restore/record/record.ts";
import type { PlannedCollection } from "../../restore/plan/plan.ts";
import type { ProvedCollection } from "../../restore/load/prove.ts";
import { carryOutSwap } from "../../restore/swap/swap.ts";
import { mergeAccountsFrom } from "./run/accounts.ts";
import type { SetAside } from "./retained/retained.ts";
import { awaitClear, liveNamespaces, lockLimit } from "./run/await-clear.ts";
import { collecting } from "../collect-warnings.ts";
import { clearStaged, withoutLiveChange } from "./run/carry-out-staged.ts";
import type { JobContext } from "../context.ts";
import { inPlacePart } from "./run/safety-backup.ts";
import { readRestores } from "./records.ts";
import { withinRights } from "./plan/rights.ts";
import { describePlan } from "./plan/describe.ts";
import { loaderOf, lockAttempt, restoreLocked } from "./restore.ts";
import type { RestoreRequest } from "./restore.ts";
import type { PlannedRestore, RestoreResult, RestoreTarget } from "../results.ts";
import { targetOf } from "./run/result.ts";
import { proofOfRollback, proveRenamed } from "./run/verify-definitions.ts";
import { settleRestored } from "./run/settle.ts";
import { openStateBefore } from "./plan/state-before.ts";
import { swapContext } from "./run/swap-context.ts";
import { afterReplay, verifiedOf } from "./run/verified.ts";
import { underRecord } from "./run/under-record.ts";
import { stopServiceFor } from "./run/service-window.ts";
import { openFound } from "../inspect/unpack-archive.ts";

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
  const warnings: string[] = [];
  const unlocked = { ...outer, emit: collecting(outer.emit, warnings) };
  await using held = request.confirm ? await lockAttempt(unlocked) : null;
  const context = held?.context ?? unlocked;
  const stored = await findDead(context, request.restoreId);
  if (stored.state === "untouched") return await again(context, stored, request, warnings);
  await using source = await openSource(context, stored);
  const { backup } = source;
  if (!request.confirm) {
    const { plan } = stored.recorded;
    const order = { backup, plan, rollbackOf: null, skipPreBackup: true, protectOnly: null };
    await using deployment = await context.connect();
    const all = { ...order, useService: request.useService };
    return await describePlan(context, deployment, all, warnings);
  }
  const record = await reopenRecord(stored, context.clock);
  return await underRecord(context, record, async (own) => {
    await record.log("the restore died, and is resumed");
    const done = await finish(own, { stored, record, backup }, request);
    const seconds = Math.round(performance.now() - began) / 1_000;
    const target = targetOf(context, stored.recorded.plan);
    return resultOf(stored, record, { ...done, target, seconds, warnings });
  });
}

async function findDead(context: JobContext, id: string | null): Promise<StoredRecord> {
  const root = context.settings.backupDir;
  if (id === null) return newestDead(await readRestores(context));
  const found = await findRestore(root, id);
  if (found && isDead(found)) return found;
  throw new KeepError("usage", `the restore ${id} has nothing to resume`, { hint: ONLY_DEAD });
}

const isDead = (record: StoredRecord) => isBetween(record) || diedUntouched(record);
const ONLY_DEAD = "Only a restore that was killed, or failed with exit 8, can be resumed.";

/**
 * What died before it changed anything (or could not write down that it failed) is begun anew only where no later
 * restore succeeded: that would replace newer data by what was once wanted. By its id it can be. Newest first.
 */
function newestDead({ records, unreadable }: Records): StoredRecord {
  const applied = records.findIndex(({ state }) => isApplied(state));
  const found = records.find((r, i) => isBetween(r) || (diedUntouched(r) && (applied < 0 || i < applied))); // prettier-ignore
  // It may be a rollback of the one that is found.
  const unclear = unreadable.find((one) => mayBeOpen(one) && one.id > (found?.id ?? ""));
  if (unclear) throw unreadableError(unclear);
  if (found) return found;
  const older = records.find(diedUntouched);
  const hint = older
    ? `The restore ${older.id} died before it changed anything, and another one was made since. To begin it anew all the same: mongokeep restore --resume ${older.id}`
    : ONLY_DEAD;
  throw new KeepError("usage", "there is no restore to resume", { hint });
}

/** It died before the first live change: what it staged is dropped, and the same restore begins anew. */
async function again(
  context: JobContext,
  stored: StoredRecord,
  { confirm, useService }: ResumeRequest,
  warnings: readonly string[],
): Promise<PlannedRestore | RestoreResult> {
  const { request, plan } = stored.recorded;
  if (!request)
    throw new KeepError("usage", `the restore ${stored.id} changed nothing before it died`, {
      hint: `Run the rollback again. What it left goes with: mongokeep restore --discard-replaced ${stored.id} --confirm`,
    });
  const withWarnings = <T extends PlannedRestore | RestoreResult>(result: T): T => ({
    ...result,
    warnings: [...warnings, ...result.warnings],
  });
  if (!confirm) return withWarnings(await restoreLocked(context, asRequest(request, confirm)));
  const record = bestEffort(await reopenRecord(stored, context.clock), context.emit);
  try {
    await clearStaged(context, plan, record);
    if (leftStopped(stored.entries)) {
      const service = useService ? context.service : null;
      await (await stopServiceFor(context, service, record, true)).open();
    }
    return withWarnings(await restoreLocked(context, asRequest(request, confirm)));
  } finally {
    // Only now: killed in between, a rollback without an id would take back the restore before this one.
    await record.journal({ step: "end", state: "failed", message: "it died, and was begun anew" });
    await record.close();
  }
}

function asRequest(stored: StoredRequest, confirm: boolean): RestoreRequest {
  return {
    ...stored,
    rename: new Map(stored.rename),
    renameNamespaces: new Map(stored.renameNamespaces),
    confirm,
  };
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
  if (plan.backup === null || plan.collections.every((c) => c.rawBytes === null))
    return sourceOf(null);
  const wanted = { hosts: settings.hosts, databases: settings.databases, exclude: [] };
  const ref = request?.backup ?? plan.backup;
  const found = await resolveBackup(settings.backupDir, ref, wanted, clock.now());
  return await openFound(context, found, "restore");
}

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
    context.emit({ kind: "log", level: "warn", code: "rollback-not-compared", message });
    return null;
  }
}

interface Resumed {
  readonly stored: StoredRecord;
  readonly record: RestoreRecord;
  readonly backup: OpenedBackup | null;
}

interface Finished {
  /** What was loaded and compared now. */
  readonly inPlace: readonly ProvedCollection[];
  readonly downSeconds: number | null;
  readonly setAside: readonly SetAside[];
}

async function finish(
  context: JobContext,
  resumed: Resumed,
  { useService }: ResumeRequest,
): Promise<Finished> {
  const { stored, backup } = resumed;
  // Live data is between two states, or as planned: not to be able to write that down makes no failure of it.
  const record = bestEffort(resumed.record, context.emit);
  await using deployment = await context.connect();
  const { plan: recorded } = stored.recorded;
  // Before the service stops: nothing more has changed where a right is missing.
  const { plan } =
    stored.state === "broken"
      ? await withinRights(context, deployment, { backup, plan: recorded })
      : stored.recorded;
  const service = useService ? context.service : null;
  const wasStopped = leftStopped(stored.entries);
  // Where the data is as planned, only a service that is stopped is of interest.
  const concerned = stored.state === "broken" || wasStopped ? service : null;
  if (stored.state === "broken")
    await awaitClear(context, deployment, record, liveNamespaces(plan, stored.swap ?? []));
  const window = await stopServiceFor(context, concerned, record, wasStopped);
  let inPlace: readonly ProvedCollection[] = [];
  try {
    if (stored.state === "broken")
      inPlace = await inLiveChange(context, () =>
        forward(context, deployment, { ...resumed, record }, plan),
      );
  } catch (error) {
    const cause = toKeepError(error);
    throw new KeepError("restore-broken", `the restore is not finished yet: ${cause.message}`, {
      hint: `When the cause is mended: mongokeep restore --resume ${stored.id} --confirm; or back: mongokeep rollback ${stored.id} --confirm`,
      details: { restoreId: stored.id },
      cause,
    });
  }
  const downSeconds = await window.open();
  const isExpiring = backup !== null && plan.expiry && plan.mode === "staged";
  const safety = protectedBy(stored.entries);
  const { setAside, isWhole, difference } = await settleRestored(context, {
    rollbackOf: stored.recorded.rollbackOf,
    record,
    expiring: isExpiring ? await collectWork(backup, loadedPart(stored), IN_PLACE) : [],
    items: stored.swap ?? [],
    accounts: { before: backup, usersOf: plan.usersOf },
    safetyBackup: safety === null ? null : join(context.settings.backupDir, safety),
  });
  if (isWhole) await record.journal({ step: "end", state: "done" });
  if (difference) throw difference;
  await record.log("restore done");
  return { inPlace, downSeconds, setAside };
}

/** Without what a rollback brings back by a rename: its backup need not hold that. */
function loadedPart({ recorded: { plan, rollbackOf } }: StoredRecord) {
  const isRenamed = ({ way, rawBytes }: PlannedCollection) =>
    rollbackOf !== null && way === "swap" && rawBytes === null;
  return { collections: plan.collections.filter((one) => !isRenamed(one)) };
}

/** Says that live data is between two states: a signal waits then. */
async function inLiveChange<T>({ emit }: JobContext, act: () => Promise<T>): Promise<T> {
  emit({ kind: "step", step: "live-change", state: "begin" });
  const done = await act();
  emit({ kind: "step", step: "live-change", state: "end" });
  return done;
}

/** The rest of the live change: the same moves again do nothing where they were made. */
async function forward(
  context: JobContext,
  deployment: Deployment,
  { stored, record, backup }: Resumed,
  plan: RestorePlan,
): Promise<readonly ProvedCollection[]> {
  const { emit, signal } = context;
  if (stored.swap) {
    await carryOutSwap(swapContext(context, deployment, record, "swap"), stored.swap);
    if (stored.recorded.rollbackOf !== null) await proveRenamed(deployment, stored.swap);
  }
  const part = plan.mode === "staged" ? inPlacePart(plan) : plan;
  let inPlace: readonly ProvedCollection[] = [];
  if (part) {
    const loading = {
      ...{ emit, signal, lockLimit: lockLimit(context, deployment, "once") },
      ...(await loaderOf(deployment, context, stored.recorded.request ?? {})),
      ...proofOfRollback(stored.recorded, deployment, signal),
    };
    const done = await applyInPlace(
      deployment,
      backup,
      againFrom(part),
      withoutLiveChange(record),
      loading,
    );
    inPlace = afterReplay(done.collections, plan, done.replayed);
  }
  if (backup && plan.mode === "staged")
    await mergeAccountsFrom(deployment, backup, plan.usersOf, record, { emit, signal });
  await record.journal({ step: "live-change", state: "done" });
  return inPlace;
}

/** Everything may be there already, or half of it. */
function againFrom(plan: StoredRecord["recorded"]["plan"]) {
  return {
    ...plan,
    collections: plan.collections.map((c) => ({ ...c, action: "replace" as const })),
  };
}

function resultOf(
  { recorded, entries }: StoredRecord,
  record: RestoreRecord,
  had: Finished & {
    readonly target: RestoreTarget;
    readonly seconds: number;
    readonly warnings: readonly string[];
  },
): RestoreResult {
  const { plan, rollbackOf } = recorded;
  return {
    ok: true,
    restored: true,
    restoreId: record.id,
    target: had.target,
    rollbackOf,
    backup: plan.backup,
    preRestoreBackup: protectedBy(entries),
    mode: plan.mode,
    targetWasEmpty: plan.targetWasEmpty,
    collections: verifiedOf(plan, entries, had.inPlace),
    oplog: null,
    serviceDownSeconds: had.downSeconds,
    setAside: had.setAside,
    rolledBack: rollbackOf !== null,
    timings: {
      ...{ verifySeconds: 0, preRestoreBackupSeconds: 0, loadSeconds: 0, proveSeconds: 0 },
      totalSeconds: had.seconds,
    },
    log: `${record.path}/restore.log`,
    warnings: had.warnings,
  };
}
