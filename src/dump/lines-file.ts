// A data file that takes documents and has lines of canonical Extended JSON.
// What must stay true: a document that its line does not give back byte for byte is refused when it is written,
// not found out when it is needed.
import type { DataFile } from "../archive/data-file.ts";
import { keepAll, writeLines } from "../bson/ejson-lines.ts";
import { findLost, isKept } from "../bson/ejson-lost.ts";
import { createSink } from "../bson/ejson-text.ts";
import { KeepError } from "../errors.ts";

/** Chunks are no longer, so that any reader may hold one: a longer line goes on in the next. */
const LONGEST_CHUNK = 16 * 1024 * 1024;
/** Text is about so much longer than the BSON. */
const GROWTH = 2.5;

/** `close` gives the bytes of the documents, as BSON, for `rawBytes`. @throws KeepError failed: not for JSON */
export function toLines(file: DataFile, namespace: string): DataFile {
  let rawBytes = 0;
  let documents = 0;
  return {
    async append(raw, release) {
      const bson = Buffer.from(raw.buffer, raw.byteOffset, raw.length);
      let lines: Buffer;
      try {
        lines = linesOf(bson, namespace, documents);
        documents += countOf(bson);
        rawBytes += bson.length;
      } finally {
        // The lines are a copy.
        release?.();
      }
      for (let at = 0; at < lines.length; at += LONGEST_CHUNK)
        await file.append(lines.subarray(at, at + LONGEST_CHUNK));
    },
    close: async () => ({ ...(await file.close()), rawBytes }),
    abort: () => file.abort(),
  };
}

function linesOf(documents: Buffer, namespace: string, before: number): Buffer {
  const sink = createSink(Math.ceil(documents.length * GROWTH));
  writeLines(sink, documents);
  const lines = sink.bytes.subarray(0, sink.length);
  if (!keepAll(lines, documents, Buffer.allocUnsafe(documents.length + 1024)))
    throw refusal(documents, namespace, before);
  return lines;
}

function refusal(documents: Buffer, namespace: string, before: number): KeepError {
  let number = before + 1;
  for (const document of each(documents)) {
    if (!isKept(document)) {
      const lost = findLost(document).join("; ");
      return new KeepError(
        "failed",
        `${namespace}: document ${number}, as the collection is read, holds what JSON cannot keep: ${lost}`,
        {
          hint: "Use the native engine (BACKUP_ENGINE=native or --engine native), which keeps every byte, or --exclude the collection.",
          details: { namespace, document: number },
        },
      );
    }
    number++;
  }
  return new KeepError("internal", `${namespace}: the lines of a chunk do not give it back`);
}

function* each(documents: Buffer): Generator<Buffer, void, void> {
  for (let at = 0; at < documents.length; at += documents.readInt32LE(at))
    yield documents.subarray(at, at + documents.readInt32LE(at));
}

function countOf(documents: Buffer): number {
  let count = 0;
  for (let at = 0; at < documents.length; at += documents.readInt32LE(at)) count++;
  return count;
}
