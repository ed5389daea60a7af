// A file for data that must not stay in memory: appended at the end, read anywhere. It has no name on disk, so that
// nothing of it remains and no other program finds it.
import { randomBytes } from "node:crypto";
import { constants } from "node:fs";
import { open, unlink } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { join } from "node:path";
import { KeepError } from "../errors.ts";
import { PRIVATE_FILE } from "../util/durable-file.ts";

export interface Stretch {
  readonly at: number;
  readonly bytes: number;
}

export interface SpillFile extends AsyncDisposable {
  append(bytes: Buffer): Promise<Stretch>;
  read(stretch: Stretch): Promise<Buffer>;
  /** Frees the disk space: the content is no longer needed. */
  clear(): Promise<void>;
}

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_RDWR } = constants;

/** The file is created with the first byte. */
export function createSpillFile(folder: string): SpillFile {
  let file: FileHandle | null = null;
  let end = 0;
  return {
    async append(bytes) {
      file ??= await openUnnamed(folder);
      const at = end;
      await guarded(folder, writeWhole(file, bytes, at));
      end += bytes.length;
      return { at, bytes: bytes.length };
    },
    async read({ at, bytes }) {
      const buffer = Buffer.allocUnsafe(bytes);
      for (let filled = 0; filled < bytes;) {
        const read = await file?.read(buffer, filled, bytes - filled, at + filled);
        if (!read || read.bytesRead === 0) throw new Error("the temporary file has lost its end");
        filled += read.bytesRead;
      }
      return buffer;
    },
    async clear() {
      await file?.truncate(0);
      end = 0;
    },
    async [Symbol.asyncDispose]() {
      await file?.close();
    },
  };
}

async function openUnnamed(folder: string): Promise<FileHandle> {
  const path = join(folder, `.replay-${randomBytes(8).toString("hex")}`);
  const file = await open(path, O_CREAT | O_EXCL | O_NOFOLLOW | O_RDWR, PRIVATE_FILE);
  await unlink(path);
  return file;
}

async function writeWhole(file: FileHandle, bytes: Buffer, at: number): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done, at + done);
    done += bytesWritten;
  }
}

async function guarded(folder: string, writing: Promise<void>): Promise<void> {
  try {
    await writing;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
    throw new KeepError("disk-full", `no room in ${folder} for the transactions of the oplog`, {
      cause: error,
    });
  }
}
