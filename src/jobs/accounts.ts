// Users and roles in a staged restore: merged once the names are swapped.
import type { OpenedBackup } from "../archive/opened.ts";
import type { Deployment } from "../mongo/deployment.ts";
import { createLoader } from "../restore/load.ts";
import { mergeAll } from "../restore/native.ts";
import type { RestoreRecord } from "../restore/record.ts";
import type { RestoreContext } from "../restore/restore-context.ts";

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
