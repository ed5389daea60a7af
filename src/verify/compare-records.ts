// One side of a comparison as records of 32 bytes: hash of the `_id`, hash of the document. Spread over
// partitions by the `_id`, so that each is small enough to be compared in memory, and spilled to a file of
// no name once there are many: nothing is left behind, however the process ends.
import { randomUUID } from "node:crypto";
import { open as openFile, unlink } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { join } from "node:path";
import { KeepError } from "../errors.ts";
import { PRIVATE_FILE } from "../util/durable-file.ts";

export const RECORD_BYTES = 32;
/** A billion documents make partitions of 125 MB; a million fits without a file. */
export const PARTITIONS = 256;
const BLOCK_RECORDS = 1_024;
const BLOCK_BYTES = BLOCK_RECORDS * RECORD_BYTES;
/** Full blocks stay in memory up to so many bytes a side. */
export const KEPT_BYTES = 32 * 1024 * 1024;

export interface RecordStore extends AsyncDisposable {
  /** Cheap; call `spill` from time to time. The lanes are unsigned 64-bit numbers. */
  add(idA: bigint, idB: bigint, documentA: bigint, documentB: bigint): void;
  /** Moves what has grown too large to disk. @throws KeepError disk-full */
  spill(): Promise<void>;
  /** All records of a partition, in no order. */
  read(partition: number): Promise<Buffer>;
  /** Empty again, for the next collection. */
  clear(): void;
}

/** In memory, or where it starts in the file. */
type Block = Buffer | number;

/** `folder` must exist; the file is made in it when it is needed. */
export function createRecordStore(folder: string, keptBytes = KEPT_BYTES): RecordStore {
  let file: FileHandle | null = null;
  let fileBytes = 0;
  let inMemory = 0;
  let blocks: Block[][] = [];
  let open: (Buffer | undefined)[] = [];
  let used = new Uint16Array(PARTITIONS);
  const clear = () => {
    [blocks, open, used] = [Array.from({ length: PARTITIONS }, () => []), [], new Uint16Array(PARTITIONS)]; // prettier-ignore
    [fileBytes, inMemory] = [0, 0];
  };
  clear();
  return {
    add(idA, idB, documentA, documentB) {
      const partition = Number(idA & 0xffn);
      const block = (open[partition] ??= Buffer.allocUnsafeSlow(BLOCK_BYTES));
      const count = used[partition] ?? 0;
      const at = count * RECORD_BYTES;
      block.writeBigUInt64LE(idA, at);
      block.writeBigUInt64LE(idB, at + 8);
      block.writeBigUInt64LE(documentA, at + 16);
      block.writeBigUInt64LE(documentB, at + 24);
      used[partition] = count + 1;
      if (count + 1 < BLOCK_RECORDS) return;
      blocks[partition]?.push(block);
      inMemory += BLOCK_BYTES;
      open[partition] = undefined;
      used[partition] = 0;
    },
    async spill() {
      if (inMemory < keptBytes) return;
      file ??= await openNameless(folder);
      for (const list of blocks)
        for (const [n, block] of list.entries()) {
          if (typeof block === "number") continue;
          await writeAt(file, block, fileBytes, folder);
          list[n] = fileBytes;
          fileBytes += BLOCK_BYTES;
        }
      inMemory = 0;
    },
    async read(partition) {
      const list = blocks[partition] ?? [];
      const rest = (used[partition] ?? 0) * RECORD_BYTES;
      const whole = Buffer.allocUnsafeSlow(list.length * BLOCK_BYTES + rest);
      for (const [n, block] of list.entries()) {
        if (typeof block !== "number") block.copy(whole, n * BLOCK_BYTES);
        else await file?.read(whole, n * BLOCK_BYTES, BLOCK_BYTES, block);
      }
      open[partition]?.copy(whole, list.length * BLOCK_BYTES, 0, rest);
      return whole;
    },
    clear,
    async [Symbol.asyncDispose]() {
      await file?.close();
      file = null;
    },
  };
}

/** A file that is gone from its folder as soon as it is open: the system frees it with the process. */
async function openNameless(folder: string): Promise<FileHandle> {
  const path = join(folder, `.diff-${randomUUID()}`);
  try {
    const file = await openFile(path, "wx+", PRIVATE_FILE);
    await unlink(path);
    return file;
  } catch (error) {
    throw fullOr(error, folder);
  }
}

async function writeAt(file: FileHandle, block: Buffer, at: number, folder: string) {
  try {
    for (let done = 0; done < block.length;)
      done += (await file.write(block, done, block.length - done, at + done)).bytesWritten;
  } catch (error) {
    throw fullOr(error, folder);
  }
}

function fullOr(error: unknown, folder: string): unknown {
  const { code } = error as NodeJS.ErrnoException;
  if (code !== "ENOSPC" && code !== "EDQUOT") return error;
  return new KeepError("disk-full", `no space left in ${folder} to compare so many documents`, {
    hint: "Free disk space, or compare less with --only.",
    cause: error,
  });
}
