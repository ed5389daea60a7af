// A file of `mongodump --archive` opened like a folder: unpacked beside the backups, checked on the way, and
// removed when its user is done.
import { basename } from "node:path";
import { archiveKind } from "../../archive/mongodump-archive-file.ts";
import { openBackup } from "../../archive/reader.ts";
import type { OpenedBackup } from "../../archive/opened.ts";
import type { Resolved } from "../../archive/resolve.ts";
import { spoolMongodumpArchive } from "../../archive/spool.ts";
import type { SpooledArchive } from "../../archive/spool.ts";
import { KeepError } from "../../errors.ts";
import type { JobContext } from "../context.ts";
import { clearUnpacked } from "../catalog/delete-folder.ts";
import { ensureSpace, watchSpace } from "../backup/space.ts";
import { requireTempFolder } from "../../util/process-folders.ts";
import { asStored, fileAt, ON_DISK } from "../../archive/place.ts";
import { mayWriteTo } from "../../storage/disk.ts";

export interface UnpackedArchive extends AsyncDisposable {
  readonly backup: OpenedBackup;
  /** That it took to read and check the archive. */
  readonly seconds: number;
}

interface What {
  readonly command: string;
  readonly outlineOnly: boolean;
}

/** What documents shrink to at least, as they are unpacked (measured: a third to a fifth). */
const SHRINK = 1 / 4;

/** A backup of ours, a dump or an archive, for a command that reads documents and changes nothing. */
export async function openFound(
  context: JobContext,
  { path, isArchive }: Resolved,
  command: string,
): Promise<{ readonly backup: OpenedBackup } & AsyncDisposable> {
  if (isArchive) return await unpackArchive(context, path, { command, outlineOnly: false });
  return {
    backup: await openBackup(path, context.place, context.signal),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

/**
 * `outlineOnly`: what it holds, without the documents; in the system's temporary folder then, for the backup
 * folder need not be there yet.
 * @throws KeepError damaged naming the first damage, disk-full
 */
export async function unpackArchive(
  context: JobContext,
  archive: string,
  what: What,
): Promise<UnpackedArchive> {
  const began = performance.now();
  context.emit({ kind: "step", step: "verify", state: "begin" });
  const beside = !what.outlineOnly && (await mayWriteTo(context.settings.backupDir));
  const spooled = beside
    ? await unpackBeside(context, archive, what)
    : await spool(context, archive, what, await requireTempFolder(), context.signal);
  context.emit({ kind: "step", step: "verify", state: "end" });
  try {
    const backup = { ...(await openBackup(spooled.path, ON_DISK)), archive, id: basename(archive) };
    const seconds = Math.round(performance.now() - began) / 1_000;
    return { backup, seconds, [Symbol.asyncDispose]: () => spooled[Symbol.asyncDispose]() };
  } catch (error) {
    await spooled[Symbol.asyncDispose]();
    throw error;
  }
}

async function unpackBeside(
  context: JobContext,
  archive: string,
  what: What,
): Promise<SpooledArchive> {
  await clearUnpacked(context);
  const size = (await context.place.storage.stat(archive))?.bytes ?? 0;
  // How much is in a gzip stream nobody knows before its end: the watch stops in time.
  const isGzip = (await archiveKind(fileAt(asStored(context.place), archive))) === "gzip";
  await ensureSpace(context, { lastBackupBytes: isGzip ? size : size * SHRINK, relieve: null });
  await using watch = watchSpace(context, null);
  return await spool(context, archive, what, context.settings.backupDir, watch.signal);
}

async function spool(
  { clock, place }: JobContext,
  archive: string,
  what: What,
  root: string,
  signal: AbortSignal,
): Promise<SpooledArchive> {
  try {
    return await spoolMongodumpArchive(fileAt(asStored(place), archive), root, {
      ...what,
      clock,
      signal,
    });
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    if (!(error instanceof KeepError) || error.code !== "damaged") throw error;
    const { file } = error.details;
    const where = typeof file === "string" && file !== "" ? `${JSON.stringify(file)}: ` : "";
    throw new KeepError("damaged", `${archive} is damaged: ${where}${error.message}`, {
      details: error.details,
      cause: error,
    });
  }
}
