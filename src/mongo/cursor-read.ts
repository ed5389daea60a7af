// The public way to read raw documents, if no socket can be taken over: the driver's raw cursor. It returns the same
// batches as bulk-read.ts and is several times slower (a Buffer object per document).
import type { Deployment } from "./deployment.ts";
import { findCommand } from "./bulk-read.ts";
import type { RawBatch, ReadOptions } from "./bulk-read.ts";
import { driverError } from "./server-error.ts";

/** Like readRaw; `release` does nothing. */
export async function* readByCursor(
  { client, isLookalike }: Pick<Deployment, "client" | "isLookalike">,
  options: ReadOptions,
): AsyncGenerator<RawBatch, void, void> {
  const { $db, ...asked } = findCommand(options, null);
  // Only MongoDB has a natural order.
  if (isLookalike) delete asked.hint;
  const cursor = client
    .db(String($db))
    .runCursorCommand(asked, { raw: true })
    .setBatchSize(Math.min(options.batchDocuments, 10_000));
  let pending: Uint8Array[] = [];
  let bytes = 0;
  const flush = (): RawBatch => {
    const whole = Buffer.concat(pending);
    const batch = {
      bytes: whole,
      documents: pending.length,
      cuts: [bytes],
      release: () => undefined,
    };
    pending = [];
    bytes = 0;
    return batch;
  };
  try {
    for await (const document of cursor as unknown as AsyncIterable<Uint8Array>) {
      pending.push(document);
      bytes += document.length;
      if (bytes >= options.pieceBytes) yield flush();
    }
  } catch (error) {
    throw driverError("read", `${options.database}.${options.collection}`, error);
  } finally {
    await cursor.close();
  }
  if (pending.length > 0) yield flush();
}
