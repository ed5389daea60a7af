// Finds documents that an insert would change: the server replaces Timestamp(0,0) in a top-level field other than _id
// by the current time (tried on 6.0.5; TOOLS-3540).
import { byteAt } from "./byte-at.ts";
import { skipValue, TYPE_TIMESTAMP } from "./element.ts";

/** The end of a field's name and eight zero bytes of value. A chunk without these bytes has no empty timestamp. */
const NEEDLE = Buffer.alloc(9);

function hasEmptyTimestamp(b: Buffer, start: number): boolean {
  let at = start + 4;
  for (let type = byteAt(b, at); type !== 0; type = byteAt(b, at)) {
    const value = b.indexOf(0, at + 1) + 1;
    if (type === TYPE_TIMESTAMP && b.readBigInt64LE(value) === 0n) {
      if (b.toString("latin1", at + 1, value - 1) !== "_id") return true;
    }
    at = skipValue(b, type, value);
    if (at < 0) return false;
  }
  return false;
}

/**
 * Offsets of the documents with an empty top-level timestamp in a chunk of validated documents. Almost always none; if
 * no field is zero, one search of the chunk's bytes shows that.
 */
export function findEmptyTimestamps(chunk: Buffer): number[] {
  if (!chunk.includes(NEEDLE)) return [];
  const found: number[] = [];
  for (let at = 0; at < chunk.length; at += chunk.readInt32LE(at))
    if (hasEmptyTimestamp(chunk, at)) found.push(at);
  return found;
}
