// The metadata file of one collection, read whole and with limits: a folder of others may hold anything.
import { basename } from "node:path";
import { gunzipSync } from "node:zlib";
import { KeepError, outOfFiles } from "../errors.ts";
import { hasFewValues, parseMetadata } from "./metadata.ts";
import type { CollectionMetadata } from "./metadata.ts";
import type { ArchivedCollection } from "./opened.ts";
import { readArchived } from "./place.ts";
import type { ArchivedFile } from "./place.ts";

/** Metadata of a collection is text of some kilobytes; a bomb is not. */
const LONGEST_METADATA = 32 * 1024 * 1024;

/** The metadata of a collection; null where the archive has none. @throws KeepError damaged */
export async function readMetadata(
  collection: Pick<ArchivedCollection, "metadataFile" | "indexes">,
): Promise<CollectionMetadata | null> {
  const { metadataFile, indexes } = collection;
  if (metadataFile === null) return indexes ? { ...parseMetadata("{}"), indexes } : null;
  return await asDamage(metadataFile, async () => {
    const text = await readText(metadataFile);
    if (!hasFewValues(text))
      throw new KeepError("damaged", "it has more values than options and indexes can have");
    return parseMetadata(text.toString("utf8"));
  });
}

/** The text of a metadata file, which need not be right. @throws KeepError damaged */
export async function readMetadataText(metadataFile: ArchivedFile): Promise<Buffer> {
  return await asDamage(metadataFile, () => readText(metadataFile));
}

async function readText(metadataFile: ArchivedFile): Promise<Buffer> {
  const stored = await readArchived(metadataFile, LONGEST_METADATA);
  return metadataFile.path.endsWith(".gz") ? inflateWhole(stored) : stored;
}

async function asDamage<T>(metadataFile: ArchivedFile, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    const limit = outOfFiles(error);
    if (limit) throw limit;
    const reason = error instanceof Error ? error.message : String(error);
    const file = basename(metadataFile.path);
    throw new KeepError("damaged", `the metadata in ${file}: ${reason}`, {
      details: { file },
      cause: error,
    });
  }
}

/** Node's gunzip passes over bytes that follow the compressed ones: told here. */
function inflateWhole(stored: Buffer): Buffer {
  const { buffer, engine } = gunzipSync(stored, {
    maxOutputLength: LONGEST_METADATA,
    info: true,
  }) as unknown as { buffer: Buffer; engine: { bytesWritten: number } };
  if (engine.bytesWritten !== stored.length) throw new Error("more follows behind its end");
  return buffer;
}
