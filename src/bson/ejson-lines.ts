// Documents of a chunk ⇄ lines of canonical Extended JSON v2, each ended by a line feed.
// What must stay true: a document read back from a line equals the original byte for byte. A document for which that
// is impossible is refused here, so that nothing is lost silently.
import { isUtf8 } from "node:buffer";
import { parseLine } from "./ejson-parse.ts";
import { LineError } from "./ejson-scan.ts";
import type { Scan } from "./ejson-scan.ts";
import type { TextSink } from "./ejson-text.ts";
import { makeRoom } from "./ejson-text.ts";
import { writeDocument } from "./ejson-write.ts";
import { LONGEST_DOCUMENT } from "./validate.ts";

export { LineError } from "./ejson-scan.ts";

const LINE_FEED = 0x0a;
/**
 * No document has a longer line: the element that grows most is an empty regular expression without a name, from 4
 * bytes to 53 characters.
 */
export const LONGEST_LINE = 14 * LONGEST_DOCUMENT;

/** Adds a line for each document. `documents` must be valid BSON. */
export function writeLines(sink: TextSink, documents: Buffer): void {
  for (let at = 0; at < documents.length; at += documents.readInt32LE(at)) {
    writeDocument(sink, documents, at, false);
    makeRoom(sink, 1);
    sink.bytes[sink.length++] = LINE_FEED;
  }
}

export interface ReadLines {
  /** Documents back to back. A view of the scratch buffer, if one was given. */
  readonly documents: Buffer;
  readonly count: number;
}

/**
 * The documents of whole lines, in pieces of about `pieceBytes`, so that a short line that makes a long document costs
 * no memory. Each piece overwrites `scratch`. @throws LineError with the number of the line
 */
export function* readLines(
  lines: Buffer,
  pieceBytes: number,
  scratch?: Buffer,
): Generator<ReadLines, void, void> {
  const isText = isUtf8(lines);
  // BSON is almost always shorter than its canonical text.
  const fresh = (from: number) =>
    Buffer.allocUnsafe(Math.min(lines.length - from, pieceBytes) + 1024);
  const scan: Scan = {
    text: lines,
    at: 0,
    end: 0,
    out: scratch ?? fresh(0),
    written: 0,
    lineStart: 0,
  };
  let line = 0;
  let count = 0;
  try {
    while (scan.at < lines.length) {
      readLine(scan, isText);
      line++;
      count++;
      if (scan.written < pieceBytes && scan.at < lines.length) continue;
      yield { documents: scan.out.subarray(0, scan.written), count };
      count = 0;
      scan.written = 0;
      scan.out = scratch ?? fresh(scan.at);
    }
  } catch (error) {
    if (error instanceof LineError) error.line = line;
    throw error;
  }
}

function readLine(scan: Scan, isText: boolean): void {
  const { text, at } = scan;
  const end = text.indexOf(LINE_FEED, at);
  if (end < 0) throw new LineError("is cut short");
  if (end - at > LONGEST_LINE) throw new LineError("has a line that is too long");
  if (!isText && !isUtf8(text.subarray(at, end)))
    throw new LineError("holds text that is not UTF-8");
  scan.end = end;
  parseLine(scan);
  scan.at = end + 1;
}

/** Whether the lines give exactly these documents back. `scratch` should have room for them. */
export function keepAll(lines: Buffer, documents: Buffer, scratch: Buffer): boolean {
  try {
    let at = 0;
    for (const { documents: back } of readLines(lines, documents.length, scratch)) {
      const end = at + back.length;
      if (end > documents.length || documents.compare(back, 0, back.length, at, end) !== 0)
        return false;
      at = end;
    }
    return at === documents.length;
  } catch (error) {
    if (error instanceof LineError) return false;
    throw error;
  }
}
