// Reading from a stored file by ranges.
import { KeepError } from "../errors.ts";
import type { ReadableFile, ReadableStorage } from "./storage.ts";

/** Exactly `length` bytes at `position`. @throws KeepError damaged where the file ends before */
export async function readExactly(
  file: Pick<ReadableFile, "read">,
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

/** All of an open file. @throws KeepError damaged where it is longer than `mostBytes` */
export async function readAll(file: ReadableFile, mostBytes: number): Promise<Buffer> {
  if (file.bytes > mostBytes) throw new KeepError("damaged", "the file is too long");
  return await readExactly(file, 0, file.bytes);
}

/** All of a plain file as it is stored. @throws KeepError damaged where it is missing, no plain file, or too long */
export async function readWhole(
  storage: ReadableStorage,
  path: string,
  mostBytes: number,
): Promise<Buffer> {
  const file = await storage.open(path);
  try {
    return await readAll(file, mostBytes);
  } finally {
    await file.close();
  }
}
