// The oplog of a stock dump: beside the databases, named oplog.bson also where it is compressed.
import type { CompressionAlgorithm } from "../codec/codec.ts";
import { isStockOplog } from "./layout.ts";
import { readExactly } from "../storage/ranges.ts";
import { digestOfData } from "./data-digest.ts";
import { fileAt, openArchived } from "./place.ts";
import type { ArchivedFile, Place } from "./place.ts";
import type { DumpPlace } from "./stock-files.ts";
import { assertSame } from "./twin-files.ts";

export interface ArchivedOplog {
  readonly file: ArchivedFile;
  /** Its name does not tell: mongorestore --gzip wants the plain one. */
  readonly algorithm: CompressionAlgorithm;
}

/** Identification and method of RFC 1952. As the length of a document it would be an entry of 559,903 bytes. */
const GZIP = Buffer.from([0x1f, 0x8b, 0x08]);

/**
 * null where it has no oplog.
 * @param files of the dump's own folder, name → path
 * @param notes says which of two is used
 * @throws KeepError damaged, with `file`, where there are two that do not hold the same
 */
export async function findStockOplog(
  place: DumpPlace,
  files: ReadonlyMap<string, string>,
  notes: string[] = [],
): Promise<ArchivedOplog | null> {
  const [used, other] = [...files].filter(([name]) => isStockOplog(name));
  if (used === undefined) return null;
  const log = await readLog(place, used[1]);
  if (other === undefined) return log;
  const second = await readLog(place, other[1]);
  await assertSame(
    { name: used[0], file: log },
    { name: other[0], file: second },
    ({ file, algorithm }) => digestOfData(file, place.signal, algorithm),
  );
  notes.push(`${other[0]} holds the same as ${used[0]}, which is used`);
  return log;
}

async function readLog(place: Place, path: string): Promise<ArchivedOplog> {
  const file = fileAt(place, path);
  const opened = await openArchived(file);
  try {
    const start = await readExactly(opened, 0, Math.min(opened.bytes, GZIP.length));
    return { file, algorithm: start.equals(GZIP) ? "gzip" : "none" };
  } finally {
    await opened.close();
  }
}
