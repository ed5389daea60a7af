// Cuts a stream of BSON bytes into chunks of whole documents, by their lengths alone.
import { LONGEST_DOCUMENT } from "../bson/validate.ts";
import { KeepError } from "../errors.ts";

export interface Chunk {
  /** Counted from 0. */
  readonly index: number;
  /** Whole documents, back to back; their inside is not checked here. */
  readonly raw: Buffer;
}

/** @throws KeepError damaged for a length that cannot be, or a last document that is cut short */
export async function* recutDocuments(
  blocks: AsyncIterable<Buffer>,
): AsyncGenerator<Chunk, void, void> {
  let rest: Buffer = Buffer.alloc(0);
  let wanted = 0;
  let waiting: Buffer[] = [];
  let waitingBytes = 0;
  let index = 0;
  let documents = 0;
  for await (const block of blocks) {
    waiting.push(block);
    waitingBytes += block.length;
    // Joining only when a document can be whole keeps a document of many small blocks cheap.
    if (rest.length + waitingBytes < wanted) continue;
    const bytes = Buffer.concat([rest, ...waiting]);
    waiting = [];
    waitingBytes = 0;
    const whole = countWhole(bytes, documents);
    documents += whole.documents;
    wanted = whole.next;
    rest = bytes.subarray(whole.end);
    if (whole.end > 0) yield { index: index++, raw: bytes.subarray(0, whole.end) };
  }
  if (rest.length + waitingBytes > 0) throw broken("the last document is cut short", documents);
}

/** How many whole documents begin the bytes, where they end, and how long the next one claims to be. */
function countWhole(bytes: Buffer, before: number) {
  let end = 0;
  let documents = 0;
  for (;;) {
    if (bytes.length - end < 4) return { end, documents, next: 4 };
    const length = bytes.readInt32LE(end);
    if (length < 5 || length > LONGEST_DOCUMENT)
      throw broken(`a document has an impossible length of ${length} bytes`, before + documents);
    if (end + length > bytes.length) return { end, documents, next: length };
    end += length;
    documents++;
  }
}

function broken(problem: string, document: number): KeepError {
  return new KeepError("damaged", problem, { details: { document } });
}
