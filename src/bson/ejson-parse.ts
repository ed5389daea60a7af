// One line of canonical Extended JSON v2 → raw BSON, in one pass over the bytes. Strict: anything that ejson-write.ts
// does not write is an error, so that other tools read every line in the same way.
import { DEEPEST } from "./validate.ts";
import {
  expectText,
  LineError,
  makeOut,
  openLength,
  peek,
  putByte,
  skipText,
} from "./ejson-scan.ts";
import type { Scan } from "./ejson-scan.ts";
import { putCString, putText, WRAPPERS } from "./ejson-wrappers.ts";
import { TYPE_ARRAY, TYPE_BOOL, TYPE_DOCUMENT, TYPE_STRING } from "./element.ts";

const TYPE_NULL = 0x0a;
const TYPE_SCOPED_CODE = 0x0f;

/** The whole text between `scan.at` and `scan.end`. @throws LineError */
export function parseLine(scan: Scan): void {
  scan.lineStart = scan.written;
  expectText(scan, "{");
  putFields(scan, 0, null);
  if (scan.at !== scan.end) throw new LineError("has more behind its end");
}

/** Fields after an opening brace, up to the closing one. `keys` receives their names. */
function putFields(scan: Scan, depth: number, keys: string[] | null): void {
  if (depth >= DEEPEST) throw new LineError(`is nested deeper than ${DEEPEST} levels`);
  const start = openLength(scan);
  if (!skipText(scan, "}")) {
    do {
      const typeAt = openType(scan);
      putCString(scan);
      keys?.push(scan.out.toString("latin1", typeAt + 1, scan.written - 1));
      expectText(scan, ":");
      const type = putValue(scan, depth);
      scan.out[typeAt] = type;
    } while (skipText(scan, ","));
    expectText(scan, "}");
  }
  closeDocument(scan, start);
}

function putItems(scan: Scan, depth: number): void {
  if (depth >= DEEPEST) throw new LineError(`is nested deeper than ${DEEPEST} levels`);
  const start = openLength(scan);
  if (!skipText(scan, "]")) {
    let index = 0;
    do {
      const typeAt = openType(scan);
      putIndex(scan, index++);
      const type = putValue(scan, depth);
      scan.out[typeAt] = type;
    } while (skipText(scan, ","));
    expectText(scan, "]");
  }
  closeDocument(scan, start);
}

function openType(scan: Scan): number {
  putByte(scan, 0);
  return scan.written - 1;
}

function putIndex(scan: Scan, index: number): void {
  const digits = String(index);
  makeOut(scan, digits.length + 1);
  for (let i = 0; i < digits.length; i++) scan.out[scan.written++] = digits.charCodeAt(i);
  scan.out[scan.written++] = 0;
}

function closeDocument(scan: Scan, start: number): void {
  putByte(scan, 0);
  scan.out.writeInt32LE(scan.written - start, start);
}

/** Writes the value's bytes and returns its type. */
function putValue(scan: Scan, depth: number): number {
  switch (peek(scan)) {
    case 0x22:
      putText(scan);
      return TYPE_STRING;
    case 0x7b:
      scan.at++;
      return putObject(scan, depth);
    case 0x5b:
      scan.at++;
      putItems(scan, depth + 1);
      return TYPE_ARRAY;
    case 0x74:
      expectText(scan, "true");
      putByte(scan, 1);
      return TYPE_BOOL;
    case 0x66:
      expectText(scan, "false");
      putByte(scan, 0);
      return TYPE_BOOL;
    case 0x6e:
      expectText(scan, "null");
      return TYPE_NULL;
    default:
      throw new LineError("is not canonical Extended JSON");
  }
}

/** A type wrapper or a document, after its opening brace. */
function putObject(scan: Scan, depth: number): number {
  const { at, written, text } = scan;
  if (text[at] !== 0x22 || text[at + 1] !== 0x24) {
    putFields(scan, depth + 1, null);
    return TYPE_DOCUMENT;
  }
  const type = tryWrapper(scan, depth);
  if (type !== null) return type;
  scan.at = at;
  scan.written = written;
  const keys: string[] = [];
  putFields(scan, depth + 1, keys);
  if (isWrapper(keys)) throw new LineError("holds a document with the keys of a type wrapper");
  return TYPE_DOCUMENT;
}

/** Whether other tools would read a document with exactly these keys as a value of another type. */
export function isWrapper(keys: readonly string[]): boolean {
  const [first = "", second] = keys;
  if (keys.length === 1) return WRAPPERS.has(first);
  return keys.length === 2 && [first, second].sort().join() === "$code,$scope";
}

/** null if the object is no type wrapper; the position of the scan is then undefined. */
function tryWrapper(scan: Scan, depth: number): number | null {
  const nameEnd = scan.text.indexOf(0x22, scan.at + 1);
  const read = WRAPPERS.get(
    scan.text.toString("latin1", scan.at + 1, Math.min(nameEnd, scan.at + 24)),
  );
  if (!read) return null;
  scan.at = nameEnd + 1;
  const start = scan.written;
  let type: number;
  try {
    expectText(scan, ":");
    type = read(scan);
  } catch (error) {
    if (error instanceof LineError) return null;
    throw error;
  }
  if (skipText(scan, "}")) return type;
  if (type !== 0x0d || !skipText(scan, ',"$scope":{')) return null;
  putScope(scan, start, depth);
  // Parsed only once: parsing it again as a document's field would double the time for each level.
  expectText(scan, "}");
  return TYPE_SCOPED_CODE;
}

/** The code is already written at `start`. Writes its scope, and the length of both before them. */
function putScope(scan: Scan, start: number, depth: number): void {
  makeOut(scan, 4);
  scan.out.copyWithin(start + 4, start, scan.written);
  scan.written += 4;
  putFields(scan, depth + 1, null);
  scan.out.writeInt32LE(scan.written - start, start);
}
