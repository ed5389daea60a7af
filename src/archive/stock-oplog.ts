// The oplog of a stock dump: beside the databases, named oplog.bson also where it is compressed.
import type { CompressionAlgorithm } from "../codec/codec.ts";
import { isStockOplog } from "./layout.ts";
import { readExactly } from "../storage/ranges.ts";
import { fileAt, openArchived } from "./place.ts";
import type { ArchivedFile, Place } from "./place.ts";

export interface ArchivedOplog {
  readonly file: ArchivedFile;
  /** Its name does not tell: mongorestore --gzip wants the plain one. */
  readonly algorithm: CompressionAlgorithm;
}

/** Identification and method of RFC 1952. As the length of a document it would be an entry of 559,903 bytes. */
const GZIP = Buffer.from([0x1f, 0x8b, 0x08]);

/** @param files of the dump's own folder, name → path; null where it has no oplog */
export async function findStockOplog(
  place: Place,
  files: ReadonlyMap<string, string>,
): Promise<ArchivedOplog | null> {
  const path = [...files].find(([name]) => isStockOplog(name))?.[1];
  if (path === undefined) return null;
  const file = fileAt(place, path);
  const opened = await openArchived(file);
  try {
    const start = await readExactly(opened, 0, Math.min(opened.bytes, GZIP.length));
    return { file, algorithm: start.equals(GZIP) ? "gzip" : "none" };
  } finally {
    await opened.close();
  }
}
