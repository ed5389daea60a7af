// Takes a backup's folder away, and what dead runs left. The caller holds the lock.
// What must stay true: nothing that is half deleted has a backup's name.
import { lstat, readdir, rm } from "node:fs/promises";
import { basename, join } from "node:path";
import { partialId } from "../../archive/catalog.ts";
import { clearSpools } from "../../archive/spool.ts";
import { renameDurably, syncFolder } from "../../util/durable-file.ts";
import type { JobContext } from "../context.ts";

const DELETING = ".deleting";
const DAMAGED_OR_PLAIN = /^\.\d{4}-[\d-]+_[\d-]+(\.damaged)?\.deleting$/;

/** Gives it a hidden name, then removes it. Gives the bytes that were freed. */
export async function deleteFolder(context: JobContext, path: string): Promise<number> {
  const root = context.settings.backupDir;
  await context.assertHeld?.();
  const bytes = await bytesIn(path);
  const hidden = join(root, `.${basename(path)}${DELETING}`);
  await rm(hidden, { recursive: true, force: true });
  await renameDurably(path, hidden);
  await rm(hidden, { recursive: true });
  await syncFolder(root);
  return bytes;
}

/** Bytes of all files below; links are not followed. */
export async function bytesIn(path: string): Promise<number> {
  const stat = await lstat(path);
  if (!stat.isDirectory()) return stat.size;
  let bytes = 0;
  for (const name of await readdir(path)) bytes += await bytesIn(join(path, name));
  return bytes;
}

/** Removes unfinished backups of dead runs, and what such runs had begun to delete; says each. */
export async function clearLeftovers(context: JobContext): Promise<void> {
  const root = context.settings.backupDir;
  for (const name of await readdir(root)) {
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
    emit({ kind: "log", level: "warn", code: "leftover-removed", message });
  }
}

/** Also right while this run's own unfinished backup lies there. */
export async function clearHalfDeleted(context: JobContext): Promise<void> {
  for (const name of await readdir(context.settings.backupDir))
    if (DAMAGED_OR_PLAIN.test(name))
      await clear(context, name, "of a run that died while it deleted it");
}

async function clear(context: JobContext, name: string, why: string): Promise<void> {
  const root = context.settings.backupDir;
  await context.assertHeld?.();
  await rm(join(root, name), { recursive: true, force: true });
  await syncFolder(root);
  const message = `removed ${name}, ${why}`;
  context.emit({ kind: "log", level: "warn", code: "leftover-removed", message });
}
