// Opens a file of a backup for reading: a plain file, never through a symbolic link, never a FIFO or device.
import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { open } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { KeepError } from "../errors.ts";

const { O_NOFOLLOW, O_NONBLOCK, O_RDONLY } = constants;
// O_NONBLOCK: opening a FIFO that nobody writes to would otherwise wait for ever.
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

/** A plain file that is read by position. */
export interface PlainFile {
  readonly bytes: number;
  read(
    buffer: Buffer,
    offset: number,
    length: number,
    position: number,
  ): Promise<{ readonly bytesRead: number }>;
  close(): Promise<void>;
}

/**
 * As openPlainFile; a short file is read whole at once, and held by nobody. Of thousands of small files most of the
 * time was spent on the way to the thread pool and back.
 */
export async function openToRead(path: string): Promise<PlainFile> {
  const short = readShort(path);
  if (short) return inMemory(short);
  const { file, bytes } = await openPlainFile(path);
  return {
    bytes,
    read: (buffer, offset, length, position) => file.read(buffer, offset, length, position),
    close: () => file.close(),
  };
}

const SHORT_BYTES = 64 * 1024;

/** null: it is longer. */
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

function inMemory(content: Buffer): PlainFile {
  return {
    bytes: content.length,
    read: (buffer, offset, length, position) =>
      Promise.resolve({ bytesRead: content.copy(buffer, offset, position, position + length) }),
    close: () => Promise.resolve(),
  };
}

/** Exactly `length` bytes at `position`, or KeepError damaged where the file ends before. */
export async function readExactly(
  file: Pick<PlainFile, "read">,
  position: number,
  length: number,
): Promise<Buffer> {
  const buffer = Buffer.allocUnsafe(length);
  for (let filled = 0; filled < length;) {
    const { bytesRead } = await file.read(buffer, filled, length - filled, position + filled);
    if (bytesRead === 0) throw new KeepError("damaged", "the file is cut short");
    filled += bytesRead;
  }
  return buffer;
}

/** All of a plain file. @throws KeepError damaged where it is longer than `mostBytes` */
export async function readWhole(path: string, mostBytes: number): Promise<Buffer> {
  const file = await openToRead(path);
  try {
    if (file.bytes > mostBytes) throw new KeepError("damaged", "the file is too long");
    return await readExactly(file, 0, file.bytes);
  } finally {
    await file.close();
  }
}
