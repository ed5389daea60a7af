// Builds raw BSON from raw pieces, for commands that must contain a document's exact bytes.
import { TYPE_ARRAY, TYPE_BOOL, TYPE_DOCUMENT, TYPE_STRING } from "./element.ts";

/** One element: type, name, value bytes. */
export function rawElement(type: number, name: string, value: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from([type]), Buffer.from(`${name}\0`, "utf8"), value]);
}

/** A document of raw elements, in the given order. */
export const rawDocument = (...elements: readonly Uint8Array[]): Buffer => documentOf(elements);

/** The same for a list, which may be longer than the arguments of a call (about 120,000). */
export function documentOf(elements: readonly Uint8Array[]): Buffer {
  const length = elements.reduce((sum, e) => sum + e.length, 5);
  const head = Buffer.alloc(4);
  head.writeInt32LE(length, 0);
  return Buffer.concat([head, ...elements, Buffer.from([0])], length);
}

export const embed = (name: string, raw: Uint8Array) => rawElement(TYPE_DOCUMENT, name, raw);
export const rawTrue = (name: string) => rawElement(TYPE_BOOL, name, Buffer.from([1]));

export function rawString(name: string, text: string): Buffer {
  const bytes = Buffer.from(`${text}\0`, "utf8");
  const length = Buffer.alloc(4);
  length.writeInt32LE(bytes.length, 0);
  return rawElement(TYPE_STRING, name, Buffer.concat([length, bytes]));
}

export const rawArray = (name: string, items: readonly Uint8Array[]) =>
  rawElement(
    TYPE_ARRAY,
    name,
    documentOf(items.map((item, i) => rawElement(TYPE_DOCUMENT, String(i), item))),
  );
