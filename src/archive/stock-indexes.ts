// system.indexes.bson: where mongodump of MongoDB 2.x has the indexes of a database, a document for each.
import { basename } from "node:path";
import { findString } from "../bson/element.ts";
import { validateDocuments } from "../bson/validate.ts";
import { KeepError } from "../errors.ts";
import { readChunks } from "./chunk-reader.ts";
import type { ArchivedFile } from "./place.ts";

/** The name of that collection. */
export const INDEXES = "system.indexes";
/** Some hundred bytes an index: this is more than any server ever had. */
const LONGEST = 64 * 1024 * 1024;

/** Name of a collection → its index definitions, raw BSON. */
export type StockIndexes = ReadonlyMap<string, readonly Uint8Array[]>;

/** @throws KeepError damaged naming the file */
export async function readStockIndexes(
  archived: ArchivedFile,
  signal: AbortSignal,
): Promise<StockIndexes> {
  const found = new Map<string, Buffer[]>();
  let bytes = 0;
  try {
    for await (const { raw } of readChunks(archived, { width: 1, signal })) {
      const checked = validateDocuments(raw);
      if ("problem" in checked) throw new KeepError("damaged", `an index ${checked.problem}`);
      bytes += raw.length;
      if (bytes > LONGEST) throw new KeepError("damaged", "it is too long for definitions");
      for (let at = 0; at < raw.length; at += raw.readInt32LE(at))
        take(Buffer.from(raw.subarray(at, at + raw.readInt32LE(at))), found);
    }
  } catch (error) {
    if (!(error instanceof KeepError)) throw error;
    const file = basename(archived.path);
    throw new KeepError("damaged", `${file}: ${error.message}`, {
      details: { file },
      cause: error,
    });
  }
  return found;
}

function take(definition: Buffer, found: Map<string, Buffer[]>): void {
  const namespace = findString(definition, 0, "ns");
  if (namespace === null || findString(definition, 0, "name") === null)
    throw new KeepError("damaged", "an index without its name, or that of its collection");
  // The folder may have been renamed: what counts is the collection. Names of databases hold no dot.
  const collection = namespace.slice(namespace.indexOf(".") + 1);
  found.set(collection, [...(found.get(collection) ?? []), definition]);
}
