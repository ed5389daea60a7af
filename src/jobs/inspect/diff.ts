// What a restore would change: a backup against the live data, or against another backup. Changes nothing.
import { warn } from "../../events.ts";
import type { OpenedBackup } from "../../archive/opened.ts";
import { resolveBackup } from "../../archive/resolve.ts";
import { findGone } from "../../dump/consistency.ts";
import { listAtInstant } from "../../dump/listing-at-instant.ts";
import { listSelected } from "../../dump/listing.ts";
import type { Selection } from "../../dump/listing.ts";
import { KeepError } from "../../errors.ts";
import { formatBytes } from "../../util/units.ts";
import { createComparer } from "../../verify/compare.ts";
import type { ComparedCollection } from "../../verify/compare.ts";
import { pairUp } from "../../verify/compare-pairs.ts";
import { KEPT_BYTES, RECORD_BYTES } from "../../verify/compare-records.ts";
import { sideOfBackup, sideOfServer } from "../../verify/compare-sides.ts";
import type { Pair, SideCollection } from "../../verify/compare-sides.ts";
import { collectWarnings } from "../collect-warnings.ts";
import type { JobContext } from "../context.ts";
import { mayWriteTo } from "../../storage/disk.ts";
import { restoreCommandOf } from "./diff-advice.ts";
import type { DiffResult } from "../results.ts";
import { leftByRestore } from "../restore/plan/sources.ts";
import { openFound } from "./unpack-archive.ts";
import { requireTempFolder } from "../../util/process-folders.ts";

export interface DiffRequest {
  /** An id, a path, or "latest". */
  readonly backup: string;
  /** Another backup; null: the live data. */
  readonly other: string | null;
  /** Database in the backup → its name on the other side. Where any is given, only these are compared. */
  readonly rename: ReadonlyMap<string, string>;
  /** Namespaces of the backup, with `*` for any text; null: all. */
  readonly only: readonly string[] | null;
  readonly exclude: readonly string[];
  /** `_id`s named of each kind and collection. */
  readonly samples: number;
}

interface Opened extends OpenedBackup, AsyncDisposable {
  /** As a command line names it. */
  readonly ref: string;
}

/** @throws KeepError backup-not-found, damaged, usage, disk-full, unreachable, login-failed, rights-missing */
export async function runDiff(outer: JobContext, request: DiffRequest): Promise<DiffResult> {
  const warnings: string[] = [];
  const context = { ...outer, emit: collectWarnings(outer.emit, warnings) };
  await using backup = await open(context, request.backup);
  await using other = request.other === null ? null : await open(context, request.other);
  const { collections, besides } =
    other === null
      ? await compareLive(context, request, backup)
      : {
          collections: await compareBackups(context, request, backup, other),
          besides: leftByRestore(other),
        };
  const isLive = request.other === null;
  return {
    ok: true,
    equal: collections.every(({ equal }) => equal),
    backup: backup.ref,
    other: request.other ?? "live",
    collections,
    notCompared: [
      "users and roles",
      ...new Set([
        ...leftOutOf(backup),
        ...(backup.manifest?.leftOut ?? []).map((one) => one.namespace),
        ...leftByRestore(backup),
        ...besides,
      ]),
    ],
    restoreCommand: isLive ? restoreCommandOf(backup.ref, collections, request.rename) : null,
    warnings,
  };
}

const leftOutOf = (backup: OpenedBackup) => backup.manifest?.scope.exclude ?? [];

async function open(context: JobContext, ref: string): Promise<Opened> {
  const { settings, clock, emit } = context;
  const { hosts, databases, backupDir } = settings;
  const wanted = { hosts, databases, exclude: [] };
  const found = await resolveBackup(backupDir, ref, wanted, clock.now(), context.place);
  const opened = await openFound(context, found, "diff");
  const { backup } = opened;
  if (backup.hasOplog)
    warn(
      emit,
      "oplog-not-applied",
      `${backup.id} comes with an oplog, which is not applied: what it holds shows as a difference`,
    );
  const close = () => opened[Symbol.asyncDispose]();
  return { ...backup, ref: found.entry ? found.id : found.path, [Symbol.asyncDispose]: close };
}

async function compareBackups(
  context: JobContext,
  request: DiffRequest,
  backup: Opened,
  other: Opened,
): Promise<ComparedCollection[]> {
  const leftOut = leftOutOf(backup);
  const pairs = pairUp(sideOfBackup(backup), sideOfBackup(other), { ...request, leftOut });
  return await compareAll(context, request, pairs);
}

async function compareLive(
  context: JobContext,
  request: DiffRequest,
  backup: Opened,
): Promise<Compared> {
  await using deployment = await context.connect();
  const selection = selectionOf(backup, request.rename);
  const { listing, at } = await listAtInstant(deployment, selection, context);
  const live = { deployment, at, emit: context.emit };
  const leftOut = leftOutOf(backup);
  const others = sideOfServer(live, listing.namespaces);
  const paired = pairUp(sideOfBackup(backup), others, { ...request, leftOut });
  // A backup from before a restore holds what that restore touched: what else is live says nothing.
  const isPartial = backup.manifest?.type === "pre-restore";
  const pairs = isPartial ? paired.filter((pair) => pair.backup !== null) : paired;
  const compared = await compareAll(context, request, pairs);
  // What is dropped after the instant reads as empty.
  const later = await listSelected(deployment, selection, context.signal);
  const names = new Set(pairs.map(({ other }) => other && `${other.database}.${other.name}`));
  for (const name of findGone(listing.namespaces, later.namespaces).filter((n) => names.has(n)))
    warn(
      context.emit,
      "namespaces-changed",
      `${name} was dropped or renamed during the comparison: what is said of it may be wrong`,
    );
  return { collections: compared, besides: listing.leftOut.map((one) => one.namespace) };
}

interface Compared {
  readonly collections: ComparedCollection[];
  /** What the other side has and is not compared. */
  readonly besides: readonly string[];
}

/** The live databases that the backup is about. */
function selectionOf(backup: OpenedBackup, rename: ReadonlyMap<string, string>): Selection {
  const { manifest, collections } = backup;
  const held = manifest?.databases ?? [...new Set(collections.map((c) => c.database))];
  const databases = rename.size > 0 ? [...rename.values()] : held;
  const isAll = rename.size === 0 && manifest !== null && manifest.scope.databases === null;
  return {
    databases: isAll ? null : databases,
    exclude: [],
    only: null,
    accounts: false,
    allowEmpty: true,
  };
}

async function compareAll(
  context: JobContext,
  { samples }: DiffRequest,
  pairs: readonly Pair[],
): Promise<ComparedCollection[]> {
  const { emit, signal } = context;
  const folder = await chooseFolder(context.settings.backupDir);
  await requireSpace(context, folder, pairs);
  await using comparer = await createComparer({ emit, signal, folder, samples });
  const compared: ComparedCollection[] = [];
  for (const pair of pairs) {
    signal.throwIfAborted();
    compared.push(await comparer.compare(pair));
  }
  return compared;
}

/** The backups' own disk is the one with room; a folder that is not there, or not ours, is no reason to fail. */
async function chooseFolder(backupDir: string): Promise<string> {
  return (await mayWriteTo(backupDir)) ? backupDir : await requireTempFolder();
}

/** Both sides of the largest collection must fit beside what BACKUP_DIR's disk keeps free. */
async function requireSpace(context: JobContext, folder: string, pairs: readonly Pair[]) {
  const sizeOf = (side: SideCollection | null) => side?.documents ?? 0;
  const most = pairs
    .filter(({ backup, other }) => backup !== null && other !== null)
    .reduce((n, { backup, other }) => Math.max(n, sizeOf(backup), sizeOf(other)), 0);
  const needed = 2 * most * RECORD_BYTES;
  if (needed < KEPT_BYTES) return;
  const free = (await context.freeBytes(folder)) - context.settings.diskAbortFreeBytes;
  if (free >= needed) return;
  throw new KeepError(
    "disk-full",
    `comparing ${most} documents may take ${formatBytes(needed)} in ${folder}, of which ${formatBytes(Math.max(0, free))} may be used`,
    { hint: "Free disk space, lower DISK_ABORT_FREE, or compare less with --only." },
  );
}
