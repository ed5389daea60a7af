// A file of `mongodump --archive`, told by its first bytes and read as parts; --gzip is one gzip stream around it.
import { createGunzip } from "node:zlib";
import { KeepError } from "../errors.ts";
import { ByteCursor } from "./byte-cursor.ts";
import { plainBytes, throughStream } from "./byte-stream.ts";
import { ARCHIVE_MAGIC, readMongodumpArchive } from "./mongodump-archive.ts";
import type { ArchivePart } from "./mongodump-archive.ts";
import { openArchived } from "./place.ts";
import type { ArchivedFile, OpenFile } from "./place.ts";

const GZIP_MAGIC = Buffer.from([0x1f, 0x8b]);
const BLOCK_BYTES = 1 << 20;

/** What kind of archive the file begins as; null for anything else, also a file that is empty or too short. */
export async function archiveKind(archived: ArchivedFile): Promise<"plain" | "gzip" | null> {
  const file = await openArchived(archived);
  try {
    const signal = new AbortController().signal;
    // Some kilobytes are enough for the first bytes of any gzip stream.
    const bytes = Math.min(file.bytes, 1 << 16);
    await using cursor = new ByteCursor(await decompressed(file, bytes, signal));
    if (!(await cursor.has(4)) || !cursor.take(4).equals(ARCHIVE_MAGIC)) return null;
    return (await isGzip(file)) ? "gzip" : "plain";
  } catch (error) {
    if (error instanceof KeepError && error.code === "damaged") return null;
    throw error;
  } finally {
    await file.close();
  }
}

/** @throws KeepError damaged, with `file` (a namespace), `document` and `byte` in its details where known */
export async function* readMongodumpArchiveFile(
  archived: ArchivedFile,
  signal: AbortSignal,
): AsyncGenerator<ArchivePart, void, void> {
  const file = await openArchived(archived, { signal });
  try {
    yield* readMongodumpArchive(await decompressed(file, file.bytes, signal));
  } finally {
    await file.close();
  }
}

async function decompressed(
  file: OpenFile,
  bytes: number,
  signal: AbortSignal,
): Promise<AsyncGenerator<Buffer, void, void>> {
  const source = { file, bytes, signal };
  if (!(await isGzip(file))) return plainBytes(source);
  return throughStream(source, createGunzip({ chunkSize: BLOCK_BYTES }));
}

async function isGzip(file: OpenFile): Promise<boolean> {
  const first = Buffer.alloc(GZIP_MAGIC.length);
  await file.read(first, 0, first.length, 0);
  return first.equals(GZIP_MAGIC);
}
