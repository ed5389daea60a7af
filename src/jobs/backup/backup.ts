// The nightly job: lock → space → dump → verify → seal → cleanup.
import { warn } from "../../events.ts";
import { listCatalog } from "../../archive/catalog.ts";
import type { CatalogEntry } from "../../archive/catalog.ts";
import { chooseLatest } from "../../archive/resolve.ts";
import { namesOutsideInstant } from "../../archive/manifest.ts";
import type { EngineName } from "../../archive/manifest.ts";
import type { CompressionAlgorithm } from "../../codec/codec.ts";
import { chooseCompression } from "../../config/compression.ts";
import { assertBackable } from "../../mongo/backable.ts";
import type { Deployment } from "../../mongo/deployment.ts";
import { openBackupDir } from "../../storage/backup-dir.ts";
import { guardGit } from "../../storage/git-guard.ts";
import { cleanupLocked, clearLeftovers } from "../catalog/cleanup.ts";
import { collectWarnings } from "../collect-warnings.ts";
import type { JobContext } from "../context.ts";
import { holdFolder } from "../hold-folder.ts";
import { dropExpired } from "../restore/retained/expire.ts";
import { makeBackup } from "./make-backup.ts";
import type { BackupOrder } from "./make-backup.ts";
import type { BackupResult, CleanupResult } from "../results.ts";
import { ensureSpace, roomOf } from "./space.ts";

export interface BackupRequest {
  readonly manual: boolean;
  readonly note: string | null;
  /** null: the settings'. */
  readonly databases: readonly string[] | null;
  readonly exclude: readonly string[];
  readonly compression: CompressionAlgorithm | null;
  readonly engine: EngineName | null;
}

/** An automatic run waits for another one; a person is told at once. */
const AUTOMATIC_WAIT_MS = 30 * 60 * 1_000;

/** @throws KeepError locked, disk-full, unreachable, login-failed, rights-missing, database-empty, damaged … */
export async function runBackup(outer: JobContext, request: BackupRequest): Promise<BackupResult> {
  const began = performance.now();
  const warnings: string[] = [];
  assertBackable(request.databases ?? outer.settings.databases);
  const root = outer.settings.backupDir;
  await openBackupDir(root);
  await guardGit(root);
  await using held = await holdFolder(
    { ...outer, emit: collectWarnings(outer.emit, warnings) },
    { command: "backup", waitMs: request.manual ? 0 : AUTOMATIC_WAIT_MS },
  );
  const { context } = held;
  await clearLeftovers(context);
  const relieved = { deleted: 0 };
  const order = orderOf(context, request, relieved);
  await checkBefore(context, order);
  await using deployment = await context.connect();
  tellConsistency(context, deployment.server.topology);
  const made = await makeBackup(context, deployment, order);
  await dropOldAside(context, deployment);
  const cleanup = await cleanUpAfter(context, relieved.deleted);
  const { manifest, dumpSeconds, verifySeconds } = made;
  const totalSeconds = Math.round(performance.now() - began) / 1_000;
  return {
    ok: true,
    id: manifest.id,
    path: made.path,
    type: manifest.type,
    note: manifest.note,
    totals: manifest.totals,
    consistency: manifest.consistency,
    outsideInstant: namesOutsideInstant(manifest),
    engine: manifest.engine,
    users: manifest.users,
    leftOut: manifest.leftOut ?? [],
    verification: { ok: true, level: made.verification.level },
    timings: { dumpSeconds, verifySeconds, totalSeconds },
    cleanup,
    warnings,
  };
}

/** `relieved` counts what low disk space had deleted before the cleanup at the end. */
function orderOf(
  context: JobContext,
  request: BackupRequest,
  relieved: { deleted: number },
): BackupOrder {
  const { settings } = context;
  return {
    type: request.manual ? "manual" : "automatic",
    note: request.note,
    databases: request.databases ?? settings.databases,
    exclude: request.exclude,
    only: null,
    accounts: true,
    allowEmpty: false,
    compression: chooseCompression(settings.compression, request.compression ?? undefined),
    engine: request.engine ?? settings.engine,
    relieve: async () => {
      const done = await cleanupLocked(context, { dryRun: false });
      relieved.deleted += countDecisions(done).deleted;
    },
  };
}

/** Clock and space, against what is there already. */
async function checkBefore(context: JobContext, order: BackupOrder): Promise<void> {
  const { settings, clock, emit } = context;
  const entries = await listCatalog(settings.backupDir, context.place);
  const now = clock.now();
  const future = entries.find((e) => createdAtMs(e) > now);
  if (future)
    warn(
      emit,
      "clock-went-back",
      `the backup ${future.id} is from the future: the clock of this machine went back, or was ahead then`,
    );
  const wanted = { hosts: settings.hosts, databases: order.databases, exclude: order.exclude };
  const last = chooseLatest(entries, wanted, now);
  await ensureSpace(context, {
    lastBackupBytes: roomOf(last?.manifest),
    relieve: order.relieve,
  });
}

const createdAtMs = (entry: CatalogEntry) =>
  entry.manifest ? Date.parse(entry.manifest.createdAt) : 0;

function tellConsistency(context: JobContext, topology: string): void {
  if (topology === "replicaSet") return;
  warn(
    context.emit,
    "not-one-instant",
    `a ${topology} server gives no common instant: collections are read one after the other (mongokeep doctor says how to change that)`,
  );
}

/** What restores had set aside goes when its time is over; the backup is good, whatever becomes of that. */
async function dropOldAside(context: JobContext, deployment: Deployment): Promise<void> {
  try {
    await dropExpired(context, deployment);
  } catch (error) {
    context.signal.throwIfAborted();
    const message = error instanceof Error ? error.message : String(error);
    const text = `could not delete the replaced data that restores retain: ${message}`;
    warn(context.emit, "aside-not-dropped", text);
  }
}

/** The backup is good, whatever becomes of the cleanup. */
async function cleanUpAfter(
  context: JobContext,
  deletedBefore: number,
): Promise<BackupResult["cleanup"]> {
  try {
    const { kept, deleted } = countDecisions(await cleanupLocked(context, { dryRun: false }));
    return { kept, deleted: deleted + deletedBefore };
  } catch (error) {
    context.signal.throwIfAborted();
    const message = error instanceof Error ? error.message : String(error);
    context.emit({
      kind: "log",
      level: "error",
      code: "cleanup-failed",
      message: `old backups could not be cleaned up: ${message}`,
    });
    return { kept: null, deleted: null };
  }
}

function countDecisions({ decisions }: CleanupResult): { kept: number; deleted: number } {
  const deleted = decisions.filter((d) => d.action === "delete").length;
  return { kept: decisions.length - deleted, deleted };
}
