// An archive of `mongodump --archive`, read once from its beginning: magic, header, list of collections, then
// blocks of documents, interleaved. Memory is bounded by one document and one block of the stream.
// What must stay true: whatever the bytes are, the answer is what was read or `damaged` with its place.
// https://github.com/mongodb/mongo-tools/blob/master/common/archive/spec.md
import { LONGEST_DOCUMENT, validateDocuments } from "../bson/validate.ts";
import { KeepError } from "../errors.ts";
import { ByteCursor } from "./byte-cursor.ts";
import { archiveDamage, createArchiveList } from "./mongodump-archive-list.ts";
import type { ArchiveList, ArchivedStream } from "./mongodump-archive-list.ts";

/** What comes first in every archive, as bytes on the disk. */
export const ARCHIVE_MAGIC = Buffer.from([0x6d, 0xe2, 0x99, 0x81]);

/** In this order: one `list`, then `documents` and `end` of its streams. */
export type ArchivePart =
  | { readonly kind: "list"; readonly list: ArchiveList }
  /** Whole documents, back to back, checked; the bytes stay as they are. */
  | { readonly kind: "documents"; readonly stream: ArchivedStream; readonly raw: Buffer }
  | { readonly kind: "end"; readonly stream: ArchivedStream };

const SMALLEST_DOCUMENT = 5;
const TERMINATOR = -1;
/** The list is in memory; 100,000 collections with long validators have less. */
const LONGEST_LIST = 256 * 1024 * 1024;

/**
 * @param blocks the archive's bytes, decompressed
 * @throws KeepError damaged, with `file` (the namespace, or empty), `document` and `byte` in its details
 */
export async function* readMongodumpArchive(
  blocks: AsyncIterable<Buffer>,
): AsyncGenerator<ArchivePart, void, void> {
  await using cursor = new ByteCursor(blocks);
  let current: ArchivedStream | null = null;
  try {
    const list = await readList(cursor);
    yield { kind: "list", list };
    while (await cursor.has(1)) {
      const { stream, end } = await openBlock(cursor, list);
      current = stream;
      if (end) yield { kind: "end", stream };
      else yield* readBody(cursor, stream);
      current = null;
    }
    list.assertComplete(cursor.position);
  } catch (error) {
    throw placed(error, cursor, current);
  }
}

/** Damage of the gzip stream around the archive knows nothing of the archive. */
function placed(error: unknown, cursor: ByteCursor, stream: ArchivedStream | null): unknown {
  if (!(error instanceof KeepError) || error.code !== "damaged") return error;
  if (error.details.byte !== undefined) return error;
  const byte = cursor.position;
  return archiveDamage(error.message, stream ? streamPlace(stream, byte, 0) : { byte });
}

async function openBlock(cursor: ByteCursor, list: ArchiveList) {
  const at = cursor.position;
  const header = await nextDocument(cursor);
  if (header === null) throw archiveDamage("a block of the archive has no header", { byte: at });
  const block = list.openBlock(header, at);
  if (block.end && (await nextDocument(cursor)) !== null)
    throw archiveDamage(
      "documents follow the end of the collection",
      streamPlace(block.stream, at),
    );
  return block;
}

async function readList(cursor: ByteCursor): Promise<ArchiveList> {
  if (!(await cursor.has(4)) || !cursor.take(4).equals(ARCHIVE_MAGIC))
    throw archiveDamage("this is no archive of mongodump", { byte: 0 });
  const header = await nextDocument(cursor);
  if (header === null) throw archiveDamage("the archive has no header", { byte: 4 });
  const list = createArchiveList(header);
  for (;;) {
    const at = cursor.position;
    if (at > LONGEST_LIST) throw archiveDamage("the list of collections is too long", { byte: at });
    const entry = await nextDocument(cursor);
    if (entry === null) break;
    list.add(entry, at);
  }
  list.assertNotEmpty(cursor.position);
  return list;
}

/** The documents up to the terminator, as many at a time as are there. */
async function* readBody(
  cursor: ByteCursor,
  stream: ArchivedStream,
): AsyncGenerator<ArchivePart, void, void> {
  for (;;) {
    const at = cursor.position;
    const { whole, next } = countWhole(cursor.buffered, stream, at);
    if (whole > 0) {
      const raw = cursor.take(whole);
      const checked = validateDocuments(raw);
      if ("problem" in checked)
        throw archiveDamage(
          `document ${stream.documents + checked.document} ${checked.problem}`,
          streamPlace(stream, at, checked.document),
        );
      stream.take(raw, checked.documents);
      yield { kind: "documents", stream, raw };
      continue;
    }
    if (next === TERMINATOR) {
      cursor.take(4);
      return;
    }
    if (!(await cursor.has(next)))
      throw archiveDamage("the archive is cut short", streamPlace(stream, at, 0));
  }
}

/** Bytes of the whole documents at the front, and the bytes needed to go on, or TERMINATOR. */
function countWhole(bytes: Buffer, stream: ArchivedStream, position: number) {
  let whole = 0;
  for (let documents = 0; ; documents++) {
    if (bytes.length - whole < 4) return { whole, next: 4 };
    const length = bytes.readInt32LE(whole);
    if (length === TERMINATOR) return { whole, next: TERMINATOR };
    if (length < SMALLEST_DOCUMENT || length > LONGEST_DOCUMENT) {
      // Those before it are checked and counted first: the first damage is the one told.
      if (whole > 0) return { whole, next: 4 };
      throw archiveDamage(
        `document ${stream.documents} has an impossible length of ${length} bytes`,
        streamPlace(stream, position, 0),
      );
    }
    if (whole + length > bytes.length) return { whole, next: length };
    whole += length;
  }
}

/** A header or an entry of the list, checked; null for a terminator. */
async function nextDocument(cursor: ByteCursor): Promise<Buffer | null> {
  const byte = cursor.position;
  const cut = () => archiveDamage("the archive is cut short", { byte });
  if (!(await cursor.has(4))) throw cut();
  const length = cursor.buffered.readInt32LE(0);
  if (length === TERMINATOR) {
    cursor.take(4);
    return null;
  }
  if (length < SMALLEST_DOCUMENT || length > LONGEST_DOCUMENT)
    throw archiveDamage(`a header has an impossible length of ${length} bytes`, { byte });
  if (!(await cursor.has(length))) throw cut();
  const raw = cursor.take(length);
  const checked = validateDocuments(raw);
  if ("problem" in checked) throw archiveDamage(`a header ${checked.problem}`, { byte });
  return raw;
}

function streamPlace(stream: ArchivedStream, byte: number, documentsOn?: number) {
  const document = documentsOn === undefined ? null : stream.documents + documentsOn;
  return { file: stream.namespace, document, byte };
}
