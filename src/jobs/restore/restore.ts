// verify → plan → confirm → safety backup → load beside the live data → stop the service → replace → start the service.
import { basename } from "node:path";
import { DAMAGED_SUFFIX, isDatabaseName } from "../../archive/layout.ts";
import { openBackup } from "../../archive/reader.ts";
import type { OpenedBackup } from "../../archive/opened.ts";
import type { Verification } from "../../archive/verification.ts";
import { resolveAt, resolveBackup } from "../../archive/resolve.ts";
import { KeepError } from "../../errors.ts";
import type { Deployment } from "../../mongo/deployment.ts";
import { assertTakesWrites } from "../../mongo/takes-writes.ts";
import { readAuthority, STAGING_ACTIONS } from "../../mongo/privileges.ts";
import { databasesWithAccounts } from "../../restore/load/account-files.ts";
import { inspectLive } from "../../restore/plan/live.ts";
import { stagedDatabases } from "../../restore/plan/needs.ts";
import { chooseMongorestore } from "../../restore/load/mongorestore.ts";
import { planRestore } from "../../restore/plan/plan.ts";
import type { RestorePlan } from "../../restore/plan/plan.ts";
import type { RestoreEngine, StoredRequest } from "../../restore/record/record.ts";
import { beginAttempt } from "../../restore/record/attempt.ts";
import { splitNamespace } from "../../restore/plan/select.ts";
import { openBackupDir } from "../../storage/backup-dir.ts";
import { guardGit } from "../../storage/git-guard.ts";
import { verifyBackup } from "../../verify/verify.ts";
import { collecting } from "../collect-warnings.ts";
import { carryOut } from "./run/carry-out.ts";
import { assertFit } from "./plan/version-check.ts";
import { readOplogForPlan } from "./plan/oplog.ts";
import { describePlan } from "./plan/describe.ts";
import { buildResult } from "./run/result.ts";
import type { RestoreOrder } from "./plan/order.ts";
import { numberedCheck } from "./run/numbered-steps.ts";
import { withinRights } from "./plan/rights.ts";
import type { JobContext } from "../context.ts";
import { holdFolder } from "../hold-folder.ts";
import type { HeldFolder } from "../hold-folder.ts";
import type { PlannedRestore, RestoreResult } from "../results.ts";
import { readRestores } from "./records.ts";
import { describeNothing, isServersOwn, tellLeftOut, toSource } from "./plan/sources.ts";
import { unpackArchive } from "../inspect/unpack-archive.ts";

export interface RestoreRequest {
  /** An id, a path, or "latest"; with `at` the newest good one made before that moment. */
  readonly backup: string;
  /** Milliseconds since 1970. */
  readonly at?: number;
  readonly rename: ReadonlyMap<string, string>;
  /** `database.collection` in the backup → the one to restore it as. */
  readonly renameNamespaces: ReadonlyMap<string, string>;
  readonly only: readonly string[] | null;
  readonly exclude: readonly string[];
  /** What exists only live goes too. */
  readonly exact: boolean;
  /** Drop and load in place of staging beside the live data. */
  readonly inPlace: boolean;
  /** false: without the expiry of TTL indexes and collections. */
  readonly expiry: boolean;
  readonly skipPreBackup: boolean;
  readonly useService: boolean;
  readonly confirm: boolean;
  /** Restore to a server that version-guard.ts takes for unfit. */
  readonly forceVersion?: boolean;
  readonly engine?: RestoreEngine;
}

/** @throws KeepError backup-not-found, damaged, locked, usage …, restore-undone, restore-broken */
export async function runRestore(
  outer: JobContext,
  request: RestoreRequest,
): Promise<PlannedRestore | RestoreResult> {
  const warnings: string[] = [];
  const unlocked = { ...outer, emit: collecting(outer.emit, warnings) };
  await using held = request.confirm ? await lockAttempt(unlocked) : null;
  const context = held?.context ?? unlocked;
  const result = await restoreLocked(context, request);
  return { ...result, warnings };
}

/** The same for who holds the lock, and keeps the warnings. */
export async function restoreLocked(
  context: JobContext,
  request: RestoreRequest,
): Promise<PlannedRestore | RestoreResult> {
  const began = performance.now();
  const { path, isArchive } = await find(context, request);
  const what = { command: "restore", outlineOnly: !request.confirm };
  const checking = request.confirm
    ? { ...context, emit: numberedCheck(context.emit, `the backup ${basename(path)}`) }
    : context;
  await using unpacked = isArchive ? await unpackArchive(checking, path, what) : null;
  const verified = unpacked ? null : await assertWhole(checking, path);
  const verifySeconds = unpacked?.seconds ?? verified?.seconds ?? 0;
  const backup = unpacked?.backup ?? (await openBackup(path));
  await using deployment = await context.connect();
  await assertTakesWrites(deployment, context.signal);
  await tellBetween(context);
  const wanted = await planFor(context, deployment, { backup, verified }, request);
  await assertFit(context, deployment.server, { ...request, backup, plan: wanted });
  const { plan, placed } = await withinRights(context, deployment, { backup, plan: wanted });
  const order: RestoreOrder = {
    backup,
    plan,
    placed,
    rollbackOf: null,
    skipPreBackup: request.skipPreBackup,
    useService: request.useService,
    protectOnly: protectOnly(request, plan),
    request: toStored(request, path),
    ...(await loaderOf(deployment, context, request)),
  };
  if (!request.confirm) return await describePlan(context, deployment, order, []);
  const outcome = await carryOut(context, deployment, order);
  const restored = { plan, rollbackOf: null, backup: plan.backup, verifySeconds, began };
  return buildResult(context, { ...restored, warnings: [] }, outcome);
}

/** How what was asked for loads documents. */
export async function loaderOf(
  deployment: Deployment,
  { emit, signal }: JobContext,
  { engine = "native" }: Pick<RestoreRequest, "engine">,
): Promise<Pick<RestoreOrder, "createLoader">> {
  if (engine === "native") return {};
  return { createLoader: await chooseMongorestore(deployment, { emit, signal }) };
}

async function find(context: JobContext, { backup: ref, at }: RestoreRequest) {
  const { settings, clock } = context;
  const wanted = { hosts: settings.hosts, databases: settings.databases, exclude: [] };
  if (at !== undefined) return await resolveAt(settings.backupDir, at, wanted, clock.now());
  return await resolveBackup(settings.backupDir, ref, wanted, clock.now());
}

/** A restore needs a place for its record and its protection, and nobody else at work. */
export async function lockRestores(context: JobContext, command: string): Promise<HeldFolder> {
  const root = context.settings.backupDir;
  await openBackupDir(root);
  await guardGit(root);
  return await holdFolder(context, { command, waitMs: 0 });
}

/** The same, and notes that a restore begins: until it has a record of its own, it counts as one that failed. */
export async function lockAttempt(context: JobContext): Promise<HeldFolder> {
  // A disk that does not take the note takes no record either, and what needs none must not fail for it.
  const note = () => beginAttempt(context.settings.backupDir, context.clock).catch(() => undefined);
  const lock = await lockRestores(context, "restore").catch(async (error: unknown) => {
    if (error instanceof KeepError && error.code === "locked") await note();
    throw error;
  });
  await note();
  return lock;
}

/** @throws KeepError damaged naming the first problem; gives what was found */
export async function assertWhole(context: JobContext, path: string): Promise<Verification> {
  context.emit({ kind: "step", step: "verify", state: "begin" });
  const verified = await verifyBackup(path, "quick", context);
  const { ok, problems } = verified;
  context.emit({ kind: "step", step: "verify", state: "end" });
  const [first] = problems;
  if (ok || !first) return verified;
  const isSetAside = path.endsWith(DAMAGED_SUFFIX);
  const name = basename(path);
  const hint = `${name} failed its verification when it was made, and is kept to be looked at: mongokeep verify ${name} says what is damaged, mongokeep list which backups are good.`;
  throw new KeepError(
    "damaged",
    `${path} is damaged: ${first.file === "" ? "" : `${JSON.stringify(first.file)}: `}${first.problem}${problems.length > 1 ? ` (and ${problems.length - 1} more)` : ""}`,
    { ...(isSetAside && { hint }), details: { file: first.file, problems: problems.length } },
  );
}

/** Only what is restored, where it is not the whole of its databases. */
function protectOnly(request: RestoreRequest, plan: RestorePlan): readonly string[] | null {
  const { only, exclude, renameNamespaces, exact } = request;
  const part = only !== null || exclude.length > 0 || renameNamespaces.size > 0;
  return part && !exact ? plan.collections.map((c) => c.namespace) : null;
}

function toStored(request: RestoreRequest, path: string): StoredRequest {
  const { only, exclude, exact, inPlace, expiry, skipPreBackup, useService } = request;
  const rename = [...request.rename];
  const renameNamespaces = [...request.renameNamespaces];
  return {
    ...{ backup: path, rename, renameNamespaces },
    ...{ only, exclude, exact, inPlace, expiry, skipPreBackup, useService },
    forceVersion: request.forceVersion ?? false,
    engine: request.engine ?? "native",
  };
}

const NAME_ANOTHER = "Name another backup: mongokeep show lists the collections of each.";

async function planFor(
  context: JobContext,
  deployment: Deployment,
  { backup, verified }: { readonly backup: OpenedBackup; readonly verified: Verification | null },
  request: RestoreRequest,
): Promise<RestorePlan> {
  const { rename, renameNamespaces, only, exclude, exact, expiry } = request;
  tellLeftOut(context.emit, backup);
  tellDoubtful(context, backup);
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

/** A restore that died is better ended first, and easily overlooked at night. */
async function tellBetween(context: JobContext): Promise<void> {
  const { records } = await readRestores(context);
  const dead = records.find((r) => r.state === "broken");
  if (!dead) return;
  context.emit({
    kind: "log",
    level: "warn",
    code: "restore-between",
    message: `the restore ${dead.id} did not end, and left the data between two states: rather end it first, with mongokeep rollback ${dead.id}, or mongokeep restore --resume ${dead.id}`,
  });
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
  emit({
    kind: "log",
    level: "warn",
    code: "in-place",
    message: `the restore is in place, so that the service is down until all is loaded: ${because}`,
  });
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
function tellDoubtful({ emit }: JobContext, { collections }: OpenedBackup): void {
  const isBare = (c: (typeof collections)[number]) =>
    c.metadataFile === null && c.indexes === undefined && c.type === "collection";
  const bare = collections.filter((c) => isBare(c) && !isServersOwn(c));
  const renamed = collections.filter((c) => c.renamedFrom !== undefined);
  const names = (some: typeof collections) => some.map((c) => `${c.database}.${c.name}`).join(", ");
  const tell = (code: string, message: string) => {
    emit({ kind: "log", level: "warn", code, message });
  };
  if (bare.length > 0)
    tell("no-metadata", `restored without options and indexes, for there is no metadata file, or an empty one: ${names(bare)}`); // prettier-ignore
  if (renamed.length > 0)
    tell("renamed-files", `restored under the names of their files, which are not those in their metadata: ${names(renamed)}`); // prettier-ignore
}
