// Writes that survive a power cut: write, fsync, rename, fsync the folder. The only place that renames.
import { constants } from "node:fs";
import { chmod, mkdir, open, rename, rm } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

const { O_CREAT, O_EXCL, O_WRONLY, O_NOFOLLOW } = constants;
export const PRIVATE_FILE = 0o600;
export const PRIVATE_FOLDER = 0o700;

/** Creates a file that must not exist yet, 0600 whatever the umask, never through a symbolic link. */
export async function createPrivateFile(path: string): Promise<FileHandle> {
  const file = await open(path, O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW, PRIVATE_FILE);
  await file.chmod(PRIVATE_FILE);
  return file;
}

/** Makes a folder 0700 whatever the umask; its parent must exist and the folder must not. Durable on return. */
export async function createPrivateFolder(path: string): Promise<void> {
  await mkdir(path, { mode: PRIVATE_FOLDER });
  await chmod(path, PRIVATE_FOLDER);
  await syncFolder(dirname(path));
}

/** Flushes a folder's entries to disk. */
export async function syncFolder(path: string): Promise<void> {
  await using folder = await open(path, constants.O_RDONLY | constants.O_DIRECTORY);
  await folder.sync();
}

/** Writes a whole file that must not exist yet; on disk when it returns. The caller syncs the folder. */
export async function writeNewFile(path: string, bytes: Uint8Array | string): Promise<void> {
  await using file = await createPrivateFile(path);
  await file.writeFile(bytes);
  await file.sync();
}

/** Replaces a file in one step: a reader sees the old bytes or the new, also after a power cut. */
export async function replaceFile(path: string, bytes: Uint8Array | string): Promise<void> {
  const temporary = join(dirname(path), `.${basename(path)}.${process.pid}.tmp`);
  await rm(temporary, { force: true });
  try {
    await writeNewFile(temporary, bytes);
    await renameDurably(temporary, path);
  } catch (error) {
    // A full disk must not leave a half-written file beside the whole one.
    await rm(temporary, { force: true });
    throw error;
  }
}

/** Renames within one folder or between two of one file system; durable when it returns. */
export async function renameDurably(from: string, to: string): Promise<void> {
  await rename(from, to);
  await syncFolder(dirname(to));
  if (dirname(from) !== dirname(to)) await syncFolder(dirname(from));
}
