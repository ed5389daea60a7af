// Opens a file of a backup for reading: a plain file, never through a symbolic link, never a FIFO or device.
import { constants } from "node:fs";
import { open } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { KeepError } from "../errors.ts";

const { O_NOFOLLOW, O_NONBLOCK, O_RDONLY } = constants;

/** @throws KeepError damaged for anything that is not a plain file */
export async function openPlainFile(path: string): Promise<{ file: FileHandle; bytes: number }> {
  // O_NONBLOCK: opening a FIFO that nobody writes to would otherwise wait for ever.
  const file = await open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK).catch((error: unknown) => {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") throw new KeepError("damaged", "the file is missing", { cause: error });
    if (code === "ELOOP" || code === "ENXIO")
      throw new KeepError("damaged", "it is not a plain file", { cause: error });
    throw error;
  });
  const { size, ...stat } = await file.stat().then((s) => ({ size: s.size, plain: s.isFile() }));
  if (stat.plain) return { file, bytes: size };
  await file.close();
  throw new KeepError("damaged", "it is not a plain file");
}

/** Exactly `length` bytes at `position`, or KeepError damaged where the file ends before. */
export async function readExactly(
  file: FileHandle,
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
  const { file, bytes } = await openPlainFile(path);
  try {
    if (bytes > mostBytes) throw new KeepError("damaged", "the file is too long");
    return await readExactly(file, 0, bytes);
  } finally {
    await file.close();
  }
}
