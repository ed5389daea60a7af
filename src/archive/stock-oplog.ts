// The oplog of a stock dump: beside the databases, named oplog.bson also where it is compressed.
import type { CompressionAlgorithm } from "../codec/codec.ts";
import { isStockOplog } from "./layout.ts";
import { openPlainFile, readExactly } from "./open-file.ts";

export interface ArchivedOplog {
  /** Absolute. */
  readonly file: string;
  /** Its name does not tell: mongorestore --gzip wants the plain one. */
  readonly algorithm: CompressionAlgorithm;
}

/** Identification and method of RFC 1952. As the length of a document it would be an entry of 559,903 bytes. */
const GZIP = Buffer.from([0x1f, 0x8b, 0x08]);

/** @param files of the dump's own folder, name → absolute path; null: it has no oplog */
export async function findStockOplog(
  files: ReadonlyMap<string, string>,
): Promise<ArchivedOplog | null> {
  const path = [...files].find(([name]) => isStockOplog(name))?.[1];
  if (path === undefined) return null;
  const { file, bytes } = await openPlainFile(path);
  try {
    const start = await readExactly(file, 0, Math.min(bytes, GZIP.length));
    return { file: path, algorithm: start.equals(GZIP) ? "gzip" : "none" };
  } finally {
    await file.close();
  }
}
