// One data file: checksum, chunks, every document. Finds the first damage and names where it is.
import { createHash } from "node:crypto";
import { readChunks } from "../archive/chunk-reader.ts";
import type { ArchivedFile } from "../archive/place.ts";
import type { CompressionAlgorithm } from "../codec/codec.ts";
import { createContentHash } from "../bson/content-hash.ts";
import { newestIdSecond, secondToIso } from "../bson/newest-id.ts";
import { validateDocuments } from "../bson/validate.ts";
import { asDamage } from "./as-damage.ts";

export interface Damage {
  readonly chunk: number | null;
  readonly document: number | null;
  readonly problem: string;
}

export interface CheckedFile {
  readonly documents: number;
  readonly rawBytes: number;
  readonly storedBytes: number;
  /** null where the walk ended early. */
  readonly contentHash: string | null;
  /** As in the manifest; null where the walk ended early. */
  readonly newestId: string | null;
  readonly sha256: string | null;
  readonly damage: Damage | null;
}

export interface ExtraCheck {
  /** Where the file's name does not tell it. */
  readonly algorithm?: CompressionAlgorithm;
  /** What is wrong with a document whose structure is sound; null where nothing is. */
  readonly inspect?: (document: Buffer) => string | null;
}

/** Chunks inflated ahead, per file. */
const AHEAD = 3;

export async function checkDataFile(
  file: ArchivedFile,
  signal: AbortSignal,
  onBytes: (documents: number, rawBytes: number) => void,
  extra: ExtraCheck = {},
): Promise<CheckedFile> {
  const sha = createHash("sha256");
  const content = await createContentHash();
  let documents = 0;
  let rawBytes = 0;
  let storedBytes = 0;
  let newest = -1;
  const onStored = (bytes: Uint8Array) => {
    sha.update(bytes);
    storedBytes += bytes.length;
  };
  const broken = (damage: Damage): CheckedFile => ({
    documents,
    rawBytes,
    storedBytes,
    ...{ contentHash: null, newestId: null },
    sha256: null,
    damage,
  });
  try {
    const reading = { width: AHEAD, signal, onStored, ...pick(extra) };
    for await (const { index, raw } of readChunks(file, reading)) {
      const found = inspectDocuments(raw, extra, validateDocuments(raw));
      if ("problem" in found)
        return broken({ ...found, chunk: index, document: documents + found.document });
      content.add(raw);
      newest = newestIdSecond(raw, newest);
      documents += found.documents;
      rawBytes += raw.length;
      onBytes(found.documents, raw.length);
    }
  } catch (error) {
    const { problem, details } = asDamage(error);
    const { chunk, document } = details;
    return broken({
      chunk: typeof chunk === "number" ? chunk : null,
      document: typeof document === "number" ? document : documents,
      problem,
    });
  }
  return {
    ...{ documents, rawBytes, storedBytes },
    ...{ contentHash: content.digest(), newestId: secondToIso(newest) },
    ...{ sha256: sha.digest("hex"), damage: null },
  };
}

const pick = ({ algorithm }: ExtraCheck) => (algorithm === undefined ? {} : { algorithm });

type Validated = ReturnType<typeof validateDocuments>;

function inspectDocuments(raw: Buffer, { inspect }: ExtraCheck, found: Validated): Validated {
  if (!inspect || "problem" in found) return found;
  for (let at = 0, document = 0; at < raw.length; at += raw.readInt32LE(at), document++) {
    const problem = inspect(raw.subarray(at, at + raw.readInt32LE(at)));
    if (problem !== null) return { document, problem };
  }
  return found;
}
