// Walks documents element by element without decoding values, and checks lengths, types, terminators and depth. A hot
// loop over a Buffer and numbers: it creates no object per element. Grammar: https://bsonspec.org/spec.html (1.1),
// including deprecated types.
import { byteAt } from "./byte-at.ts";

/** No server accepts deeper nesting: this is the largest value of its parameter maxBSONDepth (200 by default). */
export const DEEPEST = 250;
/** 16 MiB, and the room that the server reserves for its own fields. */
export const LONGEST_DOCUMENT = 16 * 1024 * 1024 + 16 * 1024;

export interface Damage {
  /** Counted from 0 within the bytes. */
  readonly document: number;
  readonly problem: string;
}

const VARIABLE = -1;
const UNKNOWN = -2;
/** Bytes of a value by its type. */
const SIZES = new Int8Array(256).fill(UNKNOWN);
for (const [size, types] of [
  [0, [0x06, 0x0a, 0x7f, 0xff]],
  [1, [0x08]],
  [4, [0x10]],
  [8, [0x01, 0x09, 0x11, 0x12]],
  [12, [0x07]],
  [16, [0x13]],
  [VARIABLE, [0x02, 0x03, 0x04, 0x05, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f]],
] as const)
  for (const type of types) SIZES[type] = size;

/** Counts whole documents, back to back, or names the first damaged one. */
export function validateDocuments(b: Buffer): { readonly documents: number } | Damage {
  const ends = new Int32Array(DEEPEST + 1);
  let documents = 0;
  for (let at = 0; at < b.length; documents++) {
    if (at + 5 > b.length) return { document: documents, problem: "is cut short" };
    const length = b.readInt32LE(at);
    if (length < 5 || length > LONGEST_DOCUMENT)
      return { document: documents, problem: `has an impossible length of ${length} bytes` };
    if (at + length > b.length) return { document: documents, problem: "is cut short" };
    const problem = checkDocument(b, at, at + length, ends);
    if (problem !== null) return { document: documents, problem };
    at += length;
  }
  return { documents };
}

/** `ends` holds the ends of the nested documents. */
function checkDocument(b: Buffer, start: number, end: number, ends: Int32Array): string | null {
  if (b[end - 1] !== 0) return "has no terminator";
  let depth = 0;
  let last = end - 1;
  ends[0] = last;
  let at = start + 4;
  for (;;) {
    if (at === last) {
      // End of this document: continue in the enclosing one.
      if (depth === 0) return null;
      at = last + 1;
      last = ends[--depth] ?? 0;
      continue;
    }
    if (at > last) return "has an element that runs over its end";
    const type = byteAt(b, at++);
    while (at < last && b[at] !== 0) at++;
    if (at++ >= last) return "has a field name without an end";
    const size = SIZES[type] ?? UNKNOWN;
    if (size >= 0) {
      if (type === 0x08 && (b[at] ?? 2) > 1) return "has a boolean that is neither true nor false";
      at += size;
    } else if (size === UNKNOWN) {
      return `has an element of the unknown type ${type}`;
    } else if (type === 0x03 || type === 0x04 || type === 0x0f) {
      const inner = type === 0x0f ? scopeOf(b, at, last) : at;
      if (inner < 0 || inner + 5 > last) return "has an embedded document that runs over its end";
      const innerEnd = inner + b.readInt32LE(inner);
      if (innerEnd < inner + 5 || innerEnd > last || b[innerEnd - 1] !== 0)
        return "has an embedded document with a wrong length";
      if (type === 0x0f && innerEnd !== at + b.readInt32LE(at))
        return "has code with scope of a wrong length";
      if (++depth > DEEPEST - 1) return `is nested deeper than ${DEEPEST} levels`;
      last = innerEnd - 1;
      ends[depth] = last;
      at = inner + 4;
    } else {
      at = skipVariable(b, type, at, last);
      if (at < 0) return "has a value with a wrong length";
    }
  }
}

/** Start of the scope document of a code-with-scope value; -1 if its code is damaged. */
function scopeOf(b: Buffer, at: number, last: number): number {
  return at + 8 > last ? -1 : skipString(b, at + 4, last);
}

function skipString(b: Buffer, at: number, last: number): number {
  if (at + 5 > last) return -1;
  const length = b.readInt32LE(at);
  const end = at + 4 + length;
  return length < 1 || end > last || b[end - 1] !== 0 ? -1 : end;
}

function skipVariable(b: Buffer, type: number, at: number, last: number): number {
  if (type === 0x02 || type === 0x0d || type === 0x0e) return skipString(b, at, last);
  if (type === 0x0c) {
    const id = skipString(b, at, last);
    return id < 0 || id + 12 > last ? -1 : id + 12;
  }
  if (type === 0x0b) {
    const flags = skipCString(b, at, last);
    return flags < 0 ? -1 : skipCString(b, flags, last);
  }
  if (at + 5 > last) return -1;
  const length = b.readInt32LE(at);
  return length < 0 || at + 5 + length > last ? -1 : at + 5 + length;
}

function skipCString(b: Buffer, at: number, last: number): number {
  const end = b.indexOf(0, at);
  return end < 0 || end >= last ? -1 : end + 1;
}
