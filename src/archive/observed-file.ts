// A stored file whose bytes are seen on the way, in their order and each once, in whatever order they are read. This
// gives the file's checksum during the one reading that also gives its documents.
import type { ReadableFile } from "../storage/storage.ts";

export type OnStored = (bytes: Uint8Array) => void;

export type ObservedFile = Omit<ReadableFile, "close"> & {
  /** Reads what was never read, or not in order, so that all bytes have been seen. */
  finish(): Promise<void>;
};

const BLOCK_BYTES = 1 << 20;

export function observeInOrder(
  file: Omit<ReadableFile, "close">,
  onStored: OnStored | undefined,
): ObservedFile {
  let seen = 0;
  const read: ReadableFile["read"] = async (buffer, offset, length, position) => {
    const result = await file.read(buffer, offset, length, position);
    const end = position + result.bytesRead;
    if (onStored && position <= seen && end > seen) {
      onStored(buffer.subarray(offset + seen - position, offset + result.bytesRead));
      seen = end;
    }
    return result;
  };
  const finish = async () => {
    if (!onStored || seen >= file.bytes) return;
    const block = Buffer.allocUnsafe(Math.min(BLOCK_BYTES, file.bytes - seen));
    while (seen < file.bytes) {
      const wanted = Math.min(block.length, file.bytes - seen);
      // A file that became shorter since it was opened fails its checksum.
      if ((await read(block, 0, wanted, seen)).bytesRead === 0) return;
    }
  };
  return { bytes: file.bytes, read, finish };
}
