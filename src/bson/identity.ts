// What makes two documents the same one: an `_id` that the server holds to be equal, whatever the type of
// its numbers (1, 1.0 and NumberLong(1) cannot live side by side). The bytes here are for hashing only.
import { byteAt } from "./byte-at.ts";
import {
  findElement,
  skipValue,
  TYPE_ARRAY,
  TYPE_BOOL,
  TYPE_DOCUMENT,
  TYPE_STRING,
} from "./element.ts";
import { isNumeric, numberKey } from "./number.ts";

const NAME = Buffer.from("_id\0");
const ID_AND_NUL = NAME.readUInt32LE(0);
const TYPE_OBJECT_ID = 0x07;
const TYPE_SYMBOL = 0x0e;
const TAG_NUMBER = 1;
const END = Buffer.from([0]);

export interface Element {
  readonly type: number;
  readonly at: number;
}

/** The `_id` of the document at `start`; undefined where it has none (capped collections of old). */
export function findId(b: Buffer, start: number): Element | undefined {
  // It nearly always is the first element.
  const type = byteAt(b, start + 4);
  if (type !== 0 && b.readUInt32LE(start + 5) === ID_AND_NUL) return { type, at: start + 9 };
  return findElement(b, start, "_id");
}

/** Bytes that are equal for equal `_id`s; null for a document without one. */
export function identityOf(b: Buffer, start: number): Buffer | null {
  const id = findId(b, start);
  if (!id) return null;
  if (id.type !== TYPE_OBJECT_ID) return canonicalValue(b, id.type, id.at);
  // Type, name and value as stored: no copy for the common case.
  if (id.at === start + 9) return b.subarray(start + 4, start + 21);
  return Buffer.concat([Buffer.from([id.type]), NAME, b.subarray(id.at, id.at + 12)]);
}

/** Equal for two values exactly if the server considers them equal without a collation. */
export function canonicalValue(b: Buffer, type: number, at: number): Buffer {
  const parts: Buffer[] = [];
  addValue(parts, b, type, at);
  return Buffer.concat(parts);
}

function addValue(parts: Buffer[], b: Buffer, type: number, at: number): void {
  if (isNumeric(type)) {
    parts.push(Buffer.from([TAG_NUMBER]), Buffer.from(numberKey(b, type, at)), END);
    return;
  }
  if (type === TYPE_DOCUMENT || type === TYPE_ARRAY) {
    addFields(parts, b, type, at);
    return;
  }
  if (type === TYPE_BOOL) {
    parts.push(Buffer.from([type, b[at] === 0 ? 0 : 1]));
    return;
  }
  const tag = type === TYPE_SYMBOL ? TYPE_STRING : type;
  parts.push(Buffer.from([tag]), b.subarray(at, skipValue(b, type, at)));
}

/** The names of an array's elements are ignored. */
function addFields(parts: Buffer[], b: Buffer, outer: number, start: number): void {
  parts.push(Buffer.from([outer]));
  let at = start + 4;
  for (let type = byteAt(b, at); type !== 0; type = byteAt(b, at)) {
    const value = b.indexOf(0, at + 1) + 1;
    if (outer === TYPE_DOCUMENT) parts.push(b.subarray(at + 1, value));
    addValue(parts, b, type, value);
    at = skipValue(b, type, value);
  }
  parts.push(END);
}
