// Puts back what a staged restore swapped: by the same renames in the other direction.
import { join } from "node:path";
import { KeepError } from "../../../errors.ts";
import type { Deployment } from "../../../mongo/deployment.ts";
import type { OwnRole } from "../../../mongo/own-collections.ts";
import type { RestorePlan } from "../../../restore/plan/plan.ts";
import { readRecord } from "../../../restore/record/read-record.ts";
import type { RestoreRecord, Step } from "../../../restore/record/record.ts";
import { dropOwn, pruneMarkers, untilIdle } from "../../../restore/swap/staged.ts";
import type { ProvedCollection } from "../../../restore/load/prove.ts";
import { carryOutSwap } from "../../../restore/swap/swap.ts";
import { reversed } from "../../../restore/swap/swap-plan.ts";
import type { SwapItem } from "../../../restore/swap/swap-plan.ts";
import { openBackup } from "../../../archive/reader.ts";
import { databasesWithAccounts } from "../../../restore/load/account-files.ts";
import { mergeAccountsFrom } from "./accounts.ts";
import type { JobContext } from "../../context.ts";
import { inPlacePart } from "./safety-backup.ts";
import { assertAccountsThere, tellAccountsNotHeld, tellNotVerified } from "./verify-accounts.ts";
import { messageOf } from "../../../util/redact.ts";
import { proveRenamed } from "./verify-definitions.ts";
import { markReturned } from "../retained/rejected.ts";
import { swapContext } from "./swap-context.ts";
import { putBackInPlace, undo } from "./undo.ts";

export interface SwapToUndo {
  readonly plan: RestorePlan;
  readonly record: RestoreRecord;
  readonly items: readonly SwapItem[];
  /** The id of the backup of what was replaced in place; null: nothing was. */
  readonly inPlaceBackup: string | null;
  /** The id of the backup with the users and roles from before; null: there is none. */
  readonly accountsBackup: string | null;
}

/** Always throws: restore-undone where the old state is back, restore-broken where it is not. */
export async function undoSwap(
  context: JobContext,
  swap: SwapToUndo,
  cause: KeepError,
): Promise<never> {
  const { record, accountsBackup: protectedBy } = swap;
  return await undo(context.emit, {
    record,
    cause,
    protectedBy,
    hint: `What was live is still on the server, set aside. When the cause is mended, run: mongokeep rollback ${record.id} --confirm`,
    putBack: () => putSwapBack(context, swap),
  });
}

/**
 * The old state, exactly, from wherever the swap stopped. What was staged and never live is dropped then; what
 * was live is settled later (settleReturned). It must work while the run is being interrupted, so it has a
 * connection and a signal of its own.
 */
export async function putSwapBack(
  context: JobContext,
  swap: SwapToUndo,
): Promise<readonly ProvedCollection[]> {
  const { plan, record, items, inPlaceBackup } = swap;
  const { backupDir } = context.settings;
  const wrong: string[] = [];
  {
    await using deployment = await context.connect(new AbortController().signal);
    await untilIdle(deployment.client, namesOf(items), RENAME_WAIT);
    await markReturned(deployment, record.id, items);
    const how = swapContext(context, deployment, record, "swap-back");
    await carryOutSwap(how, items.map(reversed));
    await differing(wrong, () => proveRenamed(deployment, items.map(reversed)));
  }
  const part = inPlacePart(plan);
  const begun = part !== null && (await isTouched(context, record.id, part));
  const path = inPlaceBackup === null ? null : join(backupDir, inPlaceBackup);
  const gone = begun && path === null ? replacedBy(part) : [];
  // What nothing can bring back stays as it is, and is told in the end.
  const inPlace =
    begun && gone.length === 0 ? await putBackInPlace(context, part, path, record) : [];
  await using deployment = await context.connect(new AbortController().signal);
  await differing(wrong, () => putAccountsBack(context, deployment, swap));
  await dropOwn(
    deployment,
    plan.targetDatabases,
    ({ restoreId, role }) => restoreId === record.id && NEVER_LIVE.includes(role),
  );
  await pruneMarkers(deployment, plan.targetDatabases, record.id);
  if (gone.length > 0)
    wrong.push(
      `${gone.join(", ")}: replaced in place, and there is no pre-restore backup (--skip-pre-backup); all else is back`,
    );
  if (wrong.length > 0) throw new KeepError("failed", wrong.join("; "));
  return inPlace;
}

/** What differs is named in the end, when all that can be put back is back. */
async function differing(wrong: string[], act: () => Promise<void>): Promise<void> {
  try {
    await act();
  } catch (error) {
    if (!(error instanceof KeepError) || error.details.differences === undefined) throw error;
    wrong.push(error.message);
  }
}

async function putAccountsBack(
  { settings, emit }: JobContext,
  deployment: Deployment,
  { plan, record, accountsBackup }: SwapToUndo,
): Promise<void> {
  if (plan.usersOf.length === 0 || accountsBackup === null) return;
  const before = await openBackup(join(settings.backupDir, accountsBackup)).catch(
    (error: unknown) => {
      tellNotVerified(emit, plan.usersOf, messageOf(error));
      return null;
    },
  );
  if (before === null) return;
  tellAccountsNotHeld(emit, before, plan.usersOf);
  const usersOf = await databasesWithAccounts(before);
  const quiet: RestoreRecord = { ...record, journal: () => Promise.resolve() };
  const { signal } = new AbortController();
  await mergeAccountsFrom(deployment, before, usersOf, quiet, { emit, signal });
  await assertAccountsThere(deployment, { before, usersOf }, { emit, signal });
}

const NEVER_LIVE: readonly OwnRole[] = ["staged", "tried"];

/**
 * A rename whose connection was closed may wait on the server still, for a transaction that holds the
 * collection (a minute at most, unless the server is set otherwise), and would be made after all was looked at.
 */
const RENAME_WAIT = { waitMs: 90_000, looks: 3, ofOthers: false } as const;

function namesOf(items: readonly SwapItem[]): Set<string> {
  const names = items.flatMap(({ database, name, old, new: next }) => [
    `${database}.${name}`,
    ...[old, next].flatMap((s) => (s.kind === "collection" ? [`${database}.${s.parked}`] : [])),
  ]);
  return new Set(names);
}

/** Whether the part that is replaced in place had begun: else what is there is the old state, or newer. */
async function isTouched(
  { settings }: JobContext,
  restoreId: string,
  part: RestorePlan,
): Promise<boolean> {
  // Not to know is to take it for begun.
  const stored = await readRecord(settings.backupDir, restoreId).catch(() => null);
  if (stored === null) return true;
  const names = new Set([...part.collections.map((c) => c.namespace), ...part.remove]);
  const steps: readonly Step[] = ["drop", "create", "load"];
  return stored.entries.some((e) => names.has(e.namespace ?? "") && steps.includes(e.step));
}

const replacedBy = ({ collections, remove }: RestorePlan): string[] => [
  ...collections.filter((c) => c.action === "replace").map((c) => c.namespace),
  ...remove,
];
