// The last steps of a restore whose data is live: documents begin to expire, and what was replaced is compared. The
// same for a restore and for a resumed one. What must stay true: no signal and no failure makes a failure of it.
import { openBackup } from "../../../archive/reader.ts";
import type { OpenedBackup } from "../../../archive/opened.ts";
import { KeepError, toKeepError } from "../../../errors.ts";
import type { Deployment } from "../../../mongo/deployment.ts";
import { expireAll } from "../../../restore/load/expiry.ts";
import type { Work } from "../../../restore/load/load-collections.ts";
import type { RestoreRecord } from "../../../restore/record/record.ts";
import type { SwapItem } from "../../../restore/swap/swap-plan.ts";
import { expectedOf, settleAside } from "../retained/compare.ts";
import type { JobContext } from "../../context.ts";
import { proveAccounts } from "./verify-accounts.ts";
import type { AccountsBack } from "./verify-accounts.ts";
import { proveAgainst } from "./verify-definitions.ts";
import type { SwapBack } from "../plan/order.ts";
import type { SetAside } from "../retained/retained.ts";

export interface Restored {
  /** One that never fails (bestEffort). */
  readonly record: RestoreRecord;
  /** What was swapped in, and may expire; empty with --no-ttl. */
  readonly expiring: readonly Work[];
  readonly items: readonly SwapItem[];
  /** For a rollback: the backup with the users and roles that it brought back. */
  readonly accounts: AccountsBack;
  /** The path of the safety backup; null: there is none. */
  readonly safetyBackup: string | null;
  /** For a rollback by renames: what is replaced now. */
  readonly swapBack?: Pick<SwapBack, "expected" | "since"> | undefined;
  /** The restore that this one undoes: then all that was loaded must be as it was, options and indexes too. */
  readonly rollbackOf: string | null;
}

export interface Settled {
  readonly setAside: readonly SetAside[];
  /** false: documents that should expire do not yet. The record must not say that the restore ended. */
  readonly isWhole: boolean;
  /** What a rollback brought back otherwise than it was; null: nothing. */
  readonly difference: KeepError | null;
}

export async function settleRestored(outer: JobContext, restored: Restored): Promise<Settled> {
  // A signal aborts what it can: this is the rest of a change that was made.
  const { signal } = new AbortController();
  const context = { ...outer, signal };
  try {
    await using deployment = await outer.connect(signal);
    const isWhole = await expire(context, deployment, restored);
    const difference = isWhole ? await findDifference(context, deployment, restored) : null;
    const { record, items, swapBack } = restored;
    const before = await openBefore(context, restored.safetyBackup);
    const expected = swapBack?.expected ?? expectedOf(before);
    const since = swapBack?.since ?? null;
    const toSettle = { record, items, expected, before, since };
    return { setAside: await settleAside(context, deployment, toSettle), isWhole, difference };
  } catch (error) {
    tellNotExpired(context, restored.record, error);
    return { setAside: [], isWhole: false, difference: null };
  }
}

async function expire(
  context: JobContext,
  deployment: Deployment,
  { record, expiring }: Restored,
): Promise<boolean> {
  const swapped = expiring.filter(({ planned }) => planned.way === "swap");
  try {
    await expireAll({ deployment, record, context }, swapped);
    return true;
  } catch (error) {
    tellNotExpired(context, record, error);
    return false;
  }
}

async function findDifference(
  { emit, signal }: JobContext,
  deployment: Deployment,
  { rollbackOf, expiring, accounts, record }: Restored,
): Promise<KeepError | null> {
  if (rollbackOf === null) return null;
  try {
    await proveAgainst(deployment, signal)(expiring);
    await proveAccounts(deployment, accounts, { emit, signal });
    return null;
  } catch (error) {
    return await isOtherwise(record, error);
  }
}

/** The failure of a rollback that is done: it brought something back otherwise than it was. */
export async function isOtherwise(record: RestoreRecord, error: unknown): Promise<KeepError> {
  const cause = toKeepError(error);
  await record.log(cause.message);
  return new KeepError("restore-broken", `the rollback is done, but ${cause.message}`, {
    hint: "Correct what is named by hand: the safety backup has the definitions, users and roles.",
    details: { ...cause.details, restoreId: record.id },
    cause,
  });
}

function tellNotExpired({ emit }: JobContext, record: RestoreRecord, error: unknown): void {
  const { message } = toKeepError(error);
  emit({
    kind: "log",
    level: "error",
    code: "expiry-not-set",
    message: `the restored data is live, but its last steps failed, so documents that should expire may not: ${message}; to finish the restore: mongokeep restore --resume ${record.id} --confirm`,
  });
}

/** null also where it cannot be read: then nothing that was replaced counts as held by it. */
async function openBefore({ emit }: JobContext, path: string | null): Promise<OpenedBackup | null> {
  if (path === null) return null;
  try {
    return await openBackup(path);
  } catch (error) {
    const message = `the restore is done; its safety backup cannot be read: ${toKeepError(error).message}`;
    emit({ kind: "log", level: "warn", code: "aside-not-compared", message });
    return null;
  }
}
