// Writes that survive a power cut: write, fsync, rename, fsync the folder. The only place that renames.
import fs from "node:fs";
import { chmod, mkdir, open, rename, rm } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

const { O_CREAT, O_EXCL, O_WRONLY, O_NOFOLLOW } = fs.constants;
const CREATED = O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW;
export const PRIVATE_FILE = 0o600;
const ALL_RIGHTS = 0o7777;
export const PRIVATE_FOLDER = 0o700;

/** Creates a file that must not exist yet, 0600 whatever the umask, never through a symbolic link. */
export async function createPrivateFile(path: string): Promise<FileHandle> {
  const file = await open(path, CREATED, PRIVATE_FILE);
  await file.chmod(PRIVATE_FILE);
  return file;
}

/**
 * The same, returning the descriptor. Through the thread pool, because a new entry waits for the file system's journal
 * while other files are flushed, and would block everything else. The other calls are faster directly.
 */
export async function createFile(path: string): Promise<number> {
  const file = await new Promise<number>((resolve, reject) => {
    fs.open(path, CREATED, PRIVATE_FILE, (error, opened) => {
      if (error) reject(error);
      else resolve(opened);
    });
  });
  try {
    // Only an unusual umask removes a right from the owner, and changing the mode would wait for the journal again.
    if ((fs.fstatSync(file).mode & ALL_RIGHTS) !== PRIVATE_FILE) fs.fchmodSync(file, PRIVATE_FILE);
    return file;
  } catch (error) {
    fs.closeSync(file);
    throw error;
  }
}

/** Data written directly: the page cache accepts it faster than another thread would. */
const SHORT_BYTES = 64 * 1024;

/** Appends all bytes to an open file. */
export async function writeAll(file: number, bytes: Uint8Array | string): Promise<void> {
  if (bytes.length <= SHORT_BYTES) fs.writeFileSync(file, bytes);
  else
    await settled((done) => {
      fs.writeFile(file, bytes, done);
    });
}

/** Flushes an open file to disk. */
export async function flush(file: number): Promise<void> {
  await settled((done) => {
    fs.fsync(file, done);
  });
}

/** The same, without the times of its entry. */
export async function flushData(file: number): Promise<void> {
  await settled((done) => {
    fs.fdatasync(file, done);
  });
}

type Done = (error: Error | null) => void;

async function settled(act: (done: Done) => void): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    act((error) => {
      if (error) reject(error);
      else resolve();
    });
  });
}

/** Creates a folder 0700 whatever the umask; its parent must exist and the folder must not. Durable on return. */
export async function createPrivateFolder(path: string): Promise<void> {
  await mkdir(path, { mode: PRIVATE_FOLDER });
  await chmod(path, PRIVATE_FOLDER);
  await syncFolder(dirname(path));
}

/** Flushes a folder's entries to disk. */
export async function syncFolder(path: string): Promise<void> {
  await using folder = await open(path, fs.constants.O_RDONLY | fs.constants.O_DIRECTORY);
  await folder.sync();
}

/** Writes a whole file that must not exist yet; it is on disk on return. The caller syncs the folder. */
export async function writeNewFile(path: string, bytes: Uint8Array | string): Promise<void> {
  const file = await createFile(path);
  try {
    await writeAll(file, bytes);
    await flush(file);
  } finally {
    fs.closeSync(file);
  }
}

/** Replaces a file in one step: a reader sees the old bytes or the new ones, also after a power cut. */
export async function replaceFile(path: string, bytes: Uint8Array | string): Promise<void> {
  const temporary = join(dirname(path), `.${basename(path)}.${process.pid}.tmp`);
  await rm(temporary, { force: true });
  try {
    await writeNewFile(temporary, bytes);
    await renameDurably(temporary, path);
  } catch (error) {
    // A full disk must not leave an incomplete file beside the complete one.
    await rm(temporary, { force: true });
    throw error;
  }
}

/** Renames within one folder or between two of one file system; durable on return. */
export async function renameDurably(from: string, to: string): Promise<void> {
  await rename(from, to);
  await syncFolder(dirname(to));
  if (dirname(from) !== dirname(to)) await syncFolder(dirname(from));
}
