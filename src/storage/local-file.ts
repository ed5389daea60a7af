// Opens a file of the local disk for reading: a plain file, never through a symbolic link, never a FIFO or device.
import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { open } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { KeepError } from "../errors.ts";
import type { ReadableFile } from "./storage.ts";

const { O_NOFOLLOW, O_NONBLOCK, O_RDONLY } = constants;
// O_NONBLOCK: opening a FIFO that nobody writes to would otherwise wait forever.
const READING = O_RDONLY | O_NOFOLLOW | O_NONBLOCK;

/** @throws KeepError damaged for anything that is not a plain file */
export async function openPlainFile(path: string): Promise<{ file: FileHandle; bytes: number }> {
  const file = await open(path, READING).catch((error: unknown) => {
    throw openError(error);
  });
  const { size, ...stat } = await file.stat().then((s) => ({ size: s.size, plain: s.isFile() }));
  if (stat.plain) return { file, bytes: size };
  await file.close();
  throw notPlain();
}

const notPlain = (cause?: unknown) => new KeepError("damaged", "it is not a plain file", { cause });

function openError(error: unknown): unknown {
  const { code } = error as NodeJS.ErrnoException;
  if (code === "ENOENT") return new KeepError("damaged", "the file is missing", { cause: error });
  return code === "ELOOP" || code === "ENXIO" ? notPlain(error) : error;
}

/**
 * A short file is read whole at once and not kept open. With thousands of small files, most of the time was spent on
 * the way to the thread pool and back.
 */
export async function openToRead(path: string, signal?: AbortSignal): Promise<ReadableFile> {
  signal?.throwIfAborted();
  const short = readShort(path);
  if (short) return inMemory(short, signal);
  const { file, bytes } = await openPlainFile(path);
  return {
    bytes,
    async read(buffer, offset, length, position) {
      signal?.throwIfAborted();
      return await file.read(buffer, offset, length, position);
    },
    close: () => file.close(),
  };
}

const SHORT_BYTES = 64 * 1024;

/** null where the file is longer. */
function readShort(path: string): Buffer | null {
  const file = openAtOnce(path);
  try {
    const stat = fstatSync(file);
    if (!stat.isFile()) throw notPlain();
    if (stat.size > SHORT_BYTES) return null;
    const buffer = Buffer.allocUnsafe(stat.size);
    let filled = 0;
    for (let read = -1; read !== 0 && filled < buffer.length; filled += read)
      read = readSync(file, buffer, filled, buffer.length - filled, filled);
    return buffer.subarray(0, filled);
  } finally {
    closeSync(file);
  }
}

function openAtOnce(path: string): number {
  try {
    return openSync(path, READING);
  } catch (error) {
    throw openError(error);
  }
}

function inMemory(content: Buffer, signal: AbortSignal | undefined): ReadableFile {
  return {
    bytes: content.length,
    // eslint-disable-next-line @typescript-eslint/require-await -- its errors must be rejections
    async read(buffer, offset, length, position) {
      signal?.throwIfAborted();
      // Buffer.copy refuses a position past the end.
      const from = Math.min(position, content.length);
      return { bytesRead: content.copy(buffer, offset, from, from + length) };
    },
    close: () => Promise.resolve(),
  };
}
