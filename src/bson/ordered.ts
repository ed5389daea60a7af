// Raw BSON as Maps for commands sent through the driver: a plain object would move integer-like keys
// ("0", "10") to the front, and an index on {b: 1, "0": 1} would become another index.
import * as BSON from "bson";
import { skipValue, TYPE_ARRAY, TYPE_DOCUMENT } from "./element.ts";
import { farDate, RepeatedFields } from "./carried.ts";

export type OrderedValue = unknown;

/**
 * A document's fields in their order, every value in its exact BSON type.
 * `raw` must be valid BSON (a server's reply, or validated).
 */
export function toOrdered(raw: Uint8Array): Map<string, OrderedValue> {
  const b = Buffer.from(raw.buffer, raw.byteOffset, raw.byteLength);
  return readFields(b, 0);
}

function readFields(b: Buffer, start: number): Map<string, OrderedValue> {
  const fields: [string, OrderedValue][] = [];
  let at = start + 4;
  for (let type = b[at] ?? 0; type !== 0; type = b[at] ?? 0) {
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

/** An array's values; their keys say nothing, and may be anything. */
function readItems(b: Buffer, start: number): OrderedValue[] {
  const items: OrderedValue[] = [];
  let at = start + 4;
  for (let type = b[at] ?? 0; type !== 0; type = b[at] ?? 0) {
    const value = b.indexOf(0, at + 1) + 1;
    const next = skipValue(b, type, value);
    items.push(readValue(b, type, value, next));
    at = next;
  }
  return items;
}

function readValue(b: Buffer, type: number, at: number, end: number): OrderedValue {
  if (type === TYPE_DOCUMENT) return readFields(b, at);
  if (type === TYPE_ARRAY) return readItems(b, at);
  return readLeaf(b, type, at, end);
}

const TYPE_DATE = 0x09;
/** Broken UTF-8 in an option or an index must not end a backup: it is replaced, as mongodump does. */
const LEAF = { promoteValues: false, bsonRegExp: true, validation: { utf8: false } } as const;

/** One value that is neither document nor array, in its exact BSON type. */
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
