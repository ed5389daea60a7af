// Values in raw BSON, and their order on the server: first by kind, then by value.
// https://www.mongodb.com/docs/manual/reference/bson-type-comparison-order/
import { byteAt } from "../byte-at.ts";
import { skipValue, TYPE_ARRAY, TYPE_DOCUMENT } from "../element.ts";
import { compareNumbers } from "../number.ts";

/** `type` 0: no value. */
export interface Value {
  readonly b: Buffer;
  readonly type: number;
  readonly at: number;
}

export const MISSING: Value = { b: Buffer.alloc(0), type: 0, at: 0 };
export const TYPE_MIN_KEY = 0xff;
export const TYPE_MAX_KEY = 0x7f;
export const TYPE_UNDEFINED = 0x06;
export const TYPE_NULL = 0x0a;
export const TYPE_REGEX = 0x0b;
const MIN_KEY_ORDER = -1;

/**
 * The server's canonical types (bsontypes.h). Values of one canonical type are compared; values of two are never equal.
 */
const ORDERS = new Int16Array(256);
for (const [order, types] of [
  [MIN_KEY_ORDER, [TYPE_MIN_KEY]],
  [0, [0, TYPE_UNDEFINED]],
  [5, [TYPE_NULL]],
  [10, [0x01, 0x10, 0x12, 0x13]],
  [15, [0x02, 0x0e]],
  [20, [TYPE_DOCUMENT]],
  [25, [TYPE_ARRAY]],
  [30, [0x05]],
  [35, [0x07]],
  [40, [0x08]],
  [45, [0x09]],
  [47, [0x11]],
  [50, [TYPE_REGEX]],
  [55, [0x0c]],
  [60, [0x0d]],
  [65, [0x0f]],
  [127, [TYPE_MAX_KEY]],
] as const)
  for (const type of types) ORDERS[type] = order;

export const kindOf = (type: number) => ORDERS[type] ?? 0;

/** The elements of the document or array at `start`. */
export function* elementsOf(
  b: Buffer,
  start: number,
): Generator<Value & { readonly name: string }, void, void> {
  let at = start + 4;
  for (let type = byteAt(b, at); type !== 0; type = byteAt(b, at)) {
    const value = b.indexOf(0, at + 1) + 1;
    yield { b, type, at: value, name: b.toString("utf8", at + 1, value - 1) };
    at = skipValue(b, type, value);
  }
}

/** The first field of that name; MISSING if there is none. */
export function fieldOf(b: Buffer, start: number, name: Buffer): Value {
  let at = start + 4;
  for (let type = byteAt(b, at); type !== 0; type = byteAt(b, at)) {
    const nameEnd = b.indexOf(0, at + 1);
    if (name.length === nameEnd - at - 1 && b.compare(name, 0, name.length, at + 1, nameEnd) === 0)
      return { b, type, at: nameEnd + 1 };
    at = skipValue(b, type, nameEnd + 1);
  }
  return MISSING;
}

/** Negative, 0 or positive, in the server's sort order without a collation. */
export function compareValues(x: Value, y: Value): number {
  const kind = kindOf(x.type);
  if (kind !== kindOf(y.type)) return kind - kindOf(y.type);
  switch (kind) {
    case 10:
      return compareNumbers(x.b, x.type, x.at, y.b, y.type, y.at);
    case 15:
    case 60:
      return Buffer.compare(textBytes(x), textBytes(y));
    case 20:
    case 25:
      return compareDocuments(x, y);
    case 30:
      return compareBinaries(x, y);
    case 40:
      return Number(x.b[x.at] !== 0) - Number(y.b[y.at] !== 0);
    case 45:
      return compareBig(x.b.readBigInt64LE(x.at), y.b.readBigInt64LE(y.at));
    case 47:
      return compareBig(x.b.readBigUInt64LE(x.at), y.b.readBigUInt64LE(y.at));
    default:
      return compareBytes(bytesOf(x), bytesOf(y), kind === 55);
  }
}

const compareBig = (a: bigint, b: bigint) => (a < b ? -1 : a > b ? 1 : 0);
const bytesOf = ({ b, type, at }: Value) => b.subarray(at, skipValue(b, type, at));
const textBytes = ({ b, at }: Value) => b.subarray(at + 4, at + 3 + b.readInt32LE(at));

/** A string, symbol or code as text. */
export const textOf = (value: Value) => textBytes(value).toString("utf8");

function compareBytes(a: Buffer, b: Buffer, lengthFirst: boolean): number {
  if (lengthFirst && a.length !== b.length) return a.length - b.length;
  return Buffer.compare(a, b);
}

/** Length, then kind, then bytes. */
function compareBinaries(x: Value, y: Value): number {
  const length = x.b.readInt32LE(x.at) - y.b.readInt32LE(y.at);
  return length === 0 ? Buffer.compare(bytesOf(x).subarray(4), bytesOf(y).subarray(4)) : length;
}

/** Field by field: kind, then name, then value. */
function compareDocuments(x: Value, y: Value): number {
  const others = elementsOf(y.b, y.at);
  for (const one of elementsOf(x.b, x.at)) {
    const { value: other } = others.next();
    if (!other) return 1;
    const kind = kindOf(one.type) - kindOf(other.type);
    if (kind !== 0) return kind;
    const name = Buffer.compare(Buffer.from(one.name), Buffer.from(other.name));
    if (name !== 0) return name;
    const value = compareValues(one, other);
    if (value !== 0) return value;
  }
  return others.next().value ? -1 : 0;
}
