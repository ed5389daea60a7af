// Undoes a restore that died: within its swap, where what was live is still on the server under other names,
// or before it, where only what it left beside the live data goes.
import { join } from "node:path";
import { openBackup } from "../../../archive/reader.ts";
import { KeepError, toKeepError } from "../../../errors.ts";
import type { RestorePlan } from "../../../restore/plan/plan.ts";
import { notVerified } from "../../../restore/load/prove.ts";
import type { ProvedCollection } from "../../../restore/load/prove.ts";
import {
  bestEffort,
  leftStopped,
  protectedBy,
  reopenRecord,
} from "../../../restore/record/record.ts";
import type { RestoreRecord, StoredRecord } from "../../../restore/record/record.ts";
import { awaitClear, liveNamespaces } from "./await-clear.ts";
import type { JobContext } from "../../context.ts";
import type { Deployment } from "../../../mongo/deployment.ts";
import { inPlacePart } from "./safety-backup.ts";
import { describePlan } from "../plan/describe.ts";
import type { RestoreOrder } from "../plan/order.ts";
import { withinRights } from "../plan/rights.ts";
import type { PlannedRestore, RestoreResult, RestoreTarget } from "../../results.ts";
import { targetOf } from "./result.ts";
import { settleReturned } from "../retained/rejected.ts";
import { underRecord } from "./under-record.ts";
import { stopServiceFor } from "./service-window.ts";
import { planUndo } from "./undo.ts";
import { putSwapBack } from "./undo-swap.ts";
import { databasesWithAccounts } from "../../../restore/load/account-files.ts";
import { proveAccounts, tellNotVerified } from "./verify-accounts.ts";
import { messageOf } from "../../../util/redact.ts";
import { isOtherwise } from "./settle.ts";
import { openStateBefore } from "../plan/state-before.ts";
import { renamedBack } from "./verified.ts";

export interface UndoRequest {
  readonly useService: boolean;
  readonly confirm: boolean;
  readonly warnings: readonly string[];
  readonly began: number;
}

/** @throws KeepError restore-broken (exit 8) where the old state is still not back */
export async function undoDead(
  context: JobContext,
  deployment: Deployment,
  stored: StoredRecord,
  request: UndoRequest,
): Promise<PlannedRestore | RestoreResult> {
  const { plan } = stored.recorded;
  const isBroken = stored.state === "broken";
  const usersOf = isBroken ? await assertMayUndo(context, deployment, stored) : [];
  const order: RestoreOrder = {
    ...{ backup: null, plan, rollbackOf: stored.id, skipPreBackup: true, protectOnly: null },
    useService: request.useService,
  };
  if (!request.confirm) return await describePlan(context, deployment, order, request.warnings);
  // What must be done now must not fail because it cannot be written down.
  const record = bestEffort(await reopenRecord(stored, context.clock), context.emit);
  return await underRecord(context, record, async (own) => {
    await record.log("the restore died, and is taken back");
    if (isBroken)
      await awaitClear(own, deployment, record, liveNamespaces(plan, stored.swap ?? []));
    const { downSeconds, inPlace } = await undoAndStart(own, stored, record, { ...request, usersOf }); // prettier-ignore
    const seconds = Math.round(performance.now() - request.began) / 1_000;
    const target = targetOf(context, plan);
    return resultOf(stored, record, {
      target,
      downSeconds,
      inPlace,
      seconds,
      warnings: request.warnings,
    });
  });
}

/**
 * Before the service stops: an undo that is refused half-way helps nobody. Gives the databases whose users and roles
 * can be put back. @throws KeepError rights-missing
 */
async function assertMayUndo(
  context: JobContext,
  deployment: Deployment,
  { recorded: { plan }, entries }: StoredRecord,
): Promise<readonly string[]> {
  const id = protectedBy(entries, "in-place");
  const backup = id === null ? null : await openBackup(join(context.settings.backupDir, id));
  const part = inPlacePart(plan);
  if (part) {
    const back = await planUndo(deployment, backup, part, context.signal);
    await withinRights(context, deployment, { backup, plan: back });
  }
  const swapped = plan.collections.filter(({ way }) => way !== "in-place");
  const remove = plan.remove.filter((namespace) => !plan.removeInPlace.includes(namespace));
  const rest = { ...plan, collections: swapped, remove, removeInPlace: [], oplog: null };
  const permitted = await withinRights(context, deployment, { backup: null, plan: rest });
  return permitted.plan.usersOf;
}

async function undoAndStart(
  context: JobContext,
  stored: StoredRecord,
  record: RestoreRecord,
  { useService, usersOf }: UndoRequest & Pick<RestorePlan, "usersOf">,
): Promise<{ downSeconds: number | null; inPlace: readonly ProvedCollection[] }> {
  const service = useService ? context.service : null;
  // Nothing live is touched where nothing was: then the service only comes up again.
  const wasStopped = leftStopped(stored.entries);
  const isBroken = stored.state === "broken";
  const window = await stopServiceFor(
    ...([context, isBroken || wasStopped ? service : null, record, wasStopped] as const),
  );
  context.emit({ kind: "step", step: "undo", state: "begin" });
  await record.journal({ step: "undo", state: "begin", message: "the restore died" });
  let inPlace: readonly ProvedCollection[] = [];
  try {
    inPlace = await putSwapBack(context, {
      plan: { ...partBegun(stored), usersOf },
      record,
      // Before the first live change no name was swapped; who has what by now is none of this restore's.
      items: isBroken ? (stored.swap ?? []) : [],
      inPlaceBackup: protectedBy(stored.entries, "in-place"),
      accountsBackup: protectedBy(stored.entries),
    });
  } catch (error) {
    const cause = toKeepError(error);
    await record.journal({ step: "undo", state: "failed", message: cause.message });
    throw new KeepError("restore-broken", `the old state is not back yet: ${cause.message}`, {
      hint: `What was live is still on the server, set aside. When the cause is mended, run it again: mongokeep rollback ${record.id} --confirm`,
      details: { restoreId: record.id },
      cause,
    });
  }
  await record.journal({ step: "undo", state: "done" });
  await record.log("the state from before is back");
  context.emit({ kind: "step", step: "undo", state: "end" });
  const downSeconds = await window.open();
  await settleReturned(context, stored.recorded.plan, record);
  await record.journal({ step: "end", state: "done" });
  if (isBroken) await assertAccountsSame(context, stored, record);
  return { downSeconds, inPlace };
}

/** @throws KeepError restore-broken: the rollback is done, and users or roles are not what they were */
async function assertAccountsSame(
  context: JobContext,
  { entries, recorded: { plan } }: StoredRecord,
  record: RestoreRecord,
): Promise<void> {
  const { signal } = new AbortController();
  try {
    if (plan.usersOf.length === 0) return;
    const before = await openStateBefore(context, { entries }).catch((error: unknown) => {
      tellNotVerified(context.emit, plan.usersOf, messageOf(error));
      return null;
    });
    if (before === null) return;
    const usersOf = await databasesWithAccounts(before);
    await using deployment = await context.connect(signal);
    await proveAccounts(deployment, { before, usersOf }, { emit: context.emit, signal });
  } catch (error) {
    throw await isOtherwise(record, error);
  }
}

/** Before the first live change only the names are looked at. */
function partBegun({ recorded: { plan }, state }: StoredRecord): RestorePlan {
  if (state === "broken") return plan;
  return { ...plan, collections: [], remove: [], removeInPlace: [] };
}

function resultOf(
  stored: StoredRecord,
  record: RestoreRecord,
  had: {
    target: RestoreTarget;
    downSeconds: number | null;
    inPlace: readonly ProvedCollection[];
    seconds: number;
    warnings: readonly string[];
  },
): RestoreResult {
  const { plan } = stored.recorded;
  return {
    ok: true,
    restored: true,
    restoreId: record.id,
    target: had.target,
    rollbackOf: record.id,
    backup: protectedBy(stored.entries),
    preRestoreBackup: null,
    mode: plan.mode,
    targetWasEmpty: plan.targetWasEmpty,
    collections: stored.state === "broken" ? backOf(stored, had.inPlace) : [],
    oplog: null,
    serviceDownSeconds: had.downSeconds,
    setAside: [],
    rolledBack: true,
    timings: {
      ...{ verifySeconds: 0, preRestoreBackupSeconds: 0, loadSeconds: 0, proveSeconds: 0 },
      totalSeconds: had.seconds,
    },
    log: `${record.path}/restore.log`,
    warnings: had.warnings,
  };
}

/** What stood there before is back: by renames, or loaded from the safety backup. */
function backOf(
  { swap, recorded: { plan } }: StoredRecord,
  inPlace: readonly ProvedCollection[],
): ProvedCollection[] {
  const renamed = (swap ?? [])
    .filter(({ old }) => old.kind !== "none")
    .map(({ database, name, old }) => {
      const way = old.kind === "view" ? "view" : "swap";
      return renamedBack({ namespace: `${database}.${name}`, documents: null, way });
    });
  const known = new Set([...renamed, ...inPlace].map(({ namespace }) => namespace));
  const rest = plan.collections.filter(
    ({ action, namespace }) => action === "replace" && !known.has(namespace),
  );
  return [...renamed, ...inPlace, ...rest.map(({ namespace }) => notVerified(namespace))];
}
