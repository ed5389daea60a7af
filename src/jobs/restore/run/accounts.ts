// The phase that merges users and roles, once the data is live; whether they can be merged is tried before anything
// changes. Its undo merges those of the safety backup: what a restore brought stays, and what it changed comes back.
import { warn } from "../../../events.ts";
import { join } from "node:path";
import { readChunks } from "../../../archive/chunk-reader.ts";
import { openBackup } from "../../../archive/reader.ts";
import type { OpenedBackup } from "../../../archive/opened.ts";
import type { Deployment } from "../../../mongo/deployment.ts";
import { accountFilesOf, databasesWithAccounts } from "../../../restore/load/account-files.ts";
import { mergeAll } from "../../../restore/load/in-place.ts";
import { createLoader } from "../../../restore/load/load.ts";
import { rehearseMerge } from "../../../restore/load/users.ts";
import { withoutJournal } from "../../../restore/record/record-file.ts";
import type { RestoreRecord } from "../../../restore/record/record.ts";
import type { RestoreContext } from "../../../restore/restore-context.ts";
import { messageOf } from "../../../util/redact.ts";
import type { JobContext } from "../../context.ts";
import { accountsOf } from "../plan/order.ts";
import type { RestoreOrder } from "../plan/order.ts";
import type { Phase } from "./phase.ts";
import { assertAccountsThere, warnAccountsNotHeld, warnNotVerified } from "./verify-accounts.ts";

export const accounts: Phase = {
  async do({ context, deployment, order, record, found }) {
    const source = accountsOf(order);
    const { usersOf } = order.plan;
    if (source === null || usersOf.length === 0) return;
    found.hasMerged = true;
    await mergeFrom(deployment, source, usersOf, record, context);
  },

  /** An unreadable safety backup is a warning: the data is back all the same. */
  async undo({ context, order: { plan }, record, at, found }) {
    const { settings, place, emit } = context;
    // The journal of an interrupted run does not tell whether that run had begun to merge.
    if (at === "start" && !found.hasMerged) return;
    if (plan.usersOf.length === 0 || found.safetyBackup === null) return;
    const path = join(settings.backupDir, found.safetyBackup);
    const before = await openBackup(path, place).catch((error: unknown) => {
      warnNotVerified(emit, plan.usersOf, messageOf(error));
      return null;
    });
    if (before === null) return;
    warnAccountsNotHeld(emit, before, plan.usersOf);
    const usersOf = await databasesWithAccounts(before);
    const { signal } = new AbortController();
    await using own = await context.connect(signal);
    await mergeFrom(own, before, usersOf, withoutJournal(record), { emit, signal });
    await assertAccountsThere(own, { before, usersOf }, { emit, signal });
  },
};

/** @throws KeepError rights-missing, server-error */
async function mergeFrom(
  deployment: Deployment,
  backup: OpenedBackup,
  usersOf: readonly string[],
  record: RestoreRecord,
  { emit, signal }: RestoreContext,
): Promise<void> {
  using loader = createLoader(deployment);
  const run = { deployment, loader, record, context: { emit, signal }, proving: { seconds: 0 } };
  await mergeAll(run, backup, { usersOf });
}

/** The order without users and roles where this server does not merge them, which is reported. */
export async function withMergeableAccounts(
  context: JobContext,
  deployment: Deployment,
  order: RestoreOrder,
): Promise<RestoreOrder> {
  const source = accountsOf(order);
  const [database] = order.plan.usersOf;
  if (database === undefined || !source) return order;
  if (!(await hasAccounts(source, order.plan.usersOf, context.signal))) return order;
  const refused = await rehearseMerge(deployment, database);
  if (refused === null) return order;
  const message = `users and roles are not restored: ${refused.message} (${refused.hint})`;
  warn(context.emit, "users-not-restored", message);
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
