// The last steps of a restore whose data is live: documents begin to expire, and what was replaced is compared. What
// must stay true: no signal and no failure makes a failure of the restore.
import { warn } from "../../../events.ts";
import { join } from "node:path";
import { openBackup } from "../../../archive/reader.ts";
import type { OpenedBackup } from "../../../archive/opened.ts";
import { KeepError, toKeepError } from "../../../errors.ts";
import { expireAll } from "../../../restore/load/expiry.ts";
import { collectWork, IN_PLACE } from "../../../restore/load/load-collections.ts";
import type { Work } from "../../../restore/load/load-collections.ts";
import type { PlannedCollection } from "../../../restore/plan/plan.ts";
import { bestEffort } from "../../../restore/record/record-file.ts";
import type { RestoreRecord } from "../../../restore/record/record.ts";
import type { JobContext } from "../../context.ts";
import { accountsOf } from "../plan/order.ts";
import type { RestoreOrder } from "../plan/order.ts";
import { expectedOf, compareRetained } from "../retained/compare.ts";
import type { Retained } from "../retained/retained.ts";
import type { Transaction } from "./phase.ts";
import { verifyAccounts } from "./verify-accounts.ts";
import { definitionCheck } from "./verify-definitions.ts";

export interface Settled {
  readonly setAside: readonly Retained[];
  /** false: documents that should expire do not yet. The record must not say that the restore ended. */
  readonly isWhole: boolean;
  /** What a rollback brought back otherwise than it was; null: nothing. */
  readonly difference: KeepError | null;
}

export async function settle(restore: Transaction): Promise<Settled> {
  // A signal aborts what it can: this is the rest of a change that was made.
  const { signal } = new AbortController();
  const context = { ...restore.context, signal };
  const record = bestEffort(restore.record, context.emit);
  try {
    await using deployment = await restore.context.connect(signal);
    const expiring = await expiringOf(restore);
    const settling = { ...restore, context, deployment, record };
    const isWhole = await expire(settling, expiring);
    const difference = isWhole ? await findDifference(settling, expiring) : null;
    return { setAside: await retainedOf(settling), isWhole, difference };
  } catch (error) {
    warnNotExpired(context, record, error);
    return { setAside: [], isWhole: false, difference: null };
  }
}

/** What was staged, with its definitions; after an interruption, as the backup has it. */
async function expiringOf({ order, found }: Transaction): Promise<readonly Work[]> {
  const { plan, backup } = order;
  if (!plan.expiry) return [];
  if (found.staging) return found.staging.work;
  return backup && plan.mode === "staged"
    ? await collectWork(backup, loadedPart(order), IN_PLACE)
    : [];
}

/** Without what a rollback brings back by a rename: its backup need not hold that. */
function loadedPart({ plan, rollbackOf }: RestoreOrder) {
  const isRenamed = ({ way, rawBytes }: PlannedCollection) =>
    rollbackOf !== null && way === "swap" && rawBytes === null;
  return { collections: plan.collections.filter((one) => !isRenamed(one)) };
}

async function expire(restore: Transaction, work: readonly Work[]): Promise<boolean> {
  const { context, record } = restore;
  const swapped = work.filter(({ planned }) => planned.way === "swap");
  try {
    await expireAll(restore, swapped);
    return true;
  } catch (error) {
    warnNotExpired(context, record, error);
    return false;
  }
}

async function findDifference(
  { context, deployment, order, record }: Transaction,
  work: readonly Work[],
): Promise<KeepError | null> {
  if (order.rollbackOf === null) return null;
  const { emit, signal } = context;
  const expected = { before: accountsOf(order), usersOf: order.plan.usersOf };
  try {
    await definitionCheck(deployment, signal)(work);
    await verifyAccounts(deployment, expected, { emit, signal });
    return null;
  } catch (error) {
    return await differenceOf(record, error);
  }
}

async function retainedOf({
  context,
  deployment,
  order,
  record,
  found,
}: Transaction): Promise<readonly Retained[]> {
  const { items, safetyBackup } = found;
  if (items.length === 0) return [];
  const before = await openSafetyBackup(context, safetyBackup);
  const { expected = expectedOf(before), since = null } = order.swapBack ?? {};
  return await compareRetained(context, deployment, { record, items, expected, before, since });
}

/** The failure of a rollback that is done: it brought something back otherwise than it was. */
export async function differenceOf(record: RestoreRecord, error: unknown): Promise<KeepError> {
  const cause = toKeepError(error);
  await record.log(cause.message);
  return new KeepError("restore-broken", `the rollback is done, but ${cause.message}`, {
    hint: "Correct what is named by hand: the safety backup has the definitions, users and roles.",
    details: { ...cause.details, restoreId: record.id },
    cause,
  });
}

function warnNotExpired({ emit }: JobContext, record: RestoreRecord, error: unknown): void {
  const { message } = toKeepError(error);
  emit({
    kind: "log",
    level: "error",
    code: "expiry-not-set",
    message: `the restored data is live, but its last steps failed, so documents that should expire may not: ${message}; to finish the restore: mongokeep restore --resume ${record.id} --confirm`,
  });
}

/** null also where it cannot be read: then nothing that was replaced counts as held by it. */
async function openSafetyBackup(
  { settings, place, emit }: JobContext,
  id: string | null,
): Promise<OpenedBackup | null> {
  if (id === null) return null;
  try {
    return await openBackup(join(settings.backupDir, id), place);
  } catch (error) {
    const message = `the restore is done; its safety backup cannot be read: ${toKeepError(error).message}`;
    warn(emit, "aside-not-compared", message);
    return null;
  }
}
