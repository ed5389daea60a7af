// The oplog that mongodump --oplog leaves: from when to when it reaches, and whether anything in it must be
// replayed to make the dump one state.
import { readChunks } from "../archive/chunk-reader.ts";
import type { ArchivedFile } from "../archive/place.ts";
import { findElement, findString } from "../bson/element.ts";
import type { CompressionAlgorithm } from "../codec/codec.ts";
import type { ClusterTime } from "../mongo/server-info.ts";
import { KeepError } from "../errors.ts";

export interface OplogSpan {
  readonly from: ClusterTime;
  readonly to: ClusterTime;
  /** false: nothing was written meanwhile, and the dump is one state as it lies there. */
  readonly replays: boolean;
}

/**
 * The first entry is the newest one from before the dump (tried with 100.7), and is in the data already.
 * Where a transaction was open the log begins earlier, and has more entries.
 */
export async function readOplogSpan(
  file: ArchivedFile,
  algorithm: CompressionAlgorithm,
  signal: AbortSignal,
): Promise<OplogSpan> {
  let from: ClusterTime | null = null;
  let to: ClusterTime | null = null;
  let replays = false;
  for await (const { raw } of readChunks(file, { width: 1, signal, algorithm }))
    for (let at = 0; at < raw.length; at += raw.readInt32LE(at)) {
      const entry = raw.subarray(at, at + raw.readInt32LE(at));
      to = timeOf(entry);
      if (from === null) from = to;
      else replays ||= changesData(entry);
    }
  if (from === null || to === null)
    throw new KeepError("damaged", "mongodump left an oplog without entries");
  return { from, to, replays };
}

/** A Timestamp is its ordinal, then its seconds. */
function timeOf(entry: Buffer): ClusterTime {
  const ts = findElement(entry, 0, "ts");
  if (!ts) throw new KeepError("damaged", "an entry of the oplog has no time");
  return { t: entry.readUInt32LE(ts.at + 4), i: entry.readUInt32LE(ts.at) };
}

/** The server's own book-keeping (no-ops, sessions, caches) is no data. */
function changesData(entry: Buffer): boolean {
  const namespace = findString(entry, 0, "ns") ?? "";
  return findString(entry, 0, "op") !== "n" && !/^(config|local)\./.test(namespace);
}
