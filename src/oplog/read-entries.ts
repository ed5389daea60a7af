// The entries of an oplog file, from mongokeep or mongodump, one by one and checked. Memory is limited to a few chunks.
import { basename } from "node:path";
import { readChunks } from "../archive/chunk-reader.ts";
import type { ArchivedOplog } from "../archive/stock-oplog.ts";
import { validateDocuments } from "../bson/validate.ts";
import { KeepError } from "../errors.ts";

/** Chunks decompressed ahead of the replay. */
const AHEAD = 2;

/** @throws KeepError damaged naming the file */
export async function* readEntries(
  { file, algorithm }: ArchivedOplog,
  signal: AbortSignal,
): AsyncGenerator<Buffer, void, void> {
  for await (const { raw } of readChunks(file, { width: AHEAD, signal, algorithm })) {
    const found = validateDocuments(raw);
    if ("problem" in found)
      throw new KeepError("damaged", `an entry in ${basename(file.path)} ${found.problem}`, {
        details: { file: basename(file.path) },
      });
    for (let at = 0; at < raw.length; at += raw.readInt32LE(at))
      yield raw.subarray(at, at + raw.readInt32LE(at));
  }
}
