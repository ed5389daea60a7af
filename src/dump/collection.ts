// One collection: read → cut into chunks → compress → write. The hot path of a backup.
import type { DataFile } from "../archive/data-file.ts";
import type { ManifestFile } from "../archive/manifest.ts";
import { readRaw } from "../mongo/bulk-read.ts";
import type { RawBatch, ReadOptions } from "../mongo/bulk-read.ts";
import { readByCursor } from "../mongo/cursor-read.ts";
import type { Deployment, RawConnection } from "../mongo/deployment.ts";
import type { RateLimit } from "../util/rate-limit.ts";

export interface CollectionData {
  readonly documents: number;
  readonly rawBytes: number;
  readonly storedBytes: number;
  readonly file: ManifestFile;
}

export interface Flow {
  readonly rate: RateLimit;
  readonly signal: AbortSignal;
  /** Called as documents arrive. */
  readonly onRead: (documents: number, bytes: number) => void;
}

/** Raw documents of a collection by the fastest way there is. */
export function readDocuments(
  deployment: Deployment,
  raw: RawConnection | null,
  options: ReadOptions,
): AsyncGenerator<RawBatch, void, void> {
  return raw ? readRaw(raw.wire, options) : readByCursor(deployment, options);
}

/** Writes all batches to `file` and closes it. On failure the file is aborted and the error thrown. */
export async function writeBatches(
  batches: AsyncIterable<RawBatch>,
  file: DataFile,
  flow: Flow,
): Promise<CollectionData> {
  let documents = 0;
  try {
    for await (const batch of batches) {
      flow.signal.throwIfAborted();
      documents += batch.documents;
      flow.onRead(batch.documents, batch.bytes.length);
      await flow.rate.pass(batch.bytes.length, flow.signal);
      await appendPieces(file, batch);
    }
    return { documents, ...(await file.close()) };
  } catch (error) {
    await file.abort();
    throw error;
  }
}

/** The batch's buffer goes back to the pool when its last piece has been compressed. */
async function appendPieces(file: DataFile, batch: RawBatch): Promise<void> {
  let open = batch.cuts.length;
  if (open === 0) batch.release();
  const done = () => {
    if (--open === 0) batch.release();
  };
  let start = 0;
  for (const end of batch.cuts) {
    await file.append(batch.bytes.subarray(start, end), done);
    start = end;
  }
}
