// Users and roles in a restore: whether they can be merged, tried before anything changes; and in a staged one
// their merge, once the names are swapped.
import { readChunks } from "../../../archive/chunk-reader.ts";
import type { OpenedBackup } from "../../../archive/opened.ts";
import type { Deployment } from "../../../mongo/deployment.ts";
import { accountFilesOf } from "../../../restore/load/account-files.ts";
import { createLoader } from "../../../restore/load/load.ts";
import { mergeAll } from "../../../restore/load/in-place.ts";
import type { RestoreRecord } from "../../../restore/record/record.ts";
import type { RestoreContext } from "../../../restore/restore-context.ts";
import { rehearseMerge } from "../../../restore/load/users.ts";
import type { JobContext } from "../../context.ts";
import type { RestoreOrder } from "../plan/order.ts";

/** @throws KeepError rights-missing, server-error */
export async function mergeAccountsFrom(
  deployment: Deployment,
  backup: OpenedBackup,
  usersOf: readonly string[],
  record: RestoreRecord,
  context: RestoreContext,
): Promise<void> {
  if (usersOf.length === 0) return;
  using loader = createLoader(deployment);
  const run = { deployment, loader, record, context, proving: { seconds: 0 } };
  await mergeAll(run, backup, { usersOf });
}

/** The order without users and roles where this server does not merge them, which is said. */
export async function withMergeableAccounts(
  context: JobContext,
  deployment: Deployment,
  order: RestoreOrder,
): Promise<RestoreOrder> {
  const source = order.swapBack ? order.swapBack.accounts : order.backup;
  const [database] = order.plan.usersOf;
  if (database === undefined || !source) return order;
  if (!(await hasAccounts(source, order.plan.usersOf, context.signal))) return order;
  const refused = await rehearseMerge(deployment, database);
  if (refused === null) return order;
  const message = `users and roles are not restored: ${refused.message} (${refused.hint})`;
  context.emit({ kind: "log", level: "warn", code: "users-not-restored", message });
  return { ...order, plan: { ...order.plan, usersOf: [] } };
}

async function hasAccounts(
  backup: OpenedBackup,
  usersOf: readonly string[],
  signal: AbortSignal,
): Promise<boolean> {
  for (const database of usersOf) {
    const { users, roles } = await accountFilesOf(backup, database);
    for (const file of [users, roles])
      if (file !== null)
        for await (const { raw } of readChunks(file, { width: 1, signal }))
          if (raw.length > 0) return true;
  }
  return false;
}
