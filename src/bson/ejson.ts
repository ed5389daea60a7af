// Raw BSON → canonical Extended JSON v2, with the order of keys kept, repeated and integer-like ones too
// (https://github.com/mongodb/specifications/blob/master/source/extended-json/extended-json.md).
// Values are read from their bytes where the library would change or refuse them: a date beyond what
// JavaScript's Date holds (Java's Long.MAX_VALUE for "never"), the order of a regular expression's options.
import * as BSON from "bson";
import { skipValue, TYPE_ARRAY, TYPE_DOCUMENT } from "./element.ts";
import { readLeaf } from "./ordered.ts";

export { ejsonToRaw } from "./ejson-read.ts";

/** One line of canonical Extended JSON. `raw` must be valid BSON. */
export function rawToEjson(raw: Uint8Array): string {
  return writeDocument(Buffer.from(raw.buffer, raw.byteOffset, raw.byteLength), 0, false);
}

function writeDocument(b: Buffer, start: number, isArray: boolean): string {
  const parts: string[] = [];
  let at = start + 4;
  for (let type = b[at] ?? 0; type !== 0; type = b[at] ?? 0) {
    const nameEnd = b.indexOf(0, at + 1);
    const name = b.toString("utf8", at + 1, nameEnd);
    const next = skipValue(b, type, nameEnd + 1);
    const value = writeValue(b, type, nameEnd + 1, next);
    parts.push(isArray ? value : `${JSON.stringify(name)}:${value}`);
    at = next;
  }
  return isArray ? `[${parts.join(",")}]` : `{${parts.join(",")}}`;
}

const quote = (text: string) => JSON.stringify(text);
const stringAt = (b: Buffer, at: number) => b.toString("utf8", at + 4, at + 3 + b.readInt32LE(at));

function writeValue(b: Buffer, type: number, at: number, end: number): string {
  switch (type) {
    case TYPE_DOCUMENT:
    case TYPE_ARRAY:
      return writeDocument(b, at, type === TYPE_ARRAY);
    case 0x05:
      return writeBinary(b, at, end);
    case 0x06:
      return '{"$undefined":true}';
    case 0x09:
      return `{"$date":{"$numberLong":"${b.readBigInt64LE(at)}"}}`;
    case 0x0b:
      return writeRegex(b, at, end);
    case 0x0c: {
      const id = b.toString("hex", end - 12, end);
      return `{"$dbPointer":{"$ref":${quote(stringAt(b, at))},"$id":{"$oid":"${id}"}}}`;
    }
    case 0x0f: {
      const scope = at + 8 + b.readInt32LE(at + 4);
      return `{"$code":${quote(stringAt(b, at + 4))},"$scope":${writeDocument(b, scope, false)}}`;
    }
    default: {
      const value = { v: readLeaf(b, type, at, end) };
      return BSON.EJSON.stringify(value, { relaxed: false }).slice('{"v":'.length, -1);
    }
  }
}

const OLD_BINARY = 2;

function writeBinary(b: Buffer, at: number, end: number): string {
  const subType = b[at + 4] ?? 0;
  // The old kind holds its length twice.
  const start = at + (subType === OLD_BINARY && end - at >= 9 ? 9 : 5);
  const hex = subType.toString(16).padStart(2, "0");
  return `{"$binary":{"base64":"${b.toString("base64", start, end)}","subType":"${hex}"}}`;
}

function writeRegex(b: Buffer, at: number, end: number): string {
  const middle = b.indexOf(0, at);
  const pattern = quote(b.toString("utf8", at, middle));
  const options = quote(b.toString("utf8", middle + 1, end - 1));
  return `{"$regularExpression":{"pattern":${pattern},"options":${options}}}`;
}
