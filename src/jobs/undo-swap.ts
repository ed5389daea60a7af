// Puts back what a staged restore swapped: by the same renames in the other direction.
import { join } from "node:path";
import type { KeepError } from "../errors.ts";
import type { RestorePlan } from "../restore/plan.ts";
import type { RestoreRecord } from "../restore/record.ts";
import { dropOwn, pruneMarkers } from "../restore/staged.ts";
import { carryOutSwap } from "../restore/swap.ts";
import { reversed } from "../restore/swap-plan.ts";
import type { SwapItem } from "../restore/swap-plan.ts";
import { openBackup } from "../archive/reader.ts";
import { databasesWithAccounts } from "../restore/account-files.ts";
import { mergeAccountsFrom } from "./accounts.ts";
import type { JobContext } from "./context.ts";
import { inPlacePart } from "./protect.ts";
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
 * The old state, exactly, from wherever the swap stopped. What was staged is dropped then. It must work while
 * the run is being interrupted, so it has a connection and a signal of its own.
 */
export async function putSwapBack(context: JobContext, swap: SwapToUndo): Promise<void> {
  const { plan, record, items, inPlaceBackup } = swap;
  const { backupDir } = context.settings;
  {
    await using deployment = await context.connect(new AbortController().signal);
    const { client } = deployment;
    await carryOutSwap(
      { client, restoreId: record.id, record, step: "swap-back" },
      items.map(reversed),
    );
  }
  const part = inPlacePart(plan);
  const path = inPlaceBackup === null ? null : join(backupDir, inPlaceBackup);
  if (part) await putBackInPlace(context, part, path, record);
  const { signal } = new AbortController();
  await using deployment = await context.connect(signal);
  if (plan.usersOf.length > 0 && swap.accountsBackup !== null) {
    const before = await openBackup(join(backupDir, swap.accountsBackup));
    const usersOf = await databasesWithAccounts(before);
    const quiet: RestoreRecord = { ...record, journal: () => Promise.resolve() };
    await mergeAccountsFrom(deployment, before, usersOf, quiet, { emit: context.emit, signal });
  }
  await dropOwn(
    deployment,
    plan.targetDatabases,
    (marker) => marker.restoreId === record.id && marker.role === "staged",
  );
  await pruneMarkers(deployment, plan.targetDatabases, record.id);
}
