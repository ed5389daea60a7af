// verify → plan → confirm → stop the service → protect → drop and load → prove → start the service.
import { acquireLock } from "../archive/lock.ts";
import { openBackup } from "../archive/reader.ts";
import type { OpenedBackup } from "../archive/reader.ts";
import { resolveBackup } from "../archive/resolve.ts";
import { KeepError } from "../errors.ts";
import type { Deployment } from "../mongo/deployment.ts";
import { databasesWithAccounts } from "../restore/account-files.ts";
import { inspectLive } from "../restore/live.ts";
import { planRestore } from "../restore/plan.ts";
import type { RestorePlan } from "../restore/plan.ts";
import { openBackupDir } from "../storage/backup-dir.ts";
import { guardGit } from "../storage/git-guard.ts";
import { verifyBackup } from "../verify/verify.ts";
import { collecting } from "./backup.ts";
import { carryOut } from "./carry-out.ts";
import type { CarriedOut } from "./carry-out.ts";
import { assertFit } from "./fit.ts";
import type { RestoreOrder } from "./restore-order.ts";
import type { JobContext } from "./context.ts";
import type { ManifestSummary, PlannedRestore, RestoreResult } from "./results.ts";
import { toSource } from "./sources.ts";

export interface RestoreRequest {
  /** An id, a path, or "latest". */
  readonly backup: string;
  readonly rename: ReadonlyMap<string, string>;
  readonly only: readonly string[] | null;
  readonly skipPreBackup: boolean;
  readonly useService: boolean;
  readonly confirm: boolean;
  /** Restore to a server that version-guard.ts takes for unfit. */
  readonly forceVersion?: boolean;
}

/** @throws KeepError backup-not-found, damaged, locked, usage …, restore-undone, restore-broken */
export async function runRestore(
  outer: JobContext,
  request: RestoreRequest,
): Promise<PlannedRestore | RestoreResult> {
  const began = performance.now();
  const warnings: string[] = [];
  const context = { ...outer, emit: collecting(outer.emit, warnings) };
  const { path } = await find(context, request.backup);
  await using _lock = request.confirm ? await lockRestores(context, "restore") : null;
  const verifySeconds = await assertWhole(context, path);
  const backup = await openBackup(path);
  refuseOplog(backup);
  await using deployment = await context.connect();
  const plan = await planFor(context, deployment, backup, request);
  await assertFit(context, deployment.server, { ...request, backup, plan });
  const order: RestoreOrder = {
    backup,
    plan,
    rollbackOf: null,
    skipPreBackup: request.skipPreBackup,
    useService: request.useService,
    protectOnly: request.only === null ? null : plan.collections.map((c) => c.namespace),
  };
  if (!request.confirm) return describePlan(context, order, warnings);
  const done = await carryOut(context, deployment, order);
  return describeResult(order, done, { verifySeconds, began }, warnings);
}

async function find(context: JobContext, ref: string) {
  const { settings, clock } = context;
  const wanted = { hosts: settings.hosts, databases: settings.databases, exclude: [] };
  return await resolveBackup(settings.backupDir, ref, wanted, clock.now());
}

/** A restore needs a place for its record and its protection, and nobody else at work. */
export async function lockRestores(context: JobContext, command: string): Promise<AsyncDisposable> {
  const root = context.settings.backupDir;
  await openBackupDir(root);
  await guardGit(root);
  const { signal, emit, clock } = context;
  return await acquireLock(root, { command, waitMs: 0, signal, emit, clock });
}

/** @throws KeepError damaged naming the first problem; gives the seconds it took */
export async function assertWhole(context: JobContext, path: string): Promise<number> {
  context.emit({ kind: "step", step: "verify", state: "begin" });
  const { ok, problems, seconds } = await verifyBackup(path, "quick", context);
  context.emit({ kind: "step", step: "verify", state: "end" });
  const [first] = problems;
  if (ok || !first) return seconds;
  throw new KeepError(
    "damaged",
    `${path} is damaged: ${first.file === "" ? "" : `${JSON.stringify(first.file)}: `}${first.problem}${problems.length > 1 ? ` (and ${problems.length - 1} more)` : ""}`,
    { details: { file: first.file, problems: problems.length } },
  );
}

function refuseOplog(backup: OpenedBackup): void {
  if (!backup.hasOplog) return;
  const gzip = backup.collections.some((c) => c.dataFile?.endsWith(".gz")) ? " --gzip" : "";
  throw new KeepError(
    "not-in-this-version",
    `${backup.path} comes with an oplog, which must be replayed to make it one state`,
    { hint: `Restore it with: mongorestore${gzip} --oplogReplay --dir ${backup.path}` },
  );
}

async function planFor(
  context: JobContext,
  deployment: Deployment,
  backup: OpenedBackup,
  request: RestoreRequest,
): Promise<RestorePlan> {
  const { rename, only } = request;
  const source = toSource(backup);
  const targets = new Set(source.map((n) => rename.get(n.database) ?? n.database));
  return planRestore({
    backup: backup.manifest ? backup.id : backup.path,
    source,
    live: await inspectLive(deployment, [...targets], context.signal),
    rename,
    only,
    accountsOf: await databasesWithAccounts(backup),
  });
}

export function describePlan(
  context: JobContext,
  order: RestoreOrder,
  warnings: readonly string[],
): PlannedRestore {
  const { plan } = order;
  const stops = order.useService && !plan.targetWasEmpty && context.service !== null;
  return {
    ok: true,
    planned: true,
    restored: false,
    backup: plan.backup,
    manifest: summaryOf(order.backup),
    plan: {
      ...plan,
      stopsService: stops ? nameOfService(context) : null,
      makesPreRestoreBackup: !plan.targetWasEmpty && !order.skipPreBackup,
    },
    warnings,
  };
}

function summaryOf(backup: OpenedBackup | null): ManifestSummary | null {
  if (!backup?.manifest) return null;
  const { id, createdAt, type, note, server, databases, consistency, users, totals } =
    backup.manifest;
  return { id, createdAt, type, note, server, databases, consistency, users, totals };
}

function nameOfService({ settings: { service } }: JobContext): string | null {
  if (service.kind === "none") return null;
  return service.kind === "systemd" ? service.unit : service.stop;
}

export function describeResult(
  order: RestoreOrder,
  done: CarriedOut,
  timing: { readonly verifySeconds: number; readonly began: number },
  warnings: readonly string[],
): RestoreResult {
  const { record, protection, outcome } = done;
  const round = (seconds: number) => Math.round(seconds * 1_000) / 1_000;
  return {
    ok: true,
    restored: true,
    restoreId: record.id,
    rollbackOf: order.rollbackOf,
    backup: order.plan.backup,
    preRestoreBackup: protection.backup?.id ?? null,
    targetWasEmpty: order.plan.targetWasEmpty,
    collections: outcome.collections,
    serviceDownSeconds: done.serviceDownSeconds,
    rolledBack: order.rollbackOf !== null,
    timings: {
      verifySeconds: timing.verifySeconds,
      preRestoreBackupSeconds: protection.seconds,
      loadSeconds: round(outcome.loadSeconds),
      proveSeconds: round(outcome.proveSeconds),
      totalSeconds: round((performance.now() - timing.began) / 1_000),
    },
    log: `${record.path}/restore.log`,
    warnings,
  };
}
