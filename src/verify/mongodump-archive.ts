// Verifies an archive of mongodump where it lies: one walk, every document and every collection's checksum.
import { readMongodumpArchiveFile } from "../archive/mongodump-archive-file.ts";
import type { ArchivedFile } from "../archive/place.ts";
import type { Problem, VerifiedCollection } from "../archive/verification.ts";
import { createContentHash } from "../bson/content-hash.ts";
import type { ContentHash } from "../bson/content-hash.ts";
import { asDamage } from "./as-damage.ts";
import type { Findings } from "./files.ts";

/** The first damage ends the walk: what follows it in the stream cannot be told apart. */
export async function verifyMongodumpArchive(
  file: ArchivedFile,
  signal: AbortSignal,
): Promise<Findings> {
  const collections: VerifiedCollection[] = [];
  try {
    await walk(file, signal, collections);
    return { problems: [], collections };
  } catch (error) {
    return { problems: [problemOf(error)], collections };
  }
}

async function walk(
  file: ArchivedFile,
  signal: AbortSignal,
  collections: VerifiedCollection[],
): Promise<void> {
  const hashes = new Map<object, ContentHash>();
  for await (const part of readMongodumpArchiveFile(file, signal)) {
    if (part.kind === "list") continue;
    const { stream } = part;
    const hash = hashes.get(stream) ?? (await createContentHash());
    hashes.set(stream, hash);
    if (part.kind === "documents") {
      hash.add(part.raw);
      continue;
    }
    hashes.delete(stream);
    const { database, name, documents, rawBytes } = stream;
    collections.push({ database, name, documents, rawBytes, contentHash: hash.digest() });
  }
}

/** @throws the error itself where it says nothing about the archive */
function problemOf(error: unknown): Problem {
  const { problem, details } = asDamage(error);
  const { file, document } = details;
  return {
    // The namespace: that is what a person finds again.
    file: typeof file === "string" ? file : "",
    chunk: null,
    document: typeof document === "number" ? document : null,
    problem,
  };
}
