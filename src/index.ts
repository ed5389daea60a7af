// The library: the jobs of the command line with typed results. Anything that is not exported may change.
import { compose } from "./compose.ts";
import { KeepError } from "./errors.ts";
import type { ComposeOptions } from "./compose.ts";
import { runBackup } from "./jobs/backup/backup.ts";
import type { BackupRequest } from "./jobs/backup/backup.ts";
import { cleanup as runCleanup } from "./jobs/catalog/cleanup.ts";
import { runDiff } from "./jobs/inspect/diff.ts";
import type { DiffRequest } from "./jobs/inspect/diff.ts";
import { runDrill } from "./jobs/drill/drill.ts";
import type { DrillRequest } from "./jobs/drill/drill.ts";
import { listBackups as runList } from "./jobs/catalog/list.ts";
import { runRestore } from "./jobs/restore/restore.ts";
import { toRequest } from "./restore/record/request.ts";
import type { RestoreRequest } from "./restore/record/request.ts";
import type {
  BackupResult,
  CleanupResult,
  DiffResult,
  DrillResult,
  ListResult,
  PlannedRestore,
  RestoreResult,
  VerifyJobResult,
} from "./jobs/results.ts";
import { runRollback } from "./jobs/restore/rollback.ts";
import type { RollbackRequest } from "./jobs/restore/rollback.ts";
import { runVerify } from "./jobs/inspect/verify.ts";
import type { VerifyRequest } from "./jobs/inspect/verify.ts";

export type { Manifest } from "./archive/manifest.ts";
export type { ComposeOptions as CommonOptions } from "./compose.ts";
export type { PlainSettings } from "./config/plain-settings.ts";
export type { Settings } from "./config/settings.ts";
export { KeepError };
export type { ErrorCode, Label } from "./errors.ts";
export type { Emit, KeepEvent } from "./events.ts";
export type * from "./jobs/results.ts";

/** The options of a job, each with a default, and the source of its settings. */
type Options<Request> = Partial<Request> & ComposeOptions;

/** Callers may not be type-checked. @throws KeepError usage */
function requireBackup(options: { readonly backup?: unknown } | undefined, name: string): void {
  if (typeof options?.backup === "string" && options.backup !== "") return;
  throw new KeepError("usage", `${name}: the option backup is missing`, {
    hint: `Name a backup: ${name}({ backup: "latest" }).`,
  });
}

/** Makes a backup, verifies it, and cleans up. @throws KeepError */
export async function backup(options: Options<BackupRequest> = {}): Promise<BackupResult> {
  const { manual = false, note = null, databases = null, exclude = [] } = options;
  const { compression = null, engine = null } = options;
  const { run } = await compose(options);
  const request = { manual, note, databases, exclude, compression, engine };
  return await run("backup", (context) => runBackup(context, request));
}

/** Looks for damage; the result lists it, with `ok: false`. Default: the latest backup, in full. @throws KeepError */
export async function verify(options: Options<VerifyRequest> = {}): Promise<VerifyJobResult> {
  const { refs = "latest", level = "full" } = options;
  const { run } = await compose(options);
  return await run("verify", (context) => runVerify(context, { refs, level }));
}

/** Restores a backup beside the live data and swaps; without `confirm` it only plans. @throws KeepError */
export async function restore(
  options: Options<RestoreRequest> & Pick<RestoreRequest, "backup">,
): Promise<PlannedRestore | RestoreResult> {
  requireBackup(options, "restore");
  const { run } = await compose(options);
  const request = toRequest(options);
  return await run("restore", (context) => runRestore(context, request));
}

/**
 * Returns to the state before a restore (the newest one, if it is in effect); without `confirm` it only plans. @throws
 * KeepError
 */
export async function rollback(
  options: Options<RollbackRequest> = {},
): Promise<PlannedRestore | RestoreResult> {
  const { restoreId = null, useService = true, confirm = false } = options;
  const { run } = await compose(options);
  return await run("rollback", (context) => runRollback(context, { restoreId, useService, confirm })); // prettier-ignore
}

/** Compares a backup with the live data, or with another backup. Changes nothing. @throws KeepError */
export async function diff(
  options: Options<DiffRequest> & Pick<DiffRequest, "backup">,
): Promise<DiffResult> {
  requireBackup(options, "diff");
  const { backup: named, other = null, rename = new Map<string, string>() } = options;
  const { only = null, exclude = [], samples = 5 } = options;
  const { run } = await compose(options);
  const request = { backup: named, other, rename, only, exclude, samples };
  return await run("diff", (context) => runDiff(context, request));
}

/**
 * Restores a backup into a temporary server, compares it, runs the checks, and writes a report. If the drill fails, the
 * result has `ok: false`. Default: the latest backup. @throws KeepError
 */
export async function drill(options: Options<DrillRequest> = {}): Promise<DrillResult> {
  const { backup: named = "latest" } = options;
  const { run } = await compose(options);
  return await run("drill", (context) => runDrill(context, { backup: named }));
}

/** Applies the retention policy. @throws KeepError */
export async function cleanup(
  options: ComposeOptions & { readonly dryRun?: boolean } = {},
): Promise<CleanupResult> {
  const { dryRun = false } = options;
  const { run } = await compose(options);
  return await run("cleanup", (context) => runCleanup(context, { dryRun }));
}

/** The backups, newest first. @throws KeepError */
export async function listBackups(options: ComposeOptions = {}): Promise<ListResult> {
  const { run } = await compose(options);
  return await run("list", runList);
}
