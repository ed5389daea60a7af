// A file of a backup as a stream of blocks: as it lies there, or decompressed as a whole. Memory is bounded by
// a few blocks; the whole file is read, or the reader is told that it was not.
import type { createGunzip, createZstdDecompress } from "node:zlib";
import { KeepError } from "../errors.ts";
import { readExactly } from "../storage/ranges.ts";
import type { ReadableFile } from "../storage/storage.ts";

export interface ByteSource {
  readonly file: Pick<ReadableFile, "read">;
  readonly bytes: number;
  readonly signal: AbortSignal;
}

const READ_BYTES = 4 * 1024 * 1024;

/** @throws KeepError damaged where the file is shorter than it was */
export async function* plainBytes({
  file,
  bytes,
  signal,
}: ByteSource): AsyncGenerator<Buffer, void, void> {
  for (let at = 0; at < bytes; at += READ_BYTES) {
    signal.throwIfAborted();
    yield await readExactly(file, at, Math.min(READ_BYTES, bytes - at));
  }
}

/**
 * Decompresses a file of others as one stream, and sees to it that the whole file was used.
 * @throws KeepError damaged
 */
export async function* throughStream(
  source: ByteSource,
  decompressor: ReturnType<typeof createGunzip> | ReturnType<typeof createZstdDecompress>,
): AsyncGenerator<Buffer, void, void> {
  const feed = async () => {
    for await (const block of plainBytes(source)) {
      if (decompressor.destroyed) return;
      if (!decompressor.write(block)) await onceDrained(decompressor);
    }
    decompressor.end();
  };
  const feeding = feed().catch((error: unknown) => {
    decompressor.destroy(error instanceof Error ? error : new Error(String(error)));
  });
  try {
    for await (const block of decompressor) yield block as Buffer;
  } catch (error) {
    if (error instanceof KeepError) throw error;
    source.signal.throwIfAborted();
    throw damaged(error instanceof Error ? error.message : String(error), error);
  } finally {
    decompressor.destroy();
    await feeding;
  }
  // Node's zstd stream ends silently after the first of several frames (tried on 24.21).
  if (decompressor.bytesWritten < source.bytes)
    throw damaged("only a part of the file could be decompressed");
}

function onceDrained(stream: NodeJS.EventEmitter): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      stream.off("drain", done);
      stream.off("close", done);
      resolve();
    };
    stream.once("drain", done);
    stream.once("close", done);
  });
}

function damaged(problem: string, cause?: unknown): KeepError {
  return new KeepError("damaged", problem, { details: { chunk: null }, cause });
}
