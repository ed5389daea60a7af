// Deletes a backup's folder, and what killed runs left. The caller holds the lock.
// What must stay true: nothing that is half deleted has a backup's name.
import { warn } from "../../events.ts";
import { basename, join } from "node:path";
import { partialId } from "../../archive/catalog.ts";
import { clearSpools } from "../../archive/spool.ts";
import type { JobContext } from "../context.ts";
import type { ReadableStorage } from "../../storage/storage.ts";

const DELETING = ".deleting";
const DAMAGED_OR_PLAIN = /^\.\d{4}-[\d-]+_[\d-]+(\.damaged)?\.deleting$/;

/** Gives it a hidden name, then removes it. Returns the number of bytes freed. */
export async function deleteFolder(context: JobContext, path: string): Promise<number> {
  const { storage } = context.place;
  const root = context.settings.backupDir;
  await context.assertHeld?.();
  const bytes = await bytesIn(storage, path);
  const hidden = join(root, `.${basename(path)}${DELETING}`);
  await storage.remove(hidden);
  await storage.rename(path, hidden);
  await storage.remove(hidden);
  await storage.flushFolder(root);
  return bytes;
}

/** Bytes of all files below; links are not followed. */
export async function bytesIn(storage: ReadableStorage, path: string): Promise<number> {
  const found = await storage.stat(path);
  if (found?.kind !== "folder") return found?.bytes ?? 0;
  let bytes = 0;
  for (const { name } of await storage.list(path))
    bytes += await bytesIn(storage, join(path, name));
  return bytes;
}

/** Removes unfinished backups of killed runs, and what such runs had started to delete; reports each. */
export async function clearLeftovers(context: JobContext): Promise<void> {
  const root = context.settings.backupDir;
  for (const { name } of await context.place.storage.list(root)) {
    if (partialId(name) === null) continue;
    await clear(context, name, "of a run that died before it was finished");
  }
  await clearHalfDeleted(context);
  await clearUnpacked(context);
}

/** Also right while other runs have archives unpacked: a folder that a living run holds stays. */
export async function clearUnpacked({ settings, clock, emit }: JobContext): Promise<void> {
  for (const name of await clearSpools(settings.backupDir, clock)) {
    const message = `removed ${name}, an archive unpacked by a run that died`;
    warn(emit, "leftover-removed", message);
  }
}

/** Also right while this run's own unfinished backup lies there. */
export async function clearHalfDeleted(context: JobContext): Promise<void> {
  for (const { name } of await context.place.storage.list(context.settings.backupDir))
    if (DAMAGED_OR_PLAIN.test(name))
      await clear(context, name, "of a run that died while it deleted it");
}

async function clear(context: JobContext, name: string, why: string): Promise<void> {
  const root = context.settings.backupDir;
  await context.assertHeld?.();
  await context.place.storage.remove(join(root, name));
  await context.place.storage.flushFolder(root);
  const message = `removed ${name}, ${why}`;
  warn(context.emit, "leftover-removed", message);
}
