// A data file of lines while it is read: documents again, in chunks, whatever the lines' length.
// What must stay true: lines may go on in the next chunk, so that one document may be longer than a chunk.
import { LineError, LONGEST_LINE, readLines } from "../bson/ejson-lines.ts";
import { KeepError } from "../errors.ts";
import type { Chunk } from "./recut.ts";

const LINE_FEED = 0x0a;
/** Documents are given on in pieces of about this size. */
const PIECE_BYTES = 2 * 1024 * 1024;

/** For streams that are not chunks of ours: their blocks are as good. */
export async function* asTheyCome(
  blocks: AsyncIterable<Buffer>,
): AsyncGenerator<Chunk, void, void> {
  let index = 0;
  for await (const raw of blocks) yield { index: index++, raw };
}

/** @throws KeepError damaged, with chunk and document, for a line that is no document */
export async function* readLineChunks(
  chunks: AsyncIterable<Chunk>,
): AsyncGenerator<Chunk, void, void> {
  let waiting: Buffer[] = [];
  let waitingBytes = 0;
  let last = 0;
  let documents = 0;
  for await (const { index, raw } of chunks) {
    last = index;
    const end = raw.lastIndexOf(LINE_FEED) + 1;
    if (end > 0) {
      const lines = Buffer.concat([...waiting, raw.subarray(0, end)]);
      for (const piece of parse(lines, index, documents)) {
        documents += piece.count;
        yield { index, raw: piece.documents };
      }
      waiting = [];
      waitingBytes = 0;
    }
    if (end < raw.length) waiting.push(raw.subarray(end));
    waitingBytes += raw.length - end;
    if (waitingBytes > LONGEST_LINE) throw broken("is too long", index, documents);
  }
  if (waitingBytes > 0) throw broken("is cut short", last, documents);
}

function* parse(lines: Buffer, chunk: number, before: number) {
  try {
    yield* readLines(lines, PIECE_BYTES);
  } catch (error) {
    if (error instanceof LineError) throw broken(error.message, chunk, before + error.line);
    throw error;
  }
}

function broken(problem: string, chunk: number, document: number): KeepError {
  const details = { chunk, document };
  return new KeepError("damaged", `a line ${problem}`, { details });
}
