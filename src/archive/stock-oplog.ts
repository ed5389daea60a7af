// The oplog of a stock dump: beside the databases, named oplog.bson also where it is compressed.
import { join } from "node:path";
import type { CompressionAlgorithm } from "../codec/codec.ts";
import { OPLOG_FILE } from "./layout.ts";
import { openPlainFile, readExactly } from "./open-file.ts";

export interface ArchivedOplog {
  /** Absolute. */
  readonly file: string;
  /** Its name does not tell: mongorestore --gzip wants the plain one. */
  readonly algorithm: CompressionAlgorithm;
}

/** Identification and method of RFC 1952. As the length of a document it would be an entry of 559,903 bytes. */
const GZIP = Buffer.from([0x1f, 0x8b, 0x08]);

/** @param names of the files in the dump's own folder; null: it has no oplog */
export async function findStockOplog(
  path: string,
  names: readonly string[],
): Promise<ArchivedOplog | null> {
  const name = [OPLOG_FILE, `${OPLOG_FILE}.gz`].find((one) => names.includes(one));
  if (name === undefined) return null;
  const { file, bytes } = await openPlainFile(join(path, name));
  try {
    const start = await readExactly(file, 0, Math.min(bytes, GZIP.length));
    return { file: join(path, name), algorithm: start.equals(GZIP) ? "gzip" : "none" };
  } finally {
    await file.close();
  }
}
