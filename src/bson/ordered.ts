// Raw BSON as Maps, for commands sent through the driver: a plain object would move integer-like keys ("0", "10") to
// the front, which would change an index on {b: 1, "0": 1}.
import { isUtf8 } from "node:buffer";
import * as BSON from "bson";
import { byteAt } from "./byte-at.ts";
import { documentOf, rawElement } from "./build.ts";
import { farDate, RawValue, RepeatedFields } from "./carried.ts";
import { skipValue, TYPE_ARRAY, TYPE_DOCUMENT } from "./element.ts";

export type OrderedValue = unknown;

/**
 * A document's fields in order, every value in its exact BSON type. A value that the driver cannot write exactly
 * becomes a RawValue, which only serializeOrdered accepts. `raw` must be valid BSON (a server's reply, or validated).
 */
export function toOrdered(raw: Uint8Array): Map<string, OrderedValue> {
  const b = Buffer.from(raw.buffer, raw.byteOffset, raw.byteLength);
  return readFields(b, 0);
}

function readFields(b: Buffer, start: number): Map<string, OrderedValue> {
  const fields: [string, OrderedValue][] = [];
  let at = start + 4;
  for (let type = byteAt(b, at); type !== 0; type = byteAt(b, at)) {
    const nameEnd = b.indexOf(0, at + 1);
    const name = b.toString("utf8", at + 1, nameEnd);
    const value = nameEnd + 1;
    const next = skipValue(b, type, value);
    fields.push([name, readValue(b, type, value, next)]);
    at = next;
  }
  const once = new Map(fields);
  return once.size === fields.length ? once : new RepeatedFields(fields);
}

/** An array's values. Their keys are ignored and may be anything. */
function readItems(b: Buffer, start: number): OrderedValue[] {
  const items: OrderedValue[] = [];
  let at = start + 4;
  for (let type = byteAt(b, at); type !== 0; type = byteAt(b, at)) {
    const value = b.indexOf(0, at + 1) + 1;
    const next = skipValue(b, type, value);
    items.push(readValue(b, type, value, next));
    at = next;
  }
  return items;
}

function readValue(b: Buffer, type: number, at: number, end: number): OrderedValue {
  if (type === TYPE_ARRAY) return readItems(b, at);
  if (type === TYPE_DOCUMENT && hasReadableNames(b, at)) return readFields(b, at);
  if (type !== TYPE_DOCUMENT) {
    const value = readExactly(b, type, at, end);
    if (value !== CHANGED) return value;
  }
  return new RawValue(type, Buffer.from(b.subarray(at, end)));
}

/** Whether JavaScript text can represent all names of the document at `start`, without nested documents. */
function hasReadableNames(b: Buffer, start: number): boolean {
  let at = start + 4;
  for (let type = byteAt(b, at); type !== 0; type = byteAt(b, at)) {
    const nameEnd = b.indexOf(0, at + 1);
    if (!isUtf8(b.subarray(at + 1, nameEnd))) return false;
    at = skipValue(b, type, nameEnd + 1);
  }
  return true;
}

const CHANGED = Symbol("the library would write other bytes");

/** The value, if the library writes it back as the same bytes: NaN has many forms, and text may not be UTF-8. */
function readExactly(b: Buffer, type: number, at: number, end: number): OrderedValue {
  try {
    const value = readLeaf(b, type, at, end);
    const again = elementOf("v", value);
    return again[0] === type && again.subarray(3).equals(b.subarray(at, end)) ? value : CHANGED;
  } catch (error) {
    if (error instanceof RangeError || error instanceof BSON.BSONError) return CHANGED;
    throw error;
  }
}

/** Raw BSON of fields as returned by toOrdered. */
export function serializeOrdered(fields: ReadonlyMap<string, OrderedValue>): Buffer {
  return documentOf([...fields].map(([name, value]) => elementOf(name, value)));
}

function elementOf(name: string, value: OrderedValue): Buffer {
  if (value instanceof RawValue) return rawElement(value.type, name, value.bytes);
  if (value instanceof Map)
    return rawElement(TYPE_DOCUMENT, name, serializeOrdered(value as Map<string, OrderedValue>));
  if (Array.isArray(value)) {
    const items = value.map((item, i) => elementOf(String(i), item));
    return rawElement(TYPE_ARRAY, name, documentOf(items));
  }
  const single = BSON.serialize({ v: value }, { ignoreUndefined: false });
  return rawElement(byteAt(single, 4), name, single.subarray(7, -1));
}

/** Whether the driver cannot represent one of the values, at any depth. */
export function holdsRaw(value: OrderedValue): boolean {
  if (value instanceof RawValue) return true;
  if (value instanceof Map) return [...value].some(([, inner]) => holdsRaw(inner));
  return Array.isArray(value) && value.some(holdsRaw);
}

const TYPE_DATE = 0x09;
/** Invalid UTF-8 must not fail a backup: it is replaced here, as in mongodump, and the raw bytes are kept elsewhere. */
const LEAF = { promoteValues: false, bsonRegExp: true, validation: { utf8: false } } as const;

/** One value that is neither document nor array, in its BSON type, as far as the library can represent it. */
export function readLeaf(b: Buffer, type: number, at: number, end: number): OrderedValue {
  if (type === TYPE_DATE) {
    const far = farDate(b.readBigInt64LE(at));
    if (far) return far;
  }
  const single = Buffer.alloc(4 + 3 + (end - at) + 1);
  single.writeInt32LE(single.length, 0);
  single[4] = type;
  single[5] = 0x76; // the name "v"
  b.copy(single, 7, at, end);
  return (BSON.deserialize(single, LEAF) as { v: unknown }).v;
}
