// The sizes of BSON elements (bsonspec.org 1.1), for code that steps over values without decoding them.
import { byteAt } from "./byte-at.ts";

/** Bytes of a value of fixed size by type; -1 if the value contains its size. */
const FIXED_BYTES = new Int8Array(256).fill(-1);
for (const [type, bytes] of [
  [0x01, 8], // double
  [0x06, 0], // undefined
  [0x07, 12], // ObjectId
  [0x08, 1], // bool
  [0x09, 8], // date
  [0x0a, 0], // null
  [0x10, 4], // int32
  [0x11, 8], // timestamp
  [0x12, 8], // int64
  [0x13, 16], // decimal128
  [0xff, 0], // minKey
  [0x7f, 0], // maxKey
] as const)
  FIXED_BYTES[type] = bytes;

export const TYPE_DOUBLE = 0x01;
export const TYPE_STRING = 0x02;
export const TYPE_DOCUMENT = 0x03;
export const TYPE_ARRAY = 0x04;
export const TYPE_BINARY = 0x05;
export const TYPE_BOOL = 0x08;
export const TYPE_INT32 = 0x10;
export const TYPE_TIMESTAMP = 0x11;
export const TYPE_INT64 = 0x12;

/**
 * The offset after the value of `type` that starts at `at`; -1 for an unknown type. Trusts the lengths in `b`: use it
 * for server replies and validated documents.
 */
export function skipValue(b: Buffer, type: number, at: number): number {
  const fixed = FIXED_BYTES[type] ?? -1;
  if (fixed >= 0) return at + fixed;
  switch (type) {
    case TYPE_DOCUMENT:
    case TYPE_ARRAY:
    case 0x0f: // code with scope
      return at + b.readInt32LE(at);
    case TYPE_STRING:
    case 0x0d: // code
    case 0x0e: // symbol
      return at + 4 + b.readInt32LE(at);
    case 0x05: // binary
      return at + 5 + b.readInt32LE(at);
    case 0x0c: // DBPointer
      return at + 4 + b.readInt32LE(at) + 12;
    case 0x0b: // regular expression: two C strings
      return b.indexOf(0, b.indexOf(0, at) + 1) + 1;
    default:
      return -1;
  }
}

/** Position of a named element of the document at `start`; undefined if there is none. Top level only. */
export function findElement(
  b: Buffer,
  start: number,
  wanted: string,
): { type: number; at: number } | undefined {
  let at = start + 4;
  for (let type = byteAt(b, at); type !== 0; type = byteAt(b, at)) {
    const nameEnd = b.indexOf(0, at + 1);
    if (b.toString("latin1", at + 1, nameEnd) === wanted) return { type, at: nameEnd + 1 };
    at = skipValue(b, type, nameEnd + 1);
    if (at < 0) return undefined;
  }
  return undefined;
}

/** A named string of the document at `start`; null if there is none. Top level only. */
export function findString(b: Buffer, start: number, wanted: string): string | null {
  const found = findElement(b, start, wanted);
  if (found?.type !== TYPE_STRING) return null;
  return b.toString("utf8", found.at + 4, found.at + 3 + b.readInt32LE(found.at));
}

/** Whether a collection's options (raw BSON) say that it is capped. */
export function isCapped(options: Uint8Array): boolean {
  const b = Buffer.from(options.buffer, options.byteOffset, options.byteLength);
  const capped = findElement(b, 0, "capped");
  if (capped === undefined) return false;
  // Old servers stored the number that they were given.
  const value = b.subarray(capped.at, skipValue(b, capped.type, capped.at));
  return value.some((byte) => byte !== 0);
}
