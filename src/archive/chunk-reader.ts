// Chunks of a data file: ours inflate in parallel on the thread pool, found without inflating; files of
// others are read as plain streams and cut anew at document borders. Memory is bounded by `width` chunks.
// Files of Extended JSON give the documents of their lines.
import { createGunzip, createZstdDecompress } from "node:zlib";
import { KeepError } from "../errors.ts";
import { algorithmOf } from "../codec/create.ts";
import type { CompressionAlgorithm } from "../codec/codec.ts";
import { inflateMember, MEMBER_HEADER_BYTES, memberLength } from "../codec/gzip-members.ts";
import { decompressFrame, parseSeekTable, seekTableBytes } from "../codec/zstd-frames.ts";
import { plainBytes, throughStream } from "./byte-stream.ts";
import type { ByteSource } from "./byte-stream.ts";
import { encodingOf } from "./layout.ts";
import { asTheyCome, readLineChunks } from "./line-chunks.ts";
import { readExactly } from "../storage/ranges.ts";
import { openArchived } from "./place.ts";
import type { ArchivedFile, OpenOptions } from "./place.ts";
import { recutDocuments } from "./recut.ts";
import type { Chunk } from "./recut.ts";

export interface ReadChunksOptions {
  /** Chunks inflated ahead of the reader. */
  readonly width: number;
  readonly signal: AbortSignal;
  /** Sees the file's stored bytes in their order, each once: for its checksum. */
  readonly onStored?: OpenOptions["onStored"];
  /** Where the name does not tell it. */
  readonly algorithm?: CompressionAlgorithm;
}

/** No chunk of ours is longer: a document beyond the limit is a chunk of its own. */
const LONGEST_RAW = 48 * 1024 * 1024;
const LONGEST_STORED = 64 * 1024 * 1024;
const ZSTD_TAIL = 9;

/** @throws KeepError damaged, with `chunk` in its details where one is to blame */
export async function* readChunks(
  archived: ArchivedFile,
  { width, signal, onStored, ...options }: ReadChunksOptions,
): AsyncGenerator<Chunk, void, void> {
  const { path } = archived;
  const file = await openArchived(archived, { signal, onStored });
  try {
    const source: Source = { file, bytes: file.bytes, recut: recutDocuments, width, signal };
    const algorithm = options.algorithm ?? algorithmOf(path);
    if (encodingOf(path) === "ejson") {
      yield* readLineChunks(inflate({ ...source, recut: asTheyCome }, algorithm));
    } else yield* inflate(source, algorithm);
    await file.finish();
  } finally {
    await file.close();
  }
}

interface Source extends ByteSource {
  readonly width: number;
  /** What becomes of a stream that has no chunks of ours. */
  readonly recut: (blocks: AsyncIterable<Buffer>) => AsyncGenerator<Chunk, void, void>;
}

async function* inflate(
  source: Source,
  algorithm: CompressionAlgorithm,
): AsyncGenerator<Chunk, void, void> {
  if (algorithm === "none") yield* source.recut(plainBytes(source));
  else if (algorithm === "gzip") yield* readGzip(source);
  else yield* readZstd(source);
}

async function* readGzip(source: Source): AsyncGenerator<Chunk, void, void> {
  if (source.bytes < MEMBER_HEADER_BYTES) throw damaged("the file is cut short", 0);
  const header = await readExactly(source.file, 0, MEMBER_HEADER_BYTES);
  if (memberLength(header) === null) {
    yield* source.recut(throughStream(source, createGunzip({ chunkSize: 1 << 20 })));
    return;
  }
  yield* inParallel(source, gzipMembers(source), (member) => inflateMember(member, LONGEST_RAW));
}

async function* gzipMembers({ file, bytes }: Source): AsyncGenerator<Buffer, void, void> {
  let index = 0;
  for (let at = 0; at < bytes; index++) {
    if (bytes - at < MEMBER_HEADER_BYTES) throw damaged("the file is cut short", index);
    const length = memberLength(await readExactly(file, at, MEMBER_HEADER_BYTES));
    if (length === null) throw damaged("the chunk has no header", index);
    if (length <= MEMBER_HEADER_BYTES + 8 || length > LONGEST_STORED)
      throw damaged("the chunk's header has an impossible length", index);
    if (at + length > bytes) throw damaged("the file is cut short", index);
    yield await readExactly(file, at, length);
    at += length;
  }
}

async function* readZstd(source: Source): AsyncGenerator<Chunk, void, void> {
  const { file, bytes } = source;
  if (bytes < ZSTD_TAIL) throw damaged("the file is cut short", 0);
  const tableBytes = seekTableBytes(await readExactly(file, bytes - ZSTD_TAIL, ZSTD_TAIL));
  if (tableBytes === null) {
    yield* source.recut(throughStream(source, createZstdDecompress({ chunkSize: 1 << 20 })));
    return;
  }
  if (tableBytes > bytes) throw damaged("the seek table is longer than the file", null);
  const table = await readExactly(file, bytes - tableBytes, tableBytes);
  const frames = asDamage(null, () => parseSeekTable(table, bytes));
  for (const [index, { rawBytes, storedBytes }] of frames.entries())
    if (rawBytes > LONGEST_RAW || storedBytes > LONGEST_STORED)
      throw damaged("the seek table has an impossible length", index);
  let index = 0;
  yield* inParallel(source, zstdFrames(source, frames), (frame) =>
    decompressFrame(frame, frames[index++]?.rawBytes ?? 0),
  );
}

async function* zstdFrames(
  { file }: Source,
  frames: readonly { readonly storedBytes: number }[],
): AsyncGenerator<Buffer, void, void> {
  let at = 0;
  for (const { storedBytes } of frames) {
    yield await readExactly(file, at, storedBytes);
    at += storedBytes;
  }
}

/** Inflates up to `width` chunks at once and yields them in their order. `inflate` is called in order too. */
async function* inParallel(
  { signal, width }: Source,
  stored: AsyncGenerator<Buffer, void, void>,
  inflate: (bytes: Buffer) => Promise<Buffer>,
): AsyncGenerator<Chunk, void, void> {
  const ahead: Promise<Chunk>[] = [];
  let started = 0;
  const start = (bytes: Buffer) => {
    const index = started++;
    const inflated = inflate(bytes).then(
      (raw) => ({ index, raw }),
      (error: unknown) => {
        throw damaged(reasonOf(error), index, error);
      },
    );
    // Its failure is thrown when its turn comes; until then it must not count as unhandled.
    inflated.catch(() => undefined);
    ahead.push(inflated);
  };
  try {
    for await (const bytes of endedByFailure(stored, ahead)) {
      signal.throwIfAborted();
      start(bytes);
      if (ahead.length >= width) yield* takeFirst(ahead);
    }
    while (ahead.length > 0) yield* takeFirst(ahead);
  } finally {
    await Promise.allSettled(ahead);
  }
}

/** A chunk that cannot be read takes its turn behind those before it: the first damage is the one told. */
async function* endedByFailure(
  stored: AsyncGenerator<Buffer, void, void>,
  ahead: Promise<Chunk>[],
): AsyncGenerator<Buffer, void, void> {
  try {
    yield* stored;
  } catch (error) {
    const failed = (async (): Promise<Chunk> => {
      await Promise.resolve();
      throw error;
    })();
    failed.catch(() => undefined);
    ahead.push(failed);
  }
}

async function* takeFirst(ahead: Promise<Chunk>[]): AsyncGenerator<Chunk, void, void> {
  const first = await ahead.shift();
  if (first && first.raw.length > 0) yield first;
}

const reasonOf = (error: unknown) => (error instanceof Error ? error.message : String(error));

function damaged(problem: string, chunk: number | null, cause?: unknown): KeepError {
  return new KeepError("damaged", problem, { details: { chunk }, cause });
}

function asDamage<T>(chunk: number | null, act: () => T): T {
  try {
    return act();
  } catch (error) {
    throw damaged(reasonOf(error), chunk, error);
  }
}
