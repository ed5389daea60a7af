// The elements of one raw document as slices: for small documents that are read by structure (oplog entries, commands,
// definitions) without decoding values. Trusts the lengths: validate first.
import { byteAt } from "./byte-at.ts";
import {
  findElement,
  skipValue,
  TYPE_ARRAY,
  TYPE_BOOL,
  TYPE_DOCUMENT,
  TYPE_STRING,
} from "./element.ts";

export interface Field {
  readonly type: number;
  readonly name: string;
  /** Start of the element, including its type. */
  readonly start: number;
  /** Start of the value. */
  readonly at: number;
  readonly end: number;
}

/** The elements of a document, in order. */
export function* fieldsOf(b: Buffer): Generator<Field> {
  let start = 4;
  for (let type = byteAt(b, start); type !== 0; type = byteAt(b, start)) {
    const nameEnd = b.indexOf(0, start + 1);
    const end = skipValue(b, type, nameEnd + 1);
    if (end < 0) throw new RangeError(`a BSON element of the unknown type ${type}`);
    yield { type, name: b.toString("utf8", start + 1, nameEnd), start, at: nameEnd + 1, end };
    start = end;
  }
}

export function firstField(b: Buffer): Field | null {
  const { value } = fieldsOf(b).next() as IteratorResult<Field, undefined>;
  return value ?? null;
}

/** The string value of a field; null for another type. */
export function stringOf(b: Buffer, field: Field): string | null {
  return field.type === TYPE_STRING ? b.toString("utf8", field.at + 4, field.end - 1) : null;
}

/** A document or array of the top level, as a slice; null if there is none. */
export function documentAt(b: Buffer, name: string): Buffer | null {
  const found = findElement(b, 0, name);
  if (!found || (found.type !== TYPE_DOCUMENT && found.type !== TYPE_ARRAY)) return null;
  return b.subarray(found.at, found.at + b.readInt32LE(found.at));
}

export function isTrue(b: Buffer, name: string): boolean {
  const found = findElement(b, 0, name);
  return found?.type === TYPE_BOOL && b[found.at] === 1;
}

/** The documents of an array, as slices; null if it contains anything else. */
export function documentsOf(array: Buffer): Buffer[] | null {
  const found: Buffer[] = [];
  for (const field of fieldsOf(array)) {
    if (field.type !== TYPE_DOCUMENT) return null;
    found.push(array.subarray(field.at, field.end));
  }
  return found;
}
