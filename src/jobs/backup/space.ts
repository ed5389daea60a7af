// Disk space before a backup and while it runs: warn, then clean up, then stop (DISK_WARN_FREE, DISK_ABORT_FREE).
import { warn } from "../../events.ts";
import type { Manifest } from "../../archive/manifest.ts";
import { KeepError } from "../../errors.ts";
import { formatBytes } from "../../util/units.ts";
import type { JobContext } from "../context.ts";

/** Makes room by the retention policy; null where that is not allowed (pre-restore backups). */
export type Relieve = (() => Promise<void>) | null;

export interface SpaceNeed {
  /** Bytes that the last backup of the scope took; 0 for the first one. */
  readonly lastBackupBytes: number;
  readonly relieve: Relieve;
}

/** What a file takes on the disk beside its bytes, at most: of thousands of small ones that is most of it. */
const BLOCK_BYTES = 4_096;

/** What a backup takes on the disk; 0 where there is none. */
export function roomOf(manifest: Pick<Manifest, "totals" | "files"> | null | undefined): number {
  if (!manifest) return 0;
  return manifest.totals.storedBytes + manifest.files.length * BLOCK_BYTES;
}

/** A backup is likely to take a little more than the last one did. */
const GROWTH = 1.2;
const WATCH_MS = 1_000;

/** @throws KeepError disk-full (exit 5) */
export async function ensureSpace(context: JobContext, need: SpaceNeed): Promise<void> {
  const { settings } = context;
  const wanted = Math.max(settings.diskAbortFreeBytes, GROWTH * need.lastBackupBytes);
  let free = await context.freeBytes(settings.backupDir);
  if (free < wanted && need.relieve) {
    warn(
      context.emit,
      "disk-low",
      `only ${formatBytes(free)} are free: old backups are cleaned up first`,
    );
    await need.relieve();
    free = await context.freeBytes(settings.backupDir);
  }
  if (free < wanted)
    throw new KeepError(
      "disk-full",
      `only ${formatBytes(free)} are free in ${settings.backupDir}, and ${formatBytes(wanted)} are needed`,
      { details: { freeBytes: free, neededBytes: Math.round(wanted) } },
    );
  if (free < settings.diskWarnFreeBytes)
    warn(context.emit, "disk-low", `only ${formatBytes(free)} are free in ${settings.backupDir}`);
}

export interface SpaceWatch extends AsyncDisposable {
  /** Aborts with the context's signal, or with disk-full. */
  readonly signal: AbortSignal;
}

/** Looks at the free space each second while a backup is written. */
export function watchSpace(context: JobContext, relieve: Relieve): SpaceWatch {
  const { settings } = context;
  const full = new AbortController();
  let relieved = relieve === null;
  let looking: Promise<void> = Promise.resolve();
  const look = async () => {
    if (full.signal.aborted) return;
    const free = await context.freeBytes(settings.backupDir);
    if (free >= settings.diskAbortFreeBytes) return;
    if (!relieved && relieve) {
      relieved = true;
      warn(
        context.emit,
        "disk-low",
        `only ${formatBytes(free)} are left: old backups are cleaned up`,
      );
      await relieve();
      return;
    }
    full.abort(
      new KeepError("disk-full", `only ${formatBytes(free)} are left in ${settings.backupDir}`),
    );
  };
  const timer = setInterval(() => {
    looking = looking.then(look).catch((error: unknown) => {
      full.abort(error);
    });
  }, WATCH_MS);
  return {
    signal: AbortSignal.any([context.signal, full.signal]),
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
      await looking;
    },
  };
}
