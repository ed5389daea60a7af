// The plan of a restore: what the backup has, what is live, and which of the two ways each collection can take.
import { warn } from "../../../events.ts";
import { isDatabaseName } from "../../../archive/layout.ts";
import type { OpenedBackup } from "../../../archive/opened.ts";
import type { Verification } from "../../../archive/verification.ts";
import { KeepError } from "../../../errors.ts";
import type { Deployment } from "../../../mongo/deployment.ts";
import { readAuthority, STAGING_ACTIONS } from "../../../mongo/privileges.ts";
import { databasesWithAccounts } from "../../../restore/load/account-files.ts";
import { inspectLive } from "../../../restore/plan/live.ts";
import { stagedDatabases } from "../../../restore/plan/needs.ts";
import { planRestore } from "../../../restore/plan/plan.ts";
import type { RestorePlan } from "../../../restore/plan/plan.ts";
import { splitNamespace } from "../../../restore/plan/select.ts";
import type { RestoreRequest } from "../../../restore/record/request.ts";
import type { JobContext } from "../../context.ts";
import { readOplogForPlan } from "./oplog.ts";
import { describeNothing, isServersOwn, warnOfLeftOut, toSource } from "./sources.ts";

const NAME_ANOTHER = "Name another backup: mongokeep show lists the collections of each.";

/** @throws KeepError failed, usage: nothing is restored, or a selection names nothing */
export async function buildPlan(
  context: JobContext,
  deployment: Deployment,
  { backup, verified }: { readonly backup: OpenedBackup; readonly verified: Verification | null },
  request: RestoreRequest,
): Promise<RestorePlan> {
  const { rename, renameNamespaces, only, exclude, exact, expiry } = request;
  warnOfLeftOut(context.emit, backup);
  warnOfDoubtful(context, backup);
  const selection = { rename, renameNamespaces, only, exclude };
  const files = toSource(backup, verified?.collections);
  const log = await readOplogForPlan(context, backup, files, selection);
  const source = [...files, ...(log?.source ?? [])];
  const accountsOf = await databasesWithAccounts(backup);
  if (source.length + accountsOf.length === 0)
    throw new KeepError("failed", describeNothing(backup), { hint: NAME_ANOTHER });
  const targets = new Set([
    ...source.map((n) => rename.get(n.database) ?? n.database),
    ...[...renameNamespaces.values()].map((n) => splitNamespace(n).database),
  ]);
  const plan = planRestore({
    backup: backup.manifest ? backup.id : (backup.archive ?? backup.path),
    mode: request.inPlace ? "in-place" : "staged",
    source,
    // The plan refuses the others, with what to do.
    live: await inspectLive(deployment, [...targets].filter(isDatabaseName), context.signal),
    ...{ ...selection, exact, expiry, oplog: log?.oplog ?? null },
    accountsOf,
  });
  return await stagedWherePossible(context, deployment, plan, log?.changesKinds);
}

/** Falls back to a restore in place where names cannot be swapped, and says so. */
export async function stagedWherePossible(
  { emit }: JobContext,
  deployment: Deployment,
  plan: RestorePlan,
  changesKinds = false,
): Promise<RestorePlan> {
  if (plan.mode === "in-place") return plan;
  const because = changesKinds
    ? "the oplog makes a view of a collection, or a collection of a view"
    : await notStagedBecause(deployment, plan);
  if (because === null) return plan;
  warn(
    emit,
    "in-place",
    `the restore is in place, so that the service is down until all is loaded: ${because}`,
  );
  return { ...plan, ...inPlaceThroughout(plan) };
}

async function notStagedBecause(
  { client, server, isLookalike }: Deployment,
  plan: RestorePlan,
): Promise<string | null> {
  // The swap knows a collection by its UUID, which no lookalike promises to keep, or to have.
  if (isLookalike) return "this server only resembles MongoDB, and names are not swapped on it";
  if (server.topology === "sharded") return "names cannot be swapped through a router";
  const authority = await readAuthority(client);
  for (const database of stagedDatabases(plan)) {
    const missing = authority.missing({ database, name: "", actions: STAGING_ACTIONS });
    if (missing.length > 0)
      return `the user lacks ${missing.join(", ")} on ${database} (the role readWriteAnyDatabase has it)`;
  }
  return null;
}

function inPlaceThroughout({ collections, remove }: RestorePlan) {
  return {
    mode: "in-place",
    collections: collections.map((c) => ({ ...c, way: "in-place" as const })),
    removeInPlace: remove,
  } as const;
}

/** What a dump does not say of its collections, or says otherwise than its files. */
function warnOfDoubtful({ emit }: JobContext, { collections }: OpenedBackup): void {
  const isBare = (c: (typeof collections)[number]) =>
    c.metadataFile === null && c.indexes === undefined && c.type === "collection";
  const bare = collections.filter((c) => isBare(c) && !isServersOwn(c));
  const renamed = collections.filter((c) => c.renamedFrom !== undefined);
  const names = (some: typeof collections) => some.map((c) => `${c.database}.${c.name}`).join(", ");
  const tell = (code: string, message: string) => {
    warn(emit, code, message);
  };
  if (bare.length > 0)
    tell(
      "no-metadata",
      `restored without options and indexes, for there is no metadata file, or an empty one: ${names(bare)}`,
    );
  if (renamed.length > 0)
    tell(
      "renamed-files",
      `restored under the names of their files, which are not those in their metadata: ${names(renamed)}`,
    );
}

/** What the safety backup is of: only what is restored, where it is not the whole of its databases. */
export function protectOnly(request: RestoreRequest, plan: RestorePlan): readonly string[] | null {
  const { only, exclude, renameNamespaces, exact } = request;
  const part = only !== null || exclude.length > 0 || renameNamespaces.size > 0;
  return part && !exact ? plan.collections.map((c) => c.namespace) : null;
}
