// The last steps of a restore whose data is live: documents begin to expire, and what was replaced is compared. What
// must stay true: no signal and no failure makes a failure of the restore.
import { warn } from "../../../events.ts";
import { join } from "node:path";
import { openBackup } from "../../../archive/reader.ts";
import type { OpenedBackup } from "../../../archive/opened.ts";
import { KeepError, toKeepError } from "../../../errors.ts";
import { expireAll, hasExpiry } from "../../../restore/load/expiry.ts";
import { collectWork, IN_PLACE } from "../../../restore/load/load-collections.ts";
import type { Work } from "../../../restore/load/load-collections.ts";
import type { PlannedCollection } from "../../../restore/plan/plan.ts";
import { bestEffort } from "../../../restore/record/record-file.ts";
import type { RestoreRecord } from "../../../restore/record/record.ts";
import type { Defined } from "../../../restore/restore-context.ts";
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
  /** How the state after a rollback differs from the state before the restore; null: not at all. */
  readonly difference: KeepError | null;
}

export async function settle(restore: Transaction): Promise<Settled> {
  // A signal aborts what it can: this is the rest of a change that was made.
  const { signal } = new AbortController();
  const context = { ...restore.context, signal };
  const record = bestEffort(restore.record, context.emit);
  try {
    await using deployment = await restore.context.connect(signal);
    const settling = { ...restore, context, deployment, record };
    const isWhole = await expire(settling);
    const difference = isWhole ? await findDifference(settling) : null;
    return { setAside: await retainedOf(settling), isWhole, difference };
  } catch (error) {
    warnNotExpired(context, record, error);
    return { setAside: [], isWhole: false, difference: null };
  }
}

/** The record of an earlier run says what expires: an oplog may have changed that since the backup. */
async function expiringOf({ context, order, found }: Transaction): Promise<readonly Defined[]> {
  const { plan, backup } = order;
  if (!plan.expiry || plan.mode !== "staged") return [];
  if (found.staging) return found.staging.work.filter(isSwapped);
  if (found.expiring) return found.expiring;
  const inFiles = backup
    ? (await collectWork(backup, loadedPart(order), IN_PLACE)).filter(isSwapped)
    : [];
  if (plan.oplog === null) return inFiles;
  warnNotKnown(context, order, inFiles);
  return [];
}

const isSwapped = ({ planned }: Work) => planned.way === "swap";

/** The collections whose definitions should be those of the backup. */
async function definitionsOf({ order, found }: Transaction): Promise<readonly Defined[]> {
  const { plan, backup } = order;
  if (!plan.expiry) return [];
  if (found.staging) return found.staging.work;
  return backup && plan.mode === "staged"
    ? await collectWork(backup, loadedPart(order), IN_PLACE)
    : [];
}

/** Leaves out what a rollback brings back by a rename or creates from its record: the backup need not hold that. */
function loadedPart({ plan, rollbackOf }: RestoreOrder) {
  const isInRecord = ({ way, rawBytes }: PlannedCollection) =>
    rollbackOf !== null && way !== "in-place" && rawBytes === null;
  return { collections: plan.collections.filter((one) => !isInRecord(one)) };
}

async function expire(restore: Transaction): Promise<boolean> {
  const { context, record } = restore;
  try {
    await expireAll(restore, await expiringOf(restore));
    return true;
  } catch (error) {
    warnNotExpired(context, record, error);
    return false;
  }
}

async function findDifference(restore: Transaction): Promise<KeepError | null> {
  const { context, deployment, order, record } = restore;
  if (order.rollbackOf === null) return null;
  const { emit, signal } = context;
  const expected = { before: accountsOf(order), usersOf: order.plan.usersOf };
  const work = await definitionsOf(restore);
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

/** An older mongokeep did not write it down: a wrong expiry deletes documents, none deletes nothing. */
function warnNotKnown(
  { emit }: JobContext,
  { plan }: RestoreOrder,
  inFiles: readonly Work[],
): void {
  const made = plan.collections.filter(({ fromOplog, way }) => fromOplog && way === "swap");
  const expiring = inFiles.filter(hasExpiry).map(({ planned }) => planned);
  const names = [...expiring, ...made].map(({ namespace }) => namespace);
  const which = names.length > 0 ? `: ${names.join(", ")}` : "";
  const message = `no documents expire yet: an older mongokeep began this restore, and did not record what its oplog made of the expiry. See which of the restored collections need one${which}; set it with createIndex or collMod and expireAfterSeconds`;
  warn(emit, "expiry-not-known", message);
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
